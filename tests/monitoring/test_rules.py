"""What Prometheus makes of the alerts: the stories in ``rules/``, each with the alerts that fire, and no others."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.monitoring.conftest import Verdict
from tests.monitoring.sources import ALERTS, ALERTS_FILE

STORIES = sorted((Path(__file__).parent / "rules").glob("*.yaml"))
EVERYTHING = 'ALERTS{alertstate="firing"}'


def questions() -> list[dict[str, Any]]:
    """What the stories ask for."""
    files = [yaml.safe_load(file.read_text()) for file in STORIES]
    return [question for file in files for test in file["tests"] for question in test.get("promql_expr_test", ())]


def test_prometheus_takes_the_alerts(promtool: Verdict) -> None:
    """Expressions, durations and templates are such as Prometheus reads."""
    assert promtool("check", "rules", ALERTS_FILE) == ""


@pytest.mark.parametrize("file", STORIES, ids=lambda file: file.stem)
def test_each_story_has_the_alerts_that_it_names(promtool: Verdict, file: Path) -> None:
    """At every moment that a story looks at, these alerts fire and no others."""
    assert promtool("test", "rules", file) == ""


@pytest.mark.parametrize(
    ("story", "right", "wrong"),
    [
        ("tokens", "> 3600", "> 36000"),
        ("apps", "for: 4h", "for: 1h"),
        ("box", "unless on", "or on"),
        ("days", "Suspended|", ""),
        ("operator", "offset 15m", "offset 1m"),
    ],
)
def test_a_wrong_alert_is_found(promtool: Verdict, tmp_path: Path, story: str, right: str, wrong: str) -> None:
    """The stories notice a threshold, a patience or an exception that is not as it should be."""
    text = ALERTS_FILE.read_text()
    assert right in text
    (tmp_path / "alerts.yaml").write_text(text.replace(right, wrong))
    told = next(file for file in STORIES if file.stem == story).read_text()
    file = tmp_path / "story.yaml"
    file.write_text(re.sub(r"^rule_files: .*$", "rule_files: [alerts.yaml]", told, flags=re.MULTILINE))

    assert "got:" in promtool("test", "rules", file)


@pytest.mark.parametrize("name", [alert["alert"] for alert in ALERTS])
def test_every_alert_has_a_story_in_which_it_fires(name: str) -> None:
    """And one in which it does not, although all alerts are asked for."""
    asked = [question for question in questions() if question["expr"] == EVERYTHING]
    fires = [f'alertname="{name}"' in str(question.get("exp_samples")) for question in asked]

    assert True in fires
    assert False in fires
