"""Suspending, and asking for another look."""

from tests.e2e.rotating import annotate
from tests.e2e.story import DOMAINS, box_app, change, make_ready

from playground import Playground
from playground.output import until


def test_a_suspended_app_is_left_alone(play: Playground, ns: str) -> None:
    """No call and no write but the status, which says that nothing was looked at; going on does what was left."""
    make_ready(play, ns)
    secret = play.secret(ns, "viewer-box-token")
    change(play, ns, suspend=True, displayName=f"{ns} renamed", cors={"domains": DOMAINS}).raise_for_status()
    body = play.await_condition(ns, "viewer", "Suspended")
    conditions = body["status"]["conditions"]
    assert {(item["status"], item["reason"]) for item in conditions} == {("Unknown", "Suspended")}
    assert {"Stalled", "Reconciling"}.isdisjoint(item["type"] for item in conditions)
    play.cluster.delete(f"/api/v1/namespaces/{ns}/secrets/viewer-box-token")
    make_ready(play, ns, "another")
    assert play.secret(ns, "viewer-box-token") is None
    assert box_app(play, ns)["cors_domains"] == []

    play.cluster.patch(play.path(ns, "viewer"), {"spec": {"suspend": False}})

    play.await_condition(ns, "viewer", "Ready")
    assert (play.box.app(f"{ns} renamed") or {})["cors_domains"] == DOMAINS
    assert play.secret(ns, "viewer-box-token")["metadata"]["uid"] != secret["metadata"]["uid"]


def test_a_request_is_recorded_once_it_was_acted_upon(play: Playground, ns: str) -> None:
    """A suspended app keeps the request for later."""
    make_ready(play, ns)
    play.cluster.patch(play.path(ns, "viewer"), {"spec": {"suspend": True}})
    play.await_condition(ns, "viewer", "Suspended")
    annotate(play, ns, "viewer", "reconcile-requested-at", "one")
    make_ready(play, ns, "another")
    assert "lastHandledReconcileAt" not in play.get(ns, "viewer")["status"]

    play.cluster.patch(play.path(ns, "viewer"), {"spec": {"suspend": False}})

    until(lambda: play.get(ns, "viewer")["status"].get("lastHandledReconcileAt") == "one", 10, "the record")


def test_a_request_has_a_refused_step_tried_again_and_only_once(play: Playground, ns: str) -> None:
    """NameTaken is not asked about again by itself; a request asks once."""
    play.app(ns, "viewer", displayName="Taken Name")
    play.await_condition(ns, "viewer", "NameTaken")
    mark = play.box.mark()

    annotate(play, ns, "viewer", "reconcile-requested-at", "again")

    until(lambda: play.get(ns, "viewer")["status"].get("lastHandledReconcileAt") == "again", 10, "the record")
    make_ready(play, ns, "another")
    calls = [call for call in play.box.requests(mark) if call["method"] == "POST" and call["status"] == 409]
    assert len(calls) == 1
