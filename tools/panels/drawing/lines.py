"""Panels over time: lines, areas on top of each other, states and heat."""

import itertools
import math
from collections.abc import Iterator

from panels.drawing import svg
from panels.drawing.scales import Axis, axis_for, moments, shown
from panels.drawing.svg import Box, Point
from panels.model import Look, Panel
from panels.prometheus import Series, Span

SMALL = 10.0
LEGEND_LINE = 15.0
LEGEND_LINES = 2
GAP_STEPS = 1.5
"""Where so many steps have no value, the line is broken."""


def draw_series(panel: Panel, found: list[Series], span: Span, box: Box) -> Iterator[str]:
    """Lines, or areas on top of each other."""
    legend = _legend(panel.look, found, box.width - 16)
    stacks = _stacked(found) if panel.look.stacked else [(series, {}, series.points) for series in found]
    values = [value for _, _, upper in stacks for value in upper.values()]
    axis = axis_for(values, panel.look.unit, logarithmic=panel.look.logarithmic, whole=panel.look.decimals == 0)
    plot = box.inset(_label_room(axis, panel.look), 6, 10, 22 + len(legend) * LEGEND_LINE)
    yield from _frame(axis, panel.look, span, plot)
    for index, (series, lower, upper) in reversed(list(enumerate(stacks))):
        yield from _one(series, lower, upper, _color(panel.look, series, index), panel.look, _Place(plot, axis, span))
    yield from _draw_legend(legend, box)


class _Place:
    """Where a moment and a value are on the picture."""

    def __init__(self, plot: Box, axis: Axis, span: Span) -> None:
        self._plot, self._axis, self._span = plot, axis, span

    def __call__(self, moment: float, value: float) -> Point:
        share = min(1.0, max(0.0, self._axis.share(value)))
        return (_x(moment, self._plot, self._span), self._plot.bottom - share * self._plot.height)


def _x(moment: float, plot: Box, span: Span) -> float:
    return plot.x + (moment - span.start) / span.seconds * plot.width


def _label_room(axis: Axis, look: Look) -> float:
    return 14 + max(svg.width_of(shown(tick, look.unit, look.decimals), SMALL) for tick in (*axis.ticks, 0.0))


def _frame(axis: Axis, look: Look, span: Span, plot: Box) -> Iterator[str]:
    for tick in axis.ticks:
        y = plot.bottom - axis.share(tick) * plot.height
        yield svg.line((plot.x, y), (plot.right, y), svg.GRID)
        label = shown(tick, look.unit, look.decimals)
        yield svg.text((plot.x - 6, y + 3.5), label, SMALL, svg.FAINT, anchor="end")
    yield from draw_moments(span, plot)


def draw_moments(span: Span, plot: Box) -> Iterator[str]:
    """The times below a panel."""
    for moment, label in moments(span.start, span.end):
        x = _x(moment, plot, span)
        yield svg.line((x, plot.y), (x, plot.bottom), svg.GRID)
        if x < plot.right - 8:
            yield svg.text((x, plot.bottom + 14), label, SMALL, svg.FAINT, anchor="middle")


def _stacked(found: list[Series]) -> list[tuple[Series, dict[float, float], dict[float, float]]]:
    times = sorted({moment for series in found for moment in series.points})
    lower, stacks = dict.fromkeys(times, 0.0), []
    for series in found:
        upper = {moment: lower[moment] + series.points.get(moment, 0.0) for moment in times}
        stacks.append((series, lower, upper))
        lower = upper
    return stacks


def _color(look: Look, series: Series, index: int) -> str:
    return svg.color(look.colors.get(series.name, svg.PALETTE[index % len(svg.PALETTE)]))


def _one(
    series: Series, lower: dict[float, float], upper: dict[float, float], color: str, look: Look, place: _Place
) -> Iterator[str]:
    if look.stacked and not any(series.points.values()):
        return
    for piece in _pieces(sorted(upper)):
        top = [place(moment, upper[moment]) for moment in piece]
        if not look.logarithmic:
            bottom = [place(moment, lower.get(moment, 0.0)) for moment in reversed(piece)]
            yield svg.area([*top, *bottom], color, 0.35 if look.stacked else 0.08)
        yield svg.path(top, color)


def _pieces(times: list[float]) -> Iterator[list[float]]:
    """The times, cut where a value is missing."""
    step = min((after - before for before, after in itertools.pairwise(times)), default=1.0)
    piece: list[float] = []
    for moment in times:
        if piece and moment - piece[-1] > step * GAP_STEPS:
            yield piece
            piece = []
        piece.append(moment)
    if piece:
        yield piece


