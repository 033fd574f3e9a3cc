"""The examples for Argo CD and Flux install this chart: with values that it has, and the version that it is."""

from __future__ import annotations

import helm_python
import yaml
from tests.chart.rendering import CHART, ROOT, Json, render

VERSION = str(yaml.safe_load((CHART / "Chart.yaml").read_text())["version"])


def documents(path: str) -> list[Json]:
    """The manifests of an example."""
    return [body for body in yaml.safe_load_all((ROOT / "examples" / path).read_text()) if body]


def test_flux(chart: helm_python.Chart) -> None:
    """The HelmRelease and its OCIRepository."""
    by_kind = {body["kind"]: body.get("spec") for body in documents("flux/operator/operator.yaml")}

    assert render(chart, by_kind["HelmRelease"]["values"]).of("Deployment")
    assert by_kind["OCIRepository"]["ref"] == {"tag": VERSION}


def test_argo_cd(chart: helm_python.Chart) -> None:
    """The Application's source that is a chart."""
    sources = [source for body in documents("argocd/applications.yaml") for source in body["spec"].get("sources", ())]
    (source,) = (source for source in sources if source.get("chart"))

    assert render(chart, source["helm"]["valuesObject"]).of("Deployment")
    assert source["targetRevision"] == VERSION
