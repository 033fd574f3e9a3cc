"""Manifests in any order: what is not there yet is waited for, as progress and never as a failure."""

import itertools
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import certifi
import pytest
from tests.e2e import grants, people
from tests.e2e.commands import kubectl, needs_kubectl
from tests.e2e.conftest import Stage
from tests.e2e.story import authorize, await_enterprise, box_app, console_with, delete, enterprise_path, stated
from tests.gitops.argo import health
from tests.gitops.kstatus import kstatus

from playground import Playground
from playground.output import until
from playground.play import NAMESPACE, condition, secret_manifest

CREDENTIAL = "console-credential"
WRITES = ("POST", "PUT", "PATCH", "DELETE")
END = "-----END CERTIFICATE-----"


def make_enterprise(play: Playground, ns: str) -> None:
    """A BoxEnterprise whose credential is in a Secret of the app's namespace."""
    play.enterprise(f"{ns}-corp", console=console_with(play, CREDENTIAL, ns))


def make_credential(play: Playground, ns: str) -> None:
    """That Secret."""
    play.cluster.ensure(secret_manifest(ns, CREDENTIAL, {"token": play.box.console_token}))


def make_app(play: Playground, ns: str) -> None:
    """An app of that BoxEnterprise."""
    play.app(ns, "viewer", enterpriseRef={"name": f"{ns}-corp"})


STEPS: dict[str, Callable[[Playground, str], None]] = {
    "app": make_app,
    "enterprise": make_enterprise,
    "credential": make_credential,
}


def written(play: Playground, start: int, ns: str) -> list[dict[str, Any]]:
    """Every state in which the operator left an object of the namespace, or its BoxEnterprise, since an offset."""
    names = {f"{ns}-corp", "viewer"}
    found = []
    for entry in play.cluster.audit(start):
        reference, body = entry.get("objectRef") or {}, entry.get("responseObject") or {}
        if reference.get("subresource") == "status" and reference.get("name") in names:
            found.append(body)
    return [body for body in found if body["metadata"].get("namespace", ns) == ns]


def check_never_failed(bodies: list[dict[str, Any]]) -> None:
    """Neither Argo CD nor Flux took any of them for a failure, and none was Stalled."""
    assert bodies
    for body in bodies:
        assert condition(body, "Stalled") is None, body["status"]
        assert health(body).status != "Degraded", body["status"]
        assert kstatus(body) != "Failed", body["status"]


def box_writes(play: Playground, mark: int) -> list[str]:
    """What Box was asked to change since a mark, or to give out."""
    return [call["path"] for call in play.box.requests(mark) if call["method"] in WRITES]


@pytest.mark.parametrize("order", [*itertools.permutations(STEPS)], ids="-".join)
def test_manifests_in_any_order_end_ready(play: Playground, ns: str, order: tuple[str, ...]) -> None:
    """App, BoxEnterprise and credential: every state on the way is progress, and the last one sets all going.

    No resync is waited for: it comes after ten minutes.
    """
    start, mark = play.cluster.audit_size(), play.box.mark()
    reasons = {
        frozenset({"app"}): "EnterpriseNotFound",
        frozenset({"app", "credential"}): "EnterpriseNotFound",
        frozenset({"app", "enterprise"}): "EnterpriseNotReady",
    }

    for number, step in enumerate(order, start=1):
        assert box_writes(play, mark) == []
        STEPS[step](play, ns)
        there = frozenset(order[:number])
        if there in reasons:
            body = play.await_condition(ns, "viewer", reasons[there])
            missing = f"key 'token' of Secret {ns}/{CREDENTIAL}" if "enterprise" in there else f"{ns}-corp"
            assert missing in stated(body)["message"]
            assert condition(body, "Reconciling") is not None
            assert health(body).status == "Progressing"
            assert not body["metadata"].get("finalizers")
        if there >= {"enterprise"} and "credential" not in there:
            body = await_enterprise(play, f"{ns}-corp", "CredentialMissing")
            assert condition(body, "Reconciling") is not None
            assert (health(body).status, kstatus(body)) == ("Progressing", "InProgress")
            assert f"Secret {ns}/{CREDENTIAL}" in health(body).message

    authorize(play, ns)
    play.await_condition(ns, "viewer", "Ready")
    check_never_failed(written(play, start, ns))
    assert box_writes(play, mark).count("/console/v1/apps") == 1


@needs_kubectl
@pytest.mark.also_on("embedded")
def test_kubectl_waits_through_everything_that_is_missing(play: Playground, ns: str) -> None:
    """``kubectl wait`` is what scripts use: it begins when there is nothing but the app, and ends with its token."""
    make_app(play, ns)
    wait = ("wait", "--for=condition=Ready", "boxcustomapp/viewer", "-n", ns, "--timeout=300s")

    with ThreadPoolExecutor(1) as pool:
        waiting = pool.submit(kubectl, play, *wait)
        play.await_condition(ns, "viewer", "EnterpriseNotFound")
        make_enterprise(play, ns)
        await_enterprise(play, f"{ns}-corp", "CredentialMissing")
        make_credential(play, ns)
        play.await_condition(ns, "viewer", "PendingApproval")
        assert not waiting.done()
        play.box.decide(f"{ns} viewer", "authorize")
        done = waiting.result()

    assert (done.returncode, done.stdout) == (0, "boxcustomapp.boxapps.dev/viewer condition met\n"), done.stderr


