"""Reading manifests: every default, and every field. What cannot be read is the matter of test_unreadable.py."""

import copy
from datetime import timedelta
from typing import Any

import pytest

from box_app_operator.api.enterprise import SecretKeyRef, parse_enterprise, selects
from box_app_operator.api.fields import LONGEST, parse_duration
from box_app_operator.api.spec import parse_desired
from box_app_operator.model.box import AdoptionEntry, ClientID
from box_app_operator.model.desired import DeletionPolicy, SecretKeys

Json = dict[str, Any]

APP: Json = {
    "metadata": {
        "namespace": "billing",
        "name": "viewer",
        "uid": "u-1",
        "generation": 3,
        "creationTimestamp": "2026-03-01T11:00:00Z",
    },
    "spec": {"displayName": "Acme Viewer"},
}
ENTERPRISE: Json = {
    "metadata": {"name": "acme", "uid": "u-2", "generation": 1},
    "spec": {
        "console": {
            "mode": "Automated",
            "url": "http://127.0.0.1:1",
            "credentialsSecretRef": {"namespace": "box", "name": "console", "key": "token"},
        }
    },
}


def app(**spec: Any) -> Json:
    """A BoxCustomApp with these fields in its spec."""
    return {**APP, "spec": {**APP["spec"], **spec}}


def enterprise(**spec: Any) -> Json:
    """A BoxEnterprise with these fields in its spec."""
    return {**ENTERPRISE, "spec": {**ENTERPRISE["spec"], **spec}}


def annotated(name: str, value: str, **status: str) -> Json:
    """A BoxCustomApp with one annotation."""
    return {**APP, "metadata": {**APP["metadata"], "annotations": {f"boxapps.dev/{name}": value}}, "status": status}


@pytest.mark.parametrize(
    ("field", "expected"),
    [
        ("namespace", "billing"),
        ("name", "viewer"),
        ("uid", "u-1"),
        ("generation", 3),
        ("enterprise", "default"),
        ("display_name", "Acme Viewer"),
        ("client_id", None),
        ("submit", True),
        ("token_days", 60),
        ("cors_domains", ()),
        ("deletion_policy", DeletionPolicy.REVOKE_TOKENS),
        ("suspended", False),
        ("deleting", False),
        ("force_delete", False),
        ("has_finalizer", False),
        ("reconcile_request", None),
        ("claim_request", None),
        ("hands_over_to", None),
    ],
)
def test_an_app_that_says_little_gets_every_default(field: str, expected: Any) -> None:
    """What is absent means what the schema's description says."""
    assert getattr(parse_desired(APP), field) == expected


def test_the_secret_has_a_name_and_keys_by_default() -> None:
    """So that envFrom works without a word about it."""
    secret = parse_desired(APP).secret

    assert (secret.name, secret.labels, secret.annotations) == ("viewer-box-token", {}, {})
    assert secret.keys == SecretKeys("BOX_APP_TOKEN", "BOX_CLIENT_ID", "BOX_TOKEN_SLOT", "BOX_TOKEN_EXPIRES_AT")


@pytest.mark.parametrize(
    ("spec", "field", "expected"),
    [
        ({"enterpriseRef": {"name": "acme"}}, "enterprise", "acme"),
        ({"clientID": "c" * 32}, "client_id", "c" * 32),
        ({"authorization": {"submit": False}}, "submit", False),
        ({"authorization": {}}, "submit", True),
        ({"tokens": {"expiry": "30d"}}, "token_days", 30),
        ({"tokens": {"expiry": "60d"}}, "token_days", 60),
        ({"tokens": {"expiry": "Never"}}, "token_days", None),
        ({"cors": {"domains": ["https://b", "https://a"]}}, "cors_domains", ("https://b", "https://a")),
        ({"cors": {}}, "cors_domains", ()),
        ({"deletionPolicy": "Retain"}, "deletion_policy", DeletionPolicy.RETAIN),
        ({"deletionPolicy": "Delete"}, "deletion_policy", DeletionPolicy.DELETE),
        ({"suspend": True}, "suspended", True),
    ],
)
def test_what_an_app_says_is_read(spec: Json, field: str, expected: Any) -> None:
    """Every field of the spec that the main path knows."""
    assert getattr(parse_desired(app(**spec)), field) == expected


def test_what_an_app_says_of_its_secret_is_read() -> None:
    """Name, labels, annotations, and each key by itself."""
    words = {"name": "s", "labels": {"a": "1"}, "annotations": {"b": "2"}, "keys": {"token": "T", "expiresAt": "E"}}
    secret = parse_desired(app(tokens={"secret": words})).secret

    assert (secret.name, secret.labels, secret.annotations) == ("s", {"a": "1"}, {"b": "2"})
    assert secret.keys == SecretKeys("T", "BOX_CLIENT_ID", "BOX_TOKEN_SLOT", "E")


def test_metadata_tells_of_deletion_and_of_the_finalizer() -> None:
    """Both come from metadata, and other finalizers are other people's."""
    body = {
        **APP,
        "metadata": {**APP["metadata"], "deletionTimestamp": "x", "finalizers": ["a/b", "boxapps.dev/finalizer"]},
    }

    assert (parse_desired(body).deleting, parse_desired(body).has_finalizer) == (True, True)
    body["metadata"]["finalizers"] = ["a/b"]
    assert not parse_desired(body).has_finalizer


