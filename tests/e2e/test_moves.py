"""Moves that honest people make: re-created, renamed, moved and restored apps, as in docs/restore-move-rename.md.

Each ends Ready with one token of the new object, on the same app, without another approval; what a person types is in
the test.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
import yaml
from tests.e2e.conftest import QUICK
from tests.e2e.story import box_app, delete, live_tokens, make_ready, stated, values

from playground import Playground, embedded_cluster
from playground.output import until
from playground.play import GROUP

SECRET = "viewer-box-token"
NOW = {"rotation": {"overlap": "0s", "retire": "AfterOverlap"}}
"""A token that a takeover found ends as soon as another took its place."""


def minted(play: Playground, app: dict[str, Any]) -> int:
    """How many tokens of the app Box ever gave out."""
    return sum(entry["app_id"] == app["id"] for entry in play.box.issued_tokens())


def await_settled(play: Playground, ns: str, app: dict[str, Any], name: str = "viewer", tokens: int = 2) -> None:
    """Wait until the object is Ready with the only live token of this app, so many having been generated."""
    body = play.await_condition(ns, name, "Ready")
    assert body["status"]["appID"] == app["id"]
    assert body["status"]["claimUID"] == body["metadata"]["uid"]
    until(lambda: live_tokens(play, app) == [token_of(play, ns, name)], 20, "one live token, in the Secret")
    assert minted(play, app) == tokens
    now = play.box.app(app["name"])
    assert now is not None
    assert now["authorization"] == app["authorization"]


def token_of(play: Playground, ns: str, name: str = "viewer") -> str | None:
    """What the Secret holds."""
    secret = play.secret(ns, f"{name}-box-token")
    return values(secret).get("BOX_APP_TOKEN") if secret is not None else None


def allow(play: Playground, *entries: dict[str, Any]) -> None:
    """The owner of the enterprise writes entries."""
    play.cluster.patch(f"{GROUP}/boxenterprises/default", {"spec": {"adoption": list(entries)}})


def said(play: Playground, ns: str, reason: str, name: str = "viewer") -> str:
    """Wait for the reason of Ready; returns its message."""
    return str(stated(play.await_condition(ns, name, reason))["message"])


def entry_in(message: str) -> dict[str, Any]:
    """The entry at the end of a message, as its reader pastes it."""
    (entry,) = yaml.safe_load(message[message.index("- {") :])
    return dict(entry)


def annotate(play: Playground, ns: str, name: str = "viewer", **annotations: str) -> None:
    """With kubectl annotate."""
    known = {f"boxapps.dev/{key.replace('_', '-')}": text for key, text in annotations.items()}
    play.cluster.patch(play.path(ns, name), {"metadata": {"annotations": known}})


@pytest.mark.parametrize("policy", ["RevokeTokens", "Retain"])
def test_delete_and_apply(play: Playground, ns: str, policy: str) -> None:
    """Nothing to type: the new object has the app of the old one, which is authorized, and a token of its own."""
    make_ready(play, ns, deletionPolicy=policy, tokens=NOW)
    app = box_app(play, ns)

    delete(play, ns)
    play.app(ns, "viewer", deletionPolicy=policy, tokens=NOW)

    await_settled(play, ns, app)


def test_a_rename_in_git_keeps_the_app(play: Playground, ns: str) -> None:
    """The manifest of the new name has clientID; it is applied first, and waits until the old one is pruned."""
    body = make_ready(play, ns, tokens=NOW)
    app = box_app(play, ns)
    play.app(ns, "renamed", displayName=f"{ns} viewer", clientID=body["status"]["clientID"], tokens=NOW)
    assert f"{ns}/viewer" in said(play, ns, "ManagedElsewhere", "renamed")

    delete(play, ns)

    await_settled(play, ns, app, "renamed")


def test_an_app_is_handed_over_to_another_namespace(play: Playground, ns: str, other_ns: str) -> None:
    """One annotation. The old object says ManagedElsewhere, and its end revokes nothing."""
    body = make_ready(play, ns, tokens=NOW)
    app = box_app(play, ns)
    play.app(other_ns, "viewer", displayName=f"{ns} viewer", clientID=body["status"]["clientID"], tokens=NOW)
    assert ns not in said(play, other_ns, "AdoptionNotAllowed").replace(other_ns, "").replace("namespace", "")

    annotate(play, ns, hand_over_to=f"{other_ns}/viewer")

    await_settled(play, other_ns, app)
    assert "this cluster" in said(play, ns, "ManagedElsewhere")
    delete(play, ns)
    assert live_tokens(play, app) == [token_of(play, other_ns)]


def test_an_app_is_given_to_another_namespace(play: Playground, ns: str, other_ns: str) -> None:
    """An entry without ``from`` takes nothing from an object that lives; with it the app moves."""
    body = make_ready(play, ns, tokens=NOW)
    app, entry = box_app(play, ns), {"clientID": body["status"]["clientID"], "namespace": other_ns}
    play.app(other_ns, "viewer", displayName=f"{ns} viewer", clientID=body["status"]["clientID"], tokens=NOW)
    allow(play, entry)
    said(play, other_ns, "AdoptionNotAllowed")

    allow(play, {**entry, "from": f"{ns}/viewer"})

    await_settled(play, other_ns, app)
    said(play, ns, "ManagedElsewhere")


def test_an_app_that_was_lost_is_not_taken_back_by_itself(play: Playground, ns: str, other_ns: str) -> None:
    """Although an entry would allow it; only when somebody asks."""
    body = make_ready(play, ns, tokens=NOW)
    app, client_id = box_app(play, ns), body["status"]["clientID"]
    play.app(other_ns, "viewer", displayName=f"{ns} viewer", clientID=client_id, tokens=NOW)
    back = {"clientID": client_id, "namespace": ns, "from": f"{other_ns}/viewer"}
    allow(play, {"clientID": client_id, "namespace": other_ns, "from": f"{ns}/viewer"}, back)
    await_settled(play, other_ns, app)
    said(play, ns, "ManagedElsewhere")

    annotate(play, ns, claim_requested_at="now")

    play.await_condition(ns, "viewer", "Ready")
    said(play, other_ns, "ManagedElsewhere")
    assert play.get(ns, "viewer")["status"]["lastHandledClaimAt"] == "now"


def test_a_namespace_that_was_deleted_needs_an_entry(play: Playground, ns: str) -> None:
    """Whoever gets its name next may be another tenant. One entry brings all its apps back."""
    play.namespace(f"{ns}-lost")
    lost = f"{ns}-lost"
    make_ready(play, lost, deletionPolicy="Retain", tokens=NOW)
    app = box_app(play, lost)
    delete(play, lost)
    play.cluster.delete(f"/api/v1/namespaces/{lost}")
    until(lambda: play.cluster.get(f"/api/v1/namespaces/{lost}") is None, 60, "the namespace to go")
    play.namespace(lost)
    play.app(lost, "viewer", tokens=NOW)
    entry = entry_in(said(play, lost, "AdoptionNotAllowed"))
    assert live_tokens(play, app) != []

    allow(play, {"namespace": lost, "fromNamespaceUID": entry["fromNamespaceUID"]})

    await_settled(play, lost, app)


def test_a_backup_that_was_restored_needs_nothing(play: Playground, ns: str) -> None:
    """As Velero restores: a new namespace, the Secret first, without uid and owner, the object without its status."""
    lost = play.namespace(f"{ns}-lost")
    make_ready(play, lost, deletionPolicy="Retain", tokens=NOW)
    app, backup = box_app(play, lost), play.secret(lost, SECRET)
    delete(play, lost)
    play.cluster.delete(f"/api/v1/namespaces/{lost}")
    until(lambda: play.cluster.get(f"/api/v1/namespaces/{lost}") is None, 60, "the namespace to go")

    play.namespace(lost)
    kept = {key: backup["metadata"][key] for key in ("name", "namespace", "labels", "annotations")}
    play.cluster.create({**backup, "metadata": kept}).raise_for_status()
    play.app(lost, "viewer", tokens=NOW)

    await_settled(play, lost, app)
    assert play.secret(lost, SECRET)["metadata"]["ownerReferences"]


def test_an_enterprise_under_another_name(play: Playground, ns: str) -> None:
    """The spec cannot name another one, so the object is made again; it has its app at once."""
    make_ready(play, ns, tokens=NOW)
    app = box_app(play, ns)
    play.enterprise("renamed")
    delete(play, ns)

    play.app(ns, "viewer", enterpriseRef={"name": "renamed"}, tokens=NOW)

    await_settled(play, ns, app)


# Another cluster


@contextlib.contextmanager
def another_cluster(play: Playground) -> Iterator[Playground]:
    """A second cluster with an operator and an enterprise of its own, and the same Box."""
    with embedded_cluster() as cluster, Playground(cluster) as other:
        own, other.box = other.box, play.box
        try:
            other.enterprise()
            other.start_operator(**QUICK)
            yield other
        finally:
            other.stop_operator()
            other.box = own


def test_another_cluster_alive_or_not_needs_an_entry_and_takes_over_once(play: Playground, ns: str) -> None:
    """No fight: the first cluster's object says where its app is, and leaves it there; nothing is minted twice."""
    make_ready(play, ns, tokens=NOW)
    app = box_app(play, ns)
    with another_cluster(play) as other:
        other.namespace(ns)
        other.app(ns, "viewer", tokens=NOW)
        entry = entry_in(said(other, ns, "AdoptionNotAllowed"))
        assert minted(play, app) == 1

        allow(other, {"namespace": ns, "fromCluster": entry["fromCluster"]})

        await_settled(other, ns, app)
        identity = other.cluster.get("/api/v1/namespaces/kube-system")["metadata"]["uid"]
        assert f"in cluster {identity}" in said(play, ns, "ManagedElsewhere")
        annotate(play, ns, reconcile_requested_at="now")
        annotate(play, ns, rotate_requested_at="now")
        said(play, ns, "ManagedElsewhere")
        assert (minted(play, app), live_tokens(play, app)) == (2, [token_of(other, ns)])
        delete(play, ns)
        assert live_tokens(play, app) == [token_of(other, ns)]
