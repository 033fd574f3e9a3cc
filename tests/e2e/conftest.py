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

import pytest
from tests.e2e.aftermath import Aftermath, clear_cluster
from tests.planes import ran, wanted

from controlplane import Unavailable
from playground import Cluster, Playground, embedded_cluster, real_cluster

QUICK = {
    "BOX_APP_OPERATOR_LOG_FORMAT": "plain",
    "BOX_APP_OPERATOR_LOG_LEVEL": "DEBUG",
    "BOX_APP_OPERATOR_STATUS_PAUSE": "100ms",
    "BOX_APP_OPERATOR_RESTART_WINDOW": "3s",
    "BOX_APP_OPERATOR_SWEEP_INTERVAL": "1s",
    "BOX_APP_OPERATOR_OUTAGE_GRACE": "1s",
    "BOX_APP_OPERATOR_BOX_TIMEOUT": "2s",
    "BOX_APP_OPERATOR_BOX_WAIT": "5s",
    "BOX_APP_OPERATOR_BACKOFF_BASE": "100ms",
    "BOX_APP_OPERATOR_BACKOFF_CAP": "1s",
}
"""Time, shortened by configuration."""

_numbers = itertools.count(1)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test that needs a cluster on each of them."""
    if "cluster" in metafunc.fixturenames:
        metafunc.parametrize("cluster", wanted(), indirect=True, scope="session")


def _say(text: str) -> None:
    sys.__stderr__.write(f"{text}\n") if sys.__stderr__ else None


@pytest.fixture(scope="session")
def embedded() -> Iterator[Cluster]:
    """The imitation, for the whole run."""
    with embedded_cluster() as cluster:
        ran["embedded"] = "ran"
        yield cluster


@pytest.fixture(scope="session")
def real() -> Iterator[Cluster]:
    """A real control plane, for the whole run."""
    try:
        with real_cluster(_say) as cluster:
            ran["real"] = f"ran ({cluster.name})"
            yield cluster
    except Unavailable as error:
        ran["real"] = f"did not run. {error}"
        if os.environ.get("CLUSTER") == "real" or (os.environ.get("CI") and shutil.which("go")):
            raise
        pytest.skip("there is no real control plane; the last lines of the run say why")


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """The control plane that the test was asked to run on."""
    plane: Cluster = request.getfixturevalue(request.param)
    return plane


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
def operator_runs(play: Playground) -> Iterator[None]:
    """Whatever happens in a test that kills or stops the operator, what follows finds one that runs."""
    yield
    try:
        play.operator.check()
    except RuntimeError:
        play.operator.start()


@pytest.fixture
def ns(play: Playground) -> str:
    """A namespace of its own for one test."""
    return play.namespace(f"team-{next(_numbers)}")
