"""A walk over the schema of BoxCustomApp, on apps with client id and secret."""

import pytest
from tests.walk.conftest import Effort
from tests.walk.route import Route, Walks
from tests.walk.subjects import granted, known_to

from playground import Playground

PLANES = ("embedded", "real")


@pytest.fixture(scope="module")
def route(play: Playground, effort: Effort) -> Route:
    """Fields of a kind that another walk begins with."""
    return Route(
        "ClientCredentials", "BoxCustomApp", lambda: granted(play, "default"), effort, known_to(play), slice(1, None, 4)
    )


class TestClientCredentials(Walks):
    """Begins with objects that are Ready."""
