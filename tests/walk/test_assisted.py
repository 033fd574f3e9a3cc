"""A walk over the schema of BoxCustomApp, on apps that people made by hand and whose keys they handed over."""

import pytest
from tests.e2e.people import FLAGS
from tests.walk.conftest import Effort
from tests.walk.route import Route, Walks
from tests.walk.subjects import assisted, known_to

from playground import Playground

PLANES = ("embedded", "real")
BOX_FLAGS = FLAGS
ENTERPRISE = {"console": {"mode": "Assisted"}, "resyncInterval": "1h"}
"""Nobody looks at Box again while a walk is under way, unless an edit is a reason to."""


@pytest.fixture(scope="module")
def route(play: Playground, effort: Effort) -> Route:
    """Fields of a kind that another walk begins with."""
    return Route("Assisted", "BoxCustomApp", lambda: assisted(play), effort, known_to(play), first=False)


class TestAssisted(Walks):
    """Begins with objects that are Ready."""
