"""Bad input gets a clear answer, changes nothing, and is recovered from by itself once it is mended."""

import pytest
from tests.e2e.story import await_enterprise, change, console_with, make_ready, stated

from playground import Playground
from playground.play import condition, secret_manifest

ALSO_ON = ("embedded",)
"""The imitation has validation of its own, with rules in CEL."""


def test_the_authentication_of_an_app_is_fixed(play: Playground, ns: str) -> None:
    """Another one is another app in Box. What counts when nothing is written may be written out."""
    play.app(ns, "viewer")
    credentials = {"secretRef": {"name": "creds"}, "subject": {"type": "enterprise", "id": "1"}}

    response = change(play, ns, authentication="ClientCredentials", clientCredentials=credentials)

    assert response.status_code == 422
    assert "create another BoxCustomApp" in response.json()["message"]
    play.cluster.patch(play.path(ns, "viewer"), {"spec": {"authentication": "AppToken"}})


def test_the_api_server_takes_what_kubernetes_takes(play: Playground, ns: str) -> None:
    """The schema is no narrower than a Secret is: with such labels, annotations, keys and name the app is Ready."""
    keys, annotations = {"token": ".dockerconfigjson", "slot": "a..b"}, {"Reflector.io/allowed": "any\nthing", "n": ""}
    secret = {"name": "a.b-c.0", "labels": {"team": "", "a.b/C-_.d": "A_b.c-9"}, "annotations": annotations}

    make_ready(play, ns, tokens={"secret": {**secret, "keys": keys}})


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


@pytest.mark.parametrize("wrong", ["wrong-and-never-shown", "\ufeffodd-and-never-shown"], ids=["wrong", "odd"])
def test_a_wrong_credential_is_told_apart(play: Playground, ns: str, wrong: str) -> None:
    """CredentialRejected, without a trace of the value; a changed Secret is acted upon at once.

    Also for bytes that no bearer token has; and white space around the right one is nobody's intention.
    """
    play.cluster.ensure(secret_manifest(ns, "console", {"token": wrong}))
    play.enterprise(f"{ns}-corp", console=console_with(play, "console", ns))
    play.app(ns, "viewer", enterpriseRef={"name": f"{ns}-corp"})
    play.await_condition(ns, "viewer", "EnterpriseNotReady")
    body = await_enterprise(play, f"{ns}-corp", "CredentialRejected")
    assert condition(body, "Stalled") is not None
    assert "never-shown" not in str(body)

    play.cluster.delete(f"/api/v1/namespaces/{ns}/secrets/console")
    play.cluster.ensure(secret_manifest(ns, "console", {"token": f"  {play.box.console_token}\n"}))

    play.await_condition(ns, "viewer", "PendingApproval")
    await_enterprise(play, f"{ns}-corp", "Ready")
    assert "never-shown" not in play.logs()
