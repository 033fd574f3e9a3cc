"""What Helm says at the end: what to do next, with the values that were chosen."""

import re
from typing import Any

import helm_python
import pytest
import yaml
from tests.chart.rendering import CHART, ROOT, VALUE_SETS, Json, Rendered, render
from tests.chart.value_table import values as every_value

from kube_sandbox.kinds.schema import Schema

ASSISTED = VALUE_SETS["assisted-enterprise"]
AUTOMATED = VALUE_SETS["automated-cilium"]
FORWARD = "port-forward --namespace box-app-operator"


@pytest.mark.parametrize(
    ("says", "where", "elsewhere"),
    [
        ("kind: BoxEnterprise", {}, ASSISTED),
        ("status.nextSteps", ASSISTED, AUTOMATED),
        ("kubectl create secret generic console --namespace platform --from-literal=token=", AUTOMATED, ASSISTED),
        ("Nothing scrapes them yet", {}, VALUE_SETS["ha-monitoring"]),
    ],
    ids=["how to make an enterprise", "where people are told", "where the credential goes", "monitoring"],
)
def test_it_says_what_is_to_be_done(chart: helm_python.Chart, says: str, where: Json, elsewhere: Json) -> None:
    """To those who have yet to do it, and to nobody else."""
    assert says in render(chart, where).notes
    assert says not in render(chart, elsewhere).notes


def test_it_says_what_the_operator_can_see(chart: helm_python.Chart) -> None:
    """The whole cluster, or which namespaces, and which Secrets elsewhere."""
    everywhere, listed = render(chart, {}).notes, render(chart, VALUE_SETS["namespaces"]).notes

    assert "all namespaces" in everywhere
    assert "team-a, box-app-operator, 2024" in listed
    assert "vault/box-console" in listed
    assert "vault/box-ca" in listed


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "The uninstall stops while there are any"),
        ({"uninstall": {"policy": "ReleaseFinalizers"}}, "removes its finalizers from BoxCustomApps."),
        ({"uninstall": {"policy": "Ignore"}}, "does not check whether BoxCustomApps are left"),
        ({"crds": {"keep": False}}, "with them every BoxCustomApp"),
        ({"crds": {"install": False}}, "do not come with this release"),
        ({"rbac": {"create": False}}, "This release grants the operator no rights"),
        ({"service": {"enabled": False}}, f"{FORWARD} deployment/box-app-operator 8080:http"),
        ({}, f"{FORWARD} service/box-app-operator-metrics 8080"),
    ],
)
def test_it_says_what_a_choice_means(chart: helm_python.Chart, values: Json, says: str) -> None:
    """Each where it was chosen, and nowhere else."""
    assert says in render(chart, values).notes
    if values:
        assert says not in render(chart, {}).notes


def test_everything_that_it_tells_people_to_apply_is_valid(rendered: Rendered) -> None:
    """Manifests between EOF and EOF, held to the schemas; the names of the values that it mentions exist."""
    manifests = re.findall(r"<<EOF\n(.*?)\n\s*EOF", rendered.notes, re.DOTALL)

    assert manifests
    for text in manifests:
        body: dict[str, Any] = yaml.safe_load(text)
        file = ROOT / "crds" / f"{body['kind'].lower()}.yaml"
        (version,) = yaml.safe_load(file.read_text())["spec"]["versions"]
        assert list(Schema(version["schema"]["openAPIV3Schema"]).check(body)) == []


@pytest.mark.parametrize("text", ["NOTES.txt", "README.md"])
def test_every_value_that_is_mentioned_exists(text: str) -> None:
    """In the notes and in the README."""
    file = CHART / ("templates/NOTES.txt" if text == "NOTES.txt" else text)
    prose = file.read_text().partition("## Every value")[0].replace(".Values.", " ")
    known = {value.path for value in every_value()}
    groups = {path.partition(".")[0] for path in known if "." in path}
    mentioned = set(re.findall(rf"\b((?:{'|'.join(sorted(groups))})(?:\.[a-zA-Z]+)+)", prose))

    inside = {name for name in mentioned if any(name.startswith(f"{path}.") for path in known)}
    assert mentioned - known - inside == set()


def test_lines_fit_on_a_screen(rendered: Rendered) -> None:
    """120 columns."""
    assert [line for line in rendered.notes.splitlines() if len(line) > 120] == []
