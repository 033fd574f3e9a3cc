"""The real kstatus, built from its Go module where Go is at hand."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

SOURCE = Path(__file__).parent / "kstatus"
Original = Callable[[list[Any]], list[dict[str, str]]]


def _go(*arguments: str) -> subprocess.CompletedProcess[str]:
    settings = {"GOFLAGS": "-mod=readonly", "GOWORK": "off", "CGO_ENABLED": "0"}
    return subprocess.run(
        ["go", *arguments], cwd=SOURCE, env={**os.environ, **settings}, capture_output=True, text=True, timeout=900
    )


@pytest.fixture(scope="session")
def original(tmp_path_factory: pytest.TempPathFactory) -> Original:
    """Asks kstatus itself about objects. The first build on a machine takes a minute or two, later ones a second."""
    if shutil.which("go") is None:
        pytest.skip("go is not on PATH: the real kstatus was not asked")
    fetched = _go("mod", "download")
    if fetched.returncode != 0 and not os.environ.get("CI"):
        pytest.skip(f"the modules of kstatus cannot be had: {fetched.stderr[-300:]}")
    assert fetched.returncode == 0, fetched.stderr
    program = tmp_path_factory.mktemp("kstatus") / "kstatus"
    built = _go("build", "-o", str(program), ".")
    assert built.returncode == 0, built.stderr

    def ask(bodies: list[Any]) -> list[dict[str, str]]:
        lines = "".join(json.dumps(body) + "\n" for body in bodies)
        done = subprocess.run([program], input=lines, capture_output=True, text=True, timeout=300)
        assert done.returncode == 0, done.stderr
        return [json.loads(line) for line in done.stdout.splitlines()]

    return ask
