"""Tokens are replaced when they are due, once for each reason, and the previous one stays live for the overlap."""

from datetime import datetime, timedelta
from functools import partial
from typing import Any

import pytest
from tests.e2e import rotating
from tests.e2e.story import DOMAINS, approve, box_app, make_ready, values

from playground import Playground
from playground.output import until

pytestmark = pytest.mark.usefixtures("operator_runs")

LISTING = ("GET", "/console/v1/apps")
QUICK: dict[str, Any] = {"rotation": {"overlap": "1s"}}
"""``spec.tokens`` of an app whose previous token goes within a second."""
LATE = "29d23h59m"
"""``renewBefore`` of a token of 30 days that is due within a minute, the shortest that there is."""


def moment(text: str) -> datetime:
    """A time as Kubernetes writes it."""
    return datetime.fromisoformat(text)


# What makes a rotation due


def test_a_request_rotates_once(play: Playground, ns: str) -> None:
    """Each value of the annotation acts once, also after a restart, and stays where a person put it."""
    make_ready(play, ns, tokens=QUICK)
    first = rotating.token_in(play, ns)

    request = rotating.request_rotation(play, ns)

    body = rotating.await_handled(play, ns, request)
    rotating.await_retired(play, ns)
    assert rotating.token_in(play, ns) != first
    assert body["metadata"]["annotations"]["boxapps.dev/rotate-requested-at"] == request
    rotating.restart_operator(play)
    rotating.await_pass(play, ns)
    assert len(rotating.issued(play, ns)) == 2
    rotating.rotate(play, ns)
    rotating.await_retired(play, ns)
    assert len(rotating.issued(play, ns)) == 3


def test_a_request_from_before_the_first_token_is_fulfilled_by_it(play: Playground, ns: str) -> None:
    """Who asks for a fresh token gets one, and not two."""
    play.app(ns, "viewer")
    request = rotating.request_rotation(play, ns)

    approve(play, ns)

    rotating.await_handled(play, ns, request)
    rotating.await_pass(play, ns)
    assert len(rotating.issued(play, ns)) == 1
    assert "retiring" not in rotating.tokens(play, ns)


def test_a_request_is_not_repeated_when_its_record_was_lost(play: Playground, ns: str) -> None:
    """Killed between the Secret and the status: the Secret tells the next operator that the request is fulfilled."""
    before = make_ready(play, ns)["status"]
    body = rotating.rotate(play, ns)
    play.operator.kill()
    play.cluster.send("PUT", f"{play.path(ns, 'viewer')}/status", {**body, "status": before}).raise_for_status()
    play.cluster.patch(play.path(ns, "viewer"), {"spec": {"cors": {"domains": DOMAINS}}})
    assert "lastHandledRotateAt" not in play.get(ns, "viewer")["status"]

    play.operator.start()

    request = body["metadata"]["annotations"]["boxapps.dev/rotate-requested-at"]
    assert rotating.await_handled(play, ns, request)["status"]["tokens"] == body["status"]["tokens"]
    rotating.await_pass(play, ns)
    assert len(rotating.issued(play, ns)) == len(rotating.live(play, ns)) == 2


CALLS = {
    "mint": ("POST", "/console/v1/apps/[0-9]+/tokens/"),
    "prove": ("GET", "/2.0/files/1"),
    "revoke": ("DELETE", "/console/v1/apps/[0-9]+/tokens/"),
}


@pytest.mark.parametrize("effect", [{"kind": "hang", "seconds": 3600}, {"kind": "cut_after"}], ids=["hang", "cut"])
@pytest.mark.parametrize("call", CALLS)
def test_a_rotation_outlives_a_crash(play: Playground, ns: str, call: str, effect: dict[str, Any]) -> None:
    """Killed at each of its calls, before or after its effect: one token in the end, and never none in the Secret."""
    make_ready(play, ns, tokens=QUICK)
    method, path = CALLS[call]
    play.box.fault({**effect, "method": method, "path": path})
    request = rotating.request_rotation(play, ns)

    until(lambda: play.box.faults_left() == [], 20, f"{method} {path}")
    play.operator.kill()
    assert rotating.notes(play, ns)["fingerprint"] in rotating.live(play, ns)
    play.operator.start()

    rotating.await_handled(play, ns, request)
    rotating.await_retired(play, ns)


