"""Values for a field, from its schema alone: by JSON type, format, pattern and bounds, never by the field's name.

What only the world can know, such as the name of a Secret that is there, a ``World`` may add. It is optional: without
it the same fields are walked.
"""

import enum
import functools
import json
import re
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import islice
from typing import Any

from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from tests.walk.fields import ENTRY, ITEM, Node, duration_text, fits, is_duration, patterns_of, words_of
from tests.walk.odd import ODD


class Absent(enum.Enum):
    """No value at all."""

    ABSENT = "absent"

    def __repr__(self) -> str:
        return "(absent)"


ABSENT = Absent.ABSENT
LARGE = (2**31 - 1, 2**31, 2**53 + 1, 2**63 - 1)
SAMPLES = 6
MILLISECOND = timedelta(milliseconds=1)


@dataclass(frozen=True)
class Value:
    """A value, and what is special about it."""

    kind: str
    json: Any

    @property
    def key(self) -> str:
        """Equal for equal values."""
        return "(absent)" if self.json is ABSENT else json.dumps(self.json, sort_keys=True)


@dataclass(frozen=True)
class World:
    """What is there outside of the schema.

    Attributes:
        known: values by the name of a field that something in the world answers to. The first one is taken where a
            field is filled in only because another one needs it.
        seed: of the samples for patterns.
        durations: those that the kind's CRD names; their neighbours are where something begins or ends.
    """

    known: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    seed: int = 0
    durations: tuple[timedelta, ...] = ()


