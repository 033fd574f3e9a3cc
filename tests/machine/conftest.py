"""How long the machine runs: the same examples on every run, or many new ones with HYPOTHESIS_PROFILE=long."""

import logging
import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

QUIET = {"deadline": None, "suppress_health_check": list(HealthCheck), "stateful_step_count": 40}
PROFILES = {
    "short": settings(max_examples=200, derandomize=True, database=None, **QUIET),  # type: ignore[arg-type]
    "long": settings(max_examples=3000, database=None, print_blob=True, **QUIET),  # type: ignore[arg-type]
}


@pytest.fixture
def effort() -> settings:
    """How hard to search."""
    return PROFILES["long" if os.environ.get("HYPOTHESIS_PROFILE") == "long" else "short"]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The machine hears the operator's log itself; thousands of lost answers would hide what failed."""
    logger = logging.getLogger("box_app_operator")
    logger.propagate = False
    yield
    logger.propagate = True
