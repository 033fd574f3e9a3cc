"""A cgroup of the node's own in every hierarchy, in which all its processes and pods are."""

import contextlib
import os
import signal
import time
from collections.abc import Iterator
from pathlib import Path

PREFIX = "box-app-operator-"
MOUNTS = Path("/proc/self/mounts")
CPUSETS = ("cpuset.cpus", "cpuset.mems")
SHARES = {"cpu.shares": 8192, "cpu.weight": 800}
"""A part of a busy machine that is fair for a node's processes and pods together: eight times that of one process."""
REMOVE_SECONDS = 10.0
POLL_SECONDS = 0.05


def hierarchies(mounts: str) -> Iterator[Path]:
    """The root of every hierarchy of cgroups, of either version, in the text of ``/proc/self/mounts``."""
    for line in mounts.splitlines():
        _, point, kind, *_ = line.split()
        if kind in ("cgroup", "cgroup2"):
            yield Path(point)


def join(name: str) -> None:
    """Put this process, and all that it will start, into cgroups of this name, which are made.

    With version 2 runc puts a container beside the cgroup of its caller, because a cgroup that has children with
    controllers may hold no processes: hence the level below. With version 1 it puts it below.
    """
    for root in hierarchies(MOUNTS.read_text()):
        group = root / f"{PREFIX}{name}"
        inner = group / "processes"
        _make(group)
        _make(inner)
        for file, value in SHARES.items():
            if (group / file).exists():
                (group / file).write_text(str(value))
        (inner / "cgroup.procs").write_text("0")


def _make(group: Path) -> None:
    group.mkdir(exist_ok=True)
    for file in CPUSETS:
        # Empty in a new cgroup of version 1, which lets no process in.
        if (group.parent / file).exists():
            (group / file).write_text((group.parent / file).read_text())


def remove(name: str) -> None:
    """End whatever still runs in the cgroups of this name, and remove them. What the kernel still needs is left."""
    for root in hierarchies(MOUNTS.read_text()):
        group = root / f"{PREFIX}{name}"
        deadline = time.monotonic() + REMOVE_SECONDS
        while group.exists() and time.monotonic() < deadline:
            for pid in processes(group):
                with contextlib.suppress(ProcessLookupError):
                    os.kill(pid, signal.SIGKILL)
            _remove_tree(group)
            if group.exists():
                time.sleep(POLL_SECONDS)


def processes(group: Path) -> list[int]:
    """The ids of all processes in a cgroup and below."""
    found = []
    for file in group.rglob("cgroup.procs"):
        with contextlib.suppress(FileNotFoundError):
            # 0 is what is seen of processes in another PID namespace; to kill it means oneself.
            found += [int(line) for line in file.read_text().split() if line != "0"]
    return found


def _remove_tree(group: Path) -> None:
    for child in group.iterdir():
        if child.is_dir():
            _remove_tree(child)
    # A process that was killed may still be leaving.
    with contextlib.suppress(OSError):
        group.rmdir()
