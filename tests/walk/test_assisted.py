"""A walk over the schema of BoxCustomApp, on apps that people made by hand and whose keys they handed over."""

from typing import Any

import pytest
from tests.e2e.people import FLAGS
from tests.walk.conftest import Effort
from tests.walk.route import Route, Walks
from tests.walk.subjects import assisted, known_to

from playground import Playground

PLANES = ("embedded", "real")


@pytest.fixture(scope="module")
def box_flags() -> tuple[str, ...]:
    """A Box without a Console API."""
    return FLAGS


@pytest.fixture(scope="module")
def of_enterprise() -> dict[str, Any]:
    """Nobody looks at Box again while a walk is under way, unless an edit is a reason to."""
    return {"console": {"mode": "Assisted"}, "resyncInterval": "1h"}


@pytest.fixture(scope="module")
def route(play: Playground, effort: Effort) -> Route:
    """Fields of a kind that another walk begins with."""
    return Route("Assisted", "BoxCustomApp", lambda: assisted(play), effort, known_to(play), first=False)


class TestAssisted(Walks):
    """Begins with objects that are Ready."""
