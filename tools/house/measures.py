"""What is measured of the house, each as a number with the places that it comes from."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

from house.rooms import Arrows, Room, arrows_of, cycle_in, rooms_of
from house.source import Function, Package
from house.way import Hop, Way, follow

LONG_MODULE = 330
"""A module with more lines is too long, whatever it is about."""
LONG_MODULES = f"modules of more than {LONG_MODULE} lines"
FEW_MODULES = 3
"""A folder with fewer is a wall in the wrong place."""


@dataclass(frozen=True, slots=True)
class Measure:
    """A number, and where it comes from."""

    what: str
    value: int
    where: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class House:
    """All that is known of the package. ``beside`` are those of sandbox and tools, by their paths."""

    package: Package
    rooms: tuple[Room, ...]
    functions: tuple[Function, ...]
    arrows: Arrows
    cycle: tuple[str, ...]
    way: Way
    beside: Mapping[str, Package] = field(default_factory=dict)


def look_at(
    package: Package, hops: tuple[Hop, ...], layers: Mapping[str, int], beside: Mapping[str, Package] | None = None
) -> House:
    """Measure a package. ``functions`` come with the longest first."""
    arrows = arrows_of(package)
    functions = sorted(package.functions, key=lambda function: (-function.lines, function.at))
    way = follow(hops, package, layers)
    return House(package, tuple(rooms_of(package)), tuple(functions), arrows, cycle_in(arrows), way, beside or {})


def percentile(sizes: list[int], percent: int) -> int:
    """The smallest of these sizes that so many percent of them do not exceed; 0 when there are none."""
    ordered = sorted(sizes)
    return ordered[max(0, -(-len(ordered) * percent // 100) - 1)] if ordered else 0


def measures_of(house: House) -> Iterator[Measure]:
    """Every number that has a limit."""
    yield from _of_rooms(house)
    yield from _of_modules(house)
    lengths = [function.lines for function in house.functions]
    yield Measure("lines of the longest function", max(lengths, default=0), tuple(f.at for f in house.functions[:1]))
    yield Measure("lines that 90 % of the functions do not exceed", percentile(lengths, 90))
    yield Measure("stays on the way to the Secret", len(house.way.stays))
    climbs = tuple(f"{low} -> {high}" for low, high in house.way.climbs)
    yield Measure("climbs on the way to the Secret", len(climbs), climbs)
    yield Measure("rooms in a ring of imports", len(house.cycle[1:]), house.cycle)
    yield from _beside(house.beside)


def _of_rooms(house: House) -> Iterator[Measure]:
    for room in house.rooms:
        yield Measure(f"modules in {room.name}/" if room.name else "modules directly in the package", room.modules)
    few = tuple(_too_small(house.rooms))
    yield Measure("folders of fewer than three", len(few), few)


def _too_small(rooms: Iterable[Room]) -> Iterator[str]:
    """Folders in a package that have less in them than a folder is for; one of folders holds these."""
    below = [room for room in rooms if room.name]
    within = Counter(room.name.rpartition("/")[0] for room in below)
    return (room.name for room in below if room.modules + within[room.name] < FEW_MODULES)


def rooms_beside(beside: Mapping[str, Package]) -> Iterator[Room]:
    """The rooms of sandbox and tools, named by their paths."""
    for path, package in beside.items():
        for room in rooms_of(package):
            yield replace(room, name=f"{path}/{room.name}".rstrip("/"))


def _beside(beside: Mapping[str, Package]) -> Iterator[Measure]:
    for room in rooms_beside(beside):
        yield Measure(f"modules in {room.name}/", room.modules)
    few = tuple(f"{path}/{name}" for path, package in beside.items() for name in _too_small(rooms_of(package)))
    yield Measure("folders of fewer than three, in sandbox and tools", len(few), few)
    rings = {path: ring for path, package in beside.items() if (ring := cycle_in(arrows_of(package)))}
    where = tuple(f"{path}: {' -> '.join(ring)}" for path, ring in rings.items())
    yield Measure("rooms in a ring of imports, in sandbox and tools", sum(len(r[1:]) for r in rings.values()), where)


def _of_modules(house: House) -> Iterator[Measure]:
    modules = sorted(house.package.own, key=lambda module: -module.lines)
    long = tuple(f"{module.name} {module.lines}" for module in modules if module.lines > LONG_MODULE)
    yield Measure("lines of the longest module", max((module.lines for module in modules), default=0), long[:1])
    yield Measure(LONG_MODULES, len(long), long)
    passing_on = tuple(module.name for module in modules if module.only_passes_on)
    yield Measure("modules that only pass on", len(passing_on), passing_on)


def lines_below(folder: Path) -> int:
    """The lines of all Python files in a folder and below."""
    return sum(len(file.read_text().splitlines()) for file in folder.rglob("*.py"))
