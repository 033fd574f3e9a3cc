"""Helm's own library in its own process: ``python -m playground.chart.helm``, with the order as JSON on its input.

Its threads take every signal that the main thread holds back, and hand it to Python at once: whoever loads it can hold
back Ctrl-C no more.
"""

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

from playground.cluster import ACCOUNT, NAMESPACE, ROOT
from playground.output import STOPPING, interrupts_held

CHART = ROOT / "charts" / "box-app-operator"
SECONDS = 300
NOT_SERVED = "ensure CRDs are installed first"


class HelmFailed(Exception):  # noqa: N818 - an answer, not a mistake
    """Helm ended with an error; the message is Helm's."""


def render(values: dict[str, Any]) -> dict[str, str]:
    """The chart's templates, rendered: texts by the path of the template."""
    return dict(json.loads(_order({"do": "render", "values": values})))


def install(values: dict[str, Any], kubeconfig: Path) -> None:
    """``helm install --create-namespace``, and an upgrade where the chart's README asks for one. Raises HelmFailed."""
    try:
        _order({"do": "install", "values": values, "kubeconfig": str(kubeconfig)})
    except HelmFailed as error:
        # Without --wait, which needs nodes, the hook may come before a busy API server serves its kind.
        if NOT_SERVED not in str(error):
            raise
        upgrade(values, kubeconfig)


def upgrade(values: dict[str, Any], kubeconfig: Path, chart: Path = CHART) -> None:
    """``helm upgrade --reset-values``, to this chart or another one. Raises HelmFailed."""
    _order({"do": "upgrade", "values": values, "kubeconfig": str(kubeconfig), "chart": str(chart)})


def uninstall(kubeconfig: Path) -> None:
    """``helm uninstall``. Raises HelmFailed."""
    _order({"do": "uninstall", "kubeconfig": str(kubeconfig)})


def _order(order: dict[str, Any]) -> str:
    command = [sys.executable, "-m", "playground.chart.helm"]
    with interrupts_held(*STOPPING):
        done = subprocess.run(
            command, input=json.dumps(order), capture_output=True, text=True, timeout=2 * SECONDS, check=False
        )
    if done.returncode:
        raise HelmFailed(done.stderr.strip())
    return done.stdout


def main() -> None:
    """Obey one order."""
    from helm_python import Chart, Config, HelmError

    order = json.load(sys.stdin)
    try:
        if order["do"] == "render":
            with Chart.load(CHART) as chart:
                print(json.dumps(chart.render(order["values"], name=ACCOUNT, namespace=NAMESPACE)))
            return
        with Config(kubeconfig_path=order["kubeconfig"], namespace=NAMESPACE) as helm:
            if order["do"] == "install":
                place: dict[str, Any] = {"namespace": NAMESPACE, "create_namespace": True}
                helm.install(CHART, ACCOUNT, order["values"], timeout=SECONDS, **place)
            elif order["do"] == "upgrade":
                chart, values = order["chart"], order["values"]
                helm.upgrade(chart, ACCOUNT, values, namespace=NAMESPACE, timeout=SECONDS, reset_values=True)
            else:
                helm.uninstall(ACCOUNT, timeout=SECONDS)
    except HelmError as error:
        sys.exit(str(error))


if __name__ == "__main__":
    main()
