"""kubelet, kube-scheduler and the pause program: found in the cache, or built from the control plane's own modules.

They are built apart from the control plane, and only where a node is wanted: who cannot have one does not pay for it.
"""

import fcntl
import os
import shutil
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path

from controlplane import Unavailable
from controlplane.binaries import VERSION, cache_folder
from controlplane.build import build_packages

PACKAGES = {
    "kubelet": "k8s.io/kubernetes/cmd/kubelet",
    "kube-scheduler": "k8s.io/kubernetes/cmd/kube-scheduler",
}
PAUSE = "pause"
PAUSE_SOURCE = """\
// Command pause holds the namespaces of a pod, and is the first process in them.
package main

import (
	"os"
	"os/signal"
	"syscall"
)

func main() {
	ends := make(chan os.Signal, 1)
	signal.Notify(ends, syscall.SIGINT, syscall.SIGTERM)
	<-ends
}
"""


def node_cache() -> Path:
    """Where the binaries are kept, per version of Kubernetes."""
    return cache_folder().parents[1] / "node" / VERSION


def find_or_build(say: Callable[[str], None]) -> Path:
    """The folder with all binaries; they are built when they are not there, whole or not at all.

    Raises:
        Unavailable: there is no Go, or it failed.
    """
    final = node_cache()
    final.parent.mkdir(parents=True, exist_ok=True)
    with (final.parent / f"{VERSION}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _complete(final):
            try:
                _fill(final, say)
            except (OSError, RuntimeError) as error:
                raise Unavailable(f"building kubelet and kube-scheduler: {error}") from None
    return final


def _complete(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in (*PACKAGES, PAUSE))


def _fill(final: Path, say: Callable[[str], None]) -> None:
    partial = final.with_suffix(f".partial{os.getpid()}")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir()
    try:
        say(f"Building kubelet and kube-scheduler {VERSION}: about a minute beside a warm Go cache, only this once.")
        build_packages(PACKAGES, partial, VERSION, say)
        _build_pause(partial / PAUSE)
        shutil.rmtree(final, ignore_errors=True)
        partial.rename(final)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _build_pause(target: Path) -> None:
    with tempfile.TemporaryDirectory(prefix="pause-build-") as folder:
        source = Path(folder) / "pause.go"
        source.write_text(PAUSE_SOURCE)
        command = ("go", "build", "-trimpath", "-ldflags=-s -w", "-o", str(target), str(source))
        environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": ""}
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"go build of pause failed: {done.stderr.strip()[-300:]}")
