"""Buildah with a storage of its own, so that it neither sees nor changes the images of this machine."""

from pathlib import Path

from image_build.machine import run


class Buildah:
    """One storage. Only one process may use it at a time."""

    def __init__(self, folder: Path) -> None:
        """``folder`` holds the storage; it is made when it is not there."""
        self._folder = folder
        self._folder.mkdir(parents=True, exist_ok=True)
        self._driver = self._choose_driver()

    def __call__(self, *arguments: str | Path) -> str:
        """Run one of its commands, and return what it wrote.

        Raises:
            RuntimeError: it failed; the message has its last lines.
        """
        # Below TMPDIR it keeps what RUN --mount=type=cache asks for, and work in progress.
        temporary = self._folder / "tmp"
        temporary.mkdir(exist_ok=True)
        return run(["buildah", *self._options(self._driver), *arguments], TMPDIR=str(temporary)).strip()

    def _options(self, driver: str) -> list[str]:
        return [
            *("--root", str(self._folder / driver), "--runroot", str(self._folder / "run")),
            *("--storage-driver", driver),
        ]

    def _choose_driver(self) -> str:
        """Overlay where the kernel and the file system allow it; else whole copies, which are slower."""
        try:
            run(["buildah", *self._options("overlay"), "info"])
        except RuntimeError:
            return "vfs"
        return "overlay"

    def has_image(self, name: str) -> bool:
        """Is there an image of that name?"""
        return bool(self("images", "--quiet", "--filter", f"reference={name}"))

    def remove_leftovers(self) -> None:
        """Remove what a build left behind that did not end by itself."""
        self("rm", "--all")
        self("rmi", "--prune", "--force")
