"""The Go programs beside these tests: built once from their modules, and kept where the control plane is kept."""

import fcntl
import json
import os
import shutil
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path

from controlplane.binaries import cache_folder

HERE = Path(__file__).parent
BUILD_SECONDS = 1800


class Unavailable(Exception):  # noqa: N818 - a state of the world, not a mistake
    """The program is not to be had here; the message says why."""


@dataclass(frozen=True)
class Program:
    """A program whose ``main.go`` is in the folder of its name.

    Attributes:
        module: what it is built from.
        version: of the module. Everything else follows from what that version requires.
        borrowed: files of the module that are put beside ``main.go``.
    """

    name: str
    module: str
    version: str
    borrowed: tuple[str, ...] = ()

    @property
    def cached(self) -> Path:
        """Where it is kept, once it was built."""
        return cache_folder().parents[1] / self.name / self.version / self.name

    def find_or_build(self) -> Path:
        """The program.

        Raises:
            Unavailable: it was never built here, and cannot be.
        """
        final = self.cached
        final.parent.mkdir(parents=True, exist_ok=True)
        with (final.parent / "lock").open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            if not os.access(final, os.X_OK) or self._is_older(final):
                self._build(final)
        return final

    def _is_older(self, built: Path) -> bool:
        """Was ``main.go`` changed since?"""
        return built.stat().st_mtime < (HERE / self.name / "main.go").stat().st_mtime

    def _build(self, final: Path) -> None:
        if shutil.which("go") is None:
            raise Unavailable("there is no `go` on PATH")
        with tempfile.TemporaryDirectory(prefix=f"{self.name}-", dir=final.parent) as name:
            folder = Path(name)
            shutil.copy(HERE / self.name / "main.go", folder)
            (folder / "go.mod").write_text(f"module {self.name}\n\nrequire {self.module} {self.version}\n")
            downloaded = json.loads(_go(folder, "mod", "download", "-json", f"{self.module}@{self.version}"))
            for file in self.borrowed:
                # Not copied with its mode: what Go downloads is read-only.
                (folder / Path(file).name).write_bytes((Path(downloaded["Dir"]) / file).read_bytes())
            _go(folder, "build", "-trimpath", "-ldflags", "-s -w", "-o", self.name, ".")
            (folder / self.name).rename(final)


def _go(folder: Path, *arguments: str) -> str:
    settings = {"GOFLAGS": "-mod=mod", "GOWORK": "off", "CGO_ENABLED": "0"}
    try:
        done = subprocess.run(
            ["go", *arguments],
            cwd=folder,
            env={**os.environ, **settings},
            capture_output=True,
            text=True,
            timeout=BUILD_SECONDS,
        )
    except subprocess.TimeoutExpired:
        raise Unavailable(f"go {arguments[0]} took longer than {BUILD_SECONDS} s") from None
    if done.returncode != 0:
        raise Unavailable(f"go {arguments[0]} failed: {' '.join(done.stderr.strip().splitlines()[-3:])}")
    return done.stdout


PROMTOOL = Program("promtool", "github.com/prometheus/prometheus", "v0.313.5", borrowed=("cmd/promtool/unittest.go",))
"""Prometheus 3.13, as far as it checks and tests rules."""
GRAFANA = Program("grafana", "github.com/grafana/grafana-foundation-sdk/go", "v0.0.22")
"""What Grafana knows of dashboards."""
