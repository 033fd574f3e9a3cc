"""The plane ``node``: a real kubelet, on which the chart's own Deployment runs from the operator's own image."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest
from tests.planes import NODE, ran, wanted

from image_build import build_image, why_unavailable
from node import Unavailable
from node.requirements import missing
from playground.node import Installed, NodeCluster, node_cluster


def _say(text: str) -> None:
    sys.__stderr__.write(f"{text}\n") if sys.__stderr__ else None


def _skip(reason: str) -> NoReturn:
    ran[NODE] = f"did not run. {reason}"
    if os.environ.get("CLUSTER") == NODE:
        pytest.fail(reason)
    pytest.skip("there is no node; the last lines of the run say why")


@pytest.fixture(scope="session")
def image() -> Path:
    """An archive with the operator's image, built by the steps of the Dockerfile."""
    if NODE not in wanted():
        pytest.skip("CLUSTER asks for another control plane")
    reasons = [*missing(), *filter(None, [why_unavailable()])]
    if reasons:
        _skip(f"This machine lacks what a node needs: {'; '.join(reasons)}")
    return build_image(_say).archive


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
