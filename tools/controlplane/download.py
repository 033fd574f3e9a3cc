"""Downloading the binaries that setup-envtest uses, with their checksums checked."""

import hashlib
import io
import platform
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import yaml

INDEX = "https://raw.githubusercontent.com/kubernetes-sigs/controller-tools/HEAD/envtest-releases.yaml"
CONNECT_SECONDS = 10.0


def download(target: Path, version: str, say: Callable[[str], None]) -> None:
    """Download the binaries of the newest patch release of this minor version into ``target``.

    Raises:
        RuntimeError: no network, no such release, or a wrong checksum.
    """
    try:
        with httpx.Client(follow_redirects=True, timeout=httpx.Timeout(60.0, connect=CONNECT_SECONDS)) as client:
            archive = pick(yaml.safe_load(client.get(INDEX).raise_for_status().text), version)
            say(f"Downloading {archive['selfLink']}")
            content = client.get(archive["selfLink"]).raise_for_status().content
    except httpx.HTTPError as error:
        raise RuntimeError(f"{type(error).__name__}: {error}") from None
    unpack(content, archive["hash"], target)


def pick(index: dict[str, Any], version: str) -> dict[str, str]:
    """The newest archive of this minor version for this machine.

    Raises:
        RuntimeError: there is none.
    """
    minor = version.rsplit(".", 1)[0] + "."
    arch = {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())
    suffix = f"-{platform.system().lower()}-{arch}.tar.gz"
    releases = [name for name in index.get("releases", {}) if name.startswith(minor) and "-" not in name]
    for release in sorted(releases, key=lambda name: int(name.rsplit(".", 1)[1]), reverse=True):
        for name, archive in index["releases"][release].items():
            if name.endswith(suffix):
                return dict(archive)
    raise RuntimeError(f"there is no envtest release {minor}x for {suffix}")


def unpack(content: bytes, checksum: str, target: Path) -> None:
    """Unpack an archive whose SHA-512 is ``checksum``.

    Raises:
        RuntimeError: it is not.
    """
    if hashlib.sha512(content).hexdigest() != checksum:
        raise RuntimeError("the archive's checksum is wrong")
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        for member in archive.getmembers():
            source = archive.extractfile(member) if member.isfile() else None
            if source is not None:
                path = target / Path(member.name).name
                path.write_bytes(source.read())
                path.chmod(0o755)
