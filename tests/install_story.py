"""What ``make install-demo`` must tell, on whatever it plays."""

import os
import re
import subprocess
import sys

TOLD = [
    "1 Deployment",
    "The admin approves 'Acme Invoices'",
    "Secret 'invoices-box-token' holds the token",
    r'box_app_operator_apps{reason="Ready",status="True",type="Ready"} 1.0',
    "BoxCustomApps that still need the operator: 1",
    "No BoxCustomApp needs the operator any more",
    "Nothing was left that only the operator could let go",
]
SECONDS = 900


def play_install_demo(choice: str) -> str:
    """Play it on what ``CLUSTER`` chooses; returns what it printed.

    Raises:
        AssertionError: it ended badly, left out a line of ``TOLD``, told them in another order, or told a token.
    """
    done = subprocess.run(
        [sys.executable, "-m", "demo.install"],
        env={**os.environ, "CLUSTER": choice},
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=SECONDS,
        check=False,
    )
    assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
    places = [done.stdout.find(line) for line in TOLD]
    assert -1 not in places, [line for line, place in zip(TOLD, places, strict=True) if place == -1]
    assert places == sorted(places)
    assert not re.search(r"\b[A-Za-z0-9]{32}\b", done.stdout + done.stderr)
    return done.stdout
