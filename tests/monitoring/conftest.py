"""Prometheus' own judgement of rules and expressions, and Grafana's of dashboards, wherever they are to be had."""

import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.monitoring.programs import GRAFANA, PROMTOOL, Program, Unavailable

Verdict = Callable[..., str]
"""Runs a program with these arguments; returns what it complains of, nothing when all is well."""


def _program(program: Program) -> Path:
    try:
        return program.find_or_build()
    except Unavailable as error:
        if os.environ.get("CI") and shutil.which("go"):
            raise
        pytest.skip(f"{program.name} was not asked: {error}")


def _verdict(path: str | Path) -> Verdict:
    def ask(*arguments: str | Path) -> str:
        done = subprocess.run([path, *arguments], capture_output=True, text=True, timeout=300)
        return (done.stderr or done.stdout) if done.returncode != 0 else ""

    return ask


@pytest.fixture(scope="session")
def promtool() -> Verdict:
    """The one on PATH; otherwise its part that knows rules, built once, which takes a minute or two."""
    return _verdict(shutil.which("promtool") or _program(PROMTOOL))


@pytest.fixture(scope="session")
def grafana() -> Verdict:
    """Reads dashboards as Grafana's schema has them; built once, which takes half a minute."""
    return _verdict(_program(GRAFANA))
