"""The rooms: how big each is, who imports whom, and in which order they lie on top of each other."""

import graphlib
import tomllib
from collections import Counter, defaultdict
from dataclasses import dataclass
from pathlib import Path

from house.source import Package, imports_of


@dataclass(frozen=True, slots=True)
class Room:
    """A folder. ``name`` is empty for what lies directly in the package."""

    name: str
    modules: int
    lines: int


def rooms_of(package: Package) -> list[Room]:
    """All folders with modules of their own."""
    modules: Counter[str] = Counter()
    lines: Counter[str] = Counter()
    for module in package.own:
        modules[module.folder] += 1
        lines[module.folder] += module.lines
    return [Room(name, modules[name], lines[name]) for name in sorted(modules)]


Arrows = Counter[tuple[str, str]]
"""From room to room, with how many imports of one module by another there are."""


def arrows_of(package: Package) -> Arrows:
    """Which rooms import which others. A module directly in the package is a room of its own."""
    rooms = {module.name: module.room for module in package.modules}
    pairs = ((module.room, rooms[name]) for module in package.modules for name in imports_of(module, package))
    return Counter(pair for pair in pairs if pair[0] != pair[1])


def cycle_in(arrows: Arrows) -> tuple[str, ...]:
    """Rooms that import each other in a ring, the first one also at the end; empty where there is none."""
    graph: defaultdict[str, set[str]] = defaultdict(set)
    for room, imported in arrows:
        graph[room].add(imported)
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        return tuple(reversed(error.args[1]))
    return ()


def read_layers(pyproject: Path, package: str) -> dict[str, int]:
    """How high each part of the package lies, 0 for the lowest: from the import contract that orders its layers.

    Raises:
        LookupError: there is no such contract.
    """
    tool = tomllib.loads(pyproject.read_text())["tool"]
    contracts = [contract for contract in tool["importlinter"]["contracts"] if contract["type"] == "layers"]
    ordered = next((contract["layers"] for contract in contracts if package in contract.get("containers", ())), None)
    if ordered is None:
        raise LookupError(f"{pyproject}: no import contract orders the layers of {package}")
    return {name.strip(): height for height, line in enumerate(reversed(ordered)) for name in line.split("|")}
