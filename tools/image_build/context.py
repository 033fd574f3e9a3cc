"""The build context: what .dockerignore lets through, by the rules that Docker documents for it."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path, PurePosixPath


class Ignore:
    """A .dockerignore. The last pattern that fits a path, or a folder above it, decides."""

    def __init__(self, text: str) -> None:
        """Read the patterns; blank lines and comments are none."""
        lines = [line.strip() for line in text.splitlines()]
        self._patterns = [_compile(line) for line in lines if line and not line.startswith("#")]

    def excludes(self, path: PurePosixPath) -> bool:
        """Is this path, relative to the context, left out?"""
        excluded = False
        for takes_back, pattern in self._patterns:
            if excluded == takes_back and any(pattern.fullmatch(str(place)) for place in (path, *path.parents)):
                excluded = not takes_back
        return excluded


def _compile(line: str) -> tuple[bool, re.Pattern[str]]:
    glob = line.removeprefix("!").strip("/")
    pattern = ""
    for part in re.split(r"(\*\*/|\*\*|\*|\?)", glob):
        pattern += {"**/": r"(?:.*/)?", "**": r".*", "*": r"[^/]*", "?": r"[^/]"}.get(part, re.escape(part))
    return line.startswith("!"), re.compile(pattern)


def list_context(source: Path, ignore: Ignore) -> Iterator[PurePosixPath]:
    """Every file of the context, relative to it."""
    for folder, folders, files in os.walk(source):
        here = PurePosixPath(Path(folder).relative_to(source).as_posix())
        # Only for speed: whatever .dockerignore says, nothing is copied out of these.
        folders[:] = [name for name in folders if name not in (".git", ".venv")]
        yield from (here / name for name in files if not ignore.excludes(here / name))


def copy_context(source: Path, target: Path) -> None:
    """Make the context that a build of ``source`` sees."""
    for path in list_context(source, Ignore((source / ".dockerignore").read_text())):
        (target / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / path, target / path)
