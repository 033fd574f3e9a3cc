"""A walk over the schema of BoxCustomApp, on apps that people made by hand and whose keys they handed over."""

from tests.e2e.people import FLAGS
from tests.walk.route import Walks, route_of
from tests.walk.subjects import assisted

PLANES = ("embedded", "real")
BOX_FLAGS = FLAGS
ENTERPRISE = {"console": {"mode": "Assisted"}, "resyncInterval": "1h"}
"""Nobody looks at Box again while a walk is under way, unless an edit is a reason to."""
route = route_of("Assisted", "BoxCustomApp", assisted, first=False)


class TestAssisted(Walks):
    """Begins with objects that are Ready."""
