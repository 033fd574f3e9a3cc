"""Look at an image from inside it: ``python inside.py constraints.txt ROOT``, with the image's own Python.

It knows nothing but the standard library, for there is nothing else in an image. With ``/`` as ROOT it looks at a
container too: who it runs as, and what it could write. Every problem is a line, and any of them is exit code 1.
"""

import importlib
import importlib.util
import os
import pkgutil
import re
import sys
from collections.abc import Iterator
from importlib.metadata import Distribution, distributions
from pathlib import Path

OWN = "box-app-operator"
STRANGERS = re.compile(
    r"(pip|setuptools|wheel|pkg_resources|ensurepip|hatchling|_?pytest|mypy|ruff|boxsdk|box_sandbox|kube_sandbox|"
    r"box-sandbox|starlette|uvicorn)(\d[\d.]*)?([-.].*)?"
)
"""Names of folders and commands that belong to building, testing or playing Box."""

UNCHECKED = (1).to_bytes(4, "little")
"""What the second word of a bytecode file says when it is bound to its source by a hash that nobody checks."""

WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT


def find_unpinned(constraints: Path) -> Iterator[str]:
    """Every installed distribution has the version of constraints.txt."""
    pins = dict(re.findall(r"^([\w.-]+)==(\S+)$", constraints.read_text(), re.MULTILINE))
    pinned = {_normal(name): version for name, version in pins.items()}
    for each in distributions():
        name = _normal(each.name)
        if name != OWN and each.version != pinned.get(name):
            yield f"{name} {each.version} is installed, constraints.txt says {pinned.get(name)}"


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def find_lost_files() -> Iterator[str]:
    """What a distribution says that it installed is there: nothing was cut out behind its back."""
    for each in distributions():
        for file in each.files or ():
            if not Path(str(file.locate())).exists():
                yield f"{each.name} lacks {file}"


def find_strangers(root: Path) -> Iterator[str]:
    """No installer, no build tool, no test, no sandbox: neither beside the operator nor beside Python."""
    for home in (Path(sys.prefix), root / "usr" / "local"):
        for pattern in ("bin/*", "lib/python3*/*", "lib/python3*/site-packages/*"):
            yield from (f"{path} does not belong here" for path in home.glob(pattern) if STRANGERS.fullmatch(path.name))


def find_commands(own: Distribution) -> Iterator[str]:
    """The operator's own distribution has one command."""
    commands = [each.name for each in own.entry_points if each.group == "console_scripts"]
    if commands != [OWN]:
        yield f"{OWN} brings the commands {commands}"


def find_broken_imports() -> Iterator[str]:
    """Every module of the operator can be imported, and none opens a file to write on the way."""
    written: list[str] = []

    def watch(event: str, arguments: tuple[object, ...]) -> None:
        if event == "open" and isinstance(arguments[2], int) and arguments[2] & WRITING:
            written.append(str(arguments[0]))

    sys.addaudithook(watch)
    package = importlib.import_module("box_app_operator")
    for module in pkgutil.walk_packages(package.__path__, "box_app_operator."):
        try:
            importlib.import_module(module.name)
        except Exception as error:
            yield f"{module.name} cannot be imported: {error!r}"
    yield from (f"importing wrote {file}" for file in written if not file.startswith("/dev/"))


def find_slow_starts(homes: list[Path]) -> Iterator[str]:
    """Whatever was imported has bytecode that Python takes as it is: its source is not even looked at."""
    for name, module in sorted(sys.modules.items()):
        spec = getattr(module, "__spec__", None)
        if spec and spec.cached and any(Path(spec.cached).is_relative_to(home) for home in homes):
            compiled = Path(spec.cached)
            if not compiled.exists() or compiled.read_bytes()[4:8] != UNCHECKED:
                yield f"{name} has no bytecode that is taken unchecked"


def find_loose_ends_of_a_container() -> Iterator[str]:
    """It runs as the user that the chart expects, who can write nothing that the image brought."""
    if (os.getuid(), os.getgid()) != (65532, 65532):
        yield f"it runs as {os.getuid()}:{os.getgid()}"
    for folder in (Path(sys.prefix), Path("/usr/local")):
        yield from (f"{path} can be written" for path in folder.rglob("*") if os.access(path, os.W_OK))
    for folder in ("/", "/tmp"):
        if os.access(folder, os.W_OK):
            yield f"{folder} can be written: is the root file system read-only?"


def look(constraints: Path, root: Path) -> Iterator[str]:
    """Everything that is wrong."""
    yield from find_unpinned(constraints)
    yield from find_lost_files()
    yield from find_strangers(root)
    yield from find_commands(Distribution.from_name(OWN))
    yield from find_broken_imports()
    yield from find_slow_starts([Path(sys.prefix), root / "usr" / "local"])
    if root == Path("/"):
        yield from find_loose_ends_of_a_container()


if __name__ == "__main__":
    problems = list(look(Path(sys.argv[1]), Path(sys.argv[2])))
    sys.stdout.writelines(f"{problem}\n" for problem in problems)
    sys.exit(bool(problems))
