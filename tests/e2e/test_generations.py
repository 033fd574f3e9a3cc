"""Of which spec a condition speaks, and what is said beside Ready while not all of the spec can be had."""

from typing import Any

import pytest
from tests.e2e.rotating import await_retired, request_rotation
from tests.e2e.story import await_body, await_enterprise, box_app, change, make_ready, stated

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
