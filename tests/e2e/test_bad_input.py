"""Bad input gets a clear answer, changes nothing, and is recovered from by itself once it is mended."""

from typing import Any

import pytest
from tests.e2e.story import await_enterprise, console_with, make_ready, stated

from playground import Playground
from playground.play import condition, secret_manifest

ALSO_ON = ("embedded",)
"""The imitation has validation of its own, with rules in CEL."""


def secret(**fields: Any) -> dict[str, Any]:
    """A spec that asks for such a Secret."""
    return {"tokens": {"secret": fields}}


TAKEN = [
    pytest.param(secret(labels={"team": "", "a.b/C-_.d": "A_b.c-9"}), id="labels"),
    pytest.param(secret(annotations={"Reflector.io/allowed": "any\nthing", "n": ""}), id="annotations"),
    pytest.param(secret(keys={"token": ".dockerconfigjson", "slot": "a..b"}), id="keys"),
    pytest.param(secret(name="a.b-c.0"), id="name"),
]


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
