"""What ``make install-demo`` plays on: a real node with pods, or processes in the clothes of pods.

Both install the same chart with Helm, and both have the chart's own Job let the release go.
"""

import contextlib
import os
import re
import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Protocol

import httpx

import image_build
from controlplane import Unavailable
from node.host.requirements import missing
from playground import Cluster, real_cluster
from playground.box import Box
from playground.chart import helm
from playground.chart.helm import HelmFailed
from playground.chart.release import Release
from playground.cluster import NAMESPACE
from playground.clusters.node import IMAGE, RESTRICTED, Installed, NodeCluster, node_cluster
from playground.output import await_line, until

Say = Callable[[str], None]
CHOICES = ("", "node", "real")
SECONDS = 60.0
LOOK_SECONDS = 0.2
METRICS_PORT = 8080
JOB_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app.kubernetes.io%2Fcomponent%3Duninstall"


class Ground(Protocol):
    """A cluster, a Box, and something that runs the pods of a release."""

    box: Box

    @property
    def cluster(self) -> Cluster:
        """Seen with the rights of an admin."""
        ...

    def values(self) -> dict[str, Any]:
        """Values of the chart that this machine asks for."""
        ...

    def install(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """``helm install``; returns what the release consists of."""
        ...

    def start(self, say: Say) -> None:
        """See to it that the operator's pods run, and say how."""
        ...

    def metrics(self) -> tuple[str, str]:
        """An address that can be opened while the demo runs, and what ``/metrics`` answers there."""
        ...

    def uninstall(self) -> str:
        """``helm uninstall``; returns what the chart's Job said. Raises HelmFailed with the same."""
        ...


@contextlib.contextmanager
def choose_ground(say: Say, folder: Path) -> Iterator[Ground]:
    """A node wherever this machine can have one, unless ``CLUSTER=real`` asks for none.

    Raises:
        Unavailable: there is no control plane; or no node, and ``CLUSTER=node`` asks for it.
    """
    choice = os.environ.get("CLUSTER", "")
    if choice not in CHOICES:
        raise Unavailable(f"CLUSTER={choice}: this demo knows node and real; leave it out for the best of the two")
    reasons = [] if choice == "real" else [*missing(), *filter(None, [image_build.why_unavailable()])]
    if reasons and choice == "node":
        raise Unavailable(f"There is no node: {'; '.join(reasons)}")
    if reasons:
        say(f"There is no node to be had ({'; '.join(reasons)}), so that processes in a pod's clothes play the pods")
    with _played_pods(say, folder) if reasons or choice == "real" else _real_pods(say) as ground:
        yield ground


@contextlib.contextmanager
def _played_pods(say: Say, folder: Path) -> Iterator[Ground]:
    with real_cluster(say) as cluster:
        ground = PlayedPods(cluster, folder)
        try:
            ground.box.start()
            yield ground
        finally:
            ground.release.stop_pods()
            ground.box.stop()


@contextlib.contextmanager
def _real_pods(say: Say) -> Iterator[Ground]:
    image = image_build.build_image(say)
    with node_cluster(say) as cluster, RealPods(cluster, image.archive, {}) as ground:
        yield ground


class PlayedPods:
    """Processes in the clothes of pods, on a control plane without nodes."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self.cluster = cluster
        self.box = Box(folder)
        self.release = Release(cluster, folder)

    def values(self) -> dict[str, Any]:
        """Pods have addresses of their own, and processes share this machine's."""
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            return {"settings": {"healthAddress": f"127.0.0.1:{probe.getsockname()[1]}"}}

    def install(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """``helm install``."""
        return self.release.install(values)

    def start(self, say: Say) -> None:
        """Start what a node would."""
        self.release.start_pods()
        leader = await_line(self.release.pods[0], "Acquired Lease").split()[-1]
        say(f"A process in the clothes of the Deployment's pod, with its service account, leads as {leader}")

    def metrics(self) -> tuple[str, str]:
        """Those of the only process."""
        port = re.findall(r"Probes are on port (\d+)", self.release.pods[0].log.read_text())[-1]
        url = f"http://127.0.0.1:{port}/metrics"
        return url, httpx.get(url).raise_for_status().text

    def uninstall(self) -> str:
        """``helm uninstall``, with the Job's pod played as well."""
        return self.release.uninstall()


class RealPods(Installed):
    """Pods on a node, in namespaces with the restricted profile; installed when the story comes to it."""

    def _install(self) -> None:
        """Nothing yet but the image."""
        self.cluster.node.import_image(self._image)

    def values(self) -> dict[str, Any]:
        """The image that was built here."""
        return {"image": IMAGE}

    def install(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """``helm install``, into a namespace in which only restricted pods are allowed."""
        self.namespace(NAMESPACE, **RESTRICTED)
        return Release(self.cluster, self.folder).install(values)

    def start(self, say: Say) -> None:
        """The Deployment does it; wait until it is done."""
        self.await_rollout()
        leader = until(lambda: re.findall(r"Acquired Lease .* as (\S+)", self.logs()), SECONDS, "a pod to lead")[-1]
        say(f"The Deployment's pod runs on the node, with the restricted profile, and leads as {leader}")
        say(f"kubectl get pods -A\n{self.cluster.pods()}")

    def metrics(self) -> tuple[str, str]:
        """Those of the first pod, through a door into the node's network."""
        address = self.operators()[0]["status"]["podIP"]
        (port,) = self.cluster.node.forward(f"{address}:{METRICS_PORT}")
        url = f"http://127.0.0.1:{port}/metrics"
        return url, httpx.get(url).raise_for_status().text

    def uninstall(self) -> str:
        """``helm uninstall``: the hook's Job runs as a pod, which goes with it when it succeeds."""
        said: dict[str, str] = {}
        done = threading.Event()
        listener = threading.Thread(target=_listen, args=(self.cluster, said, done))
        listener.start()
        try:
            helm.uninstall(self.cluster.kubeconfig)
        except HelmFailed as error:
            raise HelmFailed(_last(said) or str(error)) from None
        finally:
            done.set()
            listener.join()
        return _last(said)


def _listen(cluster: NodeCluster, said: dict[str, str], done: threading.Event) -> None:
    """Keep what the Job's pods print: a Job that did well is gone before it could be asked."""
    while not done.wait(LOOK_SECONDS):
        for pod in (cluster.get(JOB_PODS) or {"items": []})["items"]:
            name = pod["metadata"]["name"]
            said[name] = cluster.log_of(NAMESPACE, name) or said.get(name, "")


def _last(said: Mapping[str, str]) -> str:
    return list(said.values())[-1] if said else ""
