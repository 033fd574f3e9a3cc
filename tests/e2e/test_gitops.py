"""The operator and a GitOps tool beside each other: no diff, no fight over fields, and health that tells the truth."""

import copy
from collections.abc import Callable
from typing import Any

import pytest
from tests.e2e.rotating import annotate, await_handled, await_pass, await_retired, issued, mark_of, notes, tokens
from tests.e2e.story import DOMAINS, approve, await_enterprise, await_gone, change, console_with
from tests.gitops.argo import health
from tests.gitops.kstatus import kstatus

from playground import Playground
from playground.cluster import path_of
from playground.output import until
from playground.play import app_manifest, secret_manifest

APPLY = "application/apply-patch+yaml"
MAX_TRIES = 20
FINALIZER = "boxapps.dev/finalizer"
OPERATOR = "box-app-operator"
BY_THE_SERVER = {"name", "namespace", "uid", "generation", "resourceVersion", "creationTimestamp", "managedFields"}
TRACKING = {
    "labels": {"app.kubernetes.io/instance": "billing", "kustomize.toolkit.fluxcd.io/name": "billing"},
    "annotations": {"argocd.argoproj.io/tracking-id": "billing:boxapps.dev/BoxCustomApp:billing/viewer"},
}
"""The marks by which Argo CD and Flux know their own."""
WHOLE: dict[str, Any] = {
    "tokens": {
        "expiry": "30d",
        "secret": {"labels": {"team": "billing"}, "annotations": {"note": "from Git"}},
        "rotation": {"overlap": "1h", "restart": [{"kind": "Deployment", "name": "web"}]},
    },
    "cors": {"domains": DOMAINS},
    "deletionPolicy": "RevokeTokens",
    "suspend": False,
}


def from_git(ns: str, rotate: str | None = None, **spec: Any) -> dict[str, Any]:
    """A BoxCustomApp as Git has it, with the marks of a GitOps tool."""
    manifest = app_manifest(ns, "viewer", **spec)
    asked = {"boxapps.dev/rotate-requested-at": rotate} if rotate else {}
    manifest["metadata"] |= copy.deepcopy(TRACKING)
    manifest["metadata"]["annotations"] |= asked
    return manifest


def apply(play: Playground, manifest: dict[str, Any], manager: str = "argocd") -> dict[str, Any]:
    """Server-side apply that forces nothing: a conflict is an error."""
    path = f"{path_of(manifest)}?fieldManager={manager}&force=false"
    return dict(play.cluster.send("PATCH", path, manifest, APPLY).raise_for_status().json())


def apply_twice(play: Playground, manifest: dict[str, Any]) -> None:
    """Apply on the server's side and on the client's what is applied already: nothing at all may change."""
    path = path_of(manifest)
    assert changes_nothing(play, path, lambda: apply(play, manifest))
    assert changes_nothing(play, path, lambda: play.cluster.patch(path, manifest))


def changes_nothing(play: Playground, path: str, write: Callable[[], Any]) -> bool:
    """Is the object the same after a write, down to its resourceVersion? A status that came in between counts not."""
    for _ in range(MAX_TRIES):
        before, after = play.cluster.get(path), write()
        if before.get("status") == after.get("status"):
            return bool(before["metadata"]["resourceVersion"] == after["metadata"]["resourceVersion"])
    raise AssertionError("the operator never comes to rest")


def check_as_applied(play: Playground, manifest: dict[str, Any], generation: int = 1) -> None:
    """The object is what was applied; beside it there are the operator's finalizer and the server's own fields."""
    body = play.cluster.get(path_of(manifest))
    meta = body["metadata"]

    assert body["spec"] == manifest["spec"]
    assert meta.get("labels") == manifest["metadata"].get("labels")
    assert meta.get("annotations") == manifest["metadata"].get("annotations")
    assert meta["generation"] == generation
    assert meta["finalizers"] == [FINALIZER]
    assert set(meta) - BY_THE_SERVER <= {"labels", "annotations", "finalizers"}


@pytest.mark.parametrize("spec", [{}, WHOLE], ids=["least", "whole"])
def test_what_was_applied_stays_as_it_was(play: Playground, ns: str, spec: dict[str, Any]) -> None:
    """No defaults, no writes to the spec, no labels or annotations; from the first look until long after Ready."""
    manifest = from_git(ns, **spec)
    apply(play, manifest)
    play.await_condition(ns, "viewer", "PendingApproval", "Authorized")
    check_as_applied(play, manifest)

    approve(play, ns)

    check_as_applied(play, manifest)
    # None of the marks by which a tool would prune the Secret or call it a diff.
    marks = play.secret(ns, "viewer-box-token")["metadata"]
    assert not {*marks["labels"], *marks["annotations"]} & {*TRACKING["labels"], *TRACKING["annotations"]}


