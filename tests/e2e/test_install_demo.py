"""``make install-demo`` without a node: what it shows is what happened."""

import pytest
from tests.e2e.commands import call
from tests.install_story import play_install_demo

from playground import Cluster
from playground.chart.pod import why_no_pods

PLANES = ("real",)


def test_the_chart_is_installed_used_and_uninstalled(cluster: Cluster) -> None:
    """Helm installs, an app becomes Ready, an uninstall is refused while it is there, and then nothing is left."""
    reason = why_no_pods()
    if reason:
        pytest.skip(reason)

    told = play_install_demo("real")

    assert "A process in the clothes of the Deployment's pod" in told
    assert "kubeconfig" not in told


def test_a_cluster_that_it_does_not_know_is_one_line() -> None:
    """Nothing is started for a word that means nothing here."""
    done = call("demo.install", CLUSTER="current")

    assert done.returncode == 1
    assert "CLUSTER=current: this demo knows node and real" in done.stdout
    assert "Traceback" not in done.stderr