def _legend(look: Look, found: list[Series], width: float) -> list[list[tuple[str, str]]]:
    """Colors and names, in two lines at most."""
    lines: list[list[tuple[str, str]]] = [[]]
    for index, series in enumerate(found):
        entry = (_color(look, series, index), svg.cut(look.name_of(series.name), width - 24, SMALL))
        if sum(_entry_width(name) for _, name in (*lines[-1], entry)) > width:
            if len(lines) == LEGEND_LINES:
                break
            lines.append([])
        lines[-1].append(entry)
    return lines


def _entry_width(name: str) -> float:
    return 22 + svg.width_of(name, SMALL)


def _draw_legend(lines: list[list[tuple[str, str]]], box: Box) -> Iterator[str]:
    for row, entries in enumerate(reversed(lines)):
        x, y = box.x + 10, box.bottom - 6 - row * LEGEND_LINE
        for color, name in entries:
            yield svg.rect(Box(x, y - 5, 10, 3), color, radius=1.5)
            yield svg.text((x + 14, y), name, SMALL, svg.TEXT)
            x += _entry_width(name)


def draw_states(panel: Panel, found: list[Series], span: Span, box: Box) -> Iterator[str]:
    """A bar for each series, in the colors of its states."""
    room = min(box.width * 0.5, 16 + max(svg.width_of(series.name, SMALL) for series in found))
    plot = box.inset(room, 6, 10, 22)
    yield from draw_moments(span, plot)
    height = min(34.0, plot.height / len(found))
    top = plot.y + (plot.height - height * len(found)) / 2
    for row, series in enumerate(found):
        bar = Box(plot.x, top + row * height + 3, plot.width, height - 6)
        name = svg.cut(series.name, room - 12, SMALL)
        yield svg.text((plot.x - 6, bar.y + bar.height / 2 + 3.5), name, SMALL, svg.TEXT, anchor="end")
        yield from _states(panel.look, series, span, bar)


def _states(look: Look, series: Series, span: Span, bar: Box) -> Iterator[str]:
    times = sorted(series.points)
    step = min((after - before for before, after in itertools.pairwise(times)), default=span.seconds)
    for piece in _pieces(times):
        for value, same in itertools.groupby(piece, key=lambda moment: series.points[moment]):
            moments_of = list(same)
            label, color = look.mappings.get(f"{value:g}", (f"{value:g}", "text"))
            left, end = _x(moments_of[0], bar, span), min(_x(moments_of[-1] + step, bar, span), bar.right)
            yield svg.rect(Box(left, bar.y, end - left, bar.height), svg.color(color), radius=2)
            if svg.width_of(label, SMALL) < end - left - 8:
                yield svg.text((left + 6, bar.y + bar.height / 2 + 3.5), label, SMALL, svg.PAGE)


def draw_heat(panel: Panel, found: list[Series], span: Span, box: Box) -> Iterator[str]:
    """How many are in which bucket, at which time."""
    rows = buckets(found)
    names = [shown(bound, panel.look.unit) if math.isfinite(bound) else "more" for bound, _ in rows]
    plot = box.inset(14 + max(svg.width_of(name, SMALL) for name in names), 6, 10, 22)
    most = max((value for _, points in rows for value in points.values()), default=0.0) or 1.0
    times = sorted({moment for _, points in rows for moment in points})
    width, height = plot.width / max(1, len(times)), plot.height / len(rows)
    for row, ((_, points), name) in enumerate(zip(rows, names, strict=True)):
        y = plot.bottom - (row + 1) * height
        yield svg.text((plot.x - 6, y + height / 2 + 3.5), name, SMALL, svg.FAINT, anchor="end")
        for moment in (time for time in times if points.get(time, 0.0) > 0):
            cell = Box(_x(moment, plot, span), y + 0.5, width + 0.1, height - 1)
            if cell.right <= plot.right + width / 2:
                yield svg.rect(cell, svg.mixed(0.15 + 0.85 * (points[moment] / most) ** 0.5))
    yield from draw_moments(span, Box(plot.x, plot.bottom, plot.width, 0))


def buckets(found: list[Series]) -> list[tuple[float, dict[float, float]]]:
    """Of a cumulative histogram: each upper bound with what lies below it and above the one before."""
    rows = sorted((float(series.labels["le"]), series.points) for series in found)
    below: dict[float, float] = {}
    found_rows = []
    for bound, points in rows:
        found_rows.append((bound, {moment: value - below.get(moment, 0.0) for moment, value in points.items()}))
        below = points
    return found_rows
