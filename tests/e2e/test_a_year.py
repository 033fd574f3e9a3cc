"""The story of one app for a year, as its Events tell it: every change, none missing, none twice."""

from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.e2e.clock import Clock
from tests.e2e.conftest import QUICK, Stage, staged
from tests.e2e.rotating import await_pass, request_rotation
from tests.e2e.story import approve, secret_path

from playground import Playground
from playground.cluster import Cluster
from playground.output import until

DAY_SECONDS = 86400
YEAR_DAYS = 365
SECONDS = 30.0
ORIGINS = ["https://app.example.com"]
MORE_ORIGINS = [*ORIGINS, "https://beta.example.com"]


def turn_to(day: float, clock: Clock, play: Playground) -> None:
    """Let the time pass until this day of the year, for the operator and for Box. Day 365 is today."""
    seconds = (day - YEAR_DAYS) * DAY_SECONDS
    clock.set(seconds)
    play.box.set_clock(seconds)


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Clock:
    """The operator's."""
    return Clock(tmp_path_factory.mktemp("clock"), "passes")


@pytest.fixture(scope="module")
def stage(cluster: Cluster, clock: Clock) -> Iterator[Stage]:
    """As for all modules, but the year begins."""
    with staged(cluster, ("--rate-limit", "100000")) as stage:
        turn_to(0, clock, stage.play)
        clock.start_operator(stage.play, **QUICK)
        stage.play.enterprise()
        yield stage


class Story:
    """What happens to one app, and the Events that follow."""

    def __init__(self, play: Playground, ns: str, clock: Clock) -> None:
        self.play, self.ns, self.clock = play, ns, clock
        self.expected: list[str] = []

    def chapter(self, day: float, happens: Callable[[], Any] | None, *reasons: str, look: bool = True) -> None:
        """On this day something happens, and these Events follow, in this order.

        Args:
            happens: None when only time passes.
            look: is the operator asked for a pass? A suspended object takes none.
        """
        turn_to(day, self.clock, self.play)
        if happens is not None:
            happens()
        if look:
            await_pass(self.play, self.ns)
        self.expected += reasons
        until(lambda: self.told() == self.expected or None, SECONDS, f"{self.expected} on day {day}; {self.told()}")

    def told(self) -> list[str]:
        """The reasons of all Events about the app, in the order in which they were written."""
        events = self.play.events(self.ns, "viewer")
        events.sort(key=lambda event: int(event["metadata"]["resourceVersion"]))
        return [event["reason"] for event in events]

    def edit(self, **spec: Any) -> Callable[[], Any]:
        """Somebody changes the spec."""
        return lambda: self.play.cluster.patch(self.play.path(self.ns, "viewer"), {"spec": spec})

    def at_box(self, decision: str) -> Callable[[], Any]:
        """The Box admin decides."""
        return lambda: self.play.box.decide(f"{self.ns} viewer", decision)


def test_every_event_of_a_year(play: Playground, ns: str, clock: Clock) -> None:
    """Tokens of 60 days, later of 30, edits, drift, a lost Secret, a pause, the admin's moods, and the end."""
    story = Story(play, ns, clock)
    play.app(ns, "viewer", cors={"domains": ORIGINS}, deletionPolicy="Delete")
    approve(play, ns)
    story.chapter(1, None, "Ready")
    story.chapter(3, story.edit(cors={"domains": MORE_ORIGINS}), "CORSChanged")
    story.chapter(5, lambda: play.box.set_cors(f"{ns} viewer", "https://other.example.com"), "DriftCorrected")
    story.chapter(30, None)
    story.chapter(52, None, "TokenRotated")
    story.chapter(53, None, "TokenRevoked")
    story.chapter(70, lambda: play.cluster.delete(secret_path(ns)), "SecretRecreated", "TokenRevoked")
    story.chapter(80, story.edit(suspend=True), "Suspended", look=False)
    story.chapter(85, story.edit(suspend=False), "Ready")
    story.chapter(100, lambda: request_rotation(play, ns), "TokenRotated")
    story.chapter(101, None, "TokenRevoked")
    story.chapter(110, story.at_box("disable"), "TokenRejected")
    story.chapter(111, story.at_box("enable"), "Ready")
    story.chapter(152, None, "TokenRotated")
    story.chapter(153, None, "TokenRevoked")
    story.chapter(180, story.edit(tokens={"expiry": "30d"}), "TokenRotated")
    story.chapter(181, None, "TokenRevoked")
    story.chapter(190, story.edit(displayName=f"{ns} renamed"), "AppRenamed")
    for day in range(207, 350, 27):
        story.chapter(day, None, "TokenRotated")
        story.chapter(day + 1, None, "TokenRevoked")
    story.chapter(365, lambda: play.cluster.delete(play.path(ns, "viewer")), "AppDeleted", look=False)

    assert play.get(ns, "viewer") is None
    assert all(event["count"] == 1 for event in play.events(ns, "viewer"))
