"""Counts that must not grow with the number of apps: a restart, and rest."""

from collections import Counter
from typing import Any

import httpx
import pytest
from tests.e2e.conftest import AUTO_APPROVE
from tests.e2e.story import ready_count
from tests.e2e.test_metrics import scrape, seen

from playground import Playground
from playground.cluster import NAMESPACE, is_own
from playground.output import until
from playground.play import GROUP

PLANES = ("embedded", "real")
"""Which namespaces are watched makes no difference to what is counted here."""
BOX_FLAGS = AUTO_APPROVE
APPS = 50
LISTING = "/console/v1/apps"
RESYNCS_AT_REST = 5
"""With a resync every second as many as happen in 50 minutes with the usual one: more than ten minutes at rest."""


def make_apps(play: Playground, ns: str, there: int) -> int:
    """Make as many apps as there are less than fifty, and wait until all are Ready; returns how many apps there are."""
    for number in range(there, APPS):
        play.app(ns, f"app-{number:02}", cors={"domains": [f"https://app-{number:02}.example.com"]})
    total = len(play.cluster.get(f"{GROUP}/boxcustomapps")["items"])
    until(lambda: ready_count(play) == total, 60, f"{total} apps to be Ready")
    return total


@pytest.fixture
def fifty(play: Playground, ns: str) -> int:
    """Fifty apps or more that are Ready, and nothing left to be written; returns how many apps there are."""
    total = make_apps(play, ns, len(play.cluster.get(f"{GROUP}/boxcustomapps")["items"]))
    path = f"{GROUP}/boxenterprises/default"
    counts = {"total": total, "ready": total}
    until(lambda: play.cluster.get(path)["status"].get("apps") == counts, 20, "the counts of the enterprise")
    return total


def test_each_of_fifty_apps_costs_what_one_costs(play: Playground, ns: str) -> None:
    """At most 4 writes, 1 Event and 6 Box calls per app; the listing adds a few calls for all of them together."""
    start, mark = play.cluster.audit_size(), play.box.mark()
    make_apps(play, ns, 0)

    writes = [write for write in play.cluster.writes(start) if write.namespace == ns]
    events = [write for write in writes if write.resource == "events"]
    assert {write.code for write in writes} <= {200, 201}
    assert len(writes) - len(events) <= 4 * APPS
    told = play.cluster.get(f"/api/v1/namespaces/{ns}/events")["items"]
    assert len(events) <= APPS, Counter(event["reason"] for event in told)
    # Without a token only one question is asked, once: is anybody there?
    calls = [call for call in play.box.requests(mark) if call["caller"] != "anonymous"]
    listing = [call for call in calls if (call["method"], call["path"]) == ("GET", LISTING)]
    assert len(calls) - len(listing) <= 6 * APPS
    assert len(listing) <= APPS


def test_a_restart_writes_nothing(play: Playground, fifty: int) -> None:
    """With 50 apps and more: no write, and at most 6 Box calls."""
    play.operator.stop()
    start, mark, said = play.cluster.audit_size(), play.box.mark(), len(play.logs())
    play.operator.start()
    # The sign that everything was looked at: the resync comes round, every second here.
    play.cluster.patch(f"{GROUP}/boxenterprises/default", {"spec": {"resyncInterval": "1s"}})
    until(lambda: play.logs()[said:].count(": resync") >= 2, 30, "two resyncs after the restart")

    writes = [write for write in play.cluster.writes(start) if write.resource != "boxenterprises/status"]
    assert writes == []
    calls = play.box.requests(mark)
    assert len(calls) <= 6, calls
    assert fifty >= APPS


def test_a_restart_looks_once_at_what_is_settled(play: Playground, fifty: int) -> None:
    """One comparison per app, whatever is listed twice; and no Secret of an app is read one by one."""
    play.operator.stop()
    # Another test may have had every app looked at each second.
    play.cluster.patch(f"{GROUP}/boxenterprises/default", {"spec": {"resyncInterval": "1h"}})
    start = play.cluster.audit_size()
    play.operator.start()

    def settled() -> float:
        try:
            return seen(scrape(play), "reconcile_duration_seconds_count", result="settled")
        except httpx.TransportError:
            return 0.0  # It has only just begun.

    until(lambda: settled() >= fifty, 60, "every app to be looked at")
    until(lambda: _has_listed(play, start, "boxcustomapps") >= 2, 60, "Kopf to list them, too")
    reads = [entry for entry in play.cluster.audit(start) if _is_read_of_secret(entry)]
    assert reads == []
    assert settled() <= fifty + 1


def _has_listed(play: Playground, start: int, resource: str) -> int:
    """How often the operator has listed a kind since an offset of the audit log."""
    ours = [entry for entry in play.cluster.audit(start) if is_own(entry)]
    return sum(entry["verb"] == "list" and entry["objectRef"]["resource"] == resource for entry in ours)


def _wrote(play: Playground, start: int, resource: str) -> bool | None:
    """Has the operator written to a resource since an offset of the audit log? None while it has not."""
    return any(write.resource == resource for write in play.cluster.writes(start)) or None


def _is_read_of_secret(entry: dict[str, Any]) -> bool:
    ref = entry.get("objectRef") or {}
    got = is_own(entry) and entry["verb"] == "get"
    return got and ref.get("resource") == "secrets" and ref.get("namespace") != NAMESPACE


def test_rest_writes_nothing(play: Playground, fifty: int) -> None:
    """Resync after resync: not one write, and no call to Box but the blocking look of the listing."""
    start, said = play.cluster.audit_size(), len(play.logs())
    play.cluster.patch(f"{GROUP}/boxenterprises/default", {"spec": {"resyncInterval": "1s"}})
    # It is in force, and the status of the BoxEnterprise has said so.
    until(lambda: play.logs()[said:].count(": resync") >= 1, 30, "the new interval to be in force")
    until(lambda: _wrote(play, start, "boxenterprises/status"), 30, "the status of the BoxEnterprise")
    start, mark, said = play.cluster.audit_size(), play.box.mark(), len(play.logs())

    until(lambda: play.logs()[said:].count(": resync") >= RESYNCS_AT_REST, 60, f"{RESYNCS_AT_REST} resyncs")

    assert play.cluster.writes(start) == []
    calls = {(call["method"], call["path"]) for call in play.box.requests(mark)}
    assert calls <= {("GET", LISTING)}
    assert len(play.box.requests(mark)) <= RESYNCS_AT_REST
    assert fifty >= APPS
