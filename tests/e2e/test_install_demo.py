"""``make install-demo``: what it shows is what happened."""

from __future__ import annotations

import re
import subprocess
import sys

from playground import Cluster

PLANES = ("real",)


def test_the_chart_is_installed_used_and_uninstalled(cluster: Cluster) -> None:
    """Helm installs, an app becomes Ready, an uninstall is refused while it is there, and then nothing is left."""
    done = subprocess.run(
        [sys.executable, "-m", "demo.install"],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )

    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    told = [
        "1 Deployment",
        "The admin approves 'Acme Invoices'",
        "Secret 'invoices-box-token' holds the token",
        r'box_app_operator_apps{reason="Ready",status="True",type="Ready"} 1.0',
        "BoxCustomApps that still need the operator: 1",
        "No BoxCustomApp needs the operator any more",
        "Nothing was left that only the operator could let go",
    ]
    places = [done.stdout.find(line) for line in told]
    assert -1 not in places, [line for line, place in zip(told, places, strict=True) if place == -1]
    assert places == sorted(places)
    assert not re.search(r"\b[A-Za-z0-9]{32}\b", done.stdout + done.stderr)
