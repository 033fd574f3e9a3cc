"""The product on each control plane, and what must hold after every test.

``CLUSTER=embedded`` or ``CLUSTER=real`` runs on one of them only. Without it the suite runs on both, on the real one
wherever it can be had; the last lines of the run say which ran, and why one did not.
"""

from __future__ import annotations

import itertools
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.e2e.aftermath import Aftermath, clear_cluster

from controlplane import Unavailable
from playground import Cluster, Playground, embedded_cluster, real_cluster

PLANES = ("embedded", "real")
QUICK = {
    "BOX_APP_OPERATOR_LOG_FORMAT": "plain",
    "BOX_APP_OPERATOR_LOG_LEVEL": "DEBUG",
    "BOX_APP_OPERATOR_STATUS_PAUSE": "100ms",
    "BOX_APP_OPERATOR_OUTAGE_GRACE": "1s",
    "BOX_APP_OPERATOR_BOX_TIMEOUT": "2s",
    "BOX_APP_OPERATOR_BOX_WAIT": "5s",
    "BOX_APP_OPERATOR_BACKOFF_BASE": "100ms",
    "BOX_APP_OPERATOR_BACKOFF_CAP": "1s",
}
"""Time, shortened by configuration."""

ran: dict[str, str] = {}
"""What became of each control plane, for the last lines of the run."""

_numbers = itertools.count(1)


def _wanted() -> tuple[str, ...]:
    choice = os.environ.get("CLUSTER") or "both"
    if choice not in (*PLANES, "both"):
        raise pytest.UsageError(f"CLUSTER={choice}: the tests know {', '.join(PLANES)}; leave it out for both")
    return PLANES if choice == "both" else (choice,)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test that needs a cluster on each of them."""
    if "cluster" in metafunc.fixturenames:
        metafunc.parametrize("cluster", _wanted(), indirect=True, scope="session")


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands over what became of its control planes."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["ran"] = ran


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over from a worker."""
    ran.update(getattr(node, "workeroutput", {}).get("ran", {}))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say which control planes ran."""
    terminalreporter.section("control planes")
    for plane in PLANES:
        reason = "CLUSTER asks for the other one" if plane not in _wanted() else "no test needed it"
        terminalreporter.write_line(f"{plane}: {ran.get(plane, f'did not run: {reason}')}")


def _say(text: str) -> None:
    sys.__stderr__.write(f"{text}\n") if sys.__stderr__ else None


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Iterator[Cluster]:
    """A control plane for the whole run."""
    if request.param == "embedded":
        with embedded_cluster() as embedded:
            ran["embedded"] = "ran"
            yield embedded
        return
    if "real" in ran:
        pytest.skip(ran["real"])
    try:
        with real_cluster(_say) as real:
            ran["real"] = f"ran ({real.name})"
            yield real
    except Unavailable as error:
        ran["real"] = "did not run: " + " ".join(str(error).split())
        if os.environ.get("CLUSTER") == "real" or (os.environ.get("CI") and shutil.which("go")):
            raise
        pytest.skip(ran["real"])


@dataclass
class Stage:
    """A playground with an operator, shared by the tests of one module, and the flags of its sandbox."""

    play: Playground
    aftermath: Aftermath = field(init=False)

    def __post_init__(self) -> None:
        self.aftermath = Aftermath(self.play)


@pytest.fixture(scope="module")
def box_flags() -> tuple[str, ...]:
    """Flags of the sandbox; a module may have its own."""
    return ("--taken-name", "Taken Name", "--rate-limit", "100000")


@pytest.fixture(scope="module")
def stage(cluster: Cluster, box_flags: tuple[str, ...]) -> Iterator[Stage]:
    """Box, operator and the enterprise "default", for one module."""
    with Playground(cluster, box_flags) as play:
        stage = Stage(play)
        play.start_operator(**QUICK)
        play.enterprise()
        yield stage
        play.stop_operator()
        stage.aftermath.check_no_leaks()
        clear_cluster(cluster)


@pytest.fixture
def play(stage: Stage) -> Iterator[Playground]:
    """The playground; after the test everything that the operator wrote and said is checked."""
    stage.aftermath.begin()
    yield stage.play
    stage.play.box.fault()
    stage.aftermath.check()


@pytest.fixture
def ns(play: Playground) -> str:
    """A namespace of its own for one test."""
    return play.namespace(f"team-{next(_numbers)}")
