"""The chart as Helm's own checks see it."""

import json
from pathlib import Path

import helm_python
import jsonschema
import pytest
import yaml
from tests.chart.rendering import CHART, ROOT, VALUE_SETS, render

HINTS_ONLY = 1
"""Severity of what Helm merely recommends."""


def test_lint_finds_nothing(value_set: str) -> None:
    """Strictly, with every set of values."""
    found = helm_python.lint(CHART, VALUE_SETS[value_set], strict=True)

    assert found["errors"] == []
    assert [message for message in found["messages"] if message["severity"] > HINTS_ONLY] == []


def test_the_schema_of_the_values_is_one() -> None:
    """And the usual values meet it."""
    schema = json.loads((CHART / "values.schema.json").read_text())

    jsonschema.Draft7Validator.check_schema(schema)
    jsonschema.validate(yaml.safe_load((CHART / "values.yaml").read_text()), schema)


def test_the_archive_is_the_chart(chart: helm_python.Chart, tmp_path: Path, value_set: str) -> None:
    """Packaged, it has its schemas with it, and renders the same."""
    archive = helm_python.package(CHART, destination=tmp_path)

    with helm_python.Chart.load(archive) as packaged:
        files = {file["name"] for file in packaged.files}
        assert {f"files/crds/{file.name}" for file in (ROOT / "crds").glob("*.yaml")} <= files
        assert {"files/cluster-rules.yaml", "files/alerts.yaml", "files/dashboard.json", "README.md"} <= files
        assert packaged.schema == chart.schema
        assert render(packaged, VALUE_SETS[value_set]) == render(chart, VALUE_SETS[value_set])


@pytest.mark.parametrize("name", ["box-app-operator", "acme", "y", "x" * 53])
def test_names_fit_whatever_the_release_is_called(chart: helm_python.Chart, name: str) -> None:
    """63 characters at most, also with a suffix, and text even when they read like something else."""
    helm_python.validate_release_name(name)

    for body in render(chart, VALUE_SETS["namespaces"], name=name, namespace="2024").objects:
        meta = body["metadata"]
        assert len(meta["name"]) <= 63
        assert all(isinstance(value, str) for value in (meta["name"], meta.get("namespace", "")))
        assert all(isinstance(value, str) and len(value) <= 63 for value in meta["labels"].values())
