"""What a tenant tries with the rights of a namespace's editor: it gets its condition, and Box is left alone."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from tests.e2e.story import box_app, delete, live_tokens, make_ready, stated, values

from box_app_operator.model.box import fingerprint_of
from playground import Cluster, Playground
from playground.output import until
from playground.play import app_manifest, secret_manifest

PLANES = ("real",)
ACCOUNT, SECRET = "editor", "viewer-box-token"
RULES = [
    {"apiGroups": ["boxapps.dev"], "resources": ["boxcustomapps"], "verbs": ["*"]},
    {"apiGroups": [""], "resources": ["secrets"], "verbs": ["*"]},
]


class Tenant:
    """Somebody who may do anything with BoxCustomApps and Secrets of one namespace, and nothing else."""

    def __init__(self, play: Playground, ns: str) -> None:
        assert play.cluster.plane is not None
        rbac, meta = "rbac.authorization.k8s.io/v1", {"namespace": ns, "name": ACCOUNT}
        for manifest in (
            {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": meta},
            {"apiVersion": rbac, "kind": "Role", "metadata": meta, "rules": RULES},
            {
                "apiVersion": rbac,
                "kind": "RoleBinding",
                "metadata": meta,
                "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": ACCOUNT},
                "subjects": [{"kind": "ServiceAccount", "namespace": ns, "name": ACCOUNT}],
            },
        ):
            play.cluster.ensure(manifest)
        kubeconfig = play.cluster.plane.kubeconfig_for(ns, ACCOUNT)
        self.cluster = Cluster("tenant", kubeconfig, play.cluster.audit_log, play.cluster.plane)
        self.ns = ns

    def app(self, name: str = "viewer", **spec: Any) -> None:
        """Write a BoxCustomApp."""
        until(lambda: self.cluster.create(app_manifest(self.ns, name, **spec)).is_success, 10, "the rights to count")

    def secret(self, token: str, *, labels: Any = None, annotations: Any = None, owners: Any = None) -> None:
        """Write a Secret as the operator would write it."""
        manifest = secret_manifest(self.ns, SECRET, {"BOX_APP_TOKEN": token})
        given = {"labels": labels, "annotations": annotations, "ownerReferences": owners}
        manifest["metadata"] |= {name: value for name, value in given.items() if value is not None}
        self.cluster.send("POST", f"/api/v1/namespaces/{self.ns}/secrets", manifest).raise_for_status()


OURS = {"app.kubernetes.io/managed-by": "box-app-operator", "boxapps.dev/app": "viewer"}


@pytest.fixture
def tenant(play: Playground, other_ns: str) -> Iterator[Tenant]:
    """The tenant of the other namespace."""
    tenant = Tenant(play, other_ns)
    with tenant.cluster.client:
        yield tenant


def writes(play: Playground, since: int) -> list[str]:
    """What the operator changed in Box from a request on."""
    told = [entry for entry in play.box.requests(since) if entry["method"] != "GET"]
    return [f"{entry['method']} {entry['path']}" for entry in told]


def denied(play: Playground, tenant: Tenant, ns: str, reason: str = "AdoptionNotAllowed") -> None:
    """The tenant's object says so, and names nothing of the other tenant's."""
    body = play.await_condition(tenant.ns, "viewer", reason)
    assert f"{ns}/" not in stated(body)["message"]
    assert play.secret(tenant.ns, SECRET) is None


def test_a_tenant_has_no_more_than_its_namespace(play: Playground, ns: str, tenant: Tenant) -> None:
    """What the other tests rest upon."""
    tenant.app()
    assert tenant.cluster.send("GET", play.path(ns, "viewer")).status_code == httpx.codes.FORBIDDEN
    status = {"status": {"clientID": "x"}}
    path = f"{play.path(tenant.ns, 'viewer')}/status"
    answer = tenant.cluster.send("PATCH", path, status, "application/merge-patch+json")
    assert answer.status_code == httpx.codes.FORBIDDEN


@pytest.mark.parametrize("policy", ["Retain", "Delete"])
def test_naming_the_app_of_another_tenant(play: Playground, ns: str, tenant: Tenant, policy: str) -> None:
    """With the worst spec there is; its deletion changes nothing either."""
    body = make_ready(play, ns)
    app, token, start = box_app(play, ns), values(play.secret(ns, SECRET))["BOX_APP_TOKEN"], play.box.mark()

    tenant.app(clientID=body["status"]["clientID"], deletionPolicy=policy, cors={"domains": ["https://evil.example"]})

    denied(play, tenant, ns)
    delete(play, tenant.ns)
    assert (writes(play, start), live_tokens(play, app), play.box.app(app["name"])) == ([], [token], app)


def test_naming_the_app_of_a_tenant_who_is_gone(play: Playground, ns: str, tenant: Tenant) -> None:
    """Its app is in Box still, and authorized."""
    body = make_ready(play, ns, deletionPolicy="Retain")
    app = box_app(play, ns)
    delete(play, ns)
    start = play.box.mark()

    tenant.app(displayName=app["name"], clientID=body["status"]["clientID"])

    denied(play, tenant, ns)
    assert writes(play, start) == []


def test_a_namespace_of_the_same_name_is_another_tenants(play: Playground, ns: str) -> None:
    """Also with the same object in it, and with the old token in a Secret of another make."""
    lost = play.namespace(f"{ns}-sold")
    body = make_ready(play, lost, deletionPolicy="Retain")
    app = box_app(play, lost)
    delete(play, lost)
    play.cluster.delete(f"/api/v1/namespaces/{lost}")
    until(lambda: play.cluster.get(f"/api/v1/namespaces/{lost}") is None, 60, "the namespace to go")
    play.namespace(lost)
    tenant, start = Tenant(play, lost), play.box.mark()
    with tenant.cluster.client:
        tenant.app(clientID=body["status"]["clientID"])
        play.await_condition(lost, "viewer", "AdoptionNotAllowed")
        delete(play, lost)
        tenant.app()
        play.await_condition(lost, "viewer", "AdoptionNotAllowed")
    assert (writes(play, start), play.box.app(app["name"])) == ([], app)


@pytest.mark.parametrize("labels", [{}, OURS], ids=["plain", "with our labels"])
def test_a_leaked_token_in_an_own_secret(play: Playground, ns: str, tenant: Tenant, labels: dict[str, str]) -> None:
    """It proves nothing: the app belongs to an object that lives, in another namespace."""
    body = make_ready(play, ns)
    app, token, start = box_app(play, ns), values(play.secret(ns, SECRET))["BOX_APP_TOKEN"], play.box.mark()
    annotations = {"boxapps.dev/fingerprint": fingerprint_of(token), "boxapps.dev/secret-name": SECRET}

    tenant.secret(token, labels=labels, annotations=annotations)
    tenant.app(clientID=body["status"]["clientID"])

    said = stated(play.await_condition(tenant.ns, "viewer", "AdoptionNotAllowed"))["message"]
    assert f"{ns}/" not in said
    delete(play, tenant.ns)
    assert (writes(play, start), live_tokens(play, app)) == ([], [token])


def test_forged_annotations_end_no_token_of_another(play: Playground, ns: str, tenant: Tenant) -> None:
    """An own app, whose Secret says that another tenant's live token was published before it, and its successor."""
    make_ready(play, ns)
    app, token = box_app(play, ns), values(play.secret(ns, SECRET))["BOX_APP_TOKEN"]
    tenant.app(tokens={"rotation": {"overlap": "0s", "retire": "AfterOverlap"}})
    play.await_condition(tenant.ns, "viewer", "PendingApproval", "Authorized")
    play.box.decide(f"{tenant.ns} viewer", "authorize")
    play.await_condition(tenant.ns, "viewer", "Ready")
    forged = {
        "boxapps.dev/previous-fingerprint": fingerprint_of(token),
        "boxapps.dev/rotated-at": "2020-01-01T00:00:00Z",
    }
    path = f"/api/v1/namespaces/{tenant.ns}/secrets/{SECRET}"

    for annotations in (forged, {"boxapps.dev/fingerprint": fingerprint_of(token)}):
        answer = tenant.cluster.send(
            "PATCH", path, {"metadata": {"annotations": annotations}}, "application/merge-patch+json"
        )
        answer.raise_for_status()
        play.await_condition(tenant.ns, "viewer", "Ready")
    delete(play, tenant.ns)

    assert live_tokens(play, app) == [token]


