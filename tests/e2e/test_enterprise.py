"""The BoxEnterprise: its status, and what happens when it changes, goes and comes back."""

from typing import Any

import pytest
from tests.e2e import story
from tests.e2e.people import await_step

from playground import Playground
from playground.output import until
from playground.play import GROUP, NAMESPACE


@pytest.mark.also_on("namespaced")
def test_the_status_counts_apps(play: Playground, ns: str) -> None:
    """How many there are and how many are Ready."""
    play.enterprise(f"{ns}-corp")
    story.make_ready(play, ns, enterpriseRef={"name": f"{ns}-corp"})
    play.app(ns, "waiting", enterpriseRef={"name": f"{ns}-corp"})
    path = f"{GROUP}/boxenterprises/{ns}-corp"

    until(lambda: play.cluster.get(path)["status"].get("apps") == {"total": 2, "ready": 1}, 10, "the counts")

    play.cluster.delete(play.path(ns, "waiting"))
    until(lambda: play.cluster.get(path)["status"].get("apps") == {"total": 1, "ready": 1}, 10, "the counts")


def test_a_change_is_not_called_ready_before_it_was_tried(play: Playground, ns: str) -> None:
    """Every status with the new generation speaks of the new spec: first this Secret is missing, then that one."""
    play.enterprise(f"{ns}-corp")
    story.await_enterprise(play, f"{ns}-corp", "Ready")
    start, path = play.cluster.audit_size(), f"{GROUP}/boxenterprises/{ns}-corp"
    for name in ("missing-a", "missing-b"):
        reference = {"namespace": ns, "name": name, "key": "token"}
        play.cluster.patch(path, {"spec": {"console": {"credentialsSecretRef": reference}}})
        body = story.await_enterprise(play, f"{ns}-corp", "CredentialMissing")
        assert name in str(body["status"])

    written = [entry["responseObject"] for entry in play.cluster.audit(start) if _is_status_of(entry, f"{ns}-corp")]
    states = {(body["status"]["observedGeneration"], body["status"]["conditions"][0]["reason"]) for body in written}
    assert states == {(2, "CredentialMissing"), (3, "CredentialMissing")}


def _is_status_of(entry: dict[str, Any], name: str) -> bool:
    reference = entry.get("objectRef", {})
    return (reference.get("name"), reference.get("subresource")) == (name, "status")


def test_a_wrong_url_is_said_and_mended(play: Playground, ns: str) -> None:
    """Nobody answers there: the enterprise says so; the right URL takes effect at once."""
    play.enterprise(f"{ns}-corp", console=story.console_with(play, "box-console", url="http://127.0.0.1:9"))
    play.app(ns, "viewer", enterpriseRef={"name": f"{ns}-corp"})
    story.await_enterprise(play, f"{ns}-corp", "BoxUnavailable")
    play.await_condition(ns, "viewer", "BoxUnavailable")

    play.cluster.patch(f"{GROUP}/boxenterprises/{ns}-corp", {"spec": {"console": {"url": play.box.url}}})

    play.await_condition(ns, "viewer", "PendingApproval")
    story.await_enterprise(play, f"{ns}-corp", "Ready")


@pytest.mark.also_on("namespaced")
def test_a_credential_is_renewed_without_a_restart(play: Playground, ns: str) -> None:
    """Console and Secret get a new token: the operator takes it from the Secret at once, and nothing is lost."""
    story.make_ready(play, ns)
    secret, token = play.secret(ns, "viewer-box-token"), "a-renewed-console-token"
    play.box.call("PUT", "/sandbox/v1/console-token", {"token": token})
    play.cluster.patch(
        f"/api/v1/namespaces/{NAMESPACE}/secrets/box-console",
        {"stringData": {"token": token}, "metadata": {"annotations": {"renewed": ns}}},
    )

    story.make_ready(play, ns, "another")

    assert play.secret(ns, "viewer-box-token") == secret
    play.box.call("PUT", "/sandbox/v1/console-token", {"token": play.box.console_token})
    play.credential()
    story.make_ready(play, ns, "third")
    assert token not in play.logs()


WITHOUT = {"spec": {"console": {"mode": "Assisted", "url": None, "credentialsSecretRef": None}}}


def test_an_app_that_was_registered_is_not_forgotten_without_the_console(play: Playground, ns: str) -> None:
    """It is a person's then: its client id is asked for; deletion waits until Box accepts its token no longer."""
    corp = f"{ns}-corp"
    play.enterprise(corp, resyncInterval="1s")
    client_id = story.make_ready(play, ns, enterpriseRef={"name": corp})["status"]["clientID"]
    token = story.await_one_token(play, ns)

    play.cluster.patch(f"{GROUP}/boxenterprises/{corp}", WITHOUT)

    assert client_id in await_step(play, ns, "into spec.clientID")
    assert play.get(ns, "viewer")["status"]["clientID"] == client_id
    play.cluster.delete(play.path(ns, "viewer"))
    assert await_step(play, ns, "Press Revoke") == "Press Revoke for the Primary Access Token."
    assert story.live_tokens(play, story.box_app(play, ns)) == [token]

    play.box.revoke_key(f"{ns} viewer")

    story.await_gone(play, ns)
