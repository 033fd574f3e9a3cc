"""What a node is configured with, and what this machine lacks for one. No root, no node."""

import fcntl
import hashlib
import json
import tarfile
import tempfile
import tomllib
from pathlib import Path

import pytest
import yaml

from node.host import requirements
from node.host.archive import write_archive
from node.host.cgroups import hierarchies
from node.inside.configuration import containerd_text, kubelet_text, network_text
from node.layout import PAUSE_IMAGE, Layout
from node.machine import PREFIX, remove_leftovers

LAYOUT = Layout(Path("/tmp/box-node-x"))


def test_containerds_configuration_is_toml() -> None:
    """With the paths of this node, also when one has a quote in it."""
    text = containerd_text(Layout(Path('/tmp/a "b"')), Path("/usr/lib/cni"))

    config = tomllib.loads(text)
    assert config["root"] == '/tmp/a "b"/images'
    plugin = config["plugins"]["io.containerd.grpc.v1.cri"]
    assert plugin["sandbox_image"] == PAUSE_IMAGE
    assert plugin["cni"] == {"bin_dir": "/usr/lib/cni", "conf_dir": '/tmp/a "b"/networks'}


def test_the_kubelet_keeps_its_periods() -> None:
    """A delay that is measured on a node that is told to hurry says nothing about other nodes."""
    config = yaml.safe_load(kubelet_text(LAYOUT))

    assert not [name for name in config if name.endswith(("Frequency", "Period", "Strategy"))]


def test_the_kubelet_changes_no_sysctl() -> None:
    """They are those of the whole machine."""
    assert yaml.safe_load(kubelet_text(LAYOUT))["protectKernelDefaults"] is True


def test_pods_get_addresses_of_the_bridge() -> None:
    """And no second default route, which the plugin refuses."""
    (plugin,) = json.loads(network_text(LAYOUT))["plugins"]

    assert plugin["isDefaultGateway"] is True
    assert "routes" not in plugin["ipam"]
    assert plugin["ipam"]["ranges"] == [[{"subnet": "10.88.0.0/16"}]]


def test_an_archive_is_an_image(tmp_path: Path) -> None:
    """One layer, whose hash the configuration names."""
    program = tmp_path / "program"
    program.write_bytes(b"binary")

    write_archive(tmp_path / "image.tar", "localhost/x:dev", {"/program": program}, ["/program"])

    with tarfile.open(tmp_path / "image.tar") as archive:
        files = {member.name: archive.extractfile(member).read() for member in archive}  # type: ignore[union-attr]
    (manifest,) = json.loads(files["manifest.json"])
    config = json.loads(files[manifest["Config"]])
    assert manifest["RepoTags"] == ["localhost/x:dev"]
    assert config["config"]["Entrypoint"] == ["/program"]
    layer = files[manifest["Layers"][0]]
    assert config["rootfs"]["diff_ids"] == [f"sha256:{hashlib.sha256(layer).hexdigest()}"]


def test_hierarchies_of_both_versions_are_found() -> None:
    """And no other file system."""
    mounts = (
        "cgroup /sys/fs/cgroup/cpu cgroup rw 0 0\ncgroup2 /sys/fs/cgroup/unified cgroup2 rw 0 0\nproc /proc proc rw 0 0"
    )

    assert list(hierarchies(mounts)) == [Path("/sys/fs/cgroup/cpu"), Path("/sys/fs/cgroup/unified")]


def test_what_is_missing_is_named_by_its_debian_package(monkeypatch: pytest.MonkeyPatch) -> None:
    """All of it at once."""
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(requirements, "PLUGIN_FOLDERS", (Path("/nowhere"),))

    said = "; ".join(requirements.missing())

    for word in ("containerd, containernetworking-plugins, iproute2, mount, runc, util-linux", "`go`"):
        assert word in said


def test_only_what_nobody_holds_is_a_leftover(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A node of another run on this machine stays as it is."""
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    mine, others, starting = (tmp_path / f"{PREFIX}{name}" for name in ("mine", "others", "starting"))
    for folder in (mine, others, starting):
        folder.mkdir()
    Layout(mine).lock.touch()

    with Layout(others).lock.open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        remove_leftovers()

    assert not mine.exists()
    assert others.exists()
    assert starting.exists()
