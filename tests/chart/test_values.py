"""Every value: explained, checked, and good for something."""

from typing import Any

import helm_python
import pytest
import yaml
from tests.chart.rendering import CHART, ROOT, VALUE_SETS, Json, render
from tests.chart.value_table import SCHEMA, VALUES, Value, objects, values

README = CHART / "README.md"
HEAD = "| value | default | meaning |\n|---|---|---|\n"
EVERYTHING = VALUE_SETS["everything"]
FIRST_ALERT = yaml.safe_load((CHART / "files" / "alerts.yaml").read_text())["groups"][0]["rules"][0]["alert"]
ALONE: dict[str, tuple[Json, Any]] = {
    "crds.install": ({}, False),
    "enterprise.spec": ({}, {"console": {"mode": "Assisted"}}),
    "image.tag": ({"image": {"digest": ""}}, "1.2.3"),
    "networkPolicy.flavor": ({}, "Cilium"),
    "networkPolicy.box.hosts": ({"networkPolicy": {"flavor": "Cilium"}}, ["box.proxy.example.com"]),
    "networkPolicy.console.hosts": ({"networkPolicy": {"flavor": "Cilium"}}, ["console.example.com"]),
    "networkPolicy.enabled": ({}, False),
    "podDisruptionBudget.enabled": ({}, False),
    "prometheusRule.disabled": ({}, [FIRST_ALERT]),
    "rbac.create": ({}, False),
    "service.enabled": ({"serviceMonitor": {"enabled": False}}, False),
    "serviceAccount.create": ({}, False),
}
"""Values that "everything" leaves as they are, or that show only together with others: those, and another value."""


def with_value(base: Json, path: str, value: Any) -> Json:
    """A copy of these values with one more."""
    name, _, rest = path.partition(".")
    return {**base, name: with_value(base.get(name, {}), rest, value) if rest else value}


def without_value(base: Json, path: str) -> Json:
    """A copy of these values in which one is as usual."""
    name, _, rest = path.partition(".")
    others = {key: value for key, value in base.items() if key != name}
    return {**others, name: without_value(base[name], rest)} if rest else others


def merged(base: Json, more: Json) -> Json:
    """Both, ``more`` winning."""
    both = {key: merged(base[key], value) if isinstance(base.get(key), dict) else value for key, value in more.items()}
    return {**base, **both}


@pytest.mark.parametrize("value", values(), ids=lambda value: value.path)
def test_every_value_makes_a_difference(chart: helm_python.Chart, value: Value) -> None:
    """A value that changes nothing is a promise that nobody keeps."""
    if value.path in ALONE:
        deps, other = ALONE[value.path]
        base = merged(EVERYTHING, deps)
        changed = with_value(base, value.path, other)
    else:
        base, changed = EVERYTHING, without_value(EVERYTHING, value.path)

    assert render(chart, changed) != render(chart, base)


def test_every_value_is_in_the_schema_and_in_the_file() -> None:
    """Both list the same ones, with what is usual and what it means."""
    wrong = [value.path for value in values() if "not in" in f"{value.default} {value.meaning}"]

    assert wrong == []


def test_the_readme_has_every_value(renew: bool) -> None:
    """Its table is values.yaml and the schema, side by side."""
    before, head, _ = README.read_text().partition(HEAD)
    text = (before if head else before.rstrip() + "\n\n") + HEAD + "".join(f"{value.row}\n" for value in values())
    if renew:
        README.write_text(text)

    assert README.read_text() == text, "pytest tests/chart --renew-golden writes the table anew"


def test_no_object_of_the_schema_takes_what_it_does_not_know() -> None:
    """A typing error anywhere is refused."""
    assert [path for path, node in objects() if node.get("additionalProperties") is not False] == []


def test_the_spec_of_the_enterprise_is_that_of_the_kind() -> None:
    """What the values take is what the CustomResourceDefinition takes."""
    crd = yaml.safe_load((ROOT / "crds" / "boxenterprise.yaml").read_text())
    (version,) = crd["spec"]["versions"]

    expected = as_json_schema(version["schema"]["openAPIV3Schema"]["properties"]["spec"])

    # Nothing is required as long as the chart makes none.
    del expected["required"]
    assert SCHEMA["definitions"]["enterpriseSpec"] == expected


