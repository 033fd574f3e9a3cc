"""Walks on a control plane: a Box in which the admin approves at once, and an operator whose pauses are short."""

import os
import random
from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from tests.e2e.conftest import cluster, embedded, namespaced, pytest_generate_tests, pytest_runtest_setup, real, staged

from playground import Cluster, Playground

__all__ = ["cluster", "embedded", "namespaced", "pytest_generate_tests", "pytest_runtest_setup", "real"]

FLAGS = ("--auto-approve", "0", "--rate-limit", "1000000")
PACE = {
    "BOX_APP_OPERATOR_LOG_FORMAT": "plain",
    "BOX_APP_OPERATOR_LOG_LEVEL": "DEBUG",
    # The walk's clock: rest is counted in sweeps, and every other pause is shorter than that.
    "BOX_APP_OPERATOR_SWEEP_INTERVAL": "200ms",
    "BOX_APP_OPERATOR_STATUS_PAUSE": "50ms",
    "BOX_APP_OPERATOR_RESTART_WINDOW": "100ms",
    "BOX_APP_OPERATOR_ROTATION_PAUSE": "100ms",
    "BOX_APP_OPERATOR_OUTAGE_GRACE": "200ms",
    "BOX_APP_OPERATOR_BACKOFF_BASE": "50ms",
    "BOX_APP_OPERATOR_BACKOFF_CAP": "200ms",
    "BOX_APP_OPERATOR_BOX_TIMEOUT": "20s",
    "BOX_APP_OPERATOR_BOX_WAIT": "5s",
    # Whatever address a spec names, nothing leaves this machine.
    "HTTPS_PROXY": "http://127.0.0.1:9",
    "NO_PROXY": "127.0.0.1,localhost",
}


@dataclass(frozen=True)
class Effort:
    """How much is walked.

    Attributes:
        long: every value, and many pairs; else one value for each field, the same one each time.
        seed: of what is drawn: samples of patterns, pairs, faults.
        width: how many objects go side by side.
        pairs: so many edits of two values at once.
        stride: a short walk over a kind that another one begins with looks at every so manieth field.
    """

    long: bool
    seed: int
    width: int
    pairs: int
    stride: int = 4


SHORT, LONG = Effort(False, 0, 8, 8), Effort(True, 0, 16, 64)


@pytest.fixture(scope="session")
def effort(request: pytest.FixtureRequest) -> Effort:
    """Short, or long with HYPOTHESIS_PROFILE=long, and then with another seed each time unless one is given."""
    long, given = os.environ.get("HYPOTHESIS_PROFILE") == "long", request.config.getoption("--hypothesis-seed")
    seed = int(given) if (given or "").isdigit() else random.SystemRandom().randrange(2**32)
    return replace(LONG, seed=seed) if long else SHORT


@pytest.fixture(scope="module")
def play(request: pytest.FixtureRequest, cluster: Cluster) -> Iterator[Playground]:
    """Box, operator and the enterprise "default". In the end everything that was written and said is checked.

    A module may have flags of the sandbox of its own in ``BOX_FLAGS``, and a spec of the enterprise in ``ENTERPRISE``.
    """
    with staged(cluster, getattr(request.module, "BOX_FLAGS", FLAGS)) as stage:
        stage.aftermath.begin()
        stage.play.start_operator(**PACE)
        stage.play.enterprise(**getattr(request.module, "ENTERPRISE", {}))
        yield stage.play
        stage.play.stop_operator()
        stage.aftermath.check()
