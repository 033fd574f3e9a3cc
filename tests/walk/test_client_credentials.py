"""A walk over the schema of BoxCustomApp, on apps with client id and secret."""

from tests.walk.route import Walks, route_of
from tests.walk.subjects import granted

PLANES = ("embedded", "real")
route = route_of("ClientCredentials", "BoxCustomApp", granted)


class TestClientCredentials(Walks):
    """Begins with objects that are Ready."""
