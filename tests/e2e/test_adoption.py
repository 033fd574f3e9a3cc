"""Apps that exist in Box already: adopted by client id, with respect for what others generated."""

from __future__ import annotations

from typing import Any

import pytest
from tests.e2e.story import DOMAINS, live_tokens, values

from playground import Playground
from playground.play import condition


def app_by_hand(play: Playground, name: str, *, tokens: tuple[str, ...] = ()) -> dict[str, Any]:
    """An app that a person registered, got authorized, and generated keys for."""
    app = play.box.create_app(name)
    path = f"/console/v1/apps/{app['id']}"
    play.box.call("POST", f"{path}/authorization")
    play.box.decide(name, "authorize")
    for slot in tokens:
        play.box.call("POST", f"{path}/tokens/{slot}", {"expires_in_days": None})
    found = play.box.app(name)
    assert found is not None
    return found


def test_an_app_is_adopted_by_its_client_id(play: Playground, ns: str) -> None:
    """Registered for Adopted, the key of a person stays live, a token of our own goes into the free slot."""
    app = app_by_hand(play, f"{ns} viewer", tokens=("primary",))

    play.app(ns, "viewer", clientID=app["client_id"], cors={"domains": DOMAINS})
    body = play.await_condition(ns, "viewer", "Ready")

    registered, after = condition(body, "Registered"), play.box.app(f"{ns} viewer")
    assert registered is not None
    assert after is not None
    assert registered["reason"] == "Adopted"
    assert after["cors_domains"] == DOMAINS
    assert after["tokens"]["primary"] == app["tokens"]["primary"]
    assert values(play.secret(ns, "viewer-box-token"))["BOX_TOKEN_SLOT"] == "secondary"
    assert len(live_tokens(play, app)) == 2


def test_keys_of_others_are_never_revoked(play: Playground, ns: str) -> None:
    """Both slots hold keys of people: SlotsOccupied names which to revoke; deletion leaves them alone too."""
    app = app_by_hand(play, f"{ns} viewer", tokens=("primary", "secondary"))
    play.app(ns, "viewer", clientID=app["client_id"])

    body = play.await_condition(ns, "viewer", "SlotsOccupied")

    ready, after = condition(body, "Ready"), play.box.app(f"{ns} viewer")
    assert ready is not None
    assert after is not None
    assert "primary" in ready["message"]
    assert after["tokens"] == app["tokens"]
    play.box.call("DELETE", f"/console/v1/apps/{app['id']}/tokens/primary")
    play.await_condition(ns, "viewer", "Ready")
    play.cluster.delete(play.path(ns, "viewer"))
    _await_gone(play, ns)
    after = play.box.app(f"{ns} viewer")
    assert after is not None
    assert (after["tokens"]["primary"], after["tokens"]["secondary"]) == (None, app["tokens"]["secondary"])


def _await_gone(play: Playground, ns: str) -> None:
    from playground.output import until

    until(lambda: play.get(ns, "viewer") is None, 20, "the object to go")


def test_a_lost_secret_of_an_adopted_app_leaves_no_live_token(play: Playground, ns: str) -> None:
    """The token that the operator published before is remembered as its own, also through a failed minting."""
    app = app_by_hand(play, f"{ns} viewer")
    play.app(ns, "viewer", clientID=app["client_id"])
    play.await_condition(ns, "viewer", "Ready")
    lost = values(play.secret(ns, "viewer-box-token"))["BOX_APP_TOKEN"]
    play.box.fault({"kind": "status", "status": 503, "method": "POST", "path": ".*/tokens/", "count": 2})

    play.cluster.delete(f"/api/v1/namespaces/{ns}/secrets/viewer-box-token")

    from tests.e2e.story import await_one_token

    assert await_one_token(play, ns) != lost


def test_an_unknown_client_id_is_named(play: Playground, ns: str) -> None:
    """AppNotFound, until the app exists."""
    play.app(ns, "viewer", clientID="nosuchapp0nosuchapp0nosuchapp012")

    body = play.await_condition(ns, "viewer", "AppNotFound")

    registered = condition(body, "Registered")
    assert registered is not None
    assert "nosuchapp0" in registered["message"]
    assert play.box.app(f"{ns} viewer") is None


@pytest.mark.also_on("namespaced")
def test_one_app_has_one_object(play: Playground, ns: str) -> None:
    """The older claim wins, the younger is ManagedElsewhere and names the other; it takes over when the other goes."""
    app = app_by_hand(play, f"{ns} viewer")
    play.app(ns, "first", clientID=app["client_id"], displayName=f"{ns} viewer")
    play.await_condition(ns, "first", "Ready")

    play.app(ns, "second", clientID=app["client_id"], displayName=f"{ns} viewer")

    body = play.await_condition(ns, "second", "ManagedElsewhere")
    registered = condition(body, "Registered")
    assert registered is not None
    assert f"{ns}/first" in registered["message"]
    play.cluster.delete(play.path(ns, "first"))
    play.await_condition(ns, "second", "Ready")


def test_a_registered_app_is_not_adopted_by_another(play: Playground, ns: str) -> None:
    """The reference says whose it is."""
    play.app(ns, "owner")
    client_id = play.await_condition(ns, "owner", "PendingApproval")["status"]["clientID"]

    play.app(ns, "thief", clientID=client_id, displayName=f"{ns} owner")

    play.await_condition(ns, "thief", "ManagedElsewhere")
    assert play.secret(ns, "thief-box-token") is None
