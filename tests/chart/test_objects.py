"""Every object is one that Kubernetes knows, and the objects fit together."""

import functools
import json
from typing import Any

import helm_python
import kubernetes_validate
import pytest
import yaml
from kubernetes_validate import utils
from tests.chart.rendering import CHART, NAMESPACE, ROOT, VALUE_SETS, Json, Rendered, hook_of, render, selected

OURS = ("BoxEnterprise",)
DIGEST = f"sha256:{'0' * 64}"
THEIRS = ("ServiceMonitor", "PodMonitor", "PrometheusRule", "CiliumNetworkPolicy")
"""Kinds of others; the tests of monitoring and network look at these."""
read_once = functools.cache(utils.schema_contents)
CLUSTER_SCOPED = ("ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "BoxEnterprise")


def supported() -> list[str]:
    """The versions of Kubernetes that the chart says it runs on, and for which there are schemas."""
    constraint = yaml.safe_load((CHART / "Chart.yaml").read_text())["kubeVersion"]
    oldest = int(constraint.removeprefix(">=1.").split(".")[0])
    return [version for version in dict.fromkeys(utils.all_versions()) if int(version.split(".")[1]) >= oldest]


@pytest.fixture
def schemas_read_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """By itself the package reads a megabyte for every object."""
    monkeypatch.setattr(utils, "schema_contents", read_once)


@pytest.mark.usefixtures("schemas_read_once")
@pytest.mark.parametrize("version", supported())
def test_every_object_is_valid(chart: helm_python.Chart, version: str) -> None:
    """Strictly, for every set of values and every version of Kubernetes that is supported."""
    checked = 0
    for body in every_object(chart):
        if body["kind"] not in (*OURS, *THEIRS):
            kubernetes_validate.validate(body, version, strict=True)
            checked += 1

    assert checked > 50


def every_object(chart: helm_python.Chart) -> list[Json]:
    """What comes out of any set of values, each object once."""
    bodies = [body for values in VALUE_SETS.values() for body in render(chart, values).objects]
    return list({json.dumps(body, sort_keys=True): body for body in bodies}.values())


def test_there_are_versions_to_be_checked() -> None:
    """At least the oldest that the chart names, and one of the last years."""
    assert len(supported()) >= 6


def test_every_object_says_what_it_belongs_to(rendered: Rendered) -> None:
    """The labels that Kubernetes recommends; all objects of a release are found by them."""
    for body in rendered.objects:
        labels = body["metadata"]["labels"]
        assert labels["app.kubernetes.io/managed-by"] == "Helm"
        if hook_of(body) != "test":
            assert labels["app.kubernetes.io/instance"] == NAMESPACE
            assert labels["helm.sh/chart"].startswith("box-app-operator-")


def test_every_namespace_is_written_down(rendered: Rendered) -> None:
    """`helm template | kubectl apply` must not put things where the user happens to be."""
    for body in rendered.objects:
        assert ("namespace" in body["metadata"]) is (body["kind"] not in CLUSTER_SCOPED), body["metadata"]["name"]


def test_no_object_comes_twice(rendered: Rendered) -> None:
    """Kind, namespace and name are one object's own."""
    seen = [(body["kind"], body["metadata"].get("namespace"), body["metadata"]["name"]) for body in rendered.objects]

    assert len(seen) == len(set(seen))


def test_what_is_meant_for_the_operator_finds_it_and_no_other_pod(rendered: Rendered) -> None:
    """Not the uninstall hook's, nor the test's: these answer no question, and take no place of a replica."""
    selectors: list[Any] = [body["spec"]["selector"] for body in rendered.of("Service")]
    chosen = rendered.of("Deployment", "PodDisruptionBudget", "PodMonitor")
    selectors += [body["spec"]["selector"]["matchLabels"] for body in chosen]
    for _, pod in rendered.pods():
        spread = pod.get("topologySpreadConstraints", ()) if pod["containers"][0]["name"] == "operator" else ()
        selectors += [constraint["labelSelector"]["matchLabels"] for constraint in spread]

    assert selectors
    for selector in selectors:
        # Whoever writes a selector of their own has their reasons.
        if len(selector) > 1:
            assert selected(selector, rendered) == {"operator"}


def test_a_budget_comes_with_the_second_replica_only(chart: helm_python.Chart) -> None:
    """For a single one it would block every drain of a node."""
    assert render(chart, {}).of("PodDisruptionBudget") == []
    assert render(chart, {"replicaCount": 2}).one("PodDisruptionBudget")["spec"]["maxUnavailable"] == 1
    off = {"replicaCount": 2, "podDisruptionBudget": {"enabled": False}}
    assert render(chart, off).of("PodDisruptionBudget") == []


def test_ports_have_one_source(chart: helm_python.Chart) -> None:
    """The address that the operator listens at decides; everything else goes by the port's name."""
    values = {"settings": {"healthAddress": "[::]:9000"}, "networkPolicy": {"enabled": True}}

    rendered = render(chart, values)

    assert "--health-address=[::]:9000" in rendered.container["args"]
    assert rendered.container["ports"] == [{"name": "http", "containerPort": 9000, "protocol": "TCP"}]
    assert rendered.one("Service")["spec"]["ports"][0]["targetPort"] == "http"
    assert rendered.one("NetworkPolicy")["spec"]["ingress"][0]["ports"] == [{"port": 9000, "protocol": "TCP"}]
    for probe in ("startupProbe", "livenessProbe", "readinessProbe"):
        assert rendered.container[probe]["httpGet"]["port"] == "http"


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        ({}, "ghcr.io/box-app-operator/box-app-operator:0.1.0"),
        ({"tag": "edge"}, "ghcr.io/box-app-operator/box-app-operator:edge"),
        ({"repository": "r.example/x", "tag": "edge", "digest": DIGEST}, f"r.example/x@{DIGEST}"),
    ],
)
def test_the_image(chart: helm_python.Chart, image: Json, expected: str) -> None:
    """The chart's own version, unless somebody says otherwise; a digest wins. The same for every pod."""
    rendered = render(chart, {"image": image})

    assert {pod["containers"][0]["image"] for _, pod in rendered.pods()} == {expected}


