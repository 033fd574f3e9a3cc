"""Follow a Dockerfile without Docker: a folder plays the root of the file system, a virtual environment the base image.

Absolute paths in commands and variables are moved into that folder. Every stage has the same folder as its root while
it runs, as in Docker, where every stage has the same ``/``: what is installed knows its own place.
"""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from image_build.dockerfile import Dockerfile, Stage, expand, parse_argument, parse_pairs

FOLDERS = ("build", "opt", "root", "usr/local")
"""What the Dockerfile may touch. The rest of the machine is the machine's."""

SYSTEM_PATH = "/usr/bin:/bin"


class Workshop:
    """Where a Dockerfile is followed: ``root`` is ``/`` of the stage at hand, and finished stages stand beside it."""

    def __init__(self, folder: Path, context: Path, file: Dockerfile) -> None:
        """``folder`` is empty and used by nobody else; ``context`` is the build context."""
        self.root = folder / "root"
        self._folder = folder
        self._context = context
        self._file = file
        self._variables: dict[str, dict[str, str]] = {}
        self._make_base()

    def _make_base(self) -> None:
        """What the base image brings, as far as it matters here: Python and pip in /usr/local."""
        subprocess.run([sys.executable, "-m", "venv", self.root / "usr" / "local"], check=True)
        self.put_aside("image")

    def follow(self, stage: Stage) -> dict[str, str]:
        """Follow the stages that this one begins with, then itself; leaves it at ``root``.

        Returns:
            What ENV set, with paths moved.
        """
        known = {each.name: each for each in self._file.stages if each.name}
        if stage.source in known:
            variables = dict(self.follow(known[stage.source]))
        else:
            shutil.copytree(self._folder / "image", self.root, symlinks=True)
            variables = {"PATH": f"{self.root}/usr/local/bin:{SYSTEM_PATH}"}
        return _Run(self, stage, variables).follow()

    def put_aside(self, name: str) -> Path:
        """Put the stage at ``root`` aside under a name, for COPY --from. That takes, and does not copy."""
        self.root.rename(self._folder / name)
        return self._folder / name

    def bring_back(self, name: str) -> None:
        """Put a stage back to ``root``."""
        (self._folder / name).rename(self.root)

    def source(self, name: str) -> Path:
        """Where COPY takes from: the context, or a stage put aside."""
        return self._folder / name if name else self._context

    def move(self, text: str) -> str:
        """The same text with its absolute paths inside ``root``."""
        if text == "/":
            return str(self.root)
        return re.sub(rf"(?<![\w./])/(?=(?:{'|'.join(FOLDERS)})(?![\w.-]))", f"{self.root}/", text)


class _Run:
    """One stage, instruction by instruction."""

    def __init__(self, workshop: Workshop, stage: Stage, environment: dict[str, str]) -> None:
        self._workshop = workshop
        self._stage = stage
        self._environment = environment
        self._arguments: dict[str, str] = {}
        self._here = workshop.root

    def follow(self) -> dict[str, str]:
        doing = {"ARG": self._arg, "ENV": self._env, "WORKDIR": self._workdir, "COPY": self._copy, "RUN": self._run}
        for each in self._stage.instructions:
            if each.word in doing:
                doing[each.word](each.rest)
        return self._environment

    def _arg(self, text: str) -> None:
        self._arguments.update(parse_argument(text))

    def _env(self, text: str) -> None:
        for name, value in parse_pairs(text).items():
            # Moved first: what a variable holds was moved when it was set.
            self._environment[name] = expand(self._workshop.move(value), self._arguments | self._environment)

    def _workdir(self, text: str) -> None:
        self._here = self._workshop.root / text.lstrip("/")
        self._here.mkdir(parents=True, exist_ok=True)

    def _copy(self, text: str) -> None:
        origin = re.match(r"--from=(\w+) ", text)
        *names, target = text.removeprefix(origin[0] if origin else "").split()
        source = self._workshop.source(origin[1] if origin else "")
        place = self._workshop.root / target.lstrip("/") if target.startswith("/") else self._here / target
        for name in names:
            path = source / name.lstrip("/")
            if origin:
                place.parent.mkdir(parents=True, exist_ok=True)
                path.rename(place)
            elif path.is_dir():
                shutil.copytree(path, place, symlinks=True, dirs_exist_ok=True)
            else:
                shutil.copy(path, place / path.name if target.endswith("/") else place)

    def _run(self, text: str) -> None:
        command = self._workshop.move(re.sub(r"^(\s*--mount=\S+)+", "", text).strip())
        self._refuse_strays(command)
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            cwd=self._here,
            env=_machine() | self._arguments | self._environment,
            capture_output=True,
            text=True,
        )
        assert done.returncode == 0, f"RUN {text}\n{done.stdout}\n{done.stderr}"

    def _refuse_strays(self, command: str) -> None:
        """The command runs on this machine: it may name no place outside the workshop."""
        paths = re.findall(r"(?<![\w.*/}])/\w[\w./*-]*", command)
        strays = [path for path in paths if not path.startswith(str(self._workshop.root))]
        assert not strays, f"{command}: what is to become of {strays}?"


def _machine() -> dict[str, str]:
    """How this machine reaches its package index, and nothing that changes what Python does."""
    return {name: value for name, value in os.environ.items() if not name.startswith(("PYTHON", "VIRTUAL_ENV"))}
