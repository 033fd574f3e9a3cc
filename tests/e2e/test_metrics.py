"""What ``/metrics`` tells of a run, and that it tells nothing of single apps unless it is asked to."""

import re

import httpx
import pytest
from prometheus_client.parser import text_string_to_metric_families
from prometheus_client.samples import Sample
from tests.e2e.conftest import other_operator
from tests.e2e.rotating import rotate
from tests.e2e.story import await_one_token, make_ready

from playground import Playground
from playground.output import until

PREFIX = "box_app_operator_"
AT_ONCE = {"rotation": {"overlap": "0s", "retire": "AfterOverlap"}}
"""The previous token goes at once, so that the whole of a rotation is seen."""


def scrape(play: Playground) -> list[Sample]:
    """Everything that the running operator exports."""
    port = re.findall(r"Probes are on port (\d+)", play.logs())[-1]
    text = httpx.get(f"http://127.0.0.1:{port}/metrics").raise_for_status().text
    return [sample for family in text_string_to_metric_families(text) for sample in family.samples]


def value(samples: list[Sample], name: str, /, **labels: str) -> float:
    """The sum over all series of this name that have these labels; there must be one."""
    found = _values(samples, name, labels)
    assert found, f"{name} {labels} is not exported"
    return sum(found)


def seen(samples: list[Sample], name: str, /, **labels: str) -> float:
    """The same, and nothing as long as there is no such series."""
    return sum(_values(samples, name, labels))


def _values(samples: list[Sample], name: str, labels: dict[str, str]) -> list[float]:
    return [each.value for each in samples if each.name == PREFIX + name and labels.items() <= each.labels.items()]


def test_a_life_shows_in_the_numbers(play: Playground, ns: str) -> None:
    """Creation, authorization and rotation: each step once, the app under its conditions, the expiry of its token."""
    before = scrape(play)
    make_ready(play, ns)
    rotate(play, ns)

    samples = until(lambda: _with_ready_app(play, before), 20, "the app to be counted")

    def more(name: str, **labels: str) -> float:
        return value(samples, name, **labels) - seen(before, name, **labels)

    for step in ("CreateApp", "SubmitApp"):
        assert more("steps_total", step=step, result="done") == 1
    assert more("steps_total", step="PublishSecret", result="done") == 2
    mint = {"api": "console", "method": "POST", "endpoint": "/console/v1/apps/{id}/tokens/{slot}", "status": "201"}
    assert more("box_request_duration_seconds_count", **mint) == 2
    assert more("box_request_duration_seconds_count", api="platform", status="404") >= 2
    assert more("reconcile_duration_seconds_count", result="settled") >= 1
    assert more("authorization_wait_seconds_count") == 1
    assert value(samples, "enterprise_ready", enterprise="default") == 1
    assert 0 <= value(samples, "listing_age_seconds", enterprise="default") < 60
    soonest = value(samples, "token_soonest_expiry_seconds", rotation="scheduled")
    assert 59 * 86400 < soonest <= 60 * 86400
    assert more("token_expiry_seconds_gcount") == 1
    assert value(samples, "token_rotation_overdue_seconds") == 0
    assert value(samples, "leader") == 1
    until(lambda: seen(scrape(play), "event_loop_lag_seconds_count") >= 1, 10, "the lag to be measured")


def _with_ready_app(play: Playground, before: list[Sample]) -> list[Sample] | None:
    """What is exported, once one more app is counted as Ready and the listing was read."""
    samples, ready = scrape(play), {"type": "Ready", "status": "True", "reason": "Ready"}
    counted = seen(samples, "apps", **ready) == seen(before, "apps", **ready) + 1
    return samples if counted and seen(samples, "enterprise_ready") == 1 else None


def test_waiting_for_the_admin_shows(play: Playground, ns: str) -> None:
    """The oldest wait is told for as long as it lasts."""
    play.app(ns, "viewer")
    play.await_condition(ns, "viewer", "PendingApproval")

    until(lambda: seen(scrape(play), "authorization_pending_oldest_seconds") > 0, 10, "the wait to be reported")
    play.box.decide(f"{ns} viewer", "authorize")
    play.await_condition(ns, "viewer", "Ready")

    until(lambda: value(scrape(play), "authorization_pending_oldest_seconds") == 0, 10, "the wait to be over")


def test_no_series_grows_with_the_apps(play: Playground, ns: str) -> None:
    """Another app adds no series; neither its name nor its namespace nor any id is a label."""
    make_ready(play, ns, "one", tokens=AT_ONCE)
    rotate(play, ns, "one")
    await_one_token(play, ns, "one")
    before = _series(play)

    make_ready(play, ns, "two", tokens=AT_ONCE)
    rotate(play, ns, "two")
    await_one_token(play, ns, "two")

    assert _series(play) == before
    text = str(sorted(before))
    assert ns not in text
    assert play.get(ns, "one")["status"]["appID"] not in text


def _series(play: Playground) -> set[tuple[str, tuple[tuple[str, str], ...]]]:
    """Names and labels of what is counted per app or call. Waits that come and go are left out."""
    ignored = ("reconcile_duration", "apps")
    return {
        (each.name, tuple(sorted(each.labels.items())))
        for each in scrape(play)
        if not each.name.removeprefix(PREFIX).startswith(ignored)
    }


per_app = other_operator("--metrics-per-app")


@pytest.mark.also_on("namespaced")
def test_single_apps_show_when_asked_for(play: Playground, ns: str, per_app: None) -> None:
    """Each app has its conditions and its expiry, and they go with it."""
    make_ready(play, ns)

    ready = {"namespace": ns, "name": "viewer", "type": "Ready", "status": "True"}
    until(lambda: seen(scrape(play), "app_condition", **ready) == 1, 10, "the condition to be exported")
    assert value(scrape(play), "app_token_expiry_seconds", namespace=ns, name="viewer") > 59 * 86400
    play.cluster.delete(play.path(ns, "viewer"))
    until(lambda: not any(each.labels.get("namespace") == ns for each in scrape(play)), 20, "the series to go")
