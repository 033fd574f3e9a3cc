"""The two schemas, without a cluster: what they explain, what they refuse, and in which words."""

from __future__ import annotations

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
    """By its place in the list; tests/unit/test_odd_input.py has every kind."""
    (said,) = with_origins("https://good.acme.com", "https://app.acme.com/")

    assert said.startswith("spec.cors.domains[1]: ")
    assert "write 'https://app.acme.com'" in said


@pytest.mark.parametrize("second", ["https://a.acme.com", "https://A.acme.com", "HTTPS://a.ACME.com"])
def test_an_origin_that_stands_twice_is_named(second: str) -> None:
    """Upper and lower case are the same origin."""
    (said,) = with_origins("https://a.acme.com", "https://b.acme.com", second)

    assert "CORS origin 'https://a.acme.com' stands in the list twice" in said
    assert "write it once" in said


@pytest.mark.parametrize("name", ["", " ", "\t", " Acme", "Acme "])
def test_a_blank_name_is_refused_with_an_example(name: str) -> None:
    """Box would refuse it later, and in other words."""
    (said,) = complaints(APP, {"displayName": name})

    assert "Acme Invoice Viewer" in said


@pytest.mark.parametrize("name", ["A", "Acme Invoice Viewer", "Büro & Söhne", "x" * 200])
def test_a_good_name_passes(name: str) -> None:
    """Also with letters beyond ASCII."""
    assert complaints(APP, {"displayName": name}) == []


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        ({}, "spec.displayName: Required value"),
        ({"displayName": "x" * 201}, "spec.displayName"),
        ({"displayName": "x", "clientID": "short"}, "Client ID"),
        ({"displayName": "x", "tokens": {"expiry": "90d"}}, '"30d", "60d", "Never"'),
        ({"displayName": "x", "tokens": {"secret": {"name": "Upper"}}}, "invoice-viewer-box"),
        ({"displayName": "x", "tokens": {"secret": {"labels": {"boxapps.dev/app": "x"}}}}, "operator's own"),
        ({"displayName": "x", "tokens": {"secret": {"annotations": {"boxapps.dev/x": "x"}}}}, "operator's own"),
        ({"displayName": "x", "tokens": {"secret": {"keys": {"token": "BOX_CLIENT_ID"}}}}, "four different names"),
        ({"displayName": "x", "tokens": {"secret": {"keys": {"token": "a b"}}}}, "should match"),
        ({"displayName": "x", "tokens": {"rotation": {"overlap": "1 hour"}}}, '"10d" or "1h30m"'),
        ({"displayName": "x", "deletionPolicy": "Keep"}, '"Retain", "RevokeTokens", "Delete"'),
        ({"displayName": "x", "authentication": "ClientCredentials"}, "clientCredentials goes with"),
        ({"displayName": "x", "enterpriseRef": {}}, "spec.enterpriseRef.name: Required value"),
        ({"displayName": "x", "suspend": "yes"}, "must be of type boolean"),
    ],
)
def test_a_bad_app_is_refused_with_words_that_help(spec: Json, word: str) -> None:
    """One complaint for one mistake."""
    (said,) = complaints(APP, spec)

    assert word in said


AUTOMATED = {
    "mode": "Automated",
    "url": "https://console.example.com",
    "credentialsSecretRef": {"namespace": "box", "name": "c", "key": "token"},
}


def adoption(times: int = 1, **change: Any) -> Json:
    """An enterprise that allows an app to be adopted, so many times."""
    entry = {"clientID": "ly1nj6n11vionaie65emwzk575hnnmrk", "namespace": "billing", "name": "viewer"}
    return {"console": AUTOMATED, "adoption": [{**entry, **change}] * times}


@pytest.mark.parametrize("spec", [adoption(), adoption(allowDelete=True), adoption(clientID="C" * 16, times=256)])
def test_adoption_names_an_app_and_who_may_have_it(spec: Json) -> None:
    """256 entries at the most, also for the shortest client ids."""
    assert complaints(ENTERPRISE, spec) == []


@pytest.mark.parametrize(
    ("spec", "word"),
    [
        ({}, "spec.console: Required value"),
        ({"console": {"mode": "Manual"}}, '"Automated", "Assisted"'),
        ({"console": {key: AUTOMATED[key] for key in ("mode", "credentialsSecretRef")}}, "needs console.url"),
        ({"console": {key: AUTOMATED[key] for key in ("mode", "url")}}, "needs console.credentialsSecretRef"),
        ({"console": {"mode": "Assisted", "url": "https://x"}}, "remove console.url"),
        ({"console": {**AUTOMATED, "url": "console.example.com"}}, "without user info"),
        ({"console": {**AUTOMATED, "url": "https://me@console"}}, "without user info"),
        ({"console": AUTOMATED, "platform": {"url": "https://x?y"}}, "https://api.box.com"),
        ({"console": AUTOMATED, "enterpriseID": "acme"}, "decimal id"),
        ({"console": AUTOMATED, "resyncInterval": "often"}, '"10m" or "1h30m"'),
        ({"console": AUTOMATED, "allowedNamespaces": {"from": "Selector"}}, "goes with"),
        ({"console": AUTOMATED, "allowedNamespaces": {"from": "All", "selector": {}}}, "goes with"),
        ({"console": AUTOMATED, "rateLimit": {"requestsPerMinute": 0}}, "greater than or equal to 1"),
        (adoption(clientID="short"), "Developer Console"),
        (adoption(namespace="Billing"), 'for example "billing"'),
        (adoption(namespace="a.b"), 'for example "billing"'),
        (adoption(name="Viewer"), '"invoice-viewer"'),
        (adoption(name=""), '"invoice-viewer"'),
        (adoption(name="x" * 64), "63"),
        (adoption(allowDelete="yes"), "boolean"),
        ({"console": AUTOMATED, "adoption": [{"clientID": "c" * 32}]}, "namespace: Required value"),
        ({"console": AUTOMATED, "adoption": [{"namespace": "billing"}]}, "clientID: Required value"),
        (adoption(times=257), "256"),
    ],
)
def test_a_bad_enterprise_is_refused_with_words_that_help(spec: Json, word: str) -> None:
    """One complaint for one mistake."""
    (said,) = complaints(ENTERPRISE, spec)

    assert word in said


@pytest.mark.parametrize("console", [AUTOMATED, {"mode": "Assisted"}])
def test_a_good_enterprise_passes(console: Json) -> None:
    """Both modes."""
    assert complaints(ENTERPRISE, {"console": console}) == []


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
