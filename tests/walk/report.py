"""What a walk tried and found, for the last lines of a run."""

from collections import Counter
from collections.abc import Iterator
from typing import Any

COUNTS = ("tried", "refused", "accepted", "left out", "findings")

walks: dict[str, dict[str, Any]] = {}
"""By name of the walk: ``seed``, ``fields`` with their counts, and ``findings``; plain JSON, to be handed on."""


class Report:
    """Counts and findings of one walk."""

    def __init__(self, name: str, seed: int) -> None:
        self._walk: dict[str, Any] = {"seed": seed, "fields": {}, "findings": []}
        walks[name] = self._walk

    def count(self, field: str, *what: str) -> None:
        """One more value of a field."""
        counts = self._walk["fields"].setdefault(field, {})
        for each in what:
            counts[each] = counts.get(each, 0) + 1

    def find(self, oracle: str, field: str, edit: str, line: str, *, known: bool) -> None:
        """An oracle complains of what an edit of a field led to."""
        self.count(field, "findings")
        self._walk["findings"].append([known, oracle, field, f"{edit}: {line}"])

    @property
    def size(self) -> int:
        """How many findings there are."""
        return len(self._walk["findings"])

    def news(self, start: int = 0) -> list[str]:
        """The findings from a number on that are not known yet, a line for each kind."""
        return _grouped(self._walk["findings"][start:], known=False)


def _grouped(findings: list[Any], *, known: bool) -> list[str]:
    """The first finding of each oracle about each field, and how many there are more."""
    counts = Counter((oracle, field) for is_known, oracle, field, _ in findings if is_known == known)
    firsts = {(oracle, field): text for is_known, oracle, field, text in reversed(findings) if is_known == known}
    return [
        f"{'known' if known else 'FOUND'}: {oracle}: {firsts[oracle, field]}"
        + (f" (and {count - 1} more of {field})" if count > 1 else "")
        for (oracle, field), count in counts.items()
    ]


def summary(whole: bool) -> Iterator[str]:
    """Lines for the end of a run.

    Args:
        whole: each field, and not only each walk.
    """
    for name, walk in sorted(walks.items()):
        fields = walk["fields"]
        total = sum((Counter(counts) for counts in fields.values()), Counter[str]())
        counts = ", ".join(f"{total[each]} {each}" for each in COUNTS)
        yield f"{name}: {len(fields)} fields, values: {counts}; seed {walk['seed']}"
        if whole:
            yield f"    {'':60} " + " ".join(f"{each:>8}" for each in COUNTS)
            yield from (
                f"    {field:60} " + " ".join(f"{counts.get(each, 0):8}" for each in COUNTS)
                for field, counts in sorted(fields.items())
            )
        for known in (False, True):
            yield from (f"  {line}" for line in _grouped(walk["findings"], known=known))
