"""The base image from Debian packages: laid out like Python's own slim image, as far as the Dockerfile can tell.

Debian has Python in /usr and keeps pip out of it. The Dockerfile expects both in /usr/local. So the packages are
installed as Debian does it, and Python is moved: it finds its library beside itself, wherever it is.
"""

import hashlib
import re
import shutil
import tempfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from image_build.buildah import Buildah
from image_build.machine import PIP_FILE, Unavailable, run

PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


@dataclass(frozen=True)
class Base:
    """Which base image is wanted."""

    python: str
    """Major and minor version, like ``3.13``."""

    suite: str
    """Debian's release, by its name."""

    @property
    def name(self) -> str:
        """What the image is called in Buildah's storage. It changes with this file: another recipe, another image."""
        recipe = hashlib.sha256(Path(__file__).read_bytes()).hexdigest()[:8]
        return f"localhost/python-from-debian:{self.python}-{self.suite}-{recipe}"


def parse_base(image: str) -> Base:
    """The Debian packages that stand for an image like ``docker.io/library/python:3.13-slim-trixie``.

    Raises:
        ValueError: it is no slim image of Python on Debian.
    """
    found = re.fullmatch(r"\S*/python:(3\.\d+)-slim-(\w+)", image)
    if found is None:
        raise ValueError(f"{image}: no Debian packages are known that could stand for this image")
    return Base(found[1], found[2])


def make_base(buildah: Buildah, base: Base, say: Callable[[str], None]) -> None:
    """Make the base image in the storage.

    Raises:
        Unavailable: Debian's packages cannot be had.
        RuntimeError: they are not what is expected.
    """
    say(f"Making a base image from Debian's packages: Python {base.python}, {base.suite}. Once, about a minute.")
    with tempfile.TemporaryDirectory(prefix="image-base-") as name:
        root = Path(name) / "root"
        install_packages(root, base)
        move_python(root, base.python)
        install_pip(root)
        clean(root)
        archive = Path(name) / "root.tar"
        run(["tar", "--directory", root, "--exclude", "./dev/*", "--create", "--file", archive, "."])
        shutil.rmtree(root)
        _commit(buildah, archive, base.name)


def install_packages(root: Path, base: Base) -> None:
    """Fill ``root`` with Debian's essential packages and Python. The slim image has no manuals either."""
    include = f"python{base.python},python{base.python}-venv,ca-certificates,netbase,tzdata"
    unwanted = [f"--dpkgopt=path-exclude=/usr/share/{name}/*" for name in ("doc", "man", "locale")]
    command = [
        *("mmdebstrap", "--quiet", "--mode=root", "--format=directory", "--variant=essential"),
        *(f"--include={include}", *unwanted, "--dpkgopt=force-unsafe-io", base.suite, str(root)),
    ]
    try:
        run(command, LC_ALL="C.UTF-8")
    except RuntimeError as error:
        raise Unavailable(f"no base image: {error}") from None


def move_python(root: Path, version: str) -> None:
    """Move Python from /usr to /usr/local, and take Debian's own ways from it.

    Debian puts what is installed by hand into other folders than Python does (``dist-packages``), and forbids pip to
    touch it. A link makes the two one folder, because the module that looks there is compiled into Python.
    """
    bin_, library = root / "usr/local/bin", root / "usr/local/lib" / f"python{version}"
    shutil.rmtree(library, ignore_errors=True)
    shutil.move(root / "usr/lib" / f"python{version}", library)
    shutil.move(root / "usr/bin" / f"python{version}", bin_)
    for name in ("python", "python3"):
        (bin_ / name).symlink_to(f"python{version}")
    for path in (
        *(root / "usr/bin").glob(f"py*{version}"),
        library / "EXTERNALLY-MANAGED",
        library / "sitecustomize.py",
    ):
        path.unlink()
    (library / "site-packages").mkdir()
    (library / "dist-packages").symlink_to("site-packages")
    _replace(library / "sysconfig" / "__init__.py", "prefix_scheme = 'posix_local'", "prefix_scheme = 'posix_prefix'")


def _replace(file: Path, old: str, new: str) -> None:
    text = file.read_text()
    if text.count(old) != 1:
        raise RuntimeError(f"{file}: {old!r} is not there once: Debian's Python is not what it was")
    file.write_text(text.replace(old, new))


def install_pip(root: Path) -> None:
    """Install pip from the wheel that Debian has for virtual environments."""
    (wheel,) = (root / "usr/share/python-wheels").glob("pip-*.whl")
    inside = f"/{wheel.relative_to(root)}"
    environment = ("env", "--ignore-environment", f"PATH={PATH}", f"PYTHONPATH={inside}")
    pip = (
        "python",
        "-m",
        "pip",
        "install",
        "--no-index",
        "--no-compile",
        "--no-cache-dir",
        "--root-user-action=ignore",
    )
    run(["chroot", root, *environment, *pip, inside])
    shutil.rmtree(wheel.parent)


def clean(root: Path) -> None:
    """Remove bytecode, which the slim image lacks too, and make a place for pip's settings."""
    for folder in [*(root / "usr").rglob("__pycache__")]:
        shutil.rmtree(folder)
    # While a step runs, the machine's way to its package index stands here.
    (root / PIP_FILE.lstrip("/")).touch()


def _commit(buildah: Buildah, archive: Path, name: str) -> None:
    container = buildah("from", "scratch")
    buildah("add", "--quiet", container, archive, "/")
    buildah("config", "--env", f"PATH={PATH}", "--cmd", "python3", container)
    buildah("commit", "--quiet", "--rm", container, name)
