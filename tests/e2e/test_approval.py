"""The admin: pending, declined, disabled, asked anew. None of it is an error, and all of it is read at a glance."""

import pytest
from tests.e2e.rotating import annotate, await_warning, check_refused
from tests.e2e.story import approve, box_app, make_ready, stated

from playground import Playground
from playground.output import until
from playground.play import condition


def test_pending_approval_says_who_must_act(play: Playground, ns: str) -> None:
    """Reconciling and not Stalled, with the client id that the admin needs and a place to go."""
    play.app(ns, "viewer")

    body = play.await_condition(ns, "viewer", "PendingApproval")

    client_id = body["status"]["clientID"]
    ready = stated(body)
    assert condition(body, "Reconciling") is not None
    assert ready["status"] == "False"
    assert "A Box admin must authorize" in ready["message"]
    assert client_id in ready["message"]
    assert condition(body, "Stalled") is None
    step = body["status"]["nextSteps"][0]
    assert client_id in step["what"]
    assert step["where"].startswith("https://app.box.com/master")
    assert body["status"]["authorization"]["state"] == "Pending"


@pytest.mark.parametrize("outage", [False, True], ids=["box-there", "box-away"])
def test_a_declined_app_waits_for_its_author(play: Playground, ns: str, outage: bool) -> None:
    """Stalled, no token; the reconcile annotation submits it once more, and only once. In an outage it is not lost."""
    play.app(ns, "viewer")
    play.await_condition(ns, "viewer", "PendingApproval")
    play.box.decide(f"{ns} viewer", "decline")
    body = play.await_condition(ns, "viewer", "Declined")
    assert condition(body, "Stalled") is not None
    assert play.secret(ns, "viewer-box-token") is None
    if outage:
        play.box.fault({"kind": "status", "status": 503, "method": "POST", "path": ".*/authorization$", "count": 3})

    annotate(play, ns, "viewer", "reconcile-requested-at", "2026-01-01T10:00:00Z")

    body = play.await_condition(ns, "viewer", "PendingApproval")
    assert body["status"]["lastHandledReconcileAt"] == "2026-01-01T10:00:00Z"
    assert body["metadata"]["annotations"] == {"boxapps.dev/reconcile-requested-at": "2026-01-01T10:00:00Z"}
    play.box.decide(f"{ns} viewer", "decline")
    play.await_condition(ns, "viewer", "Declined")


def test_a_disabled_app_keeps_its_secret(play: Playground, ns: str) -> None:
    """A Secret that holds a token is never emptied because the app lost its authorization; what pods get is said."""
    name = make_ready(play, ns)["spec"]["displayName"]
    before = play.secret(ns, "viewer-box-token")

    play.box.decide(name, "disable")
    body = play.await_condition(ns, "viewer", "TokenRejected")

    assert play.secret(ns, "viewer-box-token") == before
    check_refused(play, ns, body, "A Box admin must enable it in the Admin Console.")
    play.box.decide(name, "enable")
    body = play.await_condition(ns, "viewer", "Ready")
    assert stated(body, "TokenReady")["reason"] == "Published"
    assert play.secret(ns, "viewer-box-token") == before


def test_a_token_that_was_revoked_and_cannot_be_replaced(play: Playground, ns: str) -> None:
    """Somebody revoked it at the console, and Box gives out no other: pods get 401 until it does."""
    name = make_ready(play, ns)["spec"]["displayName"]
    play.box.fault({"kind": "status", "status": 503, "method": "POST", "path": "/console/.*tokens/.*", "count": None})
    play.box.revoke_key(name)

    body = play.await_condition(ns, "viewer", "TokenRejected")

    ready = condition(body, "Ready") or {}
    assert ready["message"] == stated(body, "TokenReady")["message"]
    assert "it is in no slot of the app any more. A token is about to be generated." in ready["message"]
    assert await_warning(play, ns, "TokenRejected").startswith("Pods get 401: Box refuses the token")
    play.box.fault()
    play.await_condition(ns, "viewer", "Ready")


def test_reauthorization_is_asked_for(play: Playground, ns: str) -> None:
    """An app that must be authorized anew is submitted again, and goes on with the token that it has."""
    name = make_ready(play, ns)["spec"]["displayName"]
    before = play.secret(ns, "viewer-box-token")

    play.box.decide(name, "require_reauthorization")
    play.await_condition(ns, "viewer", "PendingApproval", "Authorized")
    play.await_condition(ns, "viewer", "TokenRejected")
    play.box.decide(name, "authorize")

    play.await_condition(ns, "viewer", "Ready")
    assert play.secret(ns, "viewer-box-token") == before


def test_submission_can_be_left_to_a_person(play: Playground, ns: str) -> None:
    """With submit: false the app is registered and waits; what a person submits goes on by itself."""
    play.app(ns, "viewer", authorization={"submit": False})
    play.await_condition(ns, "viewer", "NotSubmitted")
    app = box_app(play, ns)
    assert app["authorization"]["state"] == "not_submitted"

    play.box.call("POST", f"/console/v1/apps/{app['id']}/authorization")

    play.await_condition(ns, "viewer", "PendingApproval")


@pytest.mark.also_on("namespaced")
def test_an_approval_while_the_operator_was_away_is_seen(play: Playground, ns: str) -> None:
    """The first listing after a start tells what happened meanwhile."""
    play.app(ns, "viewer")
    play.await_condition(ns, "viewer", "PendingApproval")
    play.operator.stop()
    play.box.decide(f"{ns} viewer", "authorize")

    play.operator.start()

    play.await_condition(ns, "viewer", "Ready")


@pytest.mark.parametrize("decision", ["decline", "disable", "authorize"])
def test_decisions_are_told_once(play: Playground, ns: str, decision: str) -> None:
    """At most one Event per change of Ready, and none for waiting."""
    play.app(ns, "viewer")
    play.await_condition(ns, "viewer", "PendingApproval")
    assert play.events(ns, "viewer") == []
    approve(play, ns)
    if decision != "authorize":
        play.box.decide(f"{ns} viewer", decision)

    count = 1 if decision == "authorize" else 2
    until(lambda: len(play.events(ns, "viewer")) == count, 10, f"{count} Events")
    reasons = {event["reason"]: event["type"] for event in play.events(ns, "viewer")}
    expected = {"decline": {"Declined": "Warning"}, "disable": {"TokenRejected": "Warning"}, "authorize": {}}
    assert reasons == {"Ready": "Normal", **expected[decision]}