def test_an_enterprise_stays_as_it_was(play: Playground, ns: str) -> None:
    """Neither finalizer nor annotation."""
    name = f"{ns}-corp"
    manifest = play.enterprise(name)
    apply(play, manifest)

    body = await_enterprise(play, name, "Ready")

    assert body["spec"] == manifest["spec"]
    assert set(body["metadata"]) <= BY_THE_SERVER
    apply_twice(play, manifest)


@pytest.mark.also_on("embedded")
def test_applying_the_same_again_changes_nothing(play: Playground, ns: str) -> None:
    """Not even the resourceVersion, so that nobody is woken."""
    manifest = from_git(ns, **WHOLE)
    apply(play, manifest)
    approve(play, ns)
    start = play.cluster.audit_size()

    apply_twice(play, manifest)

    # A pass that is asked for is the first write since.
    await_pass(play, ns)
    writes = [write for write in play.cluster.writes(start) if write.namespace == ns and write.resource != "events"]
    assert [write.resource for write in writes] == ["boxcustomapps/status"]


def test_applying_the_same_again_in_the_middle_of_a_rotation_changes_nothing(play: Playground, ns: str) -> None:
    """The wish for it stays in Git; the token is replaced once, and the status follows without the spec."""
    tokens_spec = {"rotation": {"overlap": "1h"}}
    apply(play, from_git(ns, tokens=tokens_spec))
    approve(play, ns)
    manifest = from_git(ns, rotate="2026-11-25", tokens=tokens_spec)
    apply(play, manifest)
    await_handled(play, ns, "2026-11-25")
    assert "retiring" in tokens(play, ns)

    apply_twice(play, manifest)

    check_as_applied(play, manifest)
    shorter = from_git(ns, rotate="2026-11-25", tokens={"rotation": {"overlap": "1s"}})
    apply(play, shorter)
    await_retired(play, ns)
    apply_twice(play, shorter)
    check_as_applied(play, shorter, generation=2)
    assert len(issued(play, ns)) == 2


def owned(body: Any, manager: str) -> dict[str, Any]:
    """What a field manager owns of an object, by subresource."""
    fields: dict[str, Any] = {}
    for entry in body["metadata"]["managedFields"]:
        if entry["manager"] == manager:
            fields.setdefault(entry.get("subresource", ""), {}).update(entry["fieldsV1"])
    return fields


@pytest.mark.also_on("embedded")
def test_no_field_has_two_masters(play: Playground, ns: str) -> None:
    """Changes from Git are never in conflict, whatever the operator wrote meanwhile: it owns finalizer and status."""
    apply(play, from_git(ns))
    approve(play, ns)
    apply(play, from_git(ns, cors={"domains": DOMAINS}))
    play.await_condition(ns, "viewer", "Ready")
    apply(play, from_git(ns, rotate="2026-11-25"))
    await_handled(play, ns, "2026-11-25")
    body = play.get(ns, "viewer")

    assert body["metadata"]["finalizers"] == [FINALIZER]
    # The imitation does not know who wrote what.
    if play.cluster.plane is not None:
        operators = owned(body, OPERATOR)
        assert set(operators) == {"", "status"}
        assert set(operators["status"]) == {"f:status"}
        assert set(operators[""]) == {"f:metadata"}
        assert set(operators[""]["f:metadata"]) == {"f:finalizers"}
        assert set(owned(body, "argocd")[""]) == {"f:metadata", "f:spec"}
        assert {entry["manager"] for entry in body["metadata"]["managedFields"]} == {OPERATOR, "argocd"}


def test_another_tool_may_add_labels(play: Playground, ns: str) -> None:
    """Two managers and the operator, each with its own fields."""
    apply(play, from_git(ns))
    approve(play, ns)
    manifest = {key: from_git(ns)[key] for key in ("apiVersion", "kind")}
    manifest["metadata"] = {"namespace": ns, "name": "viewer", "labels": {"cost-center": "4711"}}

    apply(play, manifest, manager="cost-labels")

    await_pass(play, ns)
    apply(play, from_git(ns))
    body = play.get(ns, "viewer")
    assert body["metadata"]["labels"] == {**TRACKING["labels"], "cost-center": "4711"}
    assert body["metadata"]["generation"] == 1


def test_a_replaced_object_gets_its_finalizer_back(play: Playground, ns: str) -> None:
    """``Replace=true`` takes it off, for as long as the operator needs to notice."""
    manifest = from_git(ns)
    apply(play, manifest)
    body = approve(play, ns)
    manifest["metadata"]["resourceVersion"] = body["metadata"]["resourceVersion"]

    replaced = play.cluster.send("PUT", play.path(ns, "viewer"), manifest).raise_for_status().json()

    assert "finalizers" not in replaced["metadata"]
    until(lambda: play.get(ns, "viewer")["metadata"].get("finalizers") == [FINALIZER], 20, "the finalizer")