def test_a_ca_bundle_that_comes_later_is_waited_for(play: Playground, ns: str) -> None:
    """Reconciling while it is missing; one that is none is somebody's mistake, also as text with an umlaut in it."""
    reference = {"namespace": ns, "name": "ca", "key": "ca.crt"}
    play.enterprise(f"{ns}-corp", platform={"url": play.box.url, "caSecretRef": reference})
    body = await_enterprise(play, f"{ns}-corp", "CAInvalid")
    assert (health(body).status, kstatus(body)) == ("Progressing", "InProgress")
    assert condition(body, "Reconciling") is not None

    play.cluster.ensure(secret_manifest(ns, "ca", {"ca.crt": "kein Bündel"}))
    until(lambda: condition(play.cluster.get(enterprise_path(f"{ns}-corp")), "Stalled"), 20, "it to be Stalled")
    await_enterprise(play, f"{ns}-corp", "CAInvalid")
    bundle = certifi.contents().partition(END)[0] + END
    play.cluster.patch(f"/api/v1/namespaces/{ns}/secrets/ca", {"stringData": {"ca.crt": bundle}})

    await_enterprise(play, f"{ns}-corp", "Ready")


@pytest.mark.parametrize("mode", ["client-credentials", "assisted"])
def test_what_people_hand_over_later_is_waited_for(play: Playground, ns: str, mode: str) -> None:
    """Client credentials or keys: Reconciling, no Warning, and Box is not asked before they are there."""
    play.enterprise(f"{ns}-corp", **({"console": {"mode": "Assisted"}} if mode == "assisted" else {}))
    if mode == "assisted":
        people.make_authorized(play, ns, enterpriseRef={"name": f"{ns}-corp"})
        mark, secret = play.box.mark(), people.KEYS
    else:
        app, secret = grants.by_hand(play, ns), grants.CREDENTIALS
        mark = play.box.mark()
        play.app(ns, "viewer", **grants.granted_by(f"{ns}-corp", app))

    body = play.await_condition(ns, "viewer", "AwaitingToken")
    assert condition(body, "Reconciling") is not None
    assert condition(body, "Stalled") is None
    assert (health(body).status, kstatus(body)) == ("Suspended", "InProgress")
    assert repr(secret) in health(body).message
    assert [event for event in play.events(ns, "viewer") if event["type"] == "Warning"] == []
    assert box_writes(play, mark) == []

    if mode == "assisted":
        people.hand_over(play, ns, primary=play.box.generate_key(box_app(play, ns)["name"]))
        play.await_condition(ns, "viewer", "Ready")
        return
    grants.hand_over(play, ns, app)
    play.await_condition(ns, "viewer", "Ready")
    assert box_writes(play, mark) == ["/oauth2/token"]


@pytest.mark.parametrize("there", ["nothing", "finalizer", "enterprise"])
def test_an_app_that_never_began_goes_at_once(play: Playground, ns: str, there: str) -> None:
    """Nothing is in Box, so that nothing is waited for, and Box is not asked: also with the finalizer of a backup.

    With an enterprise that has no credential it never got one.
    """
    mark = play.box.mark()
    if there == "enterprise":
        make_enterprise(play, ns)
    make_app(play, ns)
    play.await_condition(ns, "viewer", "EnterpriseNotReady" if there == "enterprise" else "EnterpriseNotFound")
    if there == "finalizer":
        play.cluster.patch(play.path(ns, "viewer"), {"metadata": {"finalizers": ["boxapps.dev/finalizer"]}})

    delete(play, ns)
    assert box_writes(play, mark) == []


@pytest.mark.also_on("namespaced")
def test_a_credential_that_may_not_be_read_yet_is_waited_for(stage: Stage, play: Playground, ns: str) -> None:
    """The right may come with a later manifest: the message says which, where to grant it, and nothing is Stalled."""
    if not play.cluster.namespaces:
        pytest.skip("the operator may read Secrets everywhere")
    stage.aftermath.refusals_expected = True
    elsewhere = play.namespace(f"{ns}-elsewhere")
    play.cluster.ensure(secret_manifest(elsewhere, "box-console", {"token": play.box.console_token}))
    play.enterprise(f"{ns}-corp", console=console_with(play, "box-console", elsewhere))
    body = await_enterprise(play, f"{ns}-corp", "CredentialMissing")
    assert (health(body).status, kstatus(body)) == ("Progressing", "InProgress")
    assert f"Secret {elsewhere}/box-console" in str(body["status"])
    assert "rbac.credentialSecrets" in str(body["status"])

    rules = [{"apiGroups": [""], "resources": ["secrets"], "resourceNames": ["box-console"], "verbs": ["get", "watch"]}]
    api, meta = "rbac.authorization.k8s.io/v1", {"namespace": elsewhere, "name": "box-console"}
    play.cluster.ensure({"apiVersion": api, "kind": "Role", "metadata": meta, "rules": rules})
    binding = {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "box-console"},
        "subjects": [{"kind": "ServiceAccount", "namespace": NAMESPACE, "name": NAMESPACE}],
    }
    play.cluster.ensure({"apiVersion": api, "kind": "RoleBinding", "metadata": meta, **binding})

    await_enterprise(play, f"{ns}-corp", "Ready")
