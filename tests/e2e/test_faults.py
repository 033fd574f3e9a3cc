"""Box answers with trouble: the right kind of error, no token lost, no app twice, recovery by itself."""

import re
from datetime import datetime
from typing import Any

import pytest
from tests.e2e.conftest import QUICK
from tests.e2e.story import DOMAINS, authorize, await_one_token, box_app, delete, make_ready, named_apps, stated, values

from playground import Playground
from playground.output import until
from playground.play import condition

SETTINGS = {**QUICK, "BOX_APP_OPERATOR_BOX_TIMEOUT": "2s"}
"""A Box that says nothing is not waited for long."""
TROUBLE: dict[str, dict[str, Any]] = {
    "401": {"kind": "status", "status": 401, "code": "unauthorized"},
    "403": {"kind": "status", "status": 403, "code": "forbidden"},
    "404": {"kind": "status", "status": 404, "code": "not_found"},
    "409": {"kind": "status", "status": 409, "code": "conflict"},
    "412": {"kind": "status", "status": 412, "code": "precondition_failed"},
    "429": {"kind": "status", "status": 429, "code": "rate_limit_exceeded", "retry_after": 1},
    "500": {"kind": "status", "status": 500},
    "503-after-effect": {"kind": "cut_after"},
    "garbage": {"kind": "garbage"},
    "half-a-body": {"kind": "half_body"},
    "cut-before": {"kind": "cut_before"},
    "nothing-for-60-s": {"kind": "hang", "seconds": 60},
}
CALLS = {
    "listing": ("GET", "/console/v1/apps$"),
    "create": ("POST", "/console/v1/apps$"),
    "cors": ("PUT", "/console/v1/apps/[0-9]+/cors_domains"),
    "submit": ("POST", "/console/v1/apps/[0-9]+/authorization$"),
    "mint": ("POST", "/console/v1/apps/[0-9]+/tokens/"),
    "look": ("GET", "/console/v1/apps/[0-9]+$"),
    "prove": ("GET", "/2.0/files/1"),
}


@pytest.mark.parametrize("trouble", TROUBLE)
def test_an_app_becomes_ready_through_trouble_at_every_call(play: Playground, ns: str, trouble: str) -> None:
    """Each call of the main path meets the trouble once; in the end there is one app and one live token."""
    play.box.fault(*({"method": method, "path": path, **TROUBLE[trouble]} for method, path in CALLS.values()))
    play.app(ns, "viewer", cors={"domains": DOMAINS})
    until(lambda: (play.box.app(f"{ns} viewer") or {}).get("authorization", {}).get("state") == "pending", 40, "it")
    play.box.decide(f"{ns} viewer", "authorize")

    play.await_condition(ns, "viewer", "Ready", seconds=40)

    await_one_token(play, ns)
    assert len(named_apps(play, f"{ns} viewer")) == 1
    assert box_app(play, ns)["cors_domains"] == DOMAINS
    left = [fault["path"] for fault in play.box.faults_left()]
    assert set(left) <= {CALLS["look"][1]}, f"these calls were never made: {left}"


@pytest.mark.parametrize("trouble", ["401", "500", "503-after-effect", "412", "half-a-body"])
def test_a_deletion_goes_through_trouble(play: Playground, ns: str, trouble: str) -> None:
    """No answer to the revocation means: look again; the object goes only when both slots are empty."""
    make_ready(play, ns)
    app = box_app(play, ns)
    play.box.fault({"method": "DELETE", "path": "/console/v1/apps/[0-9]+/tokens/", **TROUBLE[trouble]})

    delete(play, ns)
    after = next(each for each in play.box.apps() if each["id"] == app["id"])
    assert after["tokens"] == {"primary": None, "secondary": None}


def test_a_passing_outage_changes_nothing(play: Playground, ns: str) -> None:
    """Within the grace period conditions keep their last value; the Secret stays whatever happens."""
    make_ready(play, ns)
    before = play.get(ns, "viewer")
    play.box.fault({"kind": "status", "status": 503, "path": "/", "count": 3})

    until(lambda: play.box.faults_left() == [], 20, "the outage to be met")

    make_ready(play, ns, "another")
    assert play.get(ns, "viewer")["status"] == before["status"]


