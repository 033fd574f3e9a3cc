"""Structural schemas: what a custom resource may look like, with CEL rules and messages like the API server's.

A simplification of ``k8s.io/apiextensions-apiserver``: only the keywords that CRDs of this repository use.
"""

import json
import re
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import celpy
from celpy import celtypes
from celpy.adapter import json_to_cel
from celpy.evaluation import CELEvalError

Cause = tuple[str, str]

_TYPES: Mapping[str, Any] = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int}


def _text(function: Any) -> Any:
    return lambda value, *rest: function(str(value), *(str(argument) for argument in rest))


def _lower_ascii(text: str) -> str:
    return "".join(letter.lower() if letter.isascii() else letter for letter in text)


def _find(text: str, pattern: str) -> str:
    found = re.search(pattern, text)
    return str(found.group()) if found else ""


def _find_all(text: str, pattern: str) -> list[str]:
    return [str(found.group()) for found in re.finditer(pattern, text)]


def _texts(texts: list[str]) -> Any:
    return celtypes.ListType([celtypes.StringType(text) for text in texts])


def _substring(text: Any, start: Any, end: Any = None) -> Any:
    return celtypes.StringType(str(text)[int(start) : None if end is None else int(end)])


# The Kubernetes extensions of CEL that rules use. Source: kubernetes.io, reference/using-api/cel.
FUNCTIONS = {
    "trim": _text(lambda text: celtypes.StringType(text.strip())),
    "lowerAscii": _text(lambda text: celtypes.StringType(_lower_ascii(text))),
    "split": _text(lambda text, by: _texts(text.split(by))),
    "find": _text(lambda text, pattern: celtypes.StringType(_find(text, pattern))),
    "findAll": _text(lambda text, pattern: _texts(_find_all(text, pattern))),
    "substring": _substring,
    "sum": lambda numbers: celtypes.IntType(sum(int(number) for number in numbers)),
}


class Rule:
    """One entry of ``x-kubernetes-validations``."""

    _environment = celpy.Environment()

    def __init__(self, rule: Mapping[str, Any]) -> None:
        self.needs_old = re.search(r"\boldSelf\b", rule["rule"]) is not None
        self.message = rule.get("message") or f"failed rule: {rule['rule']}"
        self._program = self._compile(rule["rule"])
        expression = rule.get("messageExpression")
        self._expression = self._compile(expression) if expression else None

    def _compile(self, text: str) -> Any:
        return self._environment.program(self._environment.compile(text), functions=FUNCTIONS)

    def check(self, value: Any, old: Any) -> str | None:
        """What is wrong; None when nothing is."""
        if self.needs_old and old is None:
            return None
        names = {"self": json_to_cel(value)}
        if self.needs_old:
            names["oldSelf"] = json_to_cel(old)
        try:
            if self._program.evaluate(names):
                return None
        except CELEvalError as error:
            return f"rule evaluation error: {error}"
        if self._expression is not None:
            try:
                return str(self._expression.evaluate(names))
            except CELEvalError:
                return str(self.message)
        return str(self.message)