@pytest.mark.parametrize(("value", "expected"), [("true", True), ("false", False), ("True", False), ("", False)])
def test_force_delete_is_the_word_true_and_nothing_else(value: str, expected: bool) -> None:
    """Skipping Box leaves tokens live: only the exact word does it."""
    assert parse_desired(annotated("force-delete", value)).force_delete is expected


def test_a_reconcile_request_acts_once_for_each_value() -> None:
    """Recorded in status, it is no request any more."""
    assert parse_desired(annotated("reconcile-requested-at", "1")).reconcile_request == "1"
    assert parse_desired(annotated("reconcile-requested-at", "1", lastHandledReconcileAt="1")).reconcile_request is None
    assert parse_desired(annotated("reconcile-requested-at", "2", lastHandledReconcileAt="1")).reconcile_request == "2"


def test_reading_changes_nothing() -> None:
    """The store's own copy is what is read."""
    before = copy.deepcopy(APP)
    parse_desired(APP)
    assert before == APP


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("10m", timedelta(minutes=10)),
        ("1h30m", timedelta(minutes=90)),
        ("7d", timedelta(days=7)),
        ("250ms", timedelta(milliseconds=250)),
        ("90s", timedelta(seconds=90)),
        ("1m1ms", timedelta(minutes=1, milliseconds=1)),
        ("0s", timedelta()),
    ],
)
def test_a_duration_is_numbers_with_units(text: str, expected: timedelta) -> None:
    """The units that the schema's rule allows."""
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    "text", ["", "10", "m", "10 m", "-1m", "1.5h", "1w", "10M", "1h 30m", "PT1H", "\u06610m", "10m\n"]
)
def test_what_is_no_duration_is_none(text: str) -> None:
    """Nothing is guessed."""
    assert parse_duration(text) is None


def test_an_enterprise_that_says_little_gets_every_default() -> None:
    """What is absent means what the schema's description says."""
    read = parse_enterprise(ENTERPRISE)

    assert (read.name, read.uid, read.generation) == ("acme", "u-2", 1)
    assert read.spec.console_url == "http://127.0.0.1:1"
    assert read.spec.credentials == SecretKeyRef("box", "console", "token")
    assert read.spec.platform_url == "https://api.box.com"
    assert (read.spec.ca, read.spec.selector, read.spec.adoption) == (None, None, ())
    assert (read.spec.resync, read.spec.requests_per_minute) == (timedelta(minutes=10), 600)


def test_what_an_enterprise_says_is_read() -> None:
    """Every field of its spec."""
    selector = {"matchLabels": {"team": "a"}, "matchExpressions": []}
    read = parse_enterprise(
        enterprise(
            platform={"url": "http://box", "caSecretRef": {"namespace": "n", "name": "ca", "key": "pem"}},
            allowedNamespaces={"from": "Selector", "selector": selector},
            resyncInterval="1h",
            rateLimit={"requestsPerMinute": 7},
            adoption=[
                {"clientID": "c", "namespace": "billing"},
                {"clientID": "d", "namespace": "billing", "name": "viewer", "allowDelete": True},
            ],
        )
    ).spec

    assert (read.platform_url, read.ca) == ("http://box", SecretKeyRef("n", "ca", "pem"))
    assert (read.selector, read.resync, read.requests_per_minute) == (selector, timedelta(hours=1), 7)
    assert str(read.ca) == "key 'pem' of Secret n/ca"
    assert read.adoption == (
        AdoptionEntry(ClientID("c"), "billing"),
        AdoptionEntry(ClientID("d"), "billing", "viewer", allow_delete=True),
    )


def test_an_assisted_enterprise_has_no_console() -> None:
    """A person is the console there."""
    assert parse_enterprise(enterprise(console={"mode": "Assisted"})).spec.console_url is None


@pytest.mark.parametrize(
    ("selector", "expected"),
    [
        (None, True),
        ({}, True),
        ({"matchLabels": {"team": "a"}}, True),
        ({"matchLabels": {"team": "b"}}, False),
        ({"matchLabels": {"team": "a", "stage": "prod"}}, False),
        ({"matchExpressions": [{"key": "team", "operator": "In", "values": ["a", "b"]}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "In", "values": ["b"]}]}, False),
        ({"matchExpressions": [{"key": "gone", "operator": "In", "values": ["a"]}]}, False),
        ({"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["b"]}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "NotIn", "values": ["a"]}]}, False),
        ({"matchExpressions": [{"key": "gone", "operator": "NotIn", "values": ["a"]}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "Exists"}]}, True),
        ({"matchExpressions": [{"key": "gone", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "gone", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "team", "operator": "DoesNotExist"}]}, False),
        ({"matchLabels": {"team": "a"}, "matchExpressions": [{"key": "gone", "operator": "Exists"}]}, False),
    ],
)
def test_a_label_selector_selects_as_kubernetes_does(selector: Json | None, expected: bool) -> None:
    """All requirements must hold; an empty selector selects everything; NotIn holds for an absent label."""
    assert selects(selector, {"team": "a"}) is expected


@pytest.mark.parametrize("text", ["99999999999999d", "9" * 31 + "h", "999999999d999999999d"])
def test_a_duration_beyond_all_measure_counts_as_a_hundred_years(text: str) -> None:
    """It can be added to any date, and nobody waits longer."""
    assert parse_duration(text) == LONGEST
    assert parse_enterprise(enterprise(resyncInterval=text)).spec.resync == LONGEST


def test_all_namespaces_are_allowed_in_so_many_words() -> None:
    """The word All, or nothing at all."""
    assert parse_enterprise(enterprise(allowedNamespaces={"from": "All"})).spec.selector is None
