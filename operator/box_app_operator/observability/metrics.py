"""What the parts tell of themselves while they work: metrics, log lines about one app, request ids of Box.

Labels are few and their values known beforehand: no namespace, no name, no id. What grows with the apps is in
``gauges``, behind a flag.
"""

import asyncio
import logging
import time
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, ProcessCollector

PREFIX = "box_app_operator"
REGISTRY = CollectorRegistry()
ProcessCollector(registry=REGISTRY)
DAY = 86400.0

RECONCILES = Histogram(
    f"{PREFIX}_reconcile_duration_seconds",
    "Passes over one app, by how they ended: settled, waiting, transient, stalled or bug.",
    ["result"],
    buckets=(0.001, 0.005, 0.02, 0.1, 0.5, 1, 2.5, 5, 10, 30, 60),
    registry=REGISTRY,
)
STEPS = Counter(
    f"{PREFIX}_steps",
    "Steps that were taken, by kind and by how they ended: done, transient or refused.",
    ["step", "result"],
    registry=REGISTRY,
)
BOX_REQUESTS = Histogram(
    f"{PREFIX}_box_request_duration_seconds",
    "Calls to Box; status is none without an answer, and the endpoint ends in ?wait for the look that blocks.",
    ["api", "method", "endpoint", "status"],
    buckets=(0.01, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60),
    registry=REGISTRY,
)
RATE_LIMIT_WAITS = Histogram(
    f"{PREFIX}_rate_limit_wait_seconds",
    "How long calls to Box waited for the operator's own ceiling, spec.rateLimit of the BoxEnterprise.",
    buckets=(0.001, 0.01, 0.1, 0.5, 1, 5, 15, 60),
    registry=REGISTRY,
)
AUTHORIZATION_WAITS = Histogram(
    f"{PREFIX}_authorization_wait_seconds",
    "From the submission of an app to its authorization, seen when it is reported.",
    buckets=(60, 600, 3600, 4 * 3600, DAY, 3 * DAY, 7 * DAY, 14 * DAY, 30 * DAY),
    registry=REGISTRY,
)
LOOP_LAG = Histogram(
    f"{PREFIX}_event_loop_lag_seconds",
    "How much later than asked the event loop came round, looked at once a second.",
    buckets=(0.005, 0.02, 0.1, 0.25, 0.5, 1, 2.5, 5),
    registry=REGISTRY,
)
LEADER = Gauge(f"{PREFIX}_leader", "1 while this process works, 0 while it stands by.", registry=REGISTRY)
BUILD = Gauge(f"{PREFIX}_build_info", "What runs: always 1.", ["version", "python"], registry=REGISTRY)

_requests: ContextVar[list[str] | None] = ContextVar("requests", default=None)


@contextmanager
def requests_noted() -> Iterator[list[str]]:
    """Collect the ids that Box gives to the requests made inside, in order."""
    noted: list[str] = []
    reset = _requests.set(noted)
    try:
        yield noted
    finally:
        _requests.reset(reset)


def note_request(request_id: str) -> None:
    """Box answered under this id. Nothing happens when no caller collects."""
    noted = _requests.get()
    if noted is not None and request_id:
        noted.append(request_id)


class Stopwatch:
    """Seconds since it was made."""

    def __init__(self) -> None:
        self._began = time.monotonic()

    @property
    def seconds(self) -> float:
        """How long ago that was."""
        return time.monotonic() - self._began


class AppLog(logging.LoggerAdapter[logging.Logger]):
    """Says everything of one app: in the text for people, and as the fields ``namespace`` and ``app`` for machines."""

    def __init__(self, logger: logging.Logger, namespace: str, name: str) -> None:
        super().__init__(logger, {"namespace": namespace, "app": name})

    def process(self, msg: Any, kwargs: MutableMapping[str, Any]) -> tuple[Any, MutableMapping[str, Any]]:
        """Put the app's name before the message, and its fields beside those of the call."""
        about = dict(self.extra or {})
        kwargs["extra"] = {**about, **(kwargs.get("extra") or {})}
        return f"{about['namespace']}/{about['app']}: {msg}", kwargs


async def measure_lag() -> None:
    """Look until cancelled how late the event loop comes round: a call that blocks it freezes everything."""
    loop = asyncio.get_running_loop()
    while True:
        due = loop.time() + 1.0
        await asyncio.sleep(1.0)
        LOOP_LAG.observe(max(0.0, loop.time() - due))
