"""Edits: a whole ``spec`` with one value at one place, and everything that this value cannot be without."""

import copy
import itertools
import json
import random
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from tests.walk.fields import ENTRY, ITEM, Field, Node, durations_in, fields_of, schemas_of
from tests.walk.values import ABSENT, Generator, Value, World

NEW_KEY = "a"


@dataclass(frozen=True)
class Edit:
    """One value at one place.

    Attributes:
        field: where, as people write it; two for a pair.
        leaf: the last name of the path.
        kind: what is special about the value.
        spec: the whole spec with it.
    """

    field: str
    leaf: str
    kind: str
    value: Any
    spec: dict[str, Any]

    def __str__(self) -> str:
        shown = repr(self.value)
        return f"{self.field} = {shown if len(shown) <= 100 else shown[:70] + ' ... ' + shown[-20:]} ({self.kind})"


class Book:
    """Everything to try on objects of one kind, from its CRD alone."""

    def __init__(self, crd: Node, world: World) -> None:
        self.spec, status = schemas_of(crd)
        self.fields = list(fields_of(self.spec))
        self._shown = {field.path[-1] for field in fields_of(status) if field.node.get("type") == "string"}
        world = World(world.known, world.seed, tuple(durations_in(crd)))
        self._generator = Generator(world)

    def values(self, field: Field) -> list[Value]:
        """The values of a field. What the status shows under the same name is one of them, too."""
        found = self._generator.values(field.path, field.node, required=field.required)
        name = field.path[-1]
        shown = name in self._shown and field.node["type"] == "string" and "enum" not in field.node
        return [*found, Value("as in status", f"(status.{name})")] if shown else found

    def usual(self, base: dict[str, Any], field: Field) -> Edit:
        """The field with a value that should be taken."""
        return self.edit(base, field, Value("usual", self._generator.good(field.path, field.node)))

    def edit(self, base: dict[str, Any], field: Field, value: Value) -> Edit:
        """One value in a spec."""
        spec = self._put(base, (), field.path, self.spec, value.json)
        leaf = next(step for step in reversed(field.path) if step not in (ITEM, ENTRY))
        return Edit(field.name, leaf, value.kind, value.json, spec)

    def _put(self, old: Any, done: tuple[str, ...], rest: tuple[str, ...], node: Node, value: Any) -> Any:
        """A copy of ``old`` with the value at the end of the path; what is missing on the way is filled in."""
        if not rest:
            return copy.deepcopy(value)
        step, done = rest[0], (*done, rest[0])
        if step == ITEM:
            items = copy.deepcopy(old) if old else [self._generator.good(done, node["items"])]
            first = self._put(items[0], done, rest[1:], node["items"], value)
            return ([] if first is ABSENT else [first]) + items[1:]
        if step == ENTRY:
            entries = copy.deepcopy(old or {})
            key = next(iter(entries), NEW_KEY)
            return {**entries, key: self._put(entries.get(key), done, rest[1:], node["additionalProperties"], value)}
        whole = copy.deepcopy(old) if old is not None else self._generator.good(done[:-1], node)
        below = self._put(whole.get(step), done, rest[1:], node["properties"][step], value)
        return {name: child for name, child in {**whole, step: below}.items() if child is not ABSENT}

    def companions(self, edit: Edit, path: tuple[str, ...]) -> Iterator[Edit]:
        """The same value with one neighbour, or two, added, taken away or chosen otherwise.

        A choice may need another field, or exclude one: a rule of the schema says so, and whoever reads its message
        does what is tried here.
        """
        toggles = list(self._toggles(edit.spec, path))
        for count in (1, 2):
            for some in itertools.combinations(toggles, count):
                if len({where for where, _ in some}) == count:
                    spec = edit.spec
                    for where, value in some:
                        spec = self._put(spec, (), where, self.spec, value)
                    if spec != edit.spec:
                        yield Edit(edit.field, edit.leaf, edit.kind, edit.value, spec)

    def _toggles(self, spec: dict[str, Any], path: tuple[str, ...]) -> Iterator[tuple[tuple[str, ...], Any]]:
        for field in self.fields:
            depth = len(field.path) - 1
            if field.path[:depth] != path[:depth] or field.path == path[: depth + 1] or {ITEM, ENTRY} & {*field.path}:
                continue
            yield field.path, ABSENT
            yield from (
                (field.path, value) for value in field.node.get("enum", [self._generator.good(field.path, field.node)])
            )


def key_of(spec: Any) -> str:
    """Equal for equal specs."""
    return json.dumps(spec, sort_keys=True)


def pairs(taken: Sequence[Edit], base: dict[str, Any], count: int, number: int) -> Iterator[Edit]:
    """Two values at once, on different fields: those that differ from the base in different parts of the spec."""
    random_ = random.Random(number)
    seen: set[str] = set()
    for _ in range(50 * count):
        one, other = random_.choice(taken), random_.choice(taken)
        spec = _merged(base, one.spec, other.spec)
        if one.field != other.field and spec not in (one.spec, other.spec) and key_of(spec) not in seen:
            seen.add(key_of(spec))
            yield Edit(f"{one.field} + {other.field}", other.leaf, "pair", (one.value, other.value), spec)
        if len(seen) == count:
            return


def _merged(base: Any, one: Any, other: Any) -> Any:
    """The differences of both to the base; where both differ, the other's."""
    if one == base or not isinstance(one, dict) or not isinstance(other, dict):
        return other if one == base or other != base else one
    old = base if isinstance(base, dict) else {}
    names = dict.fromkeys((*old, *one, *other))
    merged = {name: _merged(old.get(name, ABSENT), one.get(name, ABSENT), other.get(name, ABSENT)) for name in names}
    return {name: value for name, value in merged.items() if value is not ABSENT}
