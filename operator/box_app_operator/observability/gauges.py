"""The state at the moment of a scrape: counted from what is remembered, without any call."""

from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import datetime
from typing import Any, Protocol

from prometheus_client.core import GaugeHistogramMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from box_app_operator.api.fields import mapping
from box_app_operator.api.remembered import shown_conditions, status_of
from box_app_operator.api.spec import Body, Resource
from box_app_operator.model.conditions import Reason, parse_time
from box_app_operator.model.desired import AppKey
from box_app_operator.observability.metrics import DAY, PREFIX
from box_app_operator.ports import Clock

EXPIRY_BUCKETS = (0.0, 900.0, 3600.0, DAY, 3 * DAY, 7 * DAY, 10 * DAY, 14 * DAY, 30 * DAY, 60 * DAY)
SLACK_SECONDS = 60.0
"""A rotation that is due since less than this is on its way, and not overdue."""


class KnownEnterprise(Protocol):
    """The connection to one enterprise, as far as it is counted."""

    @property
    def name(self) -> str:
        """The name of the BoxEnterprise."""

    @property
    def is_ready(self) -> bool:
        """Do console and platform answer?"""

    @property
    def heard_at(self) -> datetime | None:
        """When Box last listed the apps; None where there is no listing."""


class Gauges(Collector):
    """Everything that is counted when ``/metrics`` is read."""

    def __init__(
        self,
        apps: Mapping[AppKey, Resource],
        links: Callable[[], Iterable[KnownEnterprise]],
        clock: Clock,
        *,
        sweep_age: Callable[[], float],
        queue_length: Callable[[], int],
        per_app: bool,
    ) -> None:
        self._apps = apps
        self._links = links
        self._clock = clock
        self._sweep_age = sweep_age
        self._queue_length = queue_length
        self._per_app = per_app

    def describe(self) -> Iterable[Metric]:
        """Nothing beforehand: so that being registered costs no count."""
        return ()

    def collect(self) -> Iterator[Metric]:
        """All families."""
        now, apps = self._clock.now(), [app.body for app in self._apps.values()]
        yield _gauge(
            "sweep_age_seconds", "Since the last look for deletions that no watch reported.", self._sweep_age()
        )
        yield _gauge("queue_length", "Apps that are worked upon or wait for it.", self._queue_length())
        yield _conditions(apps)
        yield from self._of_enterprises(now)
        yield from _of_tokens(apps, now)
        yield _gauge(
            "authorization_pending_oldest_seconds",
            "The longest time that an app waits for a Box admin by now; 0 when none does.",
            max((_pending_seconds(body, now) for body in apps), default=0.0),
        )
        if self._per_app:
            yield from _per_app(apps, now)

    def _of_enterprises(self, now: datetime) -> Iterator[Metric]:
        ready = _family("enterprise_ready", "Do console and platform of a BoxEnterprise answer?", ["enterprise"])
        age = _family("listing_age_seconds", "Since Box last listed the apps.", ["enterprise"])
        for link in self._links():
            ready.add_metric([link.name], float(link.is_ready))
            if link.heard_at is not None:
                age.add_metric([link.name], (now - link.heard_at).total_seconds())
        yield ready
        yield age


def _family(name: str, text: str, labels: list[str]) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", text, labels=labels)


def _gauge(name: str, text: str, value: float) -> GaugeMetricFamily:
    return GaugeMetricFamily(f"{PREFIX}_{name}", text, value=value)


def _in_status(body: Body, *path: str) -> Any:
    """What stands there in an object's status; None where nothing does."""
    value: Any = body.get("status")
    for name in path:
        value = mapping(value).get(name)
    return value


def _conditions(apps: list[Body]) -> Metric:
    """How many apps show which condition. An app that shows none yet counts as Ready Unknown, NotYetKnown."""
    unknown = ("Ready", "Unknown", Reason.NOT_YET_KNOWN)
    counts = Counter(item for body in apps for item in shown_conditions(body) or (unknown,))
    family = _family("apps", "Apps by condition.", ["type", "status", "reason"])
    for labels, count in sorted(counts.items()):
        family.add_metric(labels, count)
    return family


def _seconds_until(text: object, now: datetime) -> float | None:
    moment = parse_time(text)
    return (moment - now).total_seconds() if moment is not None else None


def _seconds_left(body: Body, now: datetime) -> float | None:
    """Until the app's active token expires; None when it never does, or there is none."""
    return _seconds_until(_in_status(body, "tokens", "active", "expiryTime"), now)


def _is_left_alone(body: Body) -> bool:
    """Is the object suspended or being deleted?"""
    return bool(mapping(body.get("spec")).get("suspend") or body["metadata"].get("deletionTimestamp"))


def _overdue_seconds(body: Body, now: datetime) -> float:
    """For how long the app's rotation is due; 0 when it is not, or no rotation is meant to happen."""
    if _is_left_alone(body):
        return 0.0
    left = _seconds_until(_in_status(body, "tokens", "nextRotationTime"), now)
    return -left if left is not None and left < -SLACK_SECONDS else 0.0


def _pending_seconds(body: Body, now: datetime) -> float:
    """For how long an app waits for an admin; 0 when it does not, or nothing would follow.

    Box does not tell when an app with client credentials was submitted: then it counts from when that was found out.
    """
    if _in_status(body, "authorization", "state") != "Pending" or _is_left_alone(body):
        return 0.0
    status = status_of(body)
    authorized: Body = next((item for item in status.get("conditions") or () if item["type"] == "Authorized"), {})
    since = status["authorization"].get("submittedTime") or authorized.get("lastTransitionTime")
    left = _seconds_until(since, now)
    return max(0.0, -left) if left is not None else 0.0


def _of_tokens(apps: list[Body], now: datetime) -> Iterator[Metric]:
    late = [(_overdue_seconds(body, now), left) for body in apps if (left := _seconds_left(body, now)) is not None]
    yield _expiry_histogram([left for _, left in late])
    soonest = _family("token_soonest_expiry_seconds", "Until the first active token expires.", ["rotation"])
    for rotation, lefts in (
        ("scheduled", [left for overdue, left in late if not overdue]),
        ("overdue", [left for overdue, left in late if overdue]),
    ):
        if lefts:
            soonest.add_metric([rotation], min(lefts))
    yield soonest
    yield _gauge(
        "token_rotation_overdue_seconds",
        "The longest time for which a rotation is due and not done; 0 when none is. Suspended apps do not count.",
        max((_overdue_seconds(body, now) for body in apps), default=0.0),
    )


def _expiry_histogram(lefts: list[float]) -> Metric:
    buckets = [(str(bound), float(sum(left <= bound for left in lefts))) for bound in EXPIRY_BUCKETS]
    family = GaugeHistogramMetricFamily(f"{PREFIX}_token_expiry_seconds", "Until active tokens expire.")
    family.add_metric([], [*buckets, ("+Inf", float(len(lefts)))], gsum_value=sum(lefts))
    return family


def _per_app(apps: list[Body], now: datetime) -> Iterator[Metric]:
    names = ["namespace", "name"]
    condition = _family("app_condition", "A condition that an app shows.", [*names, "type", "status", "reason"])
    expiry = _family("app_token_expiry_seconds", "Until an app's active token expires.", names)
    for body in apps:
        key = [body["metadata"]["namespace"], body["metadata"]["name"]]
        for item in shown_conditions(body):
            condition.add_metric([*key, *item], 1.0)
        left = _seconds_left(body, now)
        if left is not None:
            expiry.add_metric(key, left)
    yield condition
    yield expiry
