"""Of which spec a condition speaks, what is said beside Ready meanwhile, and of one that is not to be looked at."""

from typing import Any

import pytest
from tests.e2e.rotating import annotate, await_retired, request_rotation
from tests.e2e.story import DOMAINS, await_body, await_enterprise, box_app, change, make_ready, stated

from playground import Playground
from playground.output import until
from playground.play import GROUP, condition

ONE, TWO = ["https://one.example.com"], ["https://two.example.com"]


def generations(body: Any) -> dict[str, int]:
    """The generation of the spec that each condition was found for."""
    return {item["type"]: item["observedGeneration"] for item in body["status"]["conditions"]}


def test_a_condition_does_not_speak_of_a_spec_that_nobody_looked_at(play: Playground, ns: str) -> None:
    """Box is out of reach: the domains are those of the spec before, and so says the condition."""
    first = make_ready(play, ns, cors={"domains": ONE})["metadata"]["generation"]
    play.box.fault({"kind": "status", "status": 503, "path": "/", "count": None})
    play.cluster.patch(play.path(ns, "viewer"), {"spec": {"cors": {"domains": TWO}}})

    body = play.await_condition(ns, "viewer", "BoxUnavailable")

    assert body["status"]["observedGeneration"] == body["metadata"]["generation"] == first + 1
    assert generations(body) == {
        **dict.fromkeys(("Registered", "Authorized", "TokenReady", "CORSSynced"), first),
        **dict.fromkeys(("Ready", "Reconciling"), first + 1),
    }
    assert box_app(play, ns)["cors_domains"] == ONE
    play.box.fault()
    body = play.await_condition(ns, "viewer", "Ready")
    assert set(generations(body).values()) == {first + 1}
    assert box_app(play, ns)["cors_domains"] == TWO


IDLE: list[dict[str, Any]] = [
    {"allowedNamespaces": {"from": "All"}},
    {"resyncInterval": "600s"},
    {"resyncInterval": "10m"},
    {"rateLimit": {"requestsPerMinute": 600}},
    {"rateLimit": {}},
    {"resyncInterval": "30m"},
]
"""Changes of a BoxEnterprise that concern nobody; all but the last mean the same as before."""


def test_a_change_of_an_enterprise_that_concerns_nobody_is_observed(play: Playground, ns: str) -> None:
    """observedGeneration follows, in the status and in the condition, also without any app."""
    name = f"{ns}-corp"
    play.enterprise(name, resyncInterval="10m", rateLimit={})
    await_enterprise(play, name, "Ready")
    for spec in IDLE:
        generation = play.cluster.patch(f"{GROUP}/boxenterprises/{name}", {"spec": spec})["metadata"]["generation"]

        body = await_enterprise(play, name, "Ready")

        assert body["status"]["observedGeneration"] == generation


@pytest.mark.parametrize("interval", ["999999999d", "36500d"])
def test_an_interval_beyond_all_measure_counts_as_a_hundred_years(play: Playground, ns: str, interval: str) -> None:
    """The rest of the spec counts as ever."""
    play.enterprise(f"{ns}-corp", resyncInterval=interval)
    await_enterprise(play, f"{ns}-corp", "Ready")

    make_ready(play, ns, enterpriseRef={"name": f"{ns}-corp"})


def test_a_rotation_that_waits_for_box_stands_beside_ready(play: Playground, ns: str) -> None:
    """The token works, and another one is asked for in vain: Reconciling says so until it is there."""
    make_ready(play, ns, tokens={"rotation": {"overlap": "0s"}})
    play.box.fault({"kind": "status", "status": 503, "method": "POST", "path": ".*/tokens/", "count": None})
    request_rotation(play, ns)

    body = await_body(play, ns, lambda body: condition(body, "Reconciling"), "Reconciling")

    assert stated(body)["status"] == "True"
    assert stated(body, "Reconciling")["reason"] == "BoxUnavailable"
    play.box.fault()
    await_retired(play, ns)
    until(lambda: condition(play.get(ns, "viewer"), "Reconciling") is None, 20, "Reconciling to go")


def test_a_client_id_can_neither_be_added_nor_removed(play: Playground, ns: str) -> None:
    """What could be written and not taken away again would let no commit be reverted; the words fit each way."""
    mine = make_ready(play, ns)
    response = change(play, ns, clientID=mine["status"]["clientID"])
    assert response.status_code == 422
    assert "leave spec.clientID out" in response.json()["message"]
    app = play.box.create_app(f"{ns} theirs")
    play.allow_adoption(app["client_id"], ns, "adopted")
    play.app(ns, "adopted", clientID=app["client_id"], displayName=f"{ns} theirs")
    until(lambda: "clientID" in play.get(ns, "adopted").get("status", {}), 20, "the app to be known")

    response = change(play, ns, "adopted", clientID=None)

    assert response.status_code == 422
    assert "spec.clientID cannot be removed" in response.json()["message"]


# Suspending, and asking for another look


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
