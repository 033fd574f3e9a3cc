"""Mode Assisted at rest: what many apps cost while nobody does anything."""

from collections import Counter
from typing import Any

import pytest
from tests.e2e.people import hand_over, make_authorized, without_console
from tests.e2e.story import ready_count

from playground import Playground
from playground.output import until
from playground.play import GROUP

PLANES = ("embedded", "real")
"""Which namespaces are watched makes no difference to what is counted here."""
APPS = {"embedded": 30, "real": 200}
RESYNCS_AT_REST = 5
PROOF, WHOSE = "/2.0/files/1", "/2.0/users/me"


stage = without_console()


def make_one(play: Playground, ns: str, number: int) -> None:
    """Make an app and everything that belongs to it by hand; every other one has an origin."""
    name = f"app-{number:03}"
    domains = [f"https://{name}.example.com"] if number % 2 else []
    app = make_authorized(play, ns, name, tokens={"importFrom": {"name": name}}, cors={"domains": domains})
    play.box.set_cors(app["name"], ", ".join(domains))
    hand_over(play, ns, name, primary=play.box.generate_key(app["name"]))


@pytest.fixture
def many(play: Playground, ns: str) -> int:
    """Apps that are Ready, made once for all tests, and nothing left to be written; returns how many there are."""
    count = APPS["embedded" if play.cluster.name == "embedded" else "real"]
    for number in range(len(play.cluster.get(f"{GROUP}/boxcustomapps")["items"]), count):
        make_one(play, ns, number)
    path, counts = f"{GROUP}/boxenterprises/default", {"total": count, "ready": count}
    until(lambda: play.cluster.get(path)["status"].get("apps") == counts, 150, f"{count} apps to be counted as Ready")
    assert ready_count(play) == count
    return count


def resyncs(play: Playground, said: int = 0) -> int:
    """How often all apps were asked to be looked at, since so much was logged."""
    return play.logs()[said:].count(": resync")


def calls_by_app(play: Playground, mark: int) -> Counter[str]:
    """How many calls each app made to Box, all of them to say that its token still works."""
    calls = calls_of_apps(play, mark)
    assert {call["method"] for call in calls} <= {"GET"}
    assert {call["path"] for call in calls} <= {PROOF, WHOSE}
    return Counter(call["caller"] for call in calls)


def calls_of_apps(play: Playground, mark: int) -> list[dict[str, Any]]:
    """The calls that were made with a token."""
    return [call for call in play.box.requests(mark) if call["caller"] != "anonymous"]


def test_rest_writes_nothing_and_asks_once(play: Playground, many: int) -> None:
    """Over five resyncs: not one write, and at most one call to Box per app and resync."""
    before = len(play.logs())
    # One round more: a real API server shows an object before the audit log has the line about it.
    until(lambda: resyncs(play, before) > 0, 30, "a resync")
    start, mark, said = play.cluster.audit_size(), play.box.mark(), len(play.logs())

    until(lambda: resyncs(play, said) >= RESYNCS_AT_REST, 60, f"{RESYNCS_AT_REST} resyncs")
    until(lambda: len(calls_by_app(play, mark)) == many, 60, f"{many} apps to be looked at")

    calls = calls_by_app(play, mark)
    # What was under way at the beginning belongs to the resync before.
    assert max(calls.values()) <= resyncs(play, said) + 1
    # Where Box does not say whose a key is, one of all apps asks again.
    assert sum(call["path"] == WHOSE for call in calls_of_apps(play, mark)) <= resyncs(play, said) + 1
    assert play.cluster.writes(start) == []


def test_a_restart_writes_nothing_and_asks_once(play: Playground, many: int) -> None:
    """What was proven is not proven again: one call per app says that its token still works."""
    play.operator.stop()
    start, mark, said = play.cluster.audit_size(), play.box.mark(), len(play.logs())
    play.operator.start()

    until(lambda: len(calls_by_app(play, mark)) == many, 60, f"{many} apps to be looked at")
    until(lambda: resyncs(play, said) >= 2, 30, "two resyncs after the restart")

    calls = calls_by_app(play, mark)
    assert max(calls.values()) <= resyncs(play, said) + 1
    assert [write for write in play.cluster.writes(start) if write.resource != "boxenterprises/status"] == []
