"""What is held together here: the alerts, the dashboard, the page about both, and what the operator exports."""

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import yaml
from prometheus_client.metrics import MetricWrapperBase

from box_app_operator.model.conditions import FACETS, Reason
from box_app_operator.model.steps import Step
from box_app_operator.observability import metrics as telemetry
from box_app_operator.observability.gauges import Gauges

ROOT = Path(__file__).parents[2]
FILES = ROOT / "charts" / "box-app-operator" / "files"
ALERTS_FILE, DASHBOARD_FILE = FILES / "alerts.yaml", FILES / "dashboard.json"
PAGE = (ROOT / "docs" / "monitoring.md").read_text()
ALERTS: list[dict[str, Any]] = [
    rule for group in yaml.safe_load(ALERTS_FILE.read_text())["groups"] for rule in group["rules"]
]
DASHBOARD: dict[str, Any] = json.loads(DASHBOARD_FILE.read_text())
PANELS: list[dict[str, Any]] = [panel for panel in DASHBOARD["panels"] if panel["type"] != "row"]
SUFFIXES = {
    "counter": ("_total",),
    "histogram": ("_bucket", "_count", "_sum"),
    "gaugehistogram": ("_bucket", "_gcount", "_gsum"),
    "gauge": ("",),
}
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)


@dataclass(frozen=True)
class Family:
    """A metric of the operator, with the labels that all its series have."""

    name: str
    kind: str
    labels: frozenset[str]
    text: str
    per_app: bool = False

    @property
    def series(self) -> dict[str, frozenset[str]]:
        """The names under which Prometheus keeps it, and the labels of each."""
        le = {"_bucket": frozenset({"le"})}
        return {self.name + suffix: self.labels | le.get(suffix, frozenset()) for suffix in SUFFIXES[self.kind]}


def families() -> list[Family]:
    """Everything that the operator exports of its own."""
    kept = [_kept(value) for value in vars(telemetry).values() if isinstance(value, MetricWrapperBase)]
    usual = {metric.name for metric in _gauges(per_app=False)}
    counted = [
        Family(
            metric.name,
            metric.type,
            frozenset(label for sample in metric.samples for label in sample.labels) - {"le"},
            metric.documentation,
            per_app=metric.name not in usual,
        )
        for metric in _gauges(per_app=True)
    ]
    return [*kept, *counted]


def _kept(metric: MetricWrapperBase) -> Family:
    (described,) = metric.describe()
    # The labels of a metric that was not used yet are nowhere else.
    return Family(described.name, described.type, frozenset(metric._labelnames), described.documentation)


def _gauges(*, per_app: bool) -> list[Any]:
    """The metrics of a store in which there is something to tell of everything."""
    link = SimpleNamespace(name="acme", is_ready=True, heard_at=NOON)
    gauges = Gauges(
        {days: SimpleNamespace(body=_app(f"app-{days}", timedelta(days=days))) for days in (9, -1)},
        lambda: [link],
        SimpleNamespace(now=lambda: NOON),
        sweep_age=lambda: 1.0,
        queue_length=lambda: 0,
        per_app=per_app,
    )
    return list(gauges.collect())


def _app(name: str, until_rotation: timedelta) -> dict[str, Any]:
    times = {"expiryTime": (NOON + timedelta(days=10)).isoformat()}
    return {
        "metadata": {"namespace": "billing", "name": name},
        "spec": {},
        "status": {
            "conditions": [{"type": "Ready", "status": "True", "reason": "Ready"}],
            "tokens": {"active": times, "nextRotationTime": (NOON + until_rotation).isoformat()},
        },
    }


def values() -> dict[str, set[str]]:
    """Labels whose values are known beforehand, and those values."""
    texts = " ".join(family.text for family in families() if "result" in family.labels)
    gauges = [sample for metric in _gauges(per_app=False) for sample in metric.samples]
    return {
        "type": {*FACETS, "Ready", "Stalled", "Reconciling"},
        "reason": {str(reason) for reason in Reason},
        "step": {step.__name__ for step in get_args(Step)},
        "result": set(re.findall(r"\w+", texts)),
        "rotation": {sample.labels["rotation"] for sample in gauges if "rotation" in sample.labels},
    }


def process_series() -> set[str]:
    """What the Prometheus client tells of the process itself."""
    names = {metric.name: metric.type for metric in telemetry.REGISTRY.collect() if metric.name.startswith("process_")}
    return {name + "".join(SUFFIXES[kind]) for name, kind in names.items()}


def expressions(panel: dict[str, Any]) -> Iterator[str]:
    """The queries of a panel, with values in place of Grafana's variables."""
    for target in panel["targets"]:
        text = target["expr"]
        for variable, value in {"$__rate_interval": "5m", "$__range": "1h", "$namespace": ".*", "$job": ".*"}.items():
            text = text.replace(variable, value)
        yield text


def anchors() -> set[str]:
    """The headings of the page, as GitHub makes links of them."""
    headings = re.findall(r"^#+ (.+)$", PAGE, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}