def test_a_long_outage_is_said_and_ends_by_itself(play: Playground, ns: str) -> None:
    """Ready is Unknown for BoxUnavailable after the grace period; facets and Secret keep their last value."""
    make_ready(play, ns)
    secret, before = play.secret(ns, "viewer-box-token"), play.get(ns, "viewer")["status"]
    play.box.fault({"kind": "status", "status": 503, "path": "/", "count": None})

    body = play.await_condition(ns, "viewer", "BoxUnavailable")

    ready = stated(body, "Ready")
    assert ready["status"] == "Unknown"
    for type_ in ("Registered", "Authorized", "TokenReady", "CORSSynced"):
        was = next(each for each in before["conditions"] if each["type"] == type_)
        assert condition(body, type_) == was
    assert body["status"]["tokens"] == before["tokens"]
    assert play.secret(ns, "viewer-box-token") == secret
    play.box.fault()
    play.await_condition(ns, "viewer", "Ready")
    assert play.secret(ns, "viewer-box-token") == secret


def test_a_rejected_token_is_never_published(play: Playground, ns: str) -> None:
    """A token that Box does not accept is revoked; the next one that it accepts is published."""
    play.box.fault({"kind": "status", "status": 401, "code": "invalid_token", "path": "/2.0/files/1", "count": 2})
    make_ready(play, ns)

    token = await_one_token(play, ns)

    issued = [entry for entry in play.box.issued_tokens() if entry["app_id"] == box_app(play, ns)["id"]]
    assert len(issued) == 3
    assert issued[-1]["token"] == token
    assert re.findall(rf"{ns}/viewer: token \S+ is rejected by Box", play.logs())


IN_FLIGHT_SECONDS = 0.1


def test_a_pause_that_box_asks_for_is_kept(play: Playground, ns: str) -> None:
    """After 429 with Retry-After no call is made until it is over, by any app of the enterprise."""
    fault = {"method": "POST", "path": "/console/v1/apps$", "kind": "status", "status": 429, "retry_after": 2}
    play.box.fault({**fault, "code": "rate_limit_exceeded"})
    mark = play.box.mark()

    play.app(ns, "viewer")

    play.await_condition(ns, "viewer", "PendingApproval")
    calls = play.box.requests(mark)
    refused = next(call for call in calls if call["status"] == 429)
    later = [datetime.fromisoformat(call["at"]) for call in calls if call["n"] > refused["n"]]
    pauses = [(moment - datetime.fromisoformat(refused["at"])).total_seconds() for moment in later]
    # What was on its way already cannot be called back.
    assert min(pause for pause in pauses if pause > IN_FLIGHT_SECONDS) >= 1.9


def test_a_name_refused_by_the_console_says_so(play: Playground, ns: str) -> None:
    """NameInvalid, with what to do."""
    fault = {"method": "POST", "path": "/console/v1/apps$", "kind": "status", "status": 400, "code": "app_name_invalid"}
    play.box.fault(fault)
    play.app(ns, "viewer")

    body = play.await_condition(ns, "viewer", "NameInvalid")

    assert condition(body, "Stalled") is not None


def test_an_origin_refused_by_the_console_says_so(play: Playground, ns: str) -> None:
    """OriginRejected stalls; the token is published all the same, and another list mends it."""
    fault = {"method": "PUT", "path": ".*cors_domains", "kind": "status", "status": 400, "code": "invalid_origin"}
    play.box.fault(fault)
    play.app(ns, "viewer", cors={"domains": DOMAINS[:1]})
    play.await_condition(ns, "viewer", "OriginRejected", "CORSSynced")
    authorize(play, ns)
    play.await_condition(ns, "viewer", "Published", "TokenReady")
    assert "BOX_APP_TOKEN" in values(play.secret(ns, "viewer-box-token"))

    play.cluster.patch(play.path(ns, "viewer"), {"spec": {"cors": {"domains": DOMAINS[1:]}}})

    play.await_condition(ns, "viewer", "Ready")
