"""The imitation of Kubernetes in ``sandbox/kube_sandbox``."""

import contextlib
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

from controlplane.process import Process
from playground.cluster import Cluster
from playground.output import await_line, launch


@contextlib.contextmanager
def embedded_cluster(port: int = 0) -> Iterator[Cluster]:
    """The embedded imitation, in a process of its own."""
    with tempfile.TemporaryDirectory(prefix="kube-sandbox-") as name:
        folder = Path(name)
        kubeconfig, audit = folder / "kubeconfig", folder / "audit.log"
        flags = ("serve", "--port", str(port), "--kubeconfig", str(kubeconfig), "--audit-log", str(audit))
        process = Process("kube_sandbox", (sys.executable, "-m", "kube_sandbox", *flags), folder / "kube_sandbox.log")
        try:
            launch(process)
            await_line(process, "http://")
            cluster = Cluster("embedded", kubeconfig, audit)
            with cluster.client:
                yield cluster
        finally:
            process.stop()