def test_no_sync_undoes_a_restart(play: Playground, ns: str) -> None:
    """The marks on a Deployment are the operator's, and Git does not have them: applying it again changes nothing."""
    labels = {"app": "web"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": "web:1"}]}}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    metadata = {"namespace": ns, "name": "web", "labels": TRACKING["labels"]}
    deployment = {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": metadata, "spec": spec}
    ref = {"kind": "Deployment", "name": "web"}
    apply(play, deployment)
    tokens_spec = {"rotation": {"overlap": "1s", "restart": [ref]}}
    apply(play, from_git(ns, tokens=tokens_spec))
    approve(play, ns)
    apply(play, from_git(ns, rotate="2026-11-25", tokens=tokens_spec))
    await_handled(play, ns, "2026-11-25")
    fingerprint = await_retired(play, ns)
    assert mark_of(play, ns, ref) == fingerprint == notes(play, ns)["fingerprint"]

    apply_twice(play, deployment)

    assert mark_of(play, ns, ref) == fingerprint
    if play.cluster.plane is not None:
        operators = owned(play.cluster.get(path_of(deployment)), OPERATOR)
        assert set(operators) == {""}
        assert set(operators[""]["f:metadata"]) == {"f:annotations"}
        assert set(operators[""]["f:spec"]["f:template"]["f:metadata"]) == {"f:annotations"}


# Health


def seen(play: Playground, ns: str) -> tuple[str, str]:
    """What Argo CD and kstatus make of the app as it is now."""
    body = play.get(ns, "viewer")
    return health(body).status, kstatus(body)


def await_seen(play: Playground, ns: str, *words: str) -> None:
    """Wait until Argo CD and kstatus say so."""
    until(lambda: seen(play, ns) == words, 20, f"{ns}/viewer to be {words}; it is {seen(play, ns)}")


def test_health_follows_an_app_through_its_life(play: Playground, ns: str) -> None:
    """The live object, state by state: people are waited for without alarm, mistakes are called so."""
    apply(play, from_git(ns, displayName="Taken Name"))
    await_seen(play, ns, "Degraded", "Failed")
    change(play, ns, displayName=f"{ns} viewer").raise_for_status()
    await_seen(play, ns, "Suspended", "InProgress")
    body = play.get(ns, "viewer")
    assert [step["where"] in health(body).message for step in body["status"]["nextSteps"]] == [True]
    play.box.decide(f"{ns} viewer", "decline")
    await_seen(play, ns, "Degraded", "Failed")
    annotate(play, ns, "viewer", "reconcile-requested-at", "again")
    await_seen(play, ns, "Suspended", "InProgress")
    play.box.decide(f"{ns} viewer", "authorize")
    await_seen(play, ns, "Healthy", "Current")
    play.box.decide(f"{ns} viewer", "disable")
    await_seen(play, ns, "Suspended", "InProgress")
    play.box.decide(f"{ns} viewer", "enable")
    await_seen(play, ns, "Healthy", "Current")
    change(play, ns, suspend=True).raise_for_status()
    assert health(play.get(ns, "viewer")).status == "Suspended"
    play.await_condition(ns, "viewer", "Suspended")
    assert seen(play, ns) == ("Suspended", "InProgress")
    change(play, ns, suspend=False).raise_for_status()
    await_seen(play, ns, "Healthy", "Current")


def test_a_pruned_app_waits_for_box_and_says_so(play: Playground, ns: str) -> None:
    """Progressing for Argo CD, Terminating for kstatus; kubectl can let it go, for Git does not have it any more."""
    apply(play, from_git(ns))
    approve(play, ns)
    play.box.fault({"kind": "status", "status": 503, "method": "DELETE", "path": ".*/tokens/.*", "count": 1000})

    play.cluster.delete(play.path(ns, "viewer"))

    play.await_condition(ns, "viewer", "Deleting")
    assert seen(play, ns) == ("Progressing", "Terminating")
    assert "boxapps.dev/force-delete" in health(play.get(ns, "viewer")).message
    annotate(play, ns, "viewer", "force-delete", "true")
    await_gone(play, ns)


def test_health_follows_an_enterprise(play: Playground, ns: str) -> None:
    """Without its credential it is Progressing, with one that is refused Degraded, and with the right one Healthy."""
    name = f"{ns}-corp"
    play.enterprise(name, console=console_with(play, "credential", ns))
    body = await_enterprise(play, name, "CredentialMissing")
    assert (health(body).status, kstatus(body)) == ("Progressing", "InProgress")

    play.cluster.ensure(secret_manifest(ns, "credential", {"token": "wrong"}))
    body = await_enterprise(play, name, "CredentialRejected")
    assert (health(body).status, kstatus(body)) == ("Degraded", "Failed")

    token = {"stringData": {"token": play.box.console_token}}
    play.cluster.patch(f"/api/v1/namespaces/{ns}/secrets/credential", token)

    body = await_enterprise(play, name, "Ready")
    assert (health(body).status, kstatus(body)) == ("Healthy", "Current")
