"""A spec that this version cannot read, as a rollback leaves it: the status says so, and the object can be deleted.

The schema is made wider for a moment, as that of a newer version is, and put back before the operator is judged.
"""

import contextlib
from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e.conftest import Stage
from tests.e2e.rotating import issued
from tests.e2e.story import await_enterprise, box_app, delete, force, make_ready, stated

from playground import Playground
from playground.output import until
from playground.play import GROUP

PLANES = ("real", "namespaced")
"""The imitation reads its schemas once."""

REINITIALIZING = "storage is (re)initializing"
"""So the API server refuses whoever watches for a moment after a schema changed, and Kopf says so."""
SPEC = "/spec/versions/0/schema/openAPIV3Schema/properties/spec/properties"


@pytest.fixture(autouse=True)
def _schemas_change(stage: Stage, play: Playground) -> None:
    stage.aftermath.last_words = (REINITIALIZING,)


@contextlib.contextmanager
def without_choice(play: Playground, plural: str, *fields: str) -> Iterator[None]:
    """For as long as this lasts the schema takes any word in a field."""
    path = f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{plural}.boxapps.dev"
    before = play.cluster.get(path)["spec"]["versions"]
    patch = [{"op": "remove", "path": f"{SPEC}/{'/properties/'.join(fields)}/enum"}]
    play.cluster.send("PATCH", path, patch, "application/json-patch+json").raise_for_status()
    try:
        yield
    finally:
        play.cluster.patch(path, {"spec": {"versions": before}})


def put(play: Playground, path: str, spec: dict[str, Any]) -> None:
    """Write a word that the schema takes only now: the API server needs a moment to know."""

    def is_taken() -> bool:
        return play.cluster.send("PATCH", path, {"spec": spec}, "application/merge-patch+json").is_success

    until(is_taken, 20, f"{spec} to be taken")


def _messages(play: Playground, ns: str, reason: str) -> list[str]:
    """The messages of the app's Events with this reason."""
    return [event["message"] for event in play.events(ns, "viewer") if event["reason"] == reason]


UNKNOWN = [
    pytest.param(("tokens", "expiry"), {"tokens": {"expiry": "90d"}}, "spec.tokens.expiry", id="expiry"),
    pytest.param(("deletionPolicy",), {"deletionPolicy": "Orphan"}, "spec.deletionPolicy", id="deletion-policy"),
]


@pytest.mark.parametrize(("fields", "spec", "named"), UNKNOWN)
def test_what_a_rollback_left_is_named_and_can_be_deleted(
    play: Playground, ns: str, fields: tuple[str, ...], spec: dict[str, Any], named: str
) -> None:
    """Nothing is done for it meanwhile; its deletion revokes the tokens and keeps the app."""
    make_ready(play, ns)
    secret, mark = play.secret(ns, "viewer-box-token"), play.box.mark()
    with without_choice(play, "boxcustomapps", *fields):
        put(play, play.path(ns, "viewer"), spec)

    body = play.await_condition(ns, "viewer", "InvalidSpec")

    stalled = stated(body, "Stalled")
    assert f"{named} cannot be read" in stalled["message"]
    until(lambda: _messages(play, ns, "InvalidSpec") == [stalled["message"]], 20, "the Event")
    assert play.secret(ns, "viewer-box-token") == secret
    assert [call for call in play.box.requests(mark) if call["method"] != "GET"] == []
    delete(play, ns)
    assert box_app(play, ns)["tokens"] == {"primary": None, "secondary": None}


def test_a_spec_that_can_be_read_again_goes_on(play: Playground, ns: str) -> None:
    """With the token that is there."""
    make_ready(play, ns)
    with without_choice(play, "boxcustomapps", "tokens", "expiry"):
        put(play, play.path(ns, "viewer"), {"tokens": {"expiry": "90d"}})
        play.await_condition(ns, "viewer", "InvalidSpec")

    play.cluster.patch(play.path(ns, "viewer"), {"spec": {"tokens": {"expiry": "60d"}}})

    play.await_condition(ns, "viewer", "Ready")
    assert len(issued(play, ns)) == 1


def test_an_app_that_was_never_read_can_be_forced_to_go(play: Playground, ns: str) -> None:
    """Created with a newer schema, and Box does not answer."""
    make_ready(play, ns)
    with without_choice(play, "boxcustomapps", "deletionPolicy"):
        put(play, play.path(ns, "viewer"), {"deletionPolicy": "Orphan"})
    play.await_condition(ns, "viewer", "InvalidSpec")
    play.box.fault({"kind": "status", "status": 503, "path": "/", "count": None})
    play.cluster.delete(play.path(ns, "viewer"))
    play.await_condition(ns, "viewer", "Deleting")

    force(play, ns)


def test_an_enterprise_that_cannot_be_read_says_so(play: Playground, ns: str) -> None:
    """In its own status, and its apps say so, too; nothing of the spec before counts any more."""
    name, path = f"{ns}-corp", f"{GROUP}/boxenterprises/{ns}-corp"
    play.enterprise(name)
    make_ready(play, ns, enterpriseRef={"name": name})
    secret = play.secret(ns, "viewer-box-token")
    with without_choice(play, "boxenterprises", "allowedNamespaces", "from"):
        put(play, path, {"allowedNamespaces": {"from": "Team"}})

    body = await_enterprise(play, name, "InvalidSpec")

    stalled = stated(body, "Stalled")
    assert "spec.allowedNamespaces.from cannot be read" in stalled["message"]
    app = play.await_condition(ns, "viewer", "EnterpriseNotReady")
    assert "spec.allowedNamespaces.from cannot be read" in stated(app)["message"]
    play.app(ns, "later", enterpriseRef={"name": name})
    play.await_condition(ns, "later", "EnterpriseNotReady")
    assert play.box.app(f"{ns} later") is None
    assert play.secret(ns, "viewer-box-token") == secret
    play.cluster.patch(path, {"spec": {"allowedNamespaces": None}})
    await_enterprise(play, name, "Ready")
    play.await_condition(ns, "viewer", "Ready")
    play.await_condition(ns, "later", "PendingApproval")