@pytest.mark.parametrize("file", sorted((ROOT / "crds").glob("*.yaml")), ids=lambda file: file.stem)
def test_the_schemas_are_those_of_the_repository(rendered: Rendered, value_set: str, file: Any) -> None:
    """`crds/` is the source; the chart has a copy, and renders nothing else."""
    copy = CHART / "files" / "crds" / file.name
    assert copy.read_bytes() == file.read_bytes(), f"cp {file.relative_to(ROOT)} {copy.relative_to(ROOT)}"

    source = yaml.safe_load(file.read_text())
    crds = {body["metadata"]["name"]: body for body in rendered.of("CustomResourceDefinition")}
    found = crds.get(source["metadata"]["name"])

    if VALUE_SETS[value_set].get("crds", {}).get("install", True):
        assert found is not None
        assert (found["apiVersion"], found["spec"]) == (source["apiVersion"], source["spec"])
    else:
        assert found is None


def test_the_chart_has_no_schema_of_its_own() -> None:
    """Neither a copy too much, nor Helm's folder `crds`, which no upgrade looks at."""
    copies = {file.name for file in (CHART / "files" / "crds").iterdir()}

    assert copies == {file.name for file in (ROOT / "crds").glob("*.yaml")}
    assert not (CHART / "crds").exists()


def test_schemas_stay_unless_told_otherwise(chart: helm_python.Chart) -> None:
    """With them would go every app."""
    kept = render(chart, {}).of("CustomResourceDefinition")
    gone = render(chart, {"crds": {"keep": False, "annotations": {"a": "b"}}}).of("CustomResourceDefinition")

    assert {body["metadata"]["annotations"]["helm.sh/resource-policy"] for body in kept} == {"keep"}
    assert [body["metadata"]["annotations"] for body in gone] == [{"a": "b"}] * 2


def test_the_enterprise_waits_for_its_kind(chart: helm_python.Chart) -> None:
    """It is a hook as long as the cluster does not know it, marked so that the next upgrade can take it over."""
    values = VALUE_SETS["assisted-enterprise"]

    first = render(chart, values).one("BoxEnterprise")["metadata"]["annotations"]

    assert first["helm.sh/hook"] == "post-install"
    assert first["meta.helm.sh/release-name"] == first["meta.helm.sh/release-namespace"] == NAMESPACE
    plain = render(chart, {"enterprise": {**values["enterprise"], "hookWhenKindIsNew": False}}).one("BoxEnterprise")
    assert plain["metadata"]["annotations"] == {"team": "platform"}
    assert plain["spec"] == values["enterprise"]["spec"]
