"""The dashboard loads anywhere, and each of its panels asks for something that the operator exports."""

import copy
import itertools
import json
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.monitoring import promql
from tests.monitoring.conftest import Verdict
from tests.monitoring.sources import DASHBOARD, DASHBOARD_FILE, PANELS, expressions, families, process_series

SOURCE = {"type": "prometheus", "uid": "${datasource}"}
TARGET = {"namespace", "job", "instance"}
ALERT_LABELS = {"alertname", "alertstate"}
WIDTH = 24
each_panel = pytest.mark.parametrize("panel", PANELS, ids=lambda panel: f"{panel['id']}-{panel['title']}")
Spot = tuple[int, int]


def spots(panel: dict[str, Any]) -> set[Spot]:
    """The cells of Grafana's grid that a panel covers."""
    at = panel["gridPos"]
    return {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}


def test_grafana_knows_every_field(grafana: Verdict) -> None:
    """Nothing in it is unknown to Grafana's own schema, missing, or of another type."""
    assert grafana(DASHBOARD_FILE) == ""


def test_grafana_would_complain(grafana: Verdict, tmp_path: Path) -> None:
    """About a field with a wrong name, however deep it is."""
    wrong = copy.deepcopy(DASHBOARD)
    panel = next(panel for panel in wrong["panels"] if panel["type"] == "timeseries")
    panel["fieldConfig"]["defaults"]["custom"]["lineWitdh"] = 1
    (tmp_path / "wrong.json").write_text(json.dumps(wrong))

    assert "unexpected field 'lineWitdh'" in grafana(tmp_path / "wrong.json")


def test_it_can_be_told_apart() -> None:
    """An id of its own for links, none from the instance that it was made in, and a schema that Grafana 10 reads."""
    assert DASHBOARD["uid"] == "box-app-operator"
    assert "id" not in DASHBOARD
    assert DASHBOARD["schemaVersion"] == 39


def test_its_data_source_is_chosen_by_whoever_looks() -> None:
    """No panel, query or variable names one."""
    first, *others = DASHBOARD["templating"]["list"]

    assert (first["name"], first["type"], first["query"]) == ("datasource", "datasource", "prometheus")
    places = [*others, *PANELS, *(target for panel in PANELS for target in panel["targets"])]
    assert all(place["datasource"] == SOURCE for place in places)
    assert json.dumps(DASHBOARD).count('"datasource": {') == len(places)


def test_panels_lie_side_by_side() -> None:
    """Each has a number of its own and a place of its own, and no row has a hole."""
    panels = DASHBOARD["panels"]

    assert len({panel["id"] for panel in panels}) == len(panels)
    for one, other in itertools.combinations(panels, 2):
        assert not spots(one) & spots(other), (one["title"], other["title"])
    covered = set[Spot]().union(*map(spots, panels))
    height = max(y for _, y in covered) + 1
    assert covered == {(x, y) for x in range(WIDTH) for y in range(height)}


def test_rows_are_in_the_order_in_which_somebody_looks() -> None:
    """From what is wrong to why."""
    rows = [panel["title"] for panel in DASHBOARD["panels"] if panel["type"] == "row"]

    assert rows == ["Health", "Tokens", "Box", "Authorization", "Operator"]


@each_panel
def test_a_panel_can_be_read(panel: dict[str, Any]) -> None:
    """It has a title, a sentence about what it shows, and a unit."""
    assert panel["title"]
    assert panel["description"].endswith((".", "?"))
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert len({target["refId"] for target in panel["targets"]}) == len(panel["targets"])


@each_panel
def test_a_panel_asks_for_what_the_operator_exports(panel: dict[str, Any]) -> None:
    """The series exist, without the flag for series per app, and have the labels that are used."""
    known = {name: labels for family in families() if not family.per_app for name, labels in family.series.items()}
    known |= dict.fromkeys(process_series(), frozenset()) | {"ALERTS": frozenset(ALERT_LABELS)}
    for expression in expressions(panel):
        used = promql.series(expression)
        assert used, expression
        assert used <= set(known)
        assert promql.labels(expression) <= TARGET.union(*(known[name] for name in used)), expression


@each_panel
def test_a_panel_follows_the_variables(panel: dict[str, Any]) -> None:
    """Every selector has both, but for that of the alerts, which sum the replicas up."""
    for target in panel["targets"]:
        selectors = target["expr"].count("{")
        assert selectors > 0
        chosen = target["expr"].count('{namespace=~"$namespace", job=~"$job"')
        assert chosen == selectors or "ALERTS" in target["expr"]


def test_prometheus_reads_every_query(promtool: Verdict, tmp_path: Path) -> None:
    """As it reads those of rules."""
    queries = [expression for panel in PANELS for expression in expressions(panel)]
    rules = [{"record": f"panel:{number}", "expr": query} for number, query in enumerate(queries)]
    file = tmp_path / "queries.yaml"
    file.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}))

    assert promtool("check", "rules", file) == ""


def test_every_metric_is_shown() -> None:
    """What nobody can see may as well not be exported; what grows with the apps is for queries of one's own."""
    shown = {name for panel in PANELS for expression in expressions(panel) for name in promql.series(expression)}

    unseen = [family.name for family in families() if not family.per_app and not shown & set(family.series)]
    assert unseen == []
