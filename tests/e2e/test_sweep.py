"""The sweep over a cluster that has nothing in it yet."""

from playground import Cluster, Playground
from playground.output import until

ALSO_ON = ("embedded", "namespaced")
"""Pages come from each API server in its own way, and from one path for each namespace."""


def test_an_operator_with_nothing_to_watch_over_lives(cluster: Cluster) -> None:
    """No app, no Secret, no enterprise: the sweep finds nothing, again and again, and says nothing."""
    with Playground(cluster) as empty:
        empty.start_operator("--log-level=DEBUG", "--sweep-interval=200ms")
        start = cluster.audit_size()

        def swept() -> bool:
            empty.operator.check()
            asked = [entry for entry in cluster.audit(start) if "limit=500" in entry["requestURI"]]
            return len(asked) >= 12

        until(swept, 20, "four sweeps over three kinds")
        assert "ERROR" not in empty.logs()