@functools.cache
def samples(pattern: re.Pattern[str], number: int, count: int = 12) -> tuple[str, ...]:
    """Texts that match a pattern, the simplest first; the same ones for the same number."""
    found: dict[str, None] = {}
    whole = pattern.pattern.endswith("$")

    @seed(number)
    @settings(
        max_examples=count,
        database=None,
        deadline=None,
        phases=[Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(st.from_regex(pattern, fullmatch=whole))
    def collect(text: str) -> None:
        found[text] = None

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        collect()
    return tuple(sorted(found, key=lambda text: (len(text), text)))


def stretched(node: Node, texts: Sequence[str], length: int) -> Iterator[str]:
    """Texts of exactly this length that fit otherwise: one character of a shorter one, again and again."""
    without = {name: value for name, value in node.items() if name != "maxLength"}
    for text in texts:
        for index, letter in enumerate(text):
            more = "9" if letter.isdigit() else letter
            longer = text[:index] + more * (length - len(text) + 1) + text[index + 1 :]
            if len(longer) == length and fits(without, longer):
                yield longer
                break


class Generator:
    """Makes the values of all fields of one kind."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._texts_that_fit: dict[int, tuple[Node, tuple[str, ...]]] = {}

    def values(self, path: tuple[str, ...], node: Node, *, required: bool) -> list[Value]:
        """Everything to try at a place, each value once. What the schema takes of it the API server decides."""
        found = [Value("known", value) for value in self._known(path)]
        found += [] if required else [Value("absent", ABSENT)]
        found += {"string": self._texts, "integer": self._integers, "boolean": self._booleans}.get(
            node["type"], self._collections
        )(path, node)
        return list({value.key: value for value in reversed(found)}.values())[::-1]

    def good(self, path: tuple[str, ...], node: Node) -> Any:
        """One value that should be taken, for a field that is filled in because another one needs it."""
        known = self._known(path)
        if known:
            return known[0]
        if node["type"] == "object":
            return {name: self.good((*path, name), node["properties"][name]) for name in node.get("required", ())}
        if node["type"] == "array":
            return self._several(path, node, max(1, node.get("minItems", 0)))
        if node["type"] == "string":
            return next(iter(self._fitting(node)), "")
        return True if node["type"] == "boolean" else node.get("minimum", 1)

    def _known(self, path: tuple[str, ...]) -> Sequence[Any]:
        return self._world.known.get(".".join(path), ())

    # Scalars

    def _booleans(self, _: tuple[str, ...], __: Node) -> list[Value]:
        return [Value("choice", True), Value("choice", False)]

    def _integers(self, _: tuple[str, ...], node: Node) -> list[Value]:
        least, greatest = node.get("minimum", 0), node.get("maximum", LARGE[0])
        named = [int(word) for word in words_of(node) if word.isdigit()]
        return [
            *(Value("default", number) for number in named),
            *(Value("least", least), Value("greatest", greatest), Value("least", least + 1)),
            *(Value("beyond", number) for number in (least - 1, greatest + 1, -1, *LARGE)),
        ]

    def _texts(self, _: tuple[str, ...], node: Node) -> list[Value]:
        if "enum" in node:
            return [
                *(Value("choice", choice) for choice in node["enum"]),
                Value("beyond", ""),
                Value("beyond", "other"),
            ]
        fitting = self._fitting(node)
        longest = node.get("maxLength")
        found = [Value("example", word) for word in words_of(node) if fits(node, word)]
        found += [Value("least", min(fitting, key=len))] if fitting else []
        if longest is not None:
            found += [Value("greatest", text) for text in islice(stretched(node, fitting, longest), 4)]
            found += [Value("beyond", text) for text in islice(stretched(node, fitting, longest + 1), 1)]
            found += [Value("greatest", "\u00e9" * longest), Value("greatest", " " * longest)]
        found += [Value("bound", text) for text in self._bounds(node)]
        found += [
            Value("sample", text)
            for pattern in patterns_of(node)
            for text in samples(pattern, self._world.seed)[:SAMPLES]
        ]
        return found + [Value(f"odd {about}", text) for about, texts in ODD.items() for text in texts]

    def _bounds(self, node: Node) -> Iterator[str]:
        if is_duration(node):
            for span in self._world.durations:
                yield from map(duration_text, (span, max(timedelta(), span - MILLISECOND), span + MILLISECOND))

    def _fitting(self, node: Node) -> tuple[str, ...]:
        """Texts that fit, the most usual first: the schema's own examples, samples of its patterns, plain letters."""
        if id(node) not in self._texts_that_fit:
            letters = "a" * max(1, node.get("minLength", 0))
            drawn = [text for pattern in patterns_of(node) for text in samples(pattern, self._world.seed)]
            texts = dict.fromkeys((*node.get("enum", ()), *words_of(node), *drawn, letters))
            self._texts_that_fit[id(node)] = node, tuple(text for text in texts if fits(node, text))
        return self._texts_that_fit[id(node)][1]

    # Lists, maps and objects

    def _collections(self, path: tuple[str, ...], node: Node) -> list[Value]:
        if node["type"] == "array":
            return self._lists(path, node)
        if isinstance(node.get("additionalProperties"), Mapping):
            return self._maps(path, node)
        whole = {name: self.good((*path, name), child) for name, child in node.get("properties", {}).items()}
        return [Value("empty", {}), Value("one", self.good(path, node)), Value("most", whole)]

    def _lists(self, path: tuple[str, ...], node: Node) -> list[Value]:
        least, most = node.get("minItems", 0), node.get("maxItems")
        counts = [(0, "empty"), (least, "least"), *([(most, "greatest"), (most + 1, "beyond")] if most else [])]
        counts += [(count, "many") for count in (1, 2, 3)]
        pair = self._several(path, node, 2)
        found = [Value(kind, self._several(path, node, count)) for count, kind in counts]
        return [*found, Value("reversed", pair[::-1]), Value("twice", [pair[0], pair[0]])]

    def _maps(self, path: tuple[str, ...], node: Node) -> list[Value]:
        child, most = node["additionalProperties"], node.get("maxProperties")
        one = self.good((*path, ENTRY), child)
        counts = [(1, "many"), (2, "many"), *([(most, "greatest"), (most + 1, "beyond")] if most else [])]
        found = [Value("empty", {})]
        found += [Value(kind, {f"key-{number}": one for number in range(count)}) for count, kind in counts]
        return found + [Value(f"key {about}", {text: one}) for about, texts in ODD.items() for text in texts]

    def _several(self, path: tuple[str, ...], node: Node, count: int) -> list[Any]:
        """So many items, no two alike."""
        return list(islice(self._different((*path, ITEM), node["items"]), count))

    def _different(self, path: tuple[str, ...], node: Node) -> Iterator[Any]:
        if node["type"] == "object":
            texts = {name: child for name, child in node["properties"].items() if child["type"] == "string"}
            free = {name: self._different((*path, name), child) for name, child in texts.items() if "enum" not in child}
            while True:
                plain = self.good(path, node)
                yield {**plain, **{name: next(free[name]) for name in plain if name in free}}
        elif "enum" in node or node["type"] != "string":
            while True:
                yield from node.get("enum", [self.good(path, node)])
        yield from self._different_texts(path, node)

    def _different_texts(self, path: tuple[str, ...], node: Node) -> Iterator[str]:
        first = list(dict.fromkeys((*self._known(path), *self._fitting(node))))
        yield from first
        for number in range(1, 10_000):
            longer = (text[:cut] + str(number) + text[cut:] for text in first for cut in (len(text), len(text) - 1, 0))
            text = next((text for text in longer if fits(node, text)), None)
            if text is not None and text not in first:
                yield text
