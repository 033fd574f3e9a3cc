"""The plane ``node``: a real kubelet, on which the chart's own Deployment runs from the operator's own image."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from tests.planes import NODE, ran, wanted

from image_build import build_image, why_unavailable
from image_build.build import export
from node import Unavailable
from node.host.requirements import missing
from playground.clusters.node import Installed, NodeCluster, node_cluster


def _say(text: str) -> None:
    sys.__stderr__.write(f"{text}\n") if sys.__stderr__ else None


def _skip(reason: str) -> NoReturn:
    ran[NODE] = f"did not run. {reason}"
    if os.environ.get("CLUSTER") == NODE:
        pytest.fail(reason)
    pytest.skip("there is no node; the last lines of the run say why")


@pytest.fixture(scope="session")
def needs_node() -> None:
    """Skip where there can be no node."""
    if NODE not in wanted():
        pytest.skip("CLUSTER asks for another control plane")
    reasons = [*missing(), *filter(None, [why_unavailable()])]
    if reasons:
        _skip(f"This machine lacks what a node needs: {'; '.join(reasons)}")


@pytest.fixture(scope="session")
def image(needs_node: None, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """An archive with the operator's image, built by the steps of the Dockerfile."""
    archive = tmp_path_factory.mktemp("image") / "image.tar"
    # The cache keeps few, and another checkout's run may take this one's place.
    export(build_image(_say), archive)
    return archive


@pytest.fixture(scope="session")
def cluster(image: Path) -> Iterator[NodeCluster]:
    """A control plane with a node, for the whole run. Where all that it needs is there it must start."""
    try:
        with node_cluster(_say) as cluster:
            ran[NODE] = f"ran ({cluster.name})"
            yield cluster
    except Unavailable as error:
        if os.environ.get("CI"):
            raise
        _skip(str(error))


@pytest.fixture(scope="module")
def installed(cluster: NodeCluster, image: Path) -> Iterator[Installed]:
    """The chart with its defaults, and the enterprise "default"."""
    with Installed(cluster, image, {}, ("--rate-limit", "100000")) as play:
        play.enterprise()
        yield play
