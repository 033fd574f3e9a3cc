"""A walk over the schema of BoxEnterprise, on enterprises of apps that live."""

import pytest
from tests.walk.conftest import Effort
from tests.walk.route import Route, Walks
from tests.walk.subjects import enterprise, known_to

from playground import Playground

PLANES = ("embedded", "real")


@pytest.fixture(scope="module")
def route(play: Playground, effort: Effort) -> Route:
    """All fields of the kind."""
    return Route("BoxEnterprise", "BoxEnterprise", lambda: enterprise(play), effort, known_to(play))


class TestBoxEnterprise(Walks):
    """Begins with objects that are Ready."""