class Schema:
    """A node of a structural schema."""

    def __init__(self, node: Mapping[str, Any]) -> None:
        self.node = node
        self._rules = [Rule(rule) for rule in node.get("x-kubernetes-validations", ())]
        self._properties = {name: Schema(child) for name, child in node.get("properties", {}).items()}
        items, values = node.get("items"), node.get("additionalProperties")
        self._items = Schema(items) if items else None
        self._values = Schema(values) if isinstance(values, dict) else None
        self._open = bool(node.get("x-kubernetes-preserve-unknown-fields")) or values is True

    @property
    def first_status(self) -> dict[str, Any]:
        """The status that a new object has, as a field of it. Other defaults are not known here, and not needed."""
        status = self.node.get("properties", {}).get("status", {})
        return {"status": status["default"]} if "default" in status else {}

    def prune(self, value: Any, path: str = "", root: bool = True) -> list[str]:
        """Remove unknown fields in place; returns their paths."""
        unknown: list[str] = []
        if isinstance(value, dict):
            for name in list(value):
                here = f"{path}.{name}" if path else name
                if root and name in ("apiVersion", "kind", "metadata"):
                    continue
                child = self._properties.get(name) or self._values
                if child is not None:
                    unknown += child.prune(value[name], here, root=False)
                elif self._properties and not self._open:
                    unknown.append(here)
                    del value[name]
        elif isinstance(value, list) and self._items is not None:
            for index, item in enumerate(value):
                unknown += self._items.prune(item, f"{path}[{index}]", root=False)
        return unknown

    def check(self, value: Any, old: Any = None, path: str = "") -> Iterator[Cause]:
        """Everything that is wrong with a value. Rules are tried only where the structure is right."""
        wrong = list(self._check_structure(value, path))
        yield from wrong
        children = list(self._check_children(value, old, path))
        yield from children
        if wrong or children:
            return
        for rule in self._rules:
            message = rule.check(value, old)
            if message is not None:
                yield (path or "<nil>", f"Invalid value: {_shown(value)}: {message}")

    def _check_structure(self, value: Any, path: str) -> Iterator[Cause]:
        expected = self.node.get("type")
        right = expected is None or (
            isinstance(value, _TYPES[expected]) and (expected == "boolean") == isinstance(value, bool)
        )
        if not right:
            actual = {dict: "object", list: "array", str: "string", bool: "boolean", int: "integer"}.get(
                type(value), "null"
            )
            shown = f'must be of type {expected}: "{actual}"'
            yield (path, f'Invalid value: "{actual}": {path} in body {shown}')
            return
        allowed = self.node.get("enum")
        if allowed is not None and value not in allowed:
            yield (path, f"Unsupported value: {_shown(value)}: supported values: {', '.join(map(_shown, allowed))}")
        if isinstance(value, str):
            yield from self._check_text(value, path)
        if isinstance(value, int) and not isinstance(value, bool):
            yield from self._check_number(value, path)
        yield from self._check_size(value, path)

    def _check_text(self, value: str, path: str) -> Iterator[Cause]:
        pattern = self.node.get("pattern")
        if pattern and not re.search(pattern, value):
            yield (path, f"Invalid value: {_shown(value)}: {path} in body should match '{pattern}'")
        if self.node.get("format") == "date-time":
            try:
                datetime.fromisoformat(value)
            except ValueError:
                yield (path, f"Invalid value: {_shown(value)}: {path} in body must be of type date-time")

    def _check_number(self, value: int, path: str) -> Iterator[Cause]:
        if value < self.node.get("minimum", value):
            yield (
                path,
                f"Invalid value: {value}: {path} in body should be greater than or equal to {self.node['minimum']}",
            )
        if value > self.node.get("maximum", value):
            yield (
                path,
                f"Invalid value: {value}: {path} in body should be less than or equal to {self.node['maximum']}",
            )

    def _check_size(self, value: Any, path: str) -> Iterator[Cause]:
        for low, high, kinds in (
            ("minLength", "maxLength", str),
            ("minItems", "maxItems", list),
            ("minProperties", "maxProperties", dict),
        ):
            if not isinstance(value, kinds):
                continue
            if len(value) > self.node.get(high, len(value)):
                yield (path, f"Too long: may not be more than {self.node[high]}")
            if len(value) < self.node.get(low, 0):
                yield (
                    path,
                    f"Invalid value: {_shown(value)}: {path} in body should be at least {self.node[low]} long",
                )

    def _check_children(self, value: Any, old: Any, path: str) -> Iterator[Cause]:
        if isinstance(value, dict):
            for name in self.node.get("required", ()):
                if name not in value:
                    yield (f"{path}.{name}" if path else name, "Required value")
            for name, child in value.items():
                schema = self._properties.get(name) or self._values
                before = old.get(name) if isinstance(old, dict) else None
                if schema is not None:
                    yield from schema.check(child, before, f"{path}.{name}" if path else name)
        elif isinstance(value, list) and self._items is not None:
            yield from self._check_duplicates(value, path)
            for index, item in enumerate(value):
                yield from self._items.check(item, None, f"{path}[{index}]")

    def _check_duplicates(self, value: list[Any], path: str) -> Iterator[Cause]:
        keys = self.node.get("x-kubernetes-list-map-keys")
        seen: list[Any] = []
        for index, item in enumerate(value if keys else ()):
            if not isinstance(item, dict):
                continue
            identity = {key: item.get(key) for key in keys or ()}
            if identity in seen:
                yield (f"{path}[{index}]", f"Duplicate value: {_shown(identity)}")
            seen.append(identity)


def _shown(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False) if isinstance(value, str | int | list) else '"object"'
