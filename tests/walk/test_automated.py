"""A walk over the schema of BoxCustomApp, on apps that the operator registers."""

import pytest
from tests.walk.conftest import Effort
from tests.walk.route import Route, Walks
from tests.walk.subjects import automated, known_to

from playground import Playground

PLANES = ("embedded", "real")


@pytest.fixture(scope="module")
def route(play: Playground, effort: Effort) -> Route:
    """All fields of the kind."""
    return Route("Automated", "BoxCustomApp", lambda: automated(play), effort, known_to(play))


class TestAutomated(Walks):
    """Begins with objects that are Ready."""
