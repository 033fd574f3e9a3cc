"""Whoever is woken up by an alert finds out what to do, and every alert speaks of what the operator exports."""

import re
from typing import Any

import pytest
from tests.monitoring import promql
from tests.monitoring.sources import ALERTS, PAGE, PANELS, anchors, expressions, families, values

BASE = "https://github.com/box-app-operator/box-app-operator/blob/main/docs/monitoring.md#"
TARGET = {"cluster", "namespace", "job"}
"""Labels that the replicas of one installation have in common."""
GROUPED = re.compile(r"by \(([^)]*)\)")
each_alert = pytest.mark.parametrize("alert", ALERTS, ids=lambda alert: alert["alert"])


def section(name: str) -> str:
    """The runbook of this name."""
    found = re.search(rf"^### {name}\n(.*?)(?=^##|\Z)", PAGE, re.MULTILINE | re.DOTALL)
    assert found is not None, name
    return found[1]


def test_every_alert_has_a_name_of_its_own() -> None:
    """By which the chart leaves it out, and by which its runbook is found."""
    names = [alert["alert"] for alert in ALERTS]

    assert len(set(names)) == len(names)
    assert all(name.startswith("BoxApp") for name in names)


@each_alert
def test_an_alert_says_how_bad_it_is_and_what_to_do(alert: dict[str, Any]) -> None:
    """Its severity, one line, some sentences, and the runbook."""
    assert alert["labels"] == {"severity": alert["labels"]["severity"]}
    assert alert["labels"]["severity"] in {"warning", "critical"}
    assert set(alert["annotations"]) == {"summary", "description", "runbook_url"}
    assert len(alert["annotations"]["description"]) > 100
    assert not alert["annotations"]["summary"].endswith(".")
    assert alert["annotations"]["description"].endswith(".")


@each_alert
def test_an_alert_leads_to_its_runbook(alert: dict[str, Any]) -> None:
    """A section of its name, which tells what it means and what to do; the page lists it with its severity."""
    anchor = alert["annotations"]["runbook_url"].removeprefix(BASE)

    assert anchor == alert["alert"].lower()
    assert anchor in anchors()
    text = section(alert["alert"])
    assert text.index("**What it means.**") < text.index("**What to do.**")
    row = rf"^\| \[`{alert['alert']}`\]\(#{anchor}\) \| {alert['labels']['severity']} \|"
    assert re.search(row, PAGE, re.MULTILINE)


def test_every_runbook_has_an_alert() -> None:
    """In the order of the alerts, and for no others."""
    assert re.findall(r"^### (BoxApp\w+)$", PAGE, re.MULTILINE) == [alert["alert"] for alert in ALERTS]


@each_alert
def test_an_alert_speaks_of_what_the_operator_exports(alert: dict[str, Any]) -> None:
    """Its series exist, without the flag for series per app, and have the labels that it uses."""
    exported = {name: labels for family in families() if not family.per_app for name, labels in family.series.items()}
    used = promql.series(alert["expr"])

    assert used
    assert used <= set(exported)
    assert promql.labels(alert["expr"]) <= TARGET.union(*(exported[name] for name in used))


@each_alert
def test_an_alert_sums_up_the_replicas(alert: dict[str, Any]) -> None:
    """By what they have in common, so that one that stands by makes no difference, and a takeover none either."""
    grouped = [{name.strip() for name in names.split(",")} for names in GROUPED.findall(alert["expr"])]

    assert all(names >= TARGET for names in grouped)
    assert grouped or alert["expr"].startswith("absent(")


@each_alert
def test_a_text_uses_only_labels_that_its_alert_has(alert: dict[str, Any]) -> None:
    """Prometheus writes nothing in the place of a label that is not there."""
    texts = " ".join(alert["annotations"].values())
    kept = set.union(set(), *({name.strip() for name in names.split(",")} for names in GROUPED.findall(alert["expr"])))

    assert set(re.findall(r"\$labels\.(\w+)", texts)) <= kept - {"le"}


def test_a_value_that_is_looked_for_can_occur() -> None:
    """A reason, a result or a step with a slip in its name would never be found."""
    queries = [alert["expr"] for alert in ALERTS] + [query for panel in PANELS for query in expressions(panel)]
    known = values()

    asked = {match for query in queries for match in promql.matchers(query) if match[0] in known}
    assert {label for label, _ in asked} == set(known)
    for label, value in asked:
        assert set(value.split("|")) <= known[label], label
