"""A walk over the schema of BoxCustomApp, on apps that the operator registers."""

from tests.walk.route import Walks, route_of
from tests.walk.subjects import automated

PLANES = ("embedded", "real")
route = route_of("Automated", "BoxCustomApp", automated)


class TestAutomated(Walks):
    """Begins with objects that are Ready."""
