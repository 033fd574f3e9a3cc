"""Apps that exist in Box already: adopted by client id if that was allowed, with respect for what others generated."""

from typing import Any

import pytest
import yaml
from tests.e2e.story import DOMAINS, await_one_token, box_app, delete, live_tokens, message_of, stated, values

from playground import Playground
from playground.output import until
from playground.play import GROUP


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


def adopted(play: Playground, ns: str, *keys: str, **spec: Any) -> dict[str, Any]:
    """An app made by hand, with keys in these slots, that "viewer" may adopt, and does; as it was before."""
    app = app_by_hand(play, f"{ns} viewer", tokens=keys)
    play.allow_adoption(app["client_id"], ns)
    play.app(ns, "viewer", clientID=app["client_id"], **spec)
    play.await_condition(ns, "viewer", "Ready")
    return app


def test_an_app_is_adopted_by_its_client_id(play: Playground, ns: str) -> None:
    """Registered for Adopted, the key of a person stays live, a token of our own goes into the free slot."""
    app = adopted(play, ns, "primary", cors={"domains": DOMAINS})

    registered, after = stated(play.get(ns, "viewer"), "Registered"), box_app(play, ns)
    assert registered["reason"] == "Adopted"
    assert after["cors_domains"] == DOMAINS
    assert after["tokens"]["primary"] == app["tokens"]["primary"]
    assert values(play.secret(ns, "viewer-box-token"))["BOX_TOKEN_SLOT"] == "secondary"
    assert len(live_tokens(play, app)) == 2


def test_keys_of_others_are_never_revoked(play: Playground, ns: str) -> None:
    """Both slots hold keys of people: SlotsOccupied names which to revoke; deletion leaves them alone too."""
    app = app_by_hand(play, f"{ns} viewer", tokens=("primary", "secondary"))
    play.allow_adoption(app["client_id"], ns, "viewer")
    play.app(ns, "viewer", clientID=app["client_id"])

    body = play.await_condition(ns, "viewer", "SlotsOccupied")

    ready, after = stated(body, "Ready"), box_app(play, ns)
    assert "primary" in ready["message"]
    assert after["tokens"] == app["tokens"]
    play.box.call("DELETE", f"/console/v1/apps/{app['id']}/tokens/primary")
    play.await_condition(ns, "viewer", "Ready")
    delete(play, ns)
    after = box_app(play, ns)
    assert (after["tokens"]["primary"], after["tokens"]["secondary"]) == (None, app["tokens"]["secondary"])


def test_a_lost_secret_of_an_adopted_app_leaves_no_live_token(play: Playground, ns: str) -> None:
    """The token that the operator published before is remembered as its own, also through a failed minting."""
    adopted(play, ns)
    lost = values(play.secret(ns, "viewer-box-token"))["BOX_APP_TOKEN"]
    play.box.fault({"kind": "status", "status": 503, "method": "POST", "path": ".*/tokens/", "count": 2})

    play.cluster.delete(f"/api/v1/namespaces/{ns}/secrets/viewer-box-token")

    assert await_one_token(play, ns) != lost


def test_an_unknown_client_id_is_named(play: Playground, ns: str) -> None:
    """AppNotFound, until the app exists."""
    play.app(ns, "viewer", clientID="nosuchapp0nosuchapp0nosuchapp012")

    body = play.await_condition(ns, "viewer", "AppNotFound")

    registered = stated(body, "Registered")
    assert "nosuchapp0" in registered["message"]
    assert play.box.app(f"{ns} viewer") is None


@pytest.mark.also_on("namespaced")
def test_one_app_has_one_object(play: Playground, ns: str) -> None:
    """The older claim wins, the younger is ManagedElsewhere and names the other; it takes over when the other goes."""
    app = app_by_hand(play, f"{ns} viewer")
    play.allow_adoption(app["client_id"], ns)
    play.app(ns, "first", clientID=app["client_id"], displayName=f"{ns} viewer")
    play.await_condition(ns, "first", "Ready")

    play.app(ns, "second", clientID=app["client_id"], displayName=f"{ns} viewer")

    body = play.await_condition(ns, "second", "ManagedElsewhere")
    registered = stated(body, "Registered")
    assert f"{ns}/first" in registered["message"]
    play.cluster.delete(play.path(ns, "first"))
    play.await_condition(ns, "second", "Ready")


