"""The BoxEnterprise: its status, and what happens when it changes, goes and comes back."""

from typing import Any

import pytest
from tests.e2e.story import await_enterprise, console_with, make_ready

from playground import Playground
from playground.output import until
from playground.play import GROUP, NAMESPACE


@pytest.mark.also_on("namespaced")
def test_the_status_counts_apps(play: Playground, ns: str) -> None:
    """How many there are and how many are Ready."""
    play.enterprise(f"{ns}-corp")
    make_ready(play, ns, enterpriseRef={"name": f"{ns}-corp"})
    play.app(ns, "waiting", enterpriseRef={"name": f"{ns}-corp"})
    path = f"{GROUP}/boxenterprises/{ns}-corp"

    until(lambda: play.cluster.get(path)["status"].get("apps") == {"total": 2, "ready": 1}, 10, "the counts")

    play.cluster.delete(play.path(ns, "waiting"))
    until(lambda: play.cluster.get(path)["status"].get("apps") == {"total": 1, "ready": 1}, 10, "the counts")


def test_a_change_is_not_called_ready_before_it_was_tried(play: Playground, ns: str) -> None:
    """Every status with the new generation speaks of the new spec: first this Secret is missing, then that one."""
    play.enterprise(f"{ns}-corp")
    await_enterprise(play, f"{ns}-corp", "Ready")
    start, path = play.cluster.audit_size(), f"{GROUP}/boxenterprises/{ns}-corp"
    for name in ("missing-a", "missing-b"):
        reference = {"namespace": ns, "name": name, "key": "token"}
        play.cluster.patch(path, {"spec": {"console": {"credentialsSecretRef": reference}}})
        body = await_enterprise(play, f"{ns}-corp", "CredentialMissing")
        assert name in str(body["status"])

    written = [entry["responseObject"] for entry in play.cluster.audit(start) if _is_status_of(entry, f"{ns}-corp")]
    states = {(body["status"]["observedGeneration"], body["status"]["conditions"][0]["reason"]) for body in written}
    assert states == {(2, "CredentialMissing"), (3, "CredentialMissing")}


def _is_status_of(entry: dict[str, Any], name: str) -> bool:
    reference = entry.get("objectRef", {})
    return (reference.get("name"), reference.get("subresource")) == (name, "status")


def test_a_wrong_url_is_said_and_mended(play: Playground, ns: str) -> None:
    """Nobody answers there: the enterprise says so; the right URL takes effect at once."""
    play.enterprise(f"{ns}-corp", console=console_with(play, "box-console", url="http://127.0.0.1:9"))
    play.app(ns, "viewer", enterpriseRef={"name": f"{ns}-corp"})
    await_enterprise(play, f"{ns}-corp", "BoxUnavailable")
    play.await_condition(ns, "viewer", "BoxUnavailable")

    play.cluster.patch(f"{GROUP}/boxenterprises/{ns}-corp", {"spec": {"console": {"url": play.box.url}}})

    play.await_condition(ns, "viewer", "PendingApproval")
    await_enterprise(play, f"{ns}-corp", "Ready")


@pytest.mark.also_on("namespaced")
def test_a_credential_is_renewed_without_a_restart(play: Playground, ns: str) -> None:
    """Console and Secret get a new token: the operator takes it from the Secret at once, and nothing is lost."""
    make_ready(play, ns)
    secret, token = play.secret(ns, "viewer-box-token"), "a-renewed-console-token"
    play.box.call("PUT", "/sandbox/v1/console-token", {"token": token})
    play.cluster.patch(
        f"/api/v1/namespaces/{NAMESPACE}/secrets/box-console",
        {"stringData": {"token": token}, "metadata": {"annotations": {"renewed": ns}}},
    )

    make_ready(play, ns, "another")

    assert play.secret(ns, "viewer-box-token") == secret
    play.box.call("PUT", "/sandbox/v1/console-token", {"token": play.box.console_token})
    play.credential()
    make_ready(play, ns, "third")
    assert token not in play.logs()
