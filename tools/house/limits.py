"""The limits of the house. ``make check`` fails when one of these numbers gets worse."""

from collections.abc import Container, Iterable
from dataclasses import dataclass

from house.measures import LONG_MODULE, LONG_MODULES, Measure


@dataclass(frozen=True, slots=True)
class Limit:
    """The most that a number may be.

    ``today`` is what the code has where that is beyond the goal, None where it is not: it may fall and never rise. Who
    makes it fall writes the new number here. ``why`` is the reason of an exception.
    """

    what: str
    goal: int
    today: int | None = None
    why: str = ""

    @property
    def most(self) -> int:
        """What the check accepts."""
        return self.goal if self.today is None else max(self.goal, self.today)


IN_FOLDER = "modules in any other folder"
LIMITS = (
    Limit("modules directly in the package", 9),
    Limit(IN_FOLDER, 8),
    Limit("modules in controller/", 9, why="three for Kopf: what it calls, how it logs in, how it runs"),
    Limit("modules in kube/", 11, why="one for each kind of thing that the API server has, over one client"),
    Limit("folders of fewer than three", 0),
    Limit("lines of the longest module", LONG_MODULE),
    Limit(LONG_MODULES, 0),
    Limit("modules that only pass on", 0),
    Limit("lines of the longest function", 45),
    Limit("lines that 90 % of the functions do not exceed", 17),
    Limit("stays on the way to the Secret", 12),
    Limit("climbs on the way to the Secret", 3),
    Limit("rooms in a ring of imports", 0),
    Limit("folders of fewer than three, in sandbox and tools", 0),
    Limit("rooms in a ring of imports, in sandbox and tools", 0),
)


@dataclass(frozen=True, slots=True)
class Verdict:
    """A number beside its limit."""

    measure: Measure
    limit: Limit

    @property
    def is_worse(self) -> bool:
        """Is it more than the check accepts?"""
        return self.measure.value > self.limit.most

    @property
    def is_better(self) -> bool:
        """Is ``today`` higher than it need be?"""
        return self.limit.today is not None and self.measure.value < self.limit.today

    @property
    def message(self) -> str:
        """The number, its limit, and what else is to be said."""
        parts = [f"at most {self.limit.goal}"]
        parts += [f"until then {self.limit.today}"] if self.limit.today is not None else []
        parts += [self.limit.why] if self.limit.why else []
        parts += (
            ["WORSE"] if self.is_worse else ["better: write it into tools/house/limits.py"] if self.is_better else []
        )
        where = f": {', '.join(self.measure.where)}" if self.measure.where else ""
        return f"{self.measure.value:>4}  {self.measure.what} ({'; '.join(parts)}){where}"


def judge(measures: Iterable[Measure], limits: Iterable[Limit] = LIMITS) -> list[Verdict]:
    """Every number beside its own limit; a folder without one beside that of all folders."""
    by_name = {limit.what: limit for limit in limits}
    return [Verdict(measure, by_name[_limited_as(measure, by_name)]) for measure in measures]


def _limited_as(measure: Measure, known: Container[str]) -> str:
    is_other_folder = measure.what not in known and measure.what.startswith("modules in ")
    return IN_FOLDER if is_other_folder else measure.what