def test_a_registered_app_is_not_adopted_by_another(play: Playground, ns: str) -> None:
    """The reference says whose it is, and no entry takes it away."""
    play.app(ns, "owner")
    client_id = play.await_condition(ns, "owner", "PendingApproval")["status"]["clientID"]

    play.allow_adoption(client_id, ns, "thief", delete=True)
    play.app(ns, "thief", clientID=client_id, displayName=f"{ns} owner")

    play.await_condition(ns, "thief", "ManagedElsewhere")
    assert play.secret(ns, "thief-box-token") is None


# What the owner of the enterprise did not allow


def kinds_of(play: Playground, ns: str, reason: str) -> list[str]:
    """Normal or Warning, of every Event with this reason. Another may tell that Box did not list the app yet."""
    return [event["type"] for event in play.events(ns, "viewer") if event["reason"] == reason]


def test_a_client_id_alone_gives_nobody_an_app(play: Playground, ns: str) -> None:
    """No write to Box, with the worst spec there is; the object can be deleted, and the app lives on."""
    app = app_by_hand(play, f"{ns} theirs", tokens=("primary",))
    start = play.box.mark()

    play.app(ns, "viewer", clientID=app["client_id"], cors={"domains": DOMAINS}, deletionPolicy="Delete")
    body = play.await_condition(ns, "viewer", "AdoptionNotAllowed")

    assert {item["type"]: item["status"] for item in body["status"]["conditions"]}["Stalled"] == "True"
    assert set(body["status"]) == {"conditions", "observedGeneration"}
    until(lambda: kinds_of(play, ns, "AdoptionNotAllowed") == ["Warning"], 5, "one Warning")
    assert play.secret(ns, "viewer-box-token") is None
    delete(play, ns)
    assert [call for call in play.box.requests(start) if call["method"] != "GET"] == []
    assert play.box.app(f"{ns} theirs") == app


@pytest.mark.parametrize("policy", ["RevokeTokens", "Delete"])
def test_the_entry_of_the_message_is_all_that_it_takes(play: Playground, ns: str, policy: str) -> None:
    """Pasted into the BoxEnterprise as it is; the app is adopted at once, and nothing is listed or connected anew.

    Where it says so the app goes with its object, as it does when the operator registered it.
    """
    app = app_by_hand(play, f"{ns} viewer")
    play.app(ns, "viewer", clientID=app["client_id"], deletionPolicy=policy)
    said = message_of(play.await_condition(ns, "viewer", "AdoptionNotAllowed"))
    start, path = play.box.mark(), f"{GROUP}/boxenterprises/default"
    entries = yaml.safe_load(said[said.index("- {") :])

    play.cluster.patch(path, {"spec": {"adoption": entries}})

    play.await_condition(ns, "viewer", "Ready", seconds=5)
    # Whoever connects anew asks first, without a token, whether Box answers.
    assert [entry for entry in play.box.requests(start) if entry["caller"] == "anonymous"] == []
    until(lambda: _is_observed(play.cluster.get(path)), 5, "the status of the BoxEnterprise to follow")
    delete(play, ns)
    assert (play.box.app(f"{ns} viewer") is None) == (policy == "Delete")


def _is_observed(body: Any) -> bool:
    return bool(body["status"]["observedGeneration"] == body["metadata"]["generation"])


def test_delete_on_an_adopted_app_needs_allow_delete(play: Playground, ns: str) -> None:
    """InvalidSpec at once; when the object is deleted all the same, it acts as RevokeTokens."""
    app = adopted(play, ns, "primary")
    play.cluster.patch(play.path(ns, "viewer"), {"spec": {"deletionPolicy": "Delete"}})

    assert "allowDelete: true" in message_of(play.await_condition(ns, "viewer", "InvalidSpec"))

    delete(play, ns)
    after = box_app(play, ns)
    assert (after["tokens"]["primary"], after["tokens"]["secondary"]) == (app["tokens"]["primary"], None)


def test_with_the_entry_gone_the_object_keeps_its_app(play: Playground, ns: str) -> None:
    """It is marked as its own; the deletion ends its token, and leaves the app with the key of a person."""
    app = adopted(play, ns, "primary")

    play.forbid_adoption(app["client_id"])
    play.cluster.patch(play.path(ns, "viewer"), {"spec": {"displayName": f"{ns} mine", "cors": {"domains": DOMAINS}}})

    play.await_condition(ns, "viewer", "Ready")
    mine = play.box.app(f"{ns} mine")
    assert mine is not None
    assert mine["cors_domains"] == DOMAINS
    delete(play, ns)
    after = play.box.app(f"{ns} mine")
    assert after is not None
    assert (after["tokens"]["primary"], after["tokens"]["secondary"]) == (app["tokens"]["primary"], None)
