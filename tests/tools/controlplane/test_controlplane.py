"""Getting a control plane: the go.mod that builds one, and the archive that is downloaded. No network, no Go."""

import hashlib
import io
import platform
import tarfile
from pathlib import Path
from typing import Any

import pytest

from controlplane.build import go_mod
from controlplane.download import pick, unpack

KUBERNETES = """\
// This is a generated file. Do not edit directly.

module k8s.io/kubernetes

go 1.25.0

godebug default=go1.25

require (
\tgithub.com/google/uuid v1.6.0
\tgo.etcd.io/etcd/client/pkg/v3 v3.6.4
\tgo.etcd.io/etcd/client/v3 v3.6.5
\tk8s.io/api v0.0.0
\tk8s.io/klog/v2 v2.130.1
)

replace (
\tk8s.io/api => ./staging/src/k8s.io/api
\tk8s.io/apimachinery => ./staging/src/k8s.io/apimachinery
\tk8s.io/other => ../elsewhere
)

replace k8s.io/kubelet => ./staging/src/k8s.io/kubelet
"""


def test_staging_modules_are_replaced_by_their_published_versions() -> None:
    """v0.X.Y for Kubernetes v1.X.Y; other replacements and requirements are left to Go."""
    written = go_mod(KUBERNETES, "v1.35.2")

    assert "\ngo 1.25.0\n" in written
    assert "\tk8s.io/kubernetes v1.35.2\n" in written
    assert "\tgo.etcd.io/etcd/server/v3 v3.6.5\n" in written
    replaced = [line.strip() for line in written.partition("replace (")[2].splitlines() if "=>" in line]
    assert replaced[:2] == ["k8s.io/api => k8s.io/api v0.35.2", "k8s.io/apimachinery => k8s.io/apimachinery v0.35.2"]
    assert "staging" not in written
    assert "elsewhere" not in written
    assert "klog" not in written


@pytest.mark.parametrize("cut", ["=> ./staging", "go.etcd.io/etcd/client/v3", "\ngo 1.25.0"])
def test_a_go_mod_that_reads_differently_is_refused(cut: str) -> None:
    """Better no control plane than a puzzling message from Go."""
    with pytest.raises(RuntimeError, match=r"k8s\.io/kubernetes v1\.35\.2 reads differently"):
        go_mod(KUBERNETES.replace(cut, "\ngone"), "v1.35.2")


ARCH = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
NAME = f"envtest-{{}}-{platform.system().lower()}-{ARCH}.tar.gz"


def index(*versions: str) -> dict[str, Any]:
    """A made-up index with these releases."""
    return {
        "releases": {
            version: {
                NAME.format(version): {"hash": "h", "selfLink": f"http://127.0.0.1/{version}"},
                f"envtest-{version}-plan9-mips.tar.gz": {"hash": "h", "selfLink": "http://127.0.0.1/wrong"},
            }
            for version in versions
        }
    }


def test_the_newest_patch_release_of_the_minor_version_is_picked() -> None:
    """By number and not by text, for this machine, and no pre-release."""
    found = pick(index("v1.35.2", "v1.35.10", "v1.35.11-rc.0", "v1.36.0", "v1.3.9"), "v1.35.0")

    assert found["selfLink"] == "http://127.0.0.1/v1.35.10"


@pytest.mark.parametrize(
    "releases", [{}, {"releases": {}}, index("v1.36.0"), {"releases": {"v1.35.0": {"x-plan9-mips.tar.gz": {}}}}]
)
def test_no_fitting_release_is_told(releases: dict[str, Any]) -> None:
    """The message says which minor version and which machine."""
    with pytest.raises(RuntimeError, match=rf"no envtest release v1\.35\.x for .*{ARCH}"):
        pick(releases, "v1.35.0")


def archive(**files: bytes) -> bytes:
    """A tar archive with these files; two underscores stand for a slash."""
    pending = io.BytesIO()
    with tarfile.open(fileobj=pending, mode="w:gz") as tar:
        for name, content in files.items():
            member = tarfile.TarInfo(name.replace("__", "/").replace("UP", ".."))
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    return pending.getvalue()


def test_an_archive_is_unpacked_flat_and_executable(tmp_path: Path) -> None:
    """The binaries lie in a folder of the archive."""
    content = archive(controller_tools__envtest__etcd=b"e", controller_tools__envtest__kube_apiserver=b"k")
    unpack(content, hashlib.sha512(content).hexdigest(), tmp_path)

    assert {path.name: path.read_bytes() for path in tmp_path.iterdir()} == {"etcd": b"e", "kube_apiserver": b"k"}
    assert all(path.stat().st_mode & 0o777 == 0o755 for path in tmp_path.iterdir())


@pytest.mark.parametrize("checksum", ["", "0" * 128])
def test_a_wrong_checksum_unpacks_nothing(tmp_path: Path, checksum: str) -> None:
    """What was not checked is not run."""
    with pytest.raises(RuntimeError, match="checksum is wrong"):
        unpack(archive(etcd=b"e"), checksum, tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["UP__UP__evil", "__etc__evil", "a__UP__UP__UP__evil"])
def test_no_name_in_an_archive_leads_out_of_the_folder(tmp_path: Path, name: str) -> None:
    """Only the last part of a name counts."""
    target = tmp_path / "in" / "here"
    target.mkdir(parents=True)
    content = archive(**{name: b"x"})
    unpack(content, hashlib.sha512(content).hexdigest(), target)

    assert [path.relative_to(tmp_path).as_posix() for path in tmp_path.rglob("*") if path.is_file()] == ["in/here/evil"]


def test_links_and_folders_in_an_archive_are_left_out(tmp_path: Path) -> None:
    """A link could point anywhere."""
    pending = io.BytesIO()
    with tarfile.open(fileobj=pending, mode="w:gz") as tar:
        link = tarfile.TarInfo("etcd")
        link.type, link.linkname = tarfile.SYMTYPE, "/bin/sh"
        tar.addfile(link)
        folder = tarfile.TarInfo("folder")
        folder.type = tarfile.DIRTYPE
        tar.addfile(folder)
    content = pending.getvalue()
    unpack(content, hashlib.sha512(content).hexdigest(), tmp_path)

    assert list(tmp_path.iterdir()) == []