def test_forged_owners_give_nothing(play: Playground, ns: str, tenant: Tenant) -> None:
    """A Secret that says to belong to another tenant's object, and a BoxCustomApp that says so, too."""
    uid = make_ready(play, ns)["metadata"]["uid"]
    app, token, start = box_app(play, ns), values(play.secret(ns, SECRET))["BOX_APP_TOKEN"], play.box.mark()
    owner = {
        "apiVersion": "boxapps.dev/v1alpha1",
        "kind": "BoxCustomApp",
        "name": "viewer",
        "uid": uid,
        "controller": True,
    }

    tenant.secret("forged" * 6, labels=OURS, owners=[owner])

    play.await_condition(ns, "viewer", "Ready")
    until(lambda: play.secret(tenant.ns, SECRET) is None, 60, "the garbage collector to find that it has no owner")
    assert (writes(play, start), live_tokens(play, app)) == ([], [token])


def test_an_approved_name_is_approved_once(play: Playground, ns: str, tenant: Tenant) -> None:
    """Its app was deleted with its object. Whoever has the name next asks the admin, and gets no token before."""
    make_ready(play, ns, deletionPolicy="Delete", displayName=f"{ns} approved")
    delete(play, ns)

    tenant.app(displayName=f"{ns} approved")

    play.await_condition(tenant.ns, "viewer", "PendingApproval")
    assert play.secret(tenant.ns, SECRET) is None
