"""The two schemas, without a cluster: what they explain, what they refuse, and in which words."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from kube_sandbox.kinds.schema import Schema

Json = dict[str, Any]

FOLDER = Path(__file__).parents[3] / "crds"
APP: Json = yaml.safe_load((FOLDER / "boxcustomapp.yaml").read_text())
ENTERPRISE: Json = yaml.safe_load((FOLDER / "boxenterprise.yaml").read_text())
BOTH = pytest.mark.parametrize("crd", [APP, ENTERPRISE], ids=["BoxCustomApp", "BoxEnterprise"])

FORBIDDEN = {
    "$ref",
    "definitions",
    "deprecated",
    "discriminator",
    "id",
    "patternProperties",
    "readOnly",
    "writeOnly",
    "xml",
}
"""Words that a structural schema may not use. Source: kubernetes.io, CustomResourceDefinition, structural schemas."""


def version_of(crd: Json) -> Json:
    """The only version."""
    (version,) = crd["spec"]["versions"]
    return dict(version)


def root_of(crd: Json) -> Json:
    """The root of the schema."""
    return dict(version_of(crd)["schema"]["openAPIV3Schema"])


def nodes(node: Json, path: str = "") -> Iterator[tuple[str, Json]]:
    """Every node of a schema with its path; items are ``[]``, values of a map ``{}``."""
    yield path, node
    for name, child in node.get("properties", {}).items():
        yield from nodes(child, f"{path}.{name}")
    if "items" in node:
        yield from nodes(node["items"], f"{path}[]")
    if isinstance(node.get("additionalProperties"), dict):
        yield from nodes(node["additionalProperties"], f"{path}{{}}")


@BOTH
def test_every_field_explains_itself(crd: Json) -> None:
    """``kubectl explain`` is the first manual that people read."""
    silent = [
        path for path, node in nodes(root_of(crd)) if not path.endswith(("[]", "{}")) and "description" not in node
    ]

    assert silent == [".metadata"]


@BOTH
def test_descriptions_are_sentences(crd: Json) -> None:
    """They begin like one and end like one."""
    texts = {path: node["description"] for path, node in nodes(root_of(crd)) if "description" in node}

    assert [
        path for path, text in texts.items() if not text.rstrip('"').endswith(".") and not text.endswith('."')
    ] == []


@BOTH
def test_the_spec_has_no_defaults(crd: Json) -> None:
    """Defaults fight the diffs of GitOps; effective values belong in status."""
    assert [path for path, node in nodes(root_of(crd)) if "default" in node] == [".status"]


@BOTH
def test_a_new_object_is_not_taken_for_done(crd: Json) -> None:
    """kstatus compares the generations; without a status it would call the object Current."""
    status = dict(nodes(root_of(crd)))[".status"]

    assert status["default"] == {"observedGeneration": -1}


@BOTH
def test_every_rule_says_what_to_write_instead(crd: Json) -> None:
    """A message for each, also beside a computed one, and none that only quotes the rule."""
    rules = [rule for _, node in nodes(root_of(crd)) for rule in node.get("x-kubernetes-validations", ())]

    assert rules
    assert [rule["rule"] for rule in rules if len(rule.get("message", "")) < 20] == []
    assert [rule["message"] for rule in rules if "\n" in rule["message"]] == []


@BOTH
def test_everything_with_a_rule_is_bounded(crd: Json) -> None:
    """The API server refuses rules whose cost could grow without end."""
    bounds = {"string": "maxLength", "array": "maxItems"}
    bare = [
        path
        for path, node in nodes(root_of(crd)["properties"]["spec"], "spec")
        if node.get("type") in bounds and bounds[node["type"]] not in node and "enum" not in node
    ]

    assert bare == []


@BOTH
def test_the_schema_is_structural(crd: Json) -> None:
    """A type on every node, none of the forbidden words, and properties and additionalProperties never together."""
    root = root_of(crd)
    assert crd["apiVersion"] == "apiextensions.k8s.io/v1"
    assert crd["metadata"]["name"] == f"{crd['spec']['names']['plural']}.{crd['spec']['group']}"
    for path, node in nodes(root):
        assert node.get("type"), path
        assert not FORBIDDEN & set(node), path
        assert not ("properties" in node and "additionalProperties" in node), path
        assert set(node.get("required", ())) <= set(node.get("properties", ())), path
        keys = set(node.get("x-kubernetes-list-map-keys", ()))
        assert keys <= set(node.get("items", {}).get("required", ())), path
        jsonschema.Draft4Validator.check_schema({name: node[name] for name in node if not name.startswith("x-")})


@BOTH
def test_status_is_a_subresource(crd: Json) -> None:
    """So that writing a status does not change the generation."""
    assert version_of(crd)["subresources"] == {"status": {}}
    assert (version_of(crd)["served"], version_of(crd)["storage"]) == (True, True)


@pytest.mark.parametrize(
    ("crd", "scope", "short"), [(APP, "Namespaced", ["bca", "boxapp"]), (ENTERPRISE, "Cluster", ["bent"])]
)
def test_names_are_short_and_share_a_category(crd: Json, scope: str, short: list[str]) -> None:
    """``kubectl get box`` shows both."""
    assert crd["spec"]["scope"] == scope
    assert crd["spec"]["names"]["shortNames"] == short
    assert crd["spec"]["names"]["categories"] == ["box"]


def test_an_apps_columns_say_what_is_wrong() -> None:
    """In one line; the client id and the message with ``-o wide``."""
    columns = version_of(APP)["additionalPrinterColumns"]

    assert [column["name"] for column in columns if not column.get("priority")] == [
        "READY",
        "AUTHORIZED",
        "TOKEN",
        "EXPIRES",
        "REASON",
        "AGE",
    ]
    assert [column["name"] for column in columns if column.get("priority")] == ["CLIENT-ID", "MESSAGE"]


@BOTH
def test_columns_and_selectable_fields_point_at_fields_that_exist(crd: Json) -> None:
    """A column with a slip of the pen is empty for ever."""
    paths = {path for path, _ in nodes(root_of(crd))} | {".metadata.creationTimestamp"}
    version = version_of(crd)
    columns = [column["jsonPath"] for column in version["additionalPrinterColumns"]]
    plain = [path for path in columns if "conditions[?" not in path]
    plain += [field["jsonPath"] for field in version.get("selectableFields", ())]

    assert [path for path in plain if path not in paths] == []
    assert all(path.startswith('.status.conditions[?(@.type=="') for path in columns if path not in plain)


SCHEMAS = {id(crd): Schema(root_of(crd)) for crd in (APP, ENTERPRISE)}


def complaints(crd: Json, spec: Json, old: Json | None = None, **more: Any) -> list[str]:
    """What the API server would say about an object with this spec."""
    body = {"metadata": {"name": "viewer"}, "spec": spec, **more}
    return [f"{path}: {text}" for path, text in SCHEMAS[id(crd)].check(body, old)]


def with_origins(*domains: str) -> list[str]:
    """What would be said about an app with these CORS domains."""
    return complaints(APP, {"displayName": "x", "cors": {"domains": list(domains)}})


def test_a_bad_origin_is_named_where_it_stands() -> None:
    """By its place in the list."""
    (said,) = with_origins("https://good.acme.com", "https://app.acme.com/")

    assert said.startswith("spec.cors.domains[1]: ")
    assert "write 'https://app.acme.com'" in said


KNOWN = {"appID": "1", "clientID": "c" * 32}
BY_CREDENTIALS = {
    "authentication": "ClientCredentials",
    "clientCredentials": {"secretRef": {"name": "creds"}, "subject": {"type": "enterprise", "id": "1"}},
}


@pytest.mark.parametrize(
    ("status", "before", "after", "word"),
    [
        (
            {"appID": "1"},
            {"enterpriseRef": {"name": "a"}},
            {"enterpriseRef": {"name": "b"}},
            "spec.enterpriseRef cannot change",
        ),
        ({"appID": "1"}, {}, {"enterpriseRef": {"name": "default"}}, None),
        ({}, {"enterpriseRef": {"name": "a"}}, {"enterpriseRef": {"name": "b"}}, None),
        (KNOWN, {}, {"clientID": "d" * 32}, "leave spec.clientID out"),
        (KNOWN, {}, {"clientID": "c" * 32}, "leave spec.clientID out"),
        (KNOWN, {"clientID": "c" * 32}, {"clientID": "d" * 32}, "create another BoxCustomApp"),
        (KNOWN, {"clientID": "c" * 32}, {"clientID": "c" * 32, "suspend": True}, None),
        (KNOWN, {"clientID": "d" * 32}, {"clientID": "d" * 32, "suspend": True}, None),
        (KNOWN, {"clientID": "d" * 32}, {"clientID": "c" * 32}, None),
        (KNOWN, {"clientID": "c" * 32}, {}, "spec.clientID cannot be removed"),
        ({"clientID": "c" * 32}, BY_CREDENTIALS, {**BY_CREDENTIALS, "clientID": "d" * 32}, None),
        ({}, {"clientID": "c" * 32}, {"clientID": "d" * 32}, None),
        ({}, {}, BY_CREDENTIALS, "spec.authentication cannot change"),
        ({}, BY_CREDENTIALS, {}, "spec.authentication cannot change"),
        ({}, {"authentication": "AppToken"}, BY_CREDENTIALS, "create another BoxCustomApp"),
        ({}, {}, {"authentication": "AppToken"}, None),
        ({}, {"authentication": "AppToken"}, {}, None),
    ],
)
def test_what_ties_an_app_to_box_cannot_change(status: Json, before: Json, after: Json, word: str | None) -> None:
    """The authentication never, the rest once it is known; a default that is written out is no change."""
    old = {"metadata": {"name": "viewer"}, "spec": {"displayName": "x", **before}, "status": status}
    said = complaints(APP, {"displayName": "x", **after}, old, status=status)

    assert [word is not None and word in text for text in said] == ([True] if word else [])


def test_a_name_that_no_label_can_hold_is_refused() -> None:
    """The app's name is the value of a label on the Secret."""
    body = {"metadata": {"name": "x" * 64}, "spec": {"displayName": "x"}}

    assert "63 characters" in next(iter(SCHEMAS[id(APP)].check(body, None)))[1]
