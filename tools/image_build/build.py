"""Build the image with Buildah, and keep the archive for as long as nothing changes that goes into it."""

import fcntl
import hashlib
import os
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from image_build.base import Base, make_base, parse_base
from image_build.buildah import Buildah
from image_build.context import Ignore, list_context
from image_build.differences import list_differences
from image_build.dockerfile import parse_dockerfile
from image_build.machine import Unavailable, cache_folder, why_unavailable, write_index_files

REPOSITORY = Path(__file__).parents[2]
TAG = "localhost/box-app-operator:dev"
MAX_ARCHIVES = 3
"""How many archives are kept. One has 240 MB."""


@dataclass(frozen=True)
class Image:
    """An image that was built."""

    archive: Path
    """A Docker archive, not compressed: what ``ctr images import`` and ``docker load`` take."""

    tag: str
    """Its name, as it stands in the archive."""

    differences: tuple[str, ...]
    """What differs from the image that a release builds from the same Dockerfile."""


def build_image(say: Callable[[str], None], tag: str = TAG, repository: Path = REPOSITORY) -> Image:
    """Build what the Dockerfile says from the files of a checkout, or find it built already.

    The archive is the cache's: link or copy it to keep it.

    Raises:
        Unavailable: this machine cannot build it.
        RuntimeError: a step failed.
    """
    reason = why_unavailable()
    if reason is not None:
        raise Unavailable(reason)
    base = parse_base(parse_dockerfile((repository / "Dockerfile").read_text()).arguments["PYTHON_IMAGE"])
    with _locked(cache_folder()) as folder:
        archive = folder / "archives" / f"{hash_inputs(repository, base, tag)}.tar"
        if archive.exists():
            os.utime(archive)
        else:
            _build(folder, repository, base, tag, archive, say)
            remove_old(archive.parent)
    return Image(archive, tag, tuple(list_differences(base)))


@contextmanager
def _locked(folder: Path) -> Iterator[Path]:
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield folder


def hash_inputs(repository: Path, base: Base, tag: str) -> str:
    """A hash of all that goes into an image: the Dockerfile, the build context, the base and the name."""
    digest = hashlib.sha256(f"{base.name} {tag}".encode())
    ignore = Ignore((repository / ".dockerignore").read_text())
    for path in (Path("Dockerfile"), *sorted(list_context(repository, ignore))):
        content = (repository / path).read_bytes()
        digest.update(f"\0{path}\0{len(content)}\0".encode() + content)
    return digest.hexdigest()[:16]


def remove_old(folder: Path) -> None:
    """Keep the archives that were used last."""
    archives = sorted(folder.glob("*.tar"), key=lambda path: path.stat().st_mtime)
    for path in archives[:-MAX_ARCHIVES]:
        path.unlink()


def _build(folder: Path, repository: Path, base: Base, tag: str, archive: Path, say: Callable[[str], None]) -> None:
    buildah = Buildah(folder / "buildah")
    buildah.remove_leftovers()
    if not buildah.has_image(base.name):
        make_base(buildah, base, say)
    say(f"Building {tag} by the steps of the Dockerfile, about 20 seconds.")
    follow_dockerfile(buildah, repository, base, tag, write_index_files(folder))
    partial = archive.with_suffix(".partial")
    archive.parent.mkdir(exist_ok=True)
    partial.unlink(missing_ok=True)
    buildah("push", "--quiet", tag, f"docker-archive:{partial}:{tag}")
    buildah("rmi", "--force", tag)
    partial.rename(archive)


def follow_dockerfile(buildah: Buildah, repository: Path, base: Base, tag: str, mounts: dict[Path, str]) -> None:
    """Follow the Dockerfile as it stands, with another base image: that is what its build argument is for."""
    volumes = [f"--volume={source}:{target}:ro" for source, target in mounts.items()]
    # Steps run in a chroot and on the network of this machine: they are the project's own. Whole stages are committed
    # instead of every step, for nothing is gained from steps that are kept when the archive is.
    buildah(
        *("bud", "--isolation=chroot", "--network=host", "--pull-never", "--layers=false", "--format=docker"),
        *(f"--build-arg=PYTHON_IMAGE={base.name}", *volumes, f"--tag={tag}", str(repository)),
    )


def export(image: Image, output: Path) -> None:
    """Put the archive where it is wanted; a link, where that can be."""
    output.unlink(missing_ok=True)
    try:
        os.link(image.archive, output)
    except OSError:
        shutil.copyfile(image.archive, output)
