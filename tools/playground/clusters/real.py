"""A real control plane: etcd and kube-apiserver, as processes on this machine."""

import contextlib
from collections.abc import Callable, Iterator

from controlplane import ControlPlane, find_or_build
from playground.cluster import Cluster
from playground.output import interrupts_held


@contextlib.contextmanager
def real_cluster(say: Callable[[str], None]) -> Iterator[Cluster]:
    """A real control plane. Raises ``controlplane.Unavailable`` when there is none to be had."""
    # Apart from the start, because it can take minutes, in which Ctrl-C must be heard.
    find_or_build(say)
    with interrupts_held():
        plane = ControlPlane.start(say)
    with plane:
        cluster = Cluster(f"kube-apiserver {plane.version}", plane.kubeconfig, plane.audit_log, plane)
        with cluster.client:
            yield cluster
