"""``make install-demo`` on a node of its own: what it shows is what happened."""

import re
from pathlib import Path

from tests.install_story import play_install_demo

PLANES = ("node",)


def test_the_release_runs_as_pods_and_is_uninstalled(image: Path) -> None:
    """The Deployment's pod runs under the restricted profile and leads; the hook's Job runs as a pod, too."""
    told = play_install_demo("node")

    assert "The Deployment's pod runs on the node, with the restricted profile" in told
    assert re.search(r"box-app-operator +box-app-operator-\S+ +1/1 +Running", told)
