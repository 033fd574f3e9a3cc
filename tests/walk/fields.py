"""Every field below ``spec`` that a CustomResourceDefinition declares, and what its schema says of it.

Nothing here knows the name of a field: a field that is added to a CRD is walked without a change here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

ITEM, ENTRY = "[]", "{}"
"""Steps of a path into the items of a list, and into the values of a map."""

Node = Mapping[str, Any]
"""One node of a structural schema."""

UNITS = {
    "d": timedelta(days=1),
    "h": timedelta(hours=1),
    "m": timedelta(minutes=1),
    "s": timedelta(seconds=1),
    "ms": timedelta(milliseconds=1),
}
DURATION = re.compile(r"([0-9]+(ms|s|m|h|d))+")


@dataclass(frozen=True)
class Field:
    """A place in ``spec`` where a value can stand.

    Attributes:
        path: names from ``spec`` on, with ``ITEM`` and ``ENTRY`` for what a list or a map holds.
        required: does its parent need it?
    """

    path: tuple[str, ...]
    node: Node
    required: bool

    @property
    def name(self) -> str:
        """The path as people write it: ``spec.cors.domains[]``."""
        return "spec" + "".join(step if step in (ITEM, ENTRY) else f".{step}" for step in self.path)


def schemas_of(crd: Node) -> tuple[Node, Node]:
    """The schemas of ``spec`` and ``status`` in the version that is stored."""
    version = next(version for version in crd["spec"]["versions"] if version["storage"])
    properties = version["schema"]["openAPIV3Schema"]["properties"]
    return properties["spec"], properties["status"]


def fields_of(node: Node, path: tuple[str, ...] = ()) -> Iterator[Field]:
    """All fields below a node, parents before children."""
    required = node.get("required", ())
    for name, child in node.get("properties", {}).items():
        yield Field((*path, name), child, name in required)
        yield from fields_of(child, (*path, name))
    for step, key in ((ITEM, "items"), (ENTRY, "additionalProperties")):
        if isinstance(node.get(key), Mapping):
            yield Field((*path, step), node[key], required=True)
            yield from fields_of(node[key], (*path, step))


def patterns_of(node: Node) -> list[re.Pattern[str]]:
    """What a text must match: ``pattern``, and ``self.matches`` of rules that say nothing else."""
    texts = [node["pattern"]] if "pattern" in node else []
    for rule in node.get("x-kubernetes-validations", ()):
        if "||" not in rule["rule"]:
            found = re.findall(r"(!?)self\.matches\('((?:[^'\\]|\\.)*)'\)", rule["rule"])
            texts += [text.replace("\\\\", "\\") for negated, text in found if not negated]
    return [_compiled(text) for text in texts]


def _compiled(text: str) -> re.Pattern[str]:
    """RE2 lets flags stand anywhere, Python only in front."""
    return re.compile(text.replace("(?i)", ""), re.IGNORECASE if "(?i)" in text else 0)


def words_of(node: Node) -> list[str]:
    """What the schema itself quotes as an example or names as a default: in its description and in its messages."""
    texts = [
        node.get("description", ""),
        *(rule.get("message", "") for rule in node.get("x-kubernetes-validations", ())),
    ]
    quoted = [word for text in texts for word in re.findall(r'"([^"\n]+)"', text)]
    defaults = [found for text in texts for found in re.findall(r'(?i:when absent|default:?) "?([^\s".,;:]+)', text)]
    return list(dict.fromkeys([*quoted, *defaults]))


def fits(node: Node, text: str) -> bool:
    """Does a text have the length and the shape that the schema asks for, as far as can be seen here?"""
    if "enum" in node:
        return text in node["enum"]
    longest = node.get("maxLength", len(text))
    return node.get("minLength", 0) <= len(text) <= longest and all(p.search(text) for p in patterns_of(node))


def is_duration(node: Node) -> bool:
    """Does it take durations and nothing else?"""
    return node.get("type") == "string" and fits(node, "1h30m") and not fits(node, "x")


def seconds_of(text: str) -> timedelta:
    """The length of a duration such as ``1h30m``."""
    parts = re.findall(r"([0-9]+)(ms|s|m|h|d)", text)
    return sum((int(number) * UNITS[unit] for number, unit in parts), timedelta())


def duration_text(span: timedelta) -> str:
    """A duration as the schemas write it."""
    parts = []
    for unit, length in UNITS.items():
        count, span = divmod(span, length)
        parts += [f"{count}{unit}"] if count else []
    return "".join(parts) or "0s"


def durations_in(crd: Node) -> list[timedelta]:
    """Every duration that a CRD names anywhere below ``spec``, as a choice, an example or a default."""
    words = [
        word
        for field in fields_of(schemas_of(crd)[0])
        for word in (*words_of(field.node), *field.node.get("enum", ()))
        if DURATION.fullmatch(str(word))
    ]
    return sorted({seconds_of(word) for word in words})
