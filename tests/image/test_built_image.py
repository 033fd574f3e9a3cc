"""What the Dockerfile's commands leave behind, followed on this machine without Docker."""

import hashlib
import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

from tests.image.conftest import Built

from image_build.dockerfile import Dockerfile

INSIDE = Path(__file__).with_name("inside.py")


def read_tree(root: Path) -> dict[str, str]:
    """Every file below a folder with its mode and a hash of what it holds; a link with where it leads."""
    return {str(path.relative_to(root)): _describe(path) for path in root.rglob("*")}


def _describe(path: Path) -> str:
    if path.is_symlink():
        return f"-> {path.readlink()}"
    content = hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
    return f"{path.stat().st_mode:o} {content}"


def run_inside(built: Built, *command: str) -> subprocess.CompletedProcess[str]:
    """Run a command as a container would: with the image's variables and nothing else, in its root."""
    found = shutil.which(command[0], path=built.environment["PATH"])
    assert found, f"{command[0]} is not on the PATH of the image"
    return subprocess.run(
        [found, *command[1:]], cwd=built.root, env=built.environment, capture_output=True, text=True, timeout=120
    )


def test_the_operator_says_its_version(built: Built, dockerfile: Dockerfile) -> None:
    """The entry point is there and runs on what the image has, and says the version of the project."""
    (entrypoint,) = dockerfile.stages[-1].all("ENTRYPOINT")

    done = run_inside(built, *json.loads(entrypoint), "--version")

    version = re.search(r'^version = "(.+)"$', (built.context / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    assert done.stdout == f"box-app-operator, version {version[1]}\n", done.stderr


def test_the_help_shows_every_flag(built: Built) -> None:
    """What the image's operator offers is what its sources offer."""
    sources = subprocess.run(
        [sys.executable, "-m", "box_app_operator", "run", "--help"],
        cwd=built.context / "operator",
        capture_output=True,
        text=True,
        check=True,
    )

    done = run_inside(built, "box-app-operator", "run", "--help")

    assert "--log-format" in done.stdout, done.stderr
    assert done.stdout == sources.stdout


def test_nothing_is_amiss_inside(built: Built) -> None:
    """Pinned versions, all files, no installer, no test, no sandbox, bytecode, and imports that write nothing."""
    done = run_inside(built, "python", str(INSIDE), str(built.context / "constraints.txt"), str(built.root))

    assert done.returncode == 0, done.stdout + done.stderr


def test_a_start_gets_as_far_as_the_cluster_and_writes_nothing(built: Built, dockerfile: Dockerfile) -> None:
    """The image's own command without any setting, on a root file system that could be read-only: it misses a cluster
    and nothing else."""
    before = read_tree(built.root)
    (entrypoint,), (command,) = dockerfile.stages[-1].all("ENTRYPOINT"), dockerfile.stages[-1].all("CMD")

    done = run_inside(built, *json.loads(entrypoint), *json.loads(command))

    assert done.returncode == 1, done.stdout + done.stderr
    assert "No way to Kubernetes" in done.stderr
    assert read_tree(built.root) == before


def test_the_same_sources_give_the_same_bytes(built: Built, dockerfile: Dockerfile) -> None:
    """A second build from nothing differs from the first in no file, mode or link of what is copied into the image."""
    (copied,) = (text.split()[1].lstrip("/") for text in dockerfile.stages[-1].all("COPY"))
    first = read_tree(built.root / copied)
    built.workshop.put_aside("final")

    built.workshop.follow(dockerfile.stage("builder"))

    second = read_tree(built.root / copied)
    built.workshop.put_aside("second")
    built.workshop.bring_back("final")
    assert len(second) > 1000
    assert second == first
