"""ServiceMonitor, PodMonitor, PrometheusRule and dashboard: kinds of others, so that their shape is checked here.

Source: prometheus-operator.dev, API reference, monitoring.coreos.com/v1.
"""

import json

import helm_python
import pytest
import yaml
from tests.chart.rendering import CHART, NAMESPACE, VALUE_SETS, Json, render, selected

ALERTS: Json = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())
NAMES = [rule["alert"] for group in ALERTS["groups"] for rule in group["rules"] if "alert" in rule]


def alerts(chart: helm_python.Chart, **values: object) -> list[Json]:
    """The alerts of the rule that the chart makes."""
    body = render(chart, {"prometheusRule": {"enabled": True, **values}}).one("PrometheusRule")
    return [rule for group in body["spec"]["groups"] for rule in group["rules"] if "alert" in rule]


def test_nothing_of_others_is_made_unless_asked_for(chart: helm_python.Chart) -> None:
    """A cluster that does not know these kinds would refuse the whole release."""
    assert render(chart, {}).of("ServiceMonitor", "PodMonitor", "PrometheusRule", "ConfigMap") == []


@pytest.mark.parametrize(
    ("kind", "value", "field"),
    [("ServiceMonitor", "serviceMonitor", "endpoints"), ("PodMonitor", "podMonitor", "podMetricsEndpoints")],
)
def test_a_monitor_finds_the_metrics(chart: helm_python.Chart, kind: str, value: str, field: str) -> None:
    """By the labels of what it looks for, in the release's namespace, at the port's name."""
    rendered = render(chart, {value: {"enabled": True, "namespace": "monitoring", "labels": {"release": "prometheus"}}})

    monitor = rendered.one(kind)
    assert monitor["apiVersion"] == "monitoring.coreos.com/v1"
    assert monitor["metadata"]["namespace"] == "monitoring"
    assert monitor["metadata"]["labels"]["release"] == "prometheus"
    assert set(monitor["spec"]) == {"jobLabel", "namespaceSelector", "selector", field}
    assert monitor["spec"]["namespaceSelector"] == {"matchNames": [NAMESPACE]}
    (endpoint,) = monitor["spec"][field]
    assert endpoint == {"port": "http", "path": "/metrics", "interval": "30s", "scrapeTimeout": "10s"}
    labels = monitor["spec"]["selector"]["matchLabels"]
    if kind == "ServiceMonitor":
        service = rendered.one("Service")
        assert labels.items() <= service["metadata"]["labels"].items()
        assert "http" in {port["name"] for port in service["spec"]["ports"]}
    else:
        assert selected(labels, rendered) == {"operator"}


def test_the_alerts_are_those_of_the_file(chart: helm_python.Chart) -> None:
    """Word by word; also what stands in braces there, which is Prometheus' own."""
    body = render(chart, {"prometheusRule": {"enabled": True}}).one("PrometheusRule")

    assert body["spec"] == ALERTS


def test_alerts_can_be_left_out_and_labelled(chart: helm_python.Chart) -> None:
    """By their names; labels win over those of the file, and all others stay."""
    assert alerts(chart, disabled=["Unknown"]) == alerts(chart)
    left = alerts(chart, disabled=NAMES[:1], alertLabels={"team": "platform", "severity": "info"})

    assert [alert["alert"] for alert in left] == NAMES[1:]
    for alert in alerts(chart, alertLabels={"team": "platform", "severity": "info"}):
        assert (alert["labels"]["team"], alert["labels"]["severity"]) == ("platform", "info")


def test_no_group_is_left_empty(chart: helm_python.Chart) -> None:
    """The Prometheus operator refuses a group without rules."""
    body = render(chart, {"prometheusRule": {"enabled": True, "disabled": NAMES}}).one("PrometheusRule")

    assert all(group["rules"] for group in body["spec"]["groups"])


def test_runbooks_can_be_kept_elsewhere(chart: helm_python.Chart) -> None:
    """Each link keeps what follows its last slash."""
    usual = {alert["alert"]: alert["annotations"]["runbook_url"] for alert in alerts(chart)}

    for alert in alerts(chart, runbookBaseURL="https://wiki.example.com/box/"):
        page = usual[alert["alert"]].rpartition("/")[2]
        assert page
        assert alert["annotations"]["runbook_url"] == f"https://wiki.example.com/box/{page}"


def test_the_dashboard_is_that_of_the_file(chart: helm_python.Chart) -> None:
    """As Grafana's sidecar finds it: by a label, one JSON document per key."""
    rendered = render(chart, VALUE_SETS["ha-monitoring"])

    body = rendered.one("ConfigMap")
    assert body["metadata"]["labels"]["grafana_dashboard"] == "1"
    assert body["metadata"]["annotations"] == {"grafana_folder": "Platform"}
    assert body["metadata"]["namespace"] == "monitoring"
    (text,) = body["data"].values()
    assert json.loads(text) == json.loads((CHART / "files" / "dashboard.json").read_text())
