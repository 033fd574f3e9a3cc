"""Waiting for rest, counted in the operator's own sweeps: how long they take on this machine makes no difference."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from tests.walk.seen import Rest

from playground import Playground
from playground.cluster import is_own
from playground.output import until

WINDOW = 3
"""So many sweeps in which nothing happens are rest. Every pause of the operator is shorter, see ``PACE``."""
LATELY = 3 * WINDOW
PATIENCE = 60
"""After so many sweeps without rest there will be none."""
WRITING = ("create", "update", "patch", "delete")
BEAT = ("list", "boxenterprises")
"""Each sweep begins with it."""


@dataclass(frozen=True)
class Deed:
    """A write or a call of the operator. ``about`` are the namespaces, names and ids that stand in it."""

    is_write: bool
    what: str
    about: frozenset[str]


class Beat:
    """What the operator does, sweep by sweep."""

    def __init__(self, play: Playground) -> None:
        self._play = play
        self._offset, self._mark = play.cluster.audit_size(), play.box.mark()
        self._swept = False

    def catch_up(self) -> None:
        """Forget what was done until now."""
        list(self._look())

    def next(self) -> list[Deed]:
        """Wait for a sweep; returns what was done until then. Whoever looks late is told of several sweeps as one.

        Raises:
            RuntimeError: the operator ended.
        """
        deeds, self._swept = list[Deed](), False

        def swept() -> bool:
            self._play.operator.check()
            deeds.extend(self._look())
            return self._swept

        until(swept, 30, "a sweep of the operator")
        return deeds

    def _look(self) -> Iterator[Deed]:
        end = self._play.cluster.audit_size()
        if end > self._offset:
            for entry in self._play.cluster.audit(self._offset, end):
                yield from self._heard(entry)
        self._offset, requests = end, self._play.box.requests(self._mark)
        for request in requests:
            parts = request["path"].strip("/").split("/")
            yield Deed(False, f"{request['method']} {_anonymous(parts)}", frozenset({request["caller"], *parts}))
        self._mark += 0 if not requests else requests[-1]["n"] + 1 - self._mark

    def _heard(self, entry: dict[str, Any]) -> Iterator[Deed]:
        ref = entry.get("objectRef")
        if ref is None or not is_own(entry):
            return
        if (entry["verb"], ref["resource"]) == BEAT:
            self._swept = True
        elif entry["verb"] in WRITING and ref["resource"] != "leases":
            about = (entry.get("responseObject") or {}).get("involvedObject") or {}
            names = (ref.get("namespace"), ref.get("name"), about.get("name"), about.get("namespace"))
            what = "/".join(part for part in (ref["resource"], ref.get("subresource")) if part)
            yield Deed(True, f"{entry['verb']} {what}", frozenset(name for name in names if name))


def _anonymous(parts: Iterable[str]) -> str:
    return "/" + "/".join("{id}" if part.isdigit() else part for part in parts)


@dataclass
class Waiting:
    """One that is waited for.

    Attributes:
        concerns: is a deed about it?
        is_observed: does its status speak of its newest spec?
        may_ask: is it waiting for Box, so that questions without end are right?
    """

    concerns: Callable[[frozenset[str]], bool]
    is_observed: Callable[[], bool]
    may_ask: Callable[[], bool]


def await_rest(beat: Beat, waiting: dict[str, Waiting]) -> dict[str, Rest]:
    """Wait until nothing happens any more to any of these, or it is clear that this will not be."""
    last = {(name, is_write): 0 for name in waiting for is_write in (True, False)}
    lately: list[tuple[int, Deed]] = []
    found: dict[str, Rest] = {}
    for sweep in range(1, PATIENCE + 1):
        deeds = beat.next()
        lately = [*((at, deed) for at, deed in lately if at > sweep - LATELY), *((sweep, deed) for deed in deeds)]
        for name in waiting.keys() - found.keys():
            one = waiting[name]
            last |= {(name, deed.is_write): sweep for deed in deeds if one.concerns(deed.about)}
            written, asked = (sweep - last[name, is_write] < WINDOW for is_write in (True, False))
            asked = asked and not (sweep >= LATELY and not written and one.may_ask())
            if not written and not asked and one.is_observed():
                found[name] = Rest()
        if len(found) == len(waiting):
            break
    for name in waiting.keys() - found.keys():
        mine = [deed for _, deed in lately if waiting[name].concerns(deed.about)]
        found[name] = Rest(waiting[name].is_observed(), *(_counted(mine, is_write) for is_write in (True, False)))
    return found


def _counted(deeds: list[Deed], is_write: bool) -> tuple[str, ...]:
    counts = Counter(deed.what for deed in deeds if deed.is_write == is_write)
    return tuple(f"{what}, {count} times in {LATELY} sweeps" for what, count in sorted(counts.items()))
