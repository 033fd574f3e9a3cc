"""Tables, as ``kubectl get`` asks for them."""

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from kube_sandbox.kinds.registry import Kind

NAME = {"name": "Name", "type": "string", "format": "name"}
AGE = {"name": "Age", "type": "date", "jsonPath": ".metadata.creationTimestamp"}
BUILT_IN: dict[str, list[dict[str, Any]]] = {
    "secrets": [{"name": "Type", "type": "string", "jsonPath": ".type"}],
    "namespaces": [{"name": "Status", "type": "string", "jsonPath": ".status.phase"}],
    "events": [
        {"name": name, "type": "string", "jsonPath": path}
        for name, path in (
            ("Type", ".type"),
            ("Reason", ".reason"),
            ("Object", ".involvedObject.name"),
            ("Message", ".message"),
        )
    ],
}


def table(kind: Kind, bodies: Iterable[dict[str, Any]], version: int, *, header: bool = True) -> dict[str, Any]:
    """A ``Table`` with the columns of a kind."""
    columns = list(kind.columns) or [*BUILT_IN.get(kind.plural, []), AGE]
    definitions = [NAME, *({"priority": 0, **column, "format": ""} for column in columns)]
    rows = [
        {
            "cells": [body["metadata"]["name"], *(_cell(body, column) for column in columns)],
            "object": {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": body["metadata"]},
        }
        for body in bodies
    ]
    return {
        "kind": "Table",
        "apiVersion": "meta.k8s.io/v1",
        "metadata": {"resourceVersion": str(version)},
        "columnDefinitions": definitions if header else None,
        "rows": rows,
    }


def _cell(body: Any, column: dict[str, Any]) -> Any:
    value = _at(body, column["jsonPath"])
    if value is None:
        return ""
    return _age(value) if column["type"] == "date" else value


def _at(value: Any, path: str) -> Any:
    for name, filter_key, filter_value in re.findall(r'\.(\w+)(?:\[\?\(@\.(\w+)=="([^"]*)"\)\])?', path):
        value = value.get(name) if isinstance(value, dict) else None
        if filter_key:
            value = next((item for item in value or () if item.get(filter_key) == filter_value), None)
    return value


def _age(text: str) -> str:
    seconds = int((datetime.now(UTC) - datetime.fromisoformat(text)).total_seconds())
    for size, unit in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= 2 * size:
            return f"{seconds // size}{unit}"
    return f"{max(0, seconds)}s"
