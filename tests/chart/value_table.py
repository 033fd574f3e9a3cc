"""Every value of the chart: its path, what it is when absent, what it means."""

import json
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import yaml
from tests.chart.rendering import CHART, Json

SCHEMA: Json = json.loads((CHART / "values.schema.json").read_text())
VALUES: Json = yaml.safe_load((CHART / "values.yaml").read_text())
NOT_OURS = "global"
"""Helm hands these to every chart that is part of another one."""


@dataclass(frozen=True, slots=True)
class Value:
    """One value that people can set. What is inside of an object of Kubernetes counts as one value with it."""

    path: str
    default: Any
    meaning: str

    @property
    def row(self) -> str:
        """Its row in the table of the README."""
        default = json.dumps(self.default, ensure_ascii=False).replace("|", "\\|")
        return f"| `{self.path}` | `{default}` | {self.meaning} |"


def values() -> list[Value]:
    """All of them, in the order of values.yaml."""
    properties = {name: node for name, node in SCHEMA["properties"].items() if name != NOT_OURS}
    return list(_values(properties, VALUES, ""))


def _values(properties: Json, usual: Json, prefix: str) -> Iterator[Value]:
    for name in [*usual, *(name for name in properties if name not in usual)]:
        node, path = properties.get(name, {}), prefix + name
        if "properties" in node:
            yield from _values(node["properties"], usual[name], f"{path}.")
        else:
            yield Value(path, usual.get(name, "not in values.yaml"), node.get("description", "not in the schema"))


def objects(node: Any = SCHEMA, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every part of the schema that describes the properties of an object, with its path."""
    if isinstance(node, dict):
        if isinstance(node.get("properties"), dict) and "type" in node:
            yield path, node
        for key, child in node.items():
            yield from objects(child, f"{path}/{key}")
    if isinstance(node, list):
        for number, child in enumerate(node):
            yield from objects(child, f"{path}/{number}")
