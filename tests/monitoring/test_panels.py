"""The picture of the dashboard shows every panel, with what Prometheus said."""

import math
import re
from collections.abc import Iterator
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from tests.monitoring.sources import DASHBOARD, DASHBOARD_FILE, PANELS

from panels.drawing.lines import buckets
from panels.drawing.picture import draw
from panels.drawing.scales import axis_for, moments, shown
from panels.prometheus import Prometheus, Series, Span

SPAN = Span(1_700_000_000.0, 1_700_001_200.0, rate_seconds=30)
LABELS = {"reason": "Ready", "enterprise": "acme", "alertname": "BoxAppStalled", "instance": "a&b", "status": "200"}
BOUNDS = ("0.0", "60.0", "3600.0", "+Inf")


def answer(request: httpx.Request) -> httpx.Response:
    """What a Prometheus might say: something to every query, with a gap in the middle."""
    query = request.url.params["query"]
    labels = [{"le": bound} for bound in BOUNDS] if "sum by (le) (box" in query or "[1200s]" in query else [LABELS]
    times = [SPAN.start + 5 * step for step in range(241) if not 100 < step < 120]
    result = [
        {"metric": each, "values": [[moment, str(number + 1)] for moment in times], "value": [SPAN.end, str(number)]}
        for number, each in enumerate(labels)
    ]
    return httpx.Response(200, json={"data": {"result": result}})


@pytest.fixture
def asked() -> list[httpx.Request]:
    """What Prometheus was asked."""
    return []


@pytest.fixture
def prometheus(asked: list[httpx.Request]) -> Iterator[Prometheus]:
    """One that has an answer to everything."""

    def note(request: httpx.Request) -> httpx.Response:
        asked.append(request)
        return answer(request)

    with httpx.Client(base_url="http://prometheus", transport=httpx.MockTransport(note)) as client:
        yield Prometheus(client)


def texts(svg: str) -> list[str]:
    """Every text of a picture."""
    return [node.text or "" for node in ElementTree.fromstring(svg).iter("{http://www.w3.org/2000/svg}text")]


def test_every_panel_is_drawn(prometheus: Prometheus) -> None:
    """With its title, and rows too; and it is a picture that every viewer takes."""
    svg = draw(DASHBOARD_FILE, prometheus, SPAN)

    assert {panel["title"] for panel in DASHBOARD["panels"]} <= set(texts(svg))
    assert "nan" not in svg.lower()
    assert "a&b" in texts(svg)


def test_every_query_is_asked_for_itself(prometheus: Prometheus, asked: list[httpx.Request]) -> None:
    """With values for Grafana's variables, at once or over time, as the panel has it."""
    draw(DASHBOARD_FILE, prometheus, SPAN)

    queries = [request.url.params["query"] for request in asked]
    assert len(queries) == sum(len(panel["targets"]) for panel in PANELS)
    assert not [query for query in queries if "$" in query]
    kinds = {request.url.path.rpartition("/")[2] for request in asked}
    assert kinds == {"query", "query_range"}


def test_nothing_lies_outside(prometheus: Prometheus) -> None:
    """Of the picture, whatever the values are."""
    root = ElementTree.fromstring(draw(DASHBOARD_FILE, prometheus, SPAN))
    width, height = float(root.attrib["width"]), float(root.attrib["height"])

    for node in root.iter("{http://www.w3.org/2000/svg}path"):
        points = re.findall(r"([\d.-]+) ([\d.-]+)", node.attrib["d"])
        assert all(0 <= float(x) <= width and 0 <= float(y) <= height for x, y in points)
    for node in root.iter("{http://www.w3.org/2000/svg}rect"):
        assert float(node.attrib["x"]) + float(node.attrib["width"]) <= width + 0.1


@pytest.mark.parametrize("result", [[], [{"metric": LABELS, "values": [], "value": [SPAN.end, "NaN"]}]])
def test_a_panel_may_have_nothing_to_show(result: list[Any]) -> None:
    """As in an installation that has just begun."""
    transport = httpx.MockTransport(lambda _: httpx.Response(200, json={"data": {"result": result}}))
    with httpx.Client(base_url="http://prometheus", transport=transport) as client:
        svg = draw(DASHBOARD_FILE, Prometheus(client), SPAN)

    assert {panel["title"] for panel in PANELS} <= set(texts(svg))


def test_a_query_that_is_refused_is_told() -> None:
    """With Prometheus' own words."""
    transport = httpx.MockTransport(lambda _: httpx.Response(400, text="parse error: unexpected end"))
    with (
        httpx.Client(base_url="http://prometheus", transport=transport) as client,
        pytest.raises(RuntimeError, match="unexpected end"),
    ):
        draw(DASHBOARD_FILE, Prometheus(client), SPAN)


@pytest.mark.parametrize(
    ("value", "unit", "text"),
    [
        (0.0, "s", "0 s"),
        (0.0042, "s", "4.2 ms"),
        (90.0, "s", "1.5 min"),
        (86400.0 * 60, "s", "60 d"),
        (-90.0, "s", "-1.5 min"),
        (2.0**26, "bytes", "64 MiB"),
        (0.29, "percentunit", "29%"),
        (12.5, "reqps", "12.5 req/s"),
        (3.0, "short", "3"),
        (4200.0, "short", "4.2 K"),
    ],
)
def test_a_value_reads_as_people_write_it(value: float, unit: str, text: str) -> None:
    """With as few digits as tell it apart."""
    assert shown(value, unit) == text


@pytest.mark.parametrize("unit", ["s", "bytes", "short", "reqps"])
@pytest.mark.parametrize("top", [0.0, 1e-5, 0.7, 3.0, 59.0, 100.0, 7321.0, 4e6])
def test_an_axis_has_room_for_everything(top: float, unit: str) -> None:
    """For all values, and for all of its own marks; which are some, and not too many."""
    axis = axis_for([0.0, top], unit)

    assert all(0 <= axis.share(value) <= 1 for value in (0.0, top, *axis.ticks))
    assert 2 <= len(axis.ticks) <= 7


def test_a_logarithmic_axis_leaves_out_what_it_cannot_show() -> None:
    """Zero and less lie at its lower end."""
    axis = axis_for([-5.0, 0.0, 30.0, 5e6], "s", logarithmic=True)

    assert axis.share(-5.0) == axis.share(axis.low) == 0
    assert 0 < axis.share(30.0) < axis.share(5e6) < 1


def test_times_on_the_axis_are_whole_minutes() -> None:
    """Few enough to be read."""
    found = moments(SPAN.start, SPAN.end)

    assert 2 <= len(found) <= 6
    assert all(moment % 60 == 0 and SPAN.start <= moment <= SPAN.end for moment, _ in found)


def test_a_bucket_is_what_lies_between_two_bounds() -> None:
    """Prometheus counts everything below a bound."""
    counts = {"+Inf": 9.0, "60.0": 5.0, "0.0": 1.0}
    found = buckets([Series(bound, {"le": bound}, {7.0: count}) for bound, count in counts.items()])

    assert found == [(0.0, {7.0: 1.0}), (60.0, {7.0: 4.0}), (math.inf, {7.0: 4.0})]
