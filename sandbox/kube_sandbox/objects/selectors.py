"""Label and field selectors."""

import re
from collections.abc import Callable
from typing import Any

from kube_sandbox.status import StatusError

Object = dict[str, Any]
Match = Callable[[Object], bool]


def parse_selectors(labels: str | None, fields: str | None) -> Match:
    """Does an object meet both selectors?"""
    tests = [*map(_label, _split(labels)), *map(_field, _split(fields))]
    return lambda body: all(test(body) for test in tests)


def _split(text: str | None) -> list[str]:
    return [part.strip() for part in re.split(r",(?![^(]*\))", text or "") if part.strip()]


def _label(text: str) -> Match:
    def labels(body: Object) -> dict[str, str]:
        return body["metadata"].get("labels") or {}

    if found := re.fullmatch(r"(\S+)\s+(in|notin)\s+\(([^)]*)\)", text):
        key, positive, values = found[1], found[2] == "in", [value.strip() for value in found[3].split(",")]
        return lambda body: (labels(body).get(key) in values) == positive
    if found := re.fullmatch(r"([^=!\s]+)\s*(==|=|!=)\s*(\S*)", text):
        key, positive, value = found[1], found[2] != "!=", found[3]
        return lambda body: (labels(body).get(key) == value) == positive
    if text.startswith("!"):
        return lambda body: text[1:] not in labels(body)
    return lambda body: text in labels(body)


def _field(text: str) -> Match:
    found = re.fullmatch(r"([^=!]+)(==|=|!=)(.*)", text)
    if found is None:
        raise StatusError(400, f"invalid field selector {text!r}")
    path, positive, value = found[1].split("."), found[2] != "!=", found[3]
    return lambda body: (str(_at(body, path)) == value) == positive


def _at(body: Any, path: list[str]) -> Any:
    for name in path:
        body = body.get(name, "") if isinstance(body, dict) else ""
    return body
