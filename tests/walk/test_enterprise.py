"""A walk over the schema of BoxEnterprise, on enterprises of apps that live."""

from tests.walk.route import Walks, route_of
from tests.walk.subjects import enterprise

PLANES = ("embedded", "real")
route = route_of("BoxEnterprise", "BoxEnterprise", enterprise)


class TestBoxEnterprise(Walks):
    """Begins with objects that are Ready."""
