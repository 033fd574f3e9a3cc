"""A node as tests and demo see it: made, reached from outside, and removed with all that belongs to it."""

import contextlib
import fcntl
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import yaml

import controlplane
from controlplane import Unavailable
from controlplane.process import Process
from node.host import binaries, cgroups
from node.host.archive import write_archive
from node.host.requirements import missing
from node.layout import API_PORT, BRIDGE_ADDRESS, PAUSE_IMAGE, SERVICE_ADDRESS, Layout

PREFIX = "box-node-"
START_SECONDS = 180.0
CTR_SECONDS = 180.0
POLL_SECONDS = 0.05
NAMESPACES = ("--net", "--mount", "--pid", "--ipc", "--fork", "--kill-child", "--mount-proc")


class Node:
    """A running node, with its control plane.

    Attributes:
        kubeconfig: of a cluster admin, good outside of the node's network.
        audit_log: as that of ``controlplane.ControlPlane``.
        address: what pods reach that listens in the node's network.
    """

    address = BRIDGE_ADDRESS

    def __init__(self, folder: Path) -> None:
        self._layout = Layout(folder)
        self._doors: list[Process] = []
        self.kubeconfig = folder / "kubeconfig"
        self.audit_log = self._layout.plane / "audit.log"
        command = ("unshare", *NAMESPACES, sys.executable, "-m", "node.inside.init", str(folder))
        self._process = Process("the node", command, self._layout.log("node"), own_session=True)

    @classmethod
    @contextlib.contextmanager
    def start(cls, say: Callable[[str], None]) -> "Iterator[Node]":
        """A node that is Ready, and is removed afterwards.

        Raises:
            Unavailable: this machine cannot have one; the message names every reason.
            RuntimeError: it can, and a part ended early.
        """
        reasons = missing()
        if reasons:
            raise Unavailable(f"A node needs what this machine lacks: {'; '.join(reasons)}")
        programs = _programs(say)
        remove_leftovers()
        folder = Path(tempfile.mkdtemp(prefix=PREFIX))
        node = cls(folder)
        with node._layout.lock.open("w") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            try:
                node._start(programs)
                yield node
            finally:
                node._stop()

    def _start(self, programs: Path) -> None:
        write_archive(self._layout.pause, PAUSE_IMAGE, {"/pause": programs / binaries.PAUSE}, ["/pause"])
        self._process.start()
        self._await(self._layout.ready.exists, "to be ready")
        (port,) = self.forward(f"{SERVICE_ADDRESS}:{API_PORT}")
        config = yaml.safe_load((self._layout.plane / "kubeconfig").read_text())
        config["clusters"][0]["cluster"]["server"] = f"https://localhost:{port}"
        self.kubeconfig.touch(mode=0o600)
        self.kubeconfig.write_text(yaml.safe_dump(config))

    def _await(self, look: Callable[[], Any], what: str) -> None:
        deadline = time.monotonic() + START_SECONDS
        while not look():
            self._process.check()
            if time.monotonic() > deadline:
                raise RuntimeError(f"the node is not {what} after {START_SECONDS:.0f} s")
            time.sleep(POLL_SECONDS)

    @property
    def _first(self) -> int | None:
        """The node's first process, as it is numbered outside."""
        pid = self._process.pid
        with contextlib.suppress(OSError, ValueError):
            return int(Path(f"/proc/{pid}/task/{pid}/children").read_text().split()[0])
        return None

    def inside(self, *command: str) -> tuple[str, ...]:
        """A command that runs another one in the node's network, and with this machine's files and processes."""
        return ("nsenter", f"--net=/proc/{self._first}/ns/net", *command)

    def forward(self, *targets: str) -> list[int]:
        """Ports of 127.0.0.1 that lead to addresses, with ports, in the node's network."""
        log = self._layout.log(f"door-{len(self._doors)}")
        door = Process(
            "a door", (sys.executable, "-m", "node.inside.forward", str(self._first), *targets), log, own_session=True
        )
        self._doors.append(door)
        door.start()

        def ports() -> list[int]:
            door.check()
            lines = log.read_text().splitlines()
            return [int(port) for line in lines if line.startswith("ports ") for port in line.split()[1:]]

        self._await(ports, "reached")
        return ports()

    def import_image(self, archive: Path) -> None:
        """Have an image, from an archive of ``docker save`` or an OCI layout.

        Raises:
            RuntimeError: containerd refused it.
        """
        self._ctr("images", "import", str(archive))

    def kill_container(self, container: str) -> None:
        """Kill the first process of a container.

        Args:
            container: its id, as a pod's status has it.

        Raises:
            RuntimeError: containerd knows no such container.
        """
        self._ctr("tasks", "kill", "--signal=SIGKILL", container.removeprefix("containerd://"))

    def _ctr(self, *arguments: str) -> None:
        command = ("ctr", f"--address={self._layout.socket}", "--namespace=k8s.io", *arguments)
        done = subprocess.run(command, capture_output=True, text=True, timeout=CTR_SECONDS, check=False)
        if done.returncode:
            raise RuntimeError(f"ctr {' '.join(arguments)} failed: {done.stderr.strip()}")

    def _stop(self) -> None:
        for door in self._doors:
            door.kill()
        first = self._first
        if first is not None:
            # The kernel ends all other processes of the node before this one is gone, and unshare waits for it.
            os.kill(first, signal.SIGKILL)
        self._process.stop()
        _remove(self._layout.folder)


def _programs(say: Callable[[str], None]) -> Path:
    plane = controlplane.find_or_build(say)
    if not (plane / "kube-controller-manager").exists():
        raise Unavailable(f"{plane} has no kube-controller-manager, without which no Deployment has pods")
    return binaries.find_or_build(say)


def remove_leftovers() -> None:
    """Remove what nodes left whose makers were killed. Their processes ended with them."""
    for folder in Path(tempfile.gettempdir()).glob(f"{PREFIX}*"):
        lock = Layout(folder).lock
        if not lock.exists():
            continue
        with lock.open("w") as file, contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _remove(folder)


def _remove(folder: Path) -> None:
    cgroups.remove(folder.name)
    shutil.rmtree(folder, ignore_errors=True)
