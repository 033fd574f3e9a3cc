"""tests/unit mirrors the package: every module is imported by a test of the folder that has the name of its own."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGE = ROOT / "operator" / "box_app_operator"
UNIT = ROOT / "tests" / "unit"
EXCEPTIONS = {
    "enterprise/protocols.py": "Protocols: mypy holds whoever has the methods to them",
    "modes/common/client.py": "likewise",
    "modes/common/rules.py": "likewise",
    "model/platform_view.py": "values without a method: there is nothing in it that could be wrong by itself",
}
"""Modules that no test needs to import, with the reasons."""


def imported_in(folder: Path) -> Iterator[str]:
    """The names of all modules that the files of a folder may import."""
    for path in folder.glob("*.py"):
        for node in ast.parse(path.read_text()).body:
            match node:
                case ast.Import(names):
                    yield from (alias.name for alias in names)
                case ast.ImportFrom(module=str(module), names=names):
                    yield from (module, *(f"{module}.{alias.name}" for alias in names))


def not_imported(package: Path, unit: Path) -> set[str]:
    """The modules that no test of their own folder imports."""
    missing = set()
    for room in {path.parent.relative_to(package) for path in package.rglob("*.py")}:
        prefix, known = ".".join((package.name, *room.parts)), set(imported_in(unit / room))
        modules = [path for path in (package / room).glob("*.py") if path.stem not in ("__init__", "__main__")]
        missing |= {(room / path.name).as_posix() for path in modules if f"{prefix}.{path.stem}" not in known}
    return missing


def test_every_module_is_imported_by_a_test_of_its_own_folder() -> None:
    """A module that nothing imports there is tested by chance, if at all. An exception that is none any more goes."""
    assert not_imported(PACKAGE, UNIT) == set(EXCEPTIONS)


def test_a_module_without_a_test_is_named(tmp_path: Path) -> None:
    """A test in another folder, or of another module, is not enough."""
    package, unit = tmp_path / "pack", tmp_path / "unit"
    for path, text in {
        package / "__init__.py": "",
        package / "room" / "held.py": "",
        package / "room" / "loose.py": "",
        unit / "room" / "test_held.py": "from pack.room import held",
        unit / "test_loose.py": "from pack.room.loose import anything",
    }.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)

    assert not_imported(package, unit) == {"room/loose.py"}
