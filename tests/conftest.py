"""The last lines of a run say which control planes it was on, whichever worker saw them."""

from __future__ import annotations

import shutil
from typing import Any

import pytest
from tests.planes import PLANES, ran, wanted


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands over what became of its control planes."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["ran"] = ran


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over from a worker."""
    ran.update(getattr(node, "workeroutput", {}).get("ran", {}))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    """Say which control planes ran, and why one did not."""
    terminalreporter.section("control planes")
    for plane in PLANES:
        reason = "no test needed it" if plane in wanted() else "CLUSTER asks for the other one"
        terminalreporter.write_line(f"{plane}: {ran.get(plane, f'did not run: {reason}')}")
    if shutil.which("kubectl") is None:
        terminalreporter.write_line("kubectl: not on PATH, so that what it shows was not tested")
