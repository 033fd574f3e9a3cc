"""Which edits a walk makes: a part of them, or all; one at a time, in pairs, and in pairs beside faults of Box."""

import random
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import cached_property
from itertools import islice
from typing import Any

import pytest
from tests.walk.conftest import Effort
from tests.walk.edits import Book, Edit, pairs
from tests.walk.fields import Field
from tests.walk.report import Report
from tests.walk.subjects import Subject, known_to
from tests.walk.values import Value, World
from tests.walk.walk import Faults, Walk

from playground import Playground
from playground.play import crds

TROUBLE = ("status", "cut_before", "cut_after", "garbage", "half_body")
MAX_FAULTS = 6


def book_of(kind: str, known: Mapping[str, Sequence[Any]], seed: int) -> Book:
    """Everything to try on a kind."""
    crd = next(crd for crd in crds() if crd["spec"]["names"]["kind"] == kind)
    return Book(crd, World(known, seed))


class Route:
    """A walk over one kind.

    Args:
        make: makes another object to walk.
        known: what is there in the world of these objects.
        first: does no other walk begin with this kind? Of those that follow a short one looks at some fields, and a
            long one at one value of each kind.
    """

    def __init__(
        self,
        name: str,
        kind: str,
        make: Callable[[], Subject],
        effort: Effort,
        known: Mapping[str, Any],
        first: bool = True,
    ) -> None:
        self._book, self._report = book_of(kind, known, effort.seed), Report(name, effort.seed)
        self._effort = effort
        self._first = first
        self._walk = Walk(make, effort.width, self._report)

    @cached_property
    def _taken(self) -> list[Edit]:
        """The edits of one value that the API server takes."""
        book, turns = self._book, {field.name: turn for turn, field in enumerate(self._book.fields)}
        every = self._effort.long and self._first
        fields = book.fields if self._effort.long or self._first else book.fields[:: self._effort.stride]
        most = sys.maxsize if self._effort.long else 1

        def values(field: Field) -> list[Value]:
            return book.values(field) if every else turned(book.values(field), turns[field.name])

        return self._walk.taken(book, fields, values, most)

    def fields(self) -> None:
        """Every field, one value at a time. A long walk deletes one object in each field's first state."""
        ends = {id(edit) for edit in first_of_each(self._taken)} if self._effort.long else set()
        with self._judged():
            self._walk.run(self._taken, last=lambda edit: id(edit) in ends)

    def pairs(self, *, beside_faults: bool) -> None:
        """Two fields at a time; in the end the object is deleted."""
        number = self._effort.seed + beside_faults
        # A rule of the schema may forbid two values together that it takes alone.
        drawn = pairs(self._taken, self._walk.base, 2 * self._effort.pairs, number)
        some = list(islice(filter(self._walk.takes, drawn), self._effort.pairs))
        with self._judged():
            self._walk.run(some, last=lambda _: True, faults=trouble(number) if beside_faults else None)

    def end(self) -> None:
        """Deletion of objects that were edited, and are as they were in the beginning."""
        with self._judged():
            self._walk.end()

    @contextmanager
    def _judged(self) -> Iterator[None]:
        """Raise AssertionError with what was found in the block and is not known yet."""
        before = self._report.size
        yield
        found = self._report.news(before)
        assert not found, "\n".join(found)


def trouble(seed: int) -> Faults:
    """A Box that loses calls and answers for a while, each time in another way."""
    random_ = random.Random(seed)

    def order() -> list[dict[str, Any]]:
        kinds = random_.choices(TROUBLE, k=MAX_FAULTS)
        return [{"kind": kind, "status": 503, "count": random_.randint(1, 3)} for kind in kinds]

    return order


def first_of_each(edits: Sequence[Edit]) -> list[Edit]:
    """One edit for each field."""
    return list({edit.field: edit for edit in reversed(edits)}.values())


def turned(values: Sequence[Value], turn: int) -> list[Value]:
    """One value of each kind, from another one on each turn: so that fields together have all of them."""
    by_kind: dict[str, list[Value]] = {}
    for value in values:
        by_kind.setdefault(value.kind, []).append(value)
    chosen = [some[turn % len(some)] for some in by_kind.values()]
    start = turn % len(chosen)
    return chosen[start:] + chosen[:start]


def route_of(
    name: str, kind: str, make: Callable[[Playground], Subject], first: bool = True
) -> Callable[[Playground, Effort], Route]:
    """The fixture ``route`` of a module."""

    @pytest.fixture(scope="module")
    def route(play: Playground, effort: Effort) -> Route:
        return Route(name, kind, lambda: make(play), effort, known_to(play), first)

    return route


class Walks:
    """The tests of a walk; a class of tests for one kind of start takes them over, and says where it begins."""

    def test_every_field(self, route: Route) -> None:
        """Whatever the schema takes: the status is true, all rests, nothing is lost, and the way back restores all."""
        route.fields()

    def test_pairs_of_fields(self, route: Route) -> None:
        """The same for two fields at once, and deletion from there leaves nothing."""
        route.pairs(beside_faults=False)

    def test_pairs_of_fields_beside_faults(self, route: Route) -> None:
        """The same while Box loses calls and answers."""
        route.pairs(beside_faults=True)

    def test_deletion(self, route: Route) -> None:
        """After all that, deletion leaves nothing."""
        route.end()
