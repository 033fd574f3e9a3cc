"""What ``make house`` prints."""

from collections.abc import Iterator

from house.limits import Verdict
from house.measures import House, percentile, rooms_beside

LONGEST = 10
"""So many of the longest functions are named."""
HEAVIEST = 12
"""So many of the arrows with the most imports are named."""


def report(house: House, verdicts: list[Verdict], lines: dict[str, int]) -> Iterator[str]:
    """All of it, line by line. ``lines`` are those of product and tests, by name."""
    yield from ("Lines", *(f"{count:>8,}  {name}" for name, count in lines.items()), "")
    yield from (*_rooms(house), "", *_arrows(house), "", *_functions(house), "", *_way(house), "")
    yield from ("Limits", *(f"  {verdict.message}" for verdict in verdicts if _is_shown(verdict)))


def _is_shown(verdict: Verdict) -> bool:
    """The folders have a table of their own; here only those that are, or were, too big."""
    is_folder = verdict.measure.what.startswith("modules in ")
    return not is_folder or verdict.is_worse or verdict.measure.what == verdict.limit.what


def _rooms(house: House) -> Iterator[str]:
    yield "Rooms: modules, lines, folder"
    for room in house.rooms:
        yield f"{room.modules:>4} {room.lines:>6}  {room.name or '(directly in the package)'}"
    for room in rooms_beside(house.beside):
        yield f"{room.modules:>4} {room.lines:>6}  {room.name}"


def _arrows(house: House) -> Iterator[str]:
    count, imports = len(house.arrows), sum(house.arrows.values())
    ring = f"a ring: {' -> '.join(house.cycle)}" if house.cycle else "no ring"
    yield f"Imports between rooms: {count} arrows, {imports} imports, {ring}. The heaviest:"
    for (room, imported), number in house.arrows.most_common(HEAVIEST):
        yield f"{number:>4}  {room} -> {imported}"


def _functions(house: House) -> Iterator[str]:
    lengths = [function.lines for function in house.functions]
    median, most = percentile(lengths, 50), percentile(lengths, 90)
    yield f"Functions, from def to their end, without decorators: {len(lengths)}, median {median} lines,"
    yield f"90 % have at most {most}. The longest:"
    for function in house.functions[:LONGEST]:
        yield f"{function.lines:>4}  {function.at}"


def _way(house: House) -> Iterator[str]:
    way, modules = house.way, {stay.module for stay in house.way.stays}
    yield (
        f"From Kopf to the Secret: {len(way.hops)} hops, {len(way.stays)} stays in {len(modules)} modules, "
        f"{len(way.climbs)} climbs; {len(way.passing_on)} functions only pass on."
    )
    yield from (f"  WRONG in tools/house/way.toml: {problem}" for problem in way.problems)
    for stay in way.stays:
        yield f"  {'up' if stay.is_climb else '  '}  {stay.module}: {', '.join(stay.names)}"
    yield from (f"  only passes on: {at}" for at in way.passing_on)


def complaints(house: House, verdicts: list[Verdict]) -> list[str]:
    """What the check fails for: numbers that got worse, and a way that is not that of the code."""
    worse = [f"tools/house/limits.py: {verdict.message}" for verdict in verdicts if verdict.is_worse]
    return [*worse, *(f"tools/house/way.toml: {problem}" for problem in house.way.problems)]
