"""The dashboard as far as it is drawn: panels, their places, queries and looks."""

import json
import re
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any


@dataclass(frozen=True, slots=True)
class Target:
    """One query of a panel. ``legend`` has ``{{label}}`` in it."""

    expr: str
    legend: str
    instant: bool


@dataclass(frozen=True, slots=True)
class Look:
    """How values are shown.

    Attributes:
        steps: colors by the value from which on they count, lowest first; None for the first.
        mappings: text and color for single values.
        colors: of series, by name.
        names: other names for series whose own matches a pattern.
        none: what is shown when there is no value.
    """

    unit: str
    decimals: int | None
    steps: tuple[tuple[float | None, str], ...]
    mappings: dict[str, tuple[str, str]]
    colors: dict[str, str]
    names: tuple[tuple[str, str], ...]
    none: str
    stacked: bool = False
    logarithmic: bool = False

    def name_of(self, name: str) -> str:
        """What a series is called."""
        return next((shown for pattern, shown in self.names if re.search(pattern, name)), name)

    def color_at(self, value: float) -> str:
        """The color of a threshold."""
        return [color for start, color in self.steps if start is None or value >= start][-1]


@dataclass(frozen=True, slots=True)
class Panel:
    """One panel, in Grafana's grid of 24 columns."""

    kind: str
    title: str
    x: int
    y: int
    width: int
    height: int
    targets: tuple[Target, ...] = ()
    look: Look = field(default_factory=lambda: _look({}, {}))


def read_panels(file: Path) -> tuple[str, list[Panel]]:
    """The title of a dashboard, and its panels."""
    dashboard = json.loads(file.read_text())
    return str(dashboard["title"]), [_panel(panel) for panel in dashboard["panels"]]


def _panel(body: dict[str, Any]) -> Panel:
    at = body["gridPos"]
    targets = tuple(
        Target(target["expr"], target["legendFormat"], bool(target["instant"])) for target in body.get("targets", ())
    )
    config = body.get("fieldConfig") or {}
    look = _look(config.get("defaults") or {}, config)
    return Panel(body["type"], body["title"], at["x"], at["y"], at["w"], at["h"], targets, look)


def _look(defaults: dict[str, Any], config: dict[str, Any]) -> Look:
    custom = defaults.get("custom") or {}
    steps = (defaults.get("thresholds") or {}).get("steps") or [{"value": None, "color": "text"}]
    return Look(
        unit=defaults.get("unit", "none"),
        decimals=defaults.get("decimals"),
        steps=tuple((step["value"], step["color"]) for step in steps),
        mappings={
            value: (shown["text"], shown["color"])
            for mapping in defaults.get("mappings") or ()
            for value, shown in mapping["options"].items()
        },
        colors={name: value["fixedColor"] for name, value in _overridden(config, "byName", "color")},
        names=tuple((pattern.strip("/"), value) for pattern, value in _overridden(config, "byRegexp", "displayName")),
        none=defaults.get("noValue", "no data"),
        stacked=(custom.get("stacking") or {}).get("mode") == "normal",
        logarithmic=(custom.get("scaleDistribution") or {}).get("type") == "log",
    )


def _overridden(config: dict[str, Any], matcher: str, key: str) -> list[tuple[str, Any]]:
    return [
        (override["matcher"]["options"], entry["value"])
        for override in config.get("overrides") or ()
        for entry in override["properties"]
        if override["matcher"]["id"] == matcher and entry["id"] == key
    ]
