"""A cluster with a real node, on which the chart's own Deployment runs as pods."""

import contextlib
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from node import Node
from playground.chart import helm
from playground.cluster import NAMESPACE, Cluster
from playground.output import until
from playground.play import Playground

IMAGE = {"repository": "localhost/box-app-operator", "tag": "dev"}
RESTRICTED = {"pod-security.kubernetes.io/enforce": "restricted"}
DEPLOYMENT = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/box-app-operator"
PODS = f"/api/v1/namespaces/{NAMESPACE}/pods"
OPERATORS = "labelSelector=app.kubernetes.io/component%3Doperator"
ROLLOUT_SECONDS = 90.0
TABLE = "application/json;as=Table;g=meta.k8s.io;v=v1"
"""What kubectl asks for to print a list."""


class NodeCluster(Cluster):
    """A control plane with one node, whose pods have a network of their own.

    Attributes:
        node: that one.
    """

    def __init__(self, node: Node) -> None:
        super().__init__("a node", node.kubeconfig, node.audit_log)
        self.node = node
        self.network = node

    def pods(self) -> str:
        """What ``kubectl get pods -A`` prints."""
        table = self.client.get("/api/v1/pods", headers={"Accept": TABLE}).raise_for_status().json()
        shown = [number for number, column in enumerate(table["columnDefinitions"]) if column["priority"] == 0]
        titles = ["NAMESPACE", *(table["columnDefinitions"][number]["name"].upper() for number in shown)]
        rows = [
            [row["object"]["metadata"]["namespace"], *(str(row["cells"][number]) for number in shown)]
            for row in table["rows"]
        ]
        widths = [max(len(row[number]) for row in (titles, *rows)) for number in range(len(titles))]
        lines = (
            "   ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (titles, *rows)
        )
        return "\n".join(line.rstrip() for line in lines)

    def log_of(self, namespace: str, name: str, **query: str) -> str:
        """What a pod's container printed; empty as long as it does not run."""
        response = self.client.get(f"/api/v1/namespaces/{namespace}/pods/{name}/log", params=query)
        return response.text if response.is_success else ""


@contextlib.contextmanager
def node_cluster(say: Callable[[str], None]) -> Iterator[NodeCluster]:
    """A control plane with a real node. Raises ``controlplane.Unavailable`` when there is none to be had."""
    with Node.start(say) as node:
        cluster = NodeCluster(node)
        with cluster.client:
            cluster.name = f"kube-apiserver {cluster.get('/version')['gitVersion']} with a node"
            yield cluster


class Installed(Playground):
    """A Box in the node's network, and the operator as Helm installs it: as pods, under the restricted profile.

    Args:
        cluster: the one with the node.
        image: an archive with the image of the operator, called as ``IMAGE`` says.
        values: of the chart, beside the image.
        box_flags: of the sandbox.
    """

    cluster: NodeCluster

    def __init__(
        self, cluster: NodeCluster, image: Path, values: Mapping[str, Any], box_flags: tuple[str, ...] = ()
    ) -> None:
        super().__init__(cluster, box_flags)
        self._image = image
        self._values = values

    def _install(self) -> None:
        self.cluster.node.import_image(self._image)
        self.namespace(NAMESPACE, **RESTRICTED)
        helm.install({"image": IMAGE, **self._values}, self.cluster.kubeconfig)
        self.await_rollout()

    def upgrade(self, values: Mapping[str, Any], chart: Path = helm.CHART) -> None:
        """``helm upgrade``; returns when the old pods are gone, and the new ones are ready."""
        helm.upgrade({"image": IMAGE, **values}, self.cluster.kubeconfig, chart)
        self.await_rollout()

    def await_rollout(self) -> None:
        """Wait until exactly the pods that the Deployment asks for are there, and ready."""
        try:
            until(self._rolled_out, ROLLOUT_SECONDS, "the Deployment to be rolled out")
        except TimeoutError as error:
            raise TimeoutError(f"{error}\n{self.cluster.pods()}\n{self.logs()[-3000:]}") from None

    def _rolled_out(self) -> bool:
        deployment = self.cluster.get(DEPLOYMENT)
        wanted, status = deployment["spec"]["replicas"], deployment["status"]
        seen = status.get("observedGeneration") == deployment["metadata"]["generation"]
        counts = {status.get(name, 0) for name in ("replicas", "updatedReplicas", "availableReplicas")}
        return bool(seen and counts == {wanted} and len(self.operators()) == wanted)

    def operators(self) -> list[dict[str, Any]]:
        """The operator's pods."""
        return list(self.cluster.get(f"{PODS}?{OPERATORS}")["items"])

    def logs(self) -> str:
        """What the operator's pods printed since their last start."""
        return "".join(self.cluster.log_of(NAMESPACE, pod["metadata"]["name"]) for pod in self.operators())