def as_json_schema(node: Json) -> Json:
    """A structural schema of Kubernetes, as a schema for values: closed, and without rules in CEL."""
    kept = ("description", "type", "enum", "minimum", "maximum", "minItems", "maxItems", "minLength", "maxLength")
    schema = {key: node[key] for key in (*kept, "maxProperties", "required") if key in node}
    if "properties" in node:
        schema["additionalProperties"] = False
        schema["properties"] = {name: as_json_schema(child) for name, child in node["properties"].items()}
    elif "additionalProperties" in node:
        schema["additionalProperties"] = as_json_schema(node["additionalProperties"])
    if "items" in node:
        schema["items"] = as_json_schema(node["items"])
    return schema


NEEDS_CONSOLE = "enterprise.spec.console needs url, where the console endpoint is, and credentialsSecretRef"


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("replicas: 2", "'replicas' not allowed"),
        ("settings: {log-level: INFO}", "/settings': additional properties 'log-level' not allowed"),
        ("settings: {logLevel: TRACE}", "/settings/logLevel': value must be one of 'DEBUG', 'INFO'"),
        ("settings: {boxTimeout: 5 seconds}", "/settings/boxTimeout': '5 seconds' does not match"),
        ("settings: {workers: many}", "/settings/workers': got string, want null or integer"),
        ("settings: {healthAddress: 0.0.0.0:0}", "/settings/healthAddress': '0.0.0.0:0' does not match"),
        ("leaderElection: {enabled: false}", "/leaderElection': additional properties 'enabled' not allowed"),
        ("watchNamespaces: team-a", "/watchNamespaces': got string, want array"),
        ("watchNamespaces: [Team_A]", "/watchNamespaces/0': 'Team_A' does not match"),
        ("watchNamespaces: [a, a]", "/watchNamespaces': items at 0 and 1 are equal"),
        ("uninstall: {policy: Force}", "/uninstall/policy': value must be one of 'Refuse', 'ReleaseFinalizers'"),
        ("crds: {keep: 'false'}", "/crds/keep': got string, want boolean"),
        ("image: {digest: 0123abcd}", "/image/digest': '0123abcd' does not match"),
        ("commonLabels: {cost: 42}", "/commonLabels/cost': got number, want string"),
        ("fullnameOverride: Box", "/fullnameOverride': 'Box' does not match"),
        ("networkPolicy: {box: {ports: ['443']}}", "/networkPolicy/box/ports/0': got string, want integer"),
        ("networkPolicy: {flavour: Cilium}", "/networkPolicy': additional properties 'flavour' not allowed"),
        ("rbac: {credentialSecrets: [{namespace: a}]}", "/rbac/credentialSecrets/0': missing property 'name'"),
        ("enterprise: {spec: {consol: {}}}", "/enterprise/spec': additional properties 'consol' not allowed"),
        ("enterprise: {spec: {console: {mode: Manual}}}", "/enterprise/spec/console/mode': value must be one of"),
        ("enterprise: {create: true}", "enterprise.create needs enterprise.spec.console.mode"),
        ("enterprise: {create: true, spec: {console: {mode: Automated}}}", NEEDS_CONSOLE),
        ("serviceAccount: {create: false}", "serviceAccount.name must say which account"),
        (
            "{serviceMonitor: {enabled: true}, service: {enabled: false}}",
            "serviceMonitor.enabled needs service.enabled",
        ),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(chart: helm_python.Chart, text: str, says: str) -> None:
    """The message says which value is meant and what would be right."""
    with pytest.raises(helm_python.HelmError) as refusal:
        render(chart, yaml.safe_load(text))

    assert says in str(refusal.value)


def test_a_name_that_a_service_cannot_have_is_refused(chart: helm_python.Chart) -> None:
    """Before the API server does so, half way through an installation."""
    with pytest.raises(helm_python.HelmError, match="set fullnameOverride"):
        render(chart, {}, name="2nd")


def test_values_of_a_parent_chart_are_no_error(chart: helm_python.Chart) -> None:
    """Helm hands "global" to every chart that is part of another one."""
    assert render(chart, {"global": {"domain": "example.com"}}) == render(chart, {})


def test_values_are_refused_no_more_than_needed(chart: helm_python.Chart) -> None:
    """null and nothing leave a value as it is."""
    emptied = {path: {} for path, value in VALUES.items() if isinstance(value, dict)}

    assert render(chart, emptied) == render(chart, {})
