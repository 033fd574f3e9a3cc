"""Bad input gets a clear answer, changes nothing, and is recovered from by itself once it is mended."""

from __future__ import annotations

from typing import Any

import pytest
from tests.e2e.story import await_enterprise, console_with, make_ready, stated

from playground import Playground
from playground.play import app_manifest, condition, secret_manifest

ALSO_ON = ("embedded",)
"""The imitation has validation of its own, with rules in CEL."""


def secret(**fields: Any) -> dict[str, Any]:
    """A spec that asks for such a Secret."""
    return {"tokens": {"secret": fields}}


REFUSED = [
    pytest.param(
        {"cors": {"domains": ["https://app.example.com/callback"]}},
        ["'https://app.example.com/callback'", "write 'https://app.example.com'"],
        id="origin-with-path",
    ),
    pytest.param(
        {"cors": {"domains": ["https://app.example.com/"]}},
        ["'https://app.example.com/'", "trailing slash", "write 'https://app.example.com'"],
        id="origin-with-trailing-slash",
    ),
    pytest.param(
        {"cors": {"domains": ["app.example.com"]}},
        ["'app.example.com'", "https://"],
        id="origin-without-scheme",
    ),
    pytest.param(
        {"cors": {"domains": ["https://me:secret@app.example.com"]}},
        ["user info", "'https://app.example.com'"],
        id="origin-with-user-info",
    ),
    pytest.param(
        {"cors": {"domains": ["https://a.example.com", "https://A.example.com"]}},
        ["a.example.com'", "twice"],
        id="origin-twice",
    ),
    pytest.param({"displayName": ""}, ["displayName", "not empty"], id="empty-name"),
    pytest.param({"displayName": "   "}, ["displayName", "not empty"], id="blank-name"),
    pytest.param({"displayName": None}, ["displayName"], id="no-name"),
    pytest.param({"tokens": {"expiry": "90d"}}, ["tokens.expiry", "30d", "60d", "Never"], id="expiry"),
    pytest.param({"deletionPolicy": "Keep"}, ["deletionPolicy", "Retain", "RevokeTokens", "Delete"], id="policy"),
    pytest.param({"tokens": {"rotation": {"overlap": "1 hour"}}}, ["overlap", "1h30m"], id="duration"),
    pytest.param({"clientID": "not a client id"}, ["clientID", "Developer Console"], id="client-id"),
    pytest.param(secret(labels={"bad key": "x"}), ["secret.labels", "the key of a label", "acme.com/team"], id="label"),
    pytest.param(secret(labels={f"{'a' * 254}/b": "x"}), ["secret.labels", "the key of a label"], id="label-domain"),
    pytest.param(secret(labels={"team": "-a"}), ["secret.labels", "the value of a label", "team-a"], id="label-value"),
    pytest.param(secret(annotations={"": "x"}), ["secret.annotations", "acme.com/note"], id="annotation"),
    pytest.param(secret(keys={"token": "..data"}), ["keys.token", "BOX_APP_TOKEN"], id="key"),
    pytest.param(secret(keys={"slot": "."}), ["keys.slot", "BOX_APP_TOKEN"], id="dot"),
    pytest.param(secret(name="a..b"), ["secret.name", "invoice-viewer-box"], id="secret-name"),
    pytest.param(
        {"downscopedTokens": [{"secretName": "a.-b", "scopes": ["item_download"]}]},
        ["secretName", "invoice-viewer-preview"],
        id="downscoped-name",
    ),
]
TAKEN = [
    pytest.param(secret(labels={"team": "", "a.b/C-_.d": "A_b.c-9"}), id="labels"),
    pytest.param(secret(annotations={"Reflector.io/allowed": "any\nthing", "n": ""}), id="annotations"),
    pytest.param(secret(keys={"token": ".dockerconfigjson", "slot": "a..b"}), id="keys"),
    pytest.param(secret(name="a.b-c.0"), id="name"),
]


@pytest.mark.parametrize(("spec", "words"), REFUSED)
def test_the_api_server_refuses(play: Playground, ns: str, spec: dict[str, Any], words: list[str]) -> None:
    """The message names what is wrong and what to write instead; nothing is made."""
    response = play.cluster.create(app_manifest(ns, "wrong", **spec))

    assert response.status_code == 422
    message = response.json()["message"]
    assert [word for word in words if word not in message] == [], message
    assert play.get(ns, "wrong") is None


