"""A node ends with whoever made it, and leaves nothing that the next one does not remove."""

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from controlplane.process import Process
from node.host import cgroups
from node.machine import remove_leftovers
from playground.output import await_line, until

PLANES = ("node",)
END_SECONDS = 30.0


@pytest.fixture
def maker(needs_node: None, tmp_path: Path) -> Iterator[Process]:
    """A process that keeps a node."""
    process = Process("the maker", (sys.executable, "-m", "node"), tmp_path / "maker.log", own_session=True)
    process.start()
    yield process
    process.stop()


def folder_of(maker: Process) -> Path:
    """The folder of a maker's node, once that is Ready."""
    line = await_line(maker, "export KUBECONFIG=")
    return Path(line.partition("=")[2].strip()).parent


def groups_of(folder: Path) -> list[Path]:
    """The cgroups of a node that are there."""
    roots = cgroups.hierarchies(cgroups.MOUNTS.read_text())
    return [group for root in roots if (group := root / f"{cgroups.PREFIX}{folder.name}").exists()]


def processes_of(folder: Path) -> list[int]:
    """The ids of all processes of a node, pods included."""
    return [pid for group in groups_of(folder) for pid in cgroups.processes(group)]


def test_a_node_whose_maker_is_killed_is_gone(maker: Process) -> None:
    """Every process ends at once, nothing is mounted any more; folder and cgroups go before another node starts."""
    folder = folder_of(maker)
    assert len(processes_of(folder)) > 6

    maker.kill()

    until(lambda: not processes_of(folder), END_SECONDS, "the node's processes to end")
    assert str(folder) not in Path("/proc/self/mounts").read_text()
    remove_leftovers()
    assert not folder.exists()
    assert groups_of(folder) == []


def test_a_node_that_is_told_to_stop_leaves_nothing(maker: Process) -> None:
    """Neither processes nor files; the machine has the links that it had."""
    links = subprocess.check_output(["ip", "-brief", "link"])
    folder = folder_of(maker)
    assert subprocess.check_output(["ip", "-brief", "link"]) == links

    maker.stop()

    assert maker.ended() == 0, maker.log.read_text()
    assert not folder.exists()
    assert groups_of(folder) == []
    assert processes_of(folder) == []
