"""Asking a Prometheus over its HTTP API."""

import math
import re
from dataclasses import dataclass
from typing import Any

import httpx

from panels.model import Target

ALL = ".*"


@dataclass(frozen=True, slots=True)
class Series:
    """One line: its labels, and values by time in seconds since 1970."""

    name: str
    labels: dict[str, str]
    points: dict[float, float]

    @property
    def last(self) -> float:
        """The newest value."""
        return self.points[max(self.points)]


@dataclass(frozen=True, slots=True)
class Span:
    """What is looked at, in seconds since 1970.

    ``rate_seconds`` stands for Grafana's ``$__rate_interval``.
    """

    start: float
    end: float
    rate_seconds: int

    @property
    def seconds(self) -> float:
        """How long it is."""
        return self.end - self.start


class Prometheus:
    """A running one, at the base URL of a client."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def ask(self, target: Target, span: Span, points: int) -> list[Series]:
        """What a query gives: over all of the span, or at its end when the query asks for no more.

        Raises:
            RuntimeError: Prometheus refuses it; the message says why.
        """
        query = _filled_in(target.expr, span)
        if target.instant:
            found = self._result("query", query=query, time=span.end)
            return [_series(target, result["metric"], [result["value"]]) for result in found]
        step = max(1.0, round(span.seconds / points))
        found = self._result("query_range", query=query, start=span.start, end=span.end, step=step)
        return [_series(target, result["metric"], result["values"]) for result in found]

    def _result(self, path: str, **parameters: Any) -> list[dict[str, Any]]:
        response = self._client.get(f"/api/v1/{path}", params=parameters)
        if response.is_error:
            raise RuntimeError(f"Prometheus refuses {parameters['query']}: {response.text}")
        return list(response.json()["data"]["result"])


def _filled_in(expr: str, span: Span) -> str:
    values = {
        "$__rate_interval": f"{span.rate_seconds}s",
        "$__range": f"{span.seconds:.0f}s",
        "$namespace": ALL,
        "$job": ALL,
    }
    for variable, value in values.items():
        expr = expr.replace(variable, value)
    return expr


def _series(target: Target, labels: dict[str, str], values: list[list[Any]]) -> Series:
    name = re.sub(r"{{(\w+)}}", lambda found: labels.get(found[1], ""), target.legend)
    points = {float(moment): float(text) for moment, text in values}
    return Series(name, labels, {moment: value for moment, value in points.items() if math.isfinite(value)})
