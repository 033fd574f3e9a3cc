"""The whole picture: every panel at its place, with what Prometheus says."""

import math
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

from panels.drawing import svg
from panels.drawing.lines import buckets, draw_heat, draw_series, draw_states
from panels.drawing.scales import shown
from panels.drawing.svg import Box
from panels.model import Panel, read_panels
from panels.prometheus import Prometheus, Series, Span

WIDTH, COLUMN, LINE, GAP, HEADER = 1200.0, 1200.0 / 24, 29.0, 6.0, 44.0
POINTS = {"heatmap": 90}
MAX_POINTS = 200
Draw = Callable[[Panel, list[Series], Span, Box], Iterator[str]]


def draw(dashboard: Path, prometheus: Prometheus, span: Span) -> str:
    """The dashboard as SVG."""
    title, panels = read_panels(dashboard)
    bottom = max(panel.y + panel.height for panel in panels)
    height = HEADER + bottom * LINE + GAP
    shapes = [svg.rect(Box(0, 0, WIDTH, height), svg.PAGE), *_header(title, span)]
    for panel in panels:
        found = [series for target in panel.targets for series in prometheus.ask(target, span, _points(panel))]
        shapes += _panel(panel, found, span)
    return svg.document(WIDTH, height, shapes)


def _points(panel: Panel) -> int:
    return POINTS.get(panel.kind, MAX_POINTS)


def _header(title: str, span: Span) -> Iterator[str]:
    times = [datetime.fromtimestamp(moment, UTC).strftime("%H:%M:%S") for moment in (span.start, span.end)]
    yield svg.text((14, 29), title, 18, bold=True)
    yield svg.text((WIDTH - 14, 29), f"{times[0]} to {times[1]} UTC", 12, svg.FAINT, anchor="end")


def _panel(panel: Panel, found: list[Series], span: Span) -> Iterator[str]:
    outer = Box(panel.x * COLUMN, HEADER + panel.y * LINE, panel.width * COLUMN, panel.height * LINE)
    if panel.kind == "row":
        yield svg.text((14, outer.y + 20), panel.title, 14, bold=True)
        return
    box = outer.inset(GAP / 2, GAP / 2, GAP / 2, GAP / 2)
    yield svg.rect(box, svg.PANEL, edge=svg.EDGE, radius=3)
    yield svg.text((box.x + 10, box.y + 19), svg.cut(panel.title, box.width - 20, 12.5), 12.5)
    known = [series for series in found if series.points]
    inside = box.inset(0, 28, 0, 0)
    if known or panel.kind == "stat":
        yield from KINDS[panel.kind](panel, known, span, inside)
    else:
        middle = (inside.x + inside.width / 2, inside.y + inside.height / 2)
        yield svg.text(middle, panel.look.none, 13, svg.FAINT, anchor="middle")


def _draw_stat(panel: Panel, found: list[Series], _span: Span, box: Box) -> Iterator[str]:
    """One number, as large as there is room."""
    value = found[0].last if found else None
    label = panel.look.none if value is None else shown(value, panel.look.unit, panel.look.decimals)
    size = min(34.0, (box.width - 24) / (max(4, len(label)) * svg.LETTER))
    color = svg.color("text") if value is None else svg.color(panel.look.color_at(value))
    yield svg.text(
        (box.x + box.width / 2, box.y + box.height / 2 + size / 4), label, size, color, anchor="middle", bold=True
    )


def _draw_bars(panel: Panel, found: list[Series], _span: Span, box: Box) -> Iterator[str]:
    """A bar for each bucket."""
    rows = [(bound, max(points.values(), default=0.0)) for bound, points in buckets(found)]
    originals = {float(series.labels["le"]): series.name for series in found}
    names = [panel.look.name_of(originals[bound]) for bound, _ in rows]
    room = 20 + max(svg.width_of(name, 11) for name in names)
    most = max((value for _, value in rows), default=0.0) or 1.0
    plot = box.inset(room, 4, 60, 8)
    height = plot.height / len(rows)
    for row, ((_, value), name) in enumerate(zip(rows, names, strict=True)):
        bar = Box(plot.x, plot.y + row * height + 2, plot.width, height - 4)
        middle = bar.y + bar.height / 2 + 4
        share = max(0.0, value / most)
        fill = svg.mixed(0.3 + 0.7 * math.sqrt(share), high="#8ab8ff")
        yield svg.text((plot.x - 8, middle), name, 11, svg.TEXT, anchor="end")
        yield svg.rect(bar, svg.GRID, radius=2)
        yield svg.rect(Box(bar.x, bar.y, bar.width * share, bar.height), fill, radius=2)
        yield svg.text((plot.right + 10, middle), shown(value, panel.look.unit, panel.look.decimals), 11, svg.TEXT)


KINDS: dict[str, Draw] = {
    "stat": _draw_stat,
    "bargauge": _draw_bars,
    "timeseries": draw_series,
    "state-timeline": draw_states,
    "heatmap": draw_heat,
}