def test_every_rotates_at_this_age(play: Playground, ns: str) -> None:
    """Or a tenth of it earlier at most."""
    make_ready(play, ns, tokens={"rotation": {"every": "1m", "overlap": "2s"}})

    age = until(partial(_age_at_rotation, play, ns, 2), 80, "the second token")

    rotating.set_rotation(play, ns, every=None)
    assert age >= timedelta(seconds=54)
    rotating.await_retired(play, ns)


def _age_at_rotation(play: Playground, ns: str, number: int) -> timedelta | None:
    """How old a token was when the token of this number took its place; None before that."""
    created = sorted(moment(token["created_at"]) for token in box_app(play, ns)["tokens"].values() if token)
    return created[1] - created[0] if len(created) == 2 and len(rotating.issued(play, ns)) >= number else None


def test_a_token_near_its_expiry_is_replaced(play: Playground, ns: str) -> None:
    """It is near when renewBefore says so."""
    make_ready(play, ns, tokens={"expiry": "30d", **QUICK})

    rotating.set_rotation(play, ns, renewBefore=LATE)

    until(lambda: len(rotating.issued(play, ns)) >= 2, 80, "another token")
    rotating.set_rotation(play, ns, renewBefore=None)
    rotating.await_retired(play, ns)


@pytest.mark.parametrize("expiry", ["30d", "Never"])
def test_another_expiry_rotates(play: Playground, ns: str, expiry: str) -> None:
    """A token that lives as long as the spec now says takes the place of the one that does not."""
    make_ready(play, ns, tokens=QUICK)

    play.cluster.patch(play.path(ns, "viewer"), {"spec": {"tokens": {"expiry": expiry}}})

    until(lambda: rotating.notes(play, ns)["expiry"] == expiry, 20, "a token of another lifetime")
    rotating.await_retired(play, ns)
    active = rotating.tokens(play, ns)["active"]
    assert values(play.secret(ns, rotating.SECRET))["BOX_TOKEN_EXPIRES_AT"] == active.get("expiryTime", "")
    assert (expiry == "Never") == ("expiryTime" not in active)
    assert len(rotating.issued(play, ns)) == 2


SPANS = [
    ({}, 49, 50),
    ({"expiry": "30d"}, 24.5, 25),
    ({"rotation": {"renewBefore": "20d"}}, 38, 40),
    ({"rotation": {"every": "10d"}}, 9, 10),
    ({"rotation": {"every": "90d"}}, 49, 50),
    ({"expiry": "Never", "rotation": {"every": "90d"}}, 81, 90),
    # Spreading rotations over time must not make a fresh token due at once, which would rotate without end.
    ({"expiry": "30d", "rotation": {"overlap": "1s", "renewBefore": "29d23h"}}, 2 / 86400, 1 / 24),
]


@pytest.mark.parametrize(("spec", "least", "most"), SPANS)
def test_the_status_tells_of_the_next_rotation(
    play: Playground, ns: str, spec: dict[str, Any], least: float, most: float
) -> None:
    """By age or by expiry, whichever comes first, up to a tenth of the wait earlier."""
    shown = make_ready(play, ns, tokens=spec)["status"]["tokens"]

    wait = moment(shown["nextRotationTime"]) - moment(shown["active"]["issuedTime"])
    second = timedelta(seconds=1)
    assert timedelta(days=least) - second <= wait <= timedelta(days=most) + second


def test_a_token_that_may_stay_for_ever_has_no_next_rotation(play: Playground, ns: str) -> None:
    """Neither expiry nor age."""
    assert "nextRotationTime" not in make_ready(play, ns, tokens={"expiry": "Never"})["status"]["tokens"]


# What it costs


@pytest.mark.parametrize(("overlap", "statuses"), [("1s", 2), ("0s", 1)])
def test_a_rotation_costs_three_writes_and_four_calls(play: Playground, ns: str, overlap: str, statuses: int) -> None:
    """Secret, status, and status again if the previous token goes later; no Event, because all is well."""
    start, mark = rotating.make_quiet(play, ns, tokens={"rotation": {"overlap": overlap}}), play.box.mark()

    rotating.rotate(play, ns)

    rotating.await_retired(play, ns)
    rotating.await_writes(play, ns, start, "secrets", *2 * ["events"], *statuses * ["boxcustomapps/status"])
    calls = [call for call in play.box.requests(mark) if (call["method"], call["path"]) != LISTING]
    assert len(calls) <= 4, calls