def test_the_authentication_of_an_app_is_fixed(play: Playground, ns: str) -> None:
    """Another one is another app in Box. What counts when nothing is written may be written out."""
    play.app(ns, "viewer")
    credentials = {"secretRef": {"name": "creds"}, "subject": {"type": "enterprise", "id": "1"}}
    change = {"spec": {"authentication": "ClientCredentials", "clientCredentials": credentials}}

    response = play.cluster.send("PATCH", play.path(ns, "viewer"), change, "application/merge-patch+json")

    assert response.status_code == 422
    assert "create another BoxCustomApp" in response.json()["message"]
    play.cluster.patch(play.path(ns, "viewer"), {"spec": {"authentication": "AppToken"}})


@pytest.mark.parametrize("spec", TAKEN)
def test_the_api_server_takes_what_kubernetes_takes(play: Playground, ns: str, spec: dict[str, Any]) -> None:
    """The schema is no narrower than a Secret is: the app becomes Ready with it."""
    make_ready(play, ns, **spec)


def test_an_enterprise_must_say_how_to_reach_it(play: Playground) -> None:
    """Automated needs a URL and a credential, Assisted must not have a URL."""
    for console, word in (
        ({"mode": "Automated"}, "needs console.url"),
        ({"mode": "Assisted", "url": "https://console.example.com"}, "remove console.url"),
        ({"mode": "Automated", "url": "console.example.com"}, "base URL"),
    ):
        manifest = {
            "apiVersion": "boxapps.dev/v1alpha1",
            "kind": "BoxEnterprise",
            "metadata": {"name": "wrong"},
            "spec": {"console": console},
        }
        response = play.cluster.create(manifest)
        assert response.status_code == 422
        assert word in response.json()["message"]


def test_a_taken_name_stalls_one_app_only(play: Playground, ns: str) -> None:
    """NameTaken, with what to do; the neighbour goes on; another name mends it."""
    play.app(ns, "taken", displayName="Taken Name")
    play.app(ns, "viewer")

    body = play.await_condition(ns, "taken", "NameTaken")
    play.await_condition(ns, "viewer", "PendingApproval")

    registered = stated(body, "Registered")
    assert condition(body, "Stalled") is not None
    assert registered["status"] == "False"
    assert "Choose another spec.displayName" in registered["message"]
    play.cluster.patch(play.path(ns, "taken"), {"spec": {"displayName": f"{ns} free"}})
    play.await_condition(ns, "taken", "PendingApproval")


@pytest.mark.also_on("namespaced")
def test_a_namespace_must_be_allowed(play: Playground, ns: str) -> None:
    """NamespaceNotAllowed until the namespace carries the label, without any call to Box before."""
    allowed = {"from": "Selector", "selector": {"matchLabels": {"box": "yes"}}}
    play.enterprise(f"{ns}-corp", allowedNamespaces=allowed)
    play.app(ns, "viewer", enterpriseRef={"name": f"{ns}-corp"})
    body = play.await_condition(ns, "viewer", "NamespaceNotAllowed")
    assert condition(body, "Stalled") is not None
    assert play.box.app(f"{ns} viewer") is None

    play.cluster.patch(f"/api/v1/namespaces/{ns}", {"metadata": {"labels": {"box": "yes"}}})

    play.await_condition(ns, "viewer", "PendingApproval")


def test_a_wrong_credential_is_told_apart(play: Playground, ns: str) -> None:
    """CredentialRejected, without a trace of the value; a changed Secret is acted upon at once."""
    play.cluster.ensure(secret_manifest(ns, "console", {"token": "wrong-and-never-shown"}))
    play.enterprise(f"{ns}-corp", console=console_with(play, "console", ns))
    play.app(ns, "viewer", enterpriseRef={"name": f"{ns}-corp"})
    play.await_condition(ns, "viewer", "EnterpriseNotReady")
    assert condition(await_enterprise(play, f"{ns}-corp", "CredentialRejected"), "Stalled") is not None

    play.cluster.delete(f"/api/v1/namespaces/{ns}/secrets/console")
    play.cluster.ensure(secret_manifest(ns, "console", {"token": play.box.console_token}))

    play.await_condition(ns, "viewer", "PendingApproval")
    assert "wrong-and-never-shown" not in play.logs()
