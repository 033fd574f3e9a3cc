"""The story of one app for a year, as its Events tell it: every change, none missing, none twice."""

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.conftest import QUICK, Stage, staged
from tests.e2e.rotating import await_pass, request_rotation
from tests.e2e.story import approve

from controlplane.process import Process
from playground import Playground
from playground.cluster import Cluster
from playground.output import until

DAY_SECONDS = 86400
YEAR_DAYS = 365
SECONDS = 30.0
LAUNCHER = Path(__file__).with_name("with_clock.py")
ORIGINS = ["https://app.example.com"]
MORE_ORIGINS = [*ORIGINS, "https://beta.example.com"]


class Calendar:
    """The day, from 0 to 365, on the clocks of the operator and of Box. Day 365 is today."""

    def __init__(self, file: Path) -> None:
        self.file = file
        self._write(0)

    def _write(self, day: float) -> float:
        seconds = (day - YEAR_DAYS) * DAY_SECONDS
        # Whole at any moment: the operator reads it whenever it likes.
        new = self.file.with_suffix(".new")
        new.write_text(str(seconds))
        new.replace(self.file)
        return seconds

    def turn_to(self, day: float, play: Playground) -> None:
        """Let the time pass."""
        play.box.set_clock(self._write(day))


@pytest.fixture(scope="module")
def calendar(tmp_path_factory: pytest.TempPathFactory) -> Calendar:
    """It begins a year ago."""
    return Calendar(tmp_path_factory.mktemp("calendar") / "offset")


@pytest.fixture(scope="module")
def stage(cluster: Cluster, calendar: Calendar) -> Iterator[Stage]:
    """As for all modules, but the operator's clock is the calendar's."""
    with staged(cluster, ("--rate-limit", "100000")) as stage:
        play = stage.play
        calendar.turn_to(0, play)
        kubeconfig = cluster.kubeconfig_of_operator(play.folder)
        listed = (f"--namespaces={','.join(cluster.namespaces)}",) if cluster.namespaces else ()
        launcher = (sys.executable, str(LAUNCHER), "passes", str(calendar.file))
        command = (*launcher, "run", f"--kubeconfig={kubeconfig}", *listed)
        environment = {**os.environ, **QUICK, "BOX_APP_OPERATOR_HEALTH_ADDRESS": "127.0.0.1:0"}
        play.launch_operator(Process("operator", command, play.folder / "operator-of-the-year.log", environment))
        play.enterprise()
        yield stage


class Story:
    """What happens to one app, and the Events that follow."""

    def __init__(self, play: Playground, ns: str, calendar: Calendar) -> None:
        self.play, self.ns, self.calendar = play, ns, calendar
        self.expected: list[str] = []

    def chapter(self, day: float, happens: Callable[[], Any] | None, *reasons: str, look: bool = True) -> None:
        """On this day something happens, and these Events follow, in this order.

        Args:
            happens: None when only time passes.
            look: is the operator asked for a pass? A suspended object takes none.
        """
        self.calendar.turn_to(day, self.play)
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


def test_every_event_of_a_year(play: Playground, ns: str, calendar: Calendar) -> None:
    """Tokens of 60 days, later of 30, edits, drift, a lost Secret, a pause, the admin's moods, and the end."""
    story = Story(play, ns, calendar)
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


def secret_path(ns: str) -> str:
    """The API path of the published Secret."""
    return f"/api/v1/namespaces/{ns}/secrets/viewer-box-token"
