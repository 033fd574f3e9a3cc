"""The chart on a real API server: every object is accepted, and Helm installs, upgrades and uninstalls it.

The control plane is this module's own: a release owns what belongs to the whole cluster, and other modules have it too.
There are no nodes, and no controller for Jobs: the Job that looks before an uninstall is played, with its account.
"""

import json
import ssl
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import helm_python
import httpx
import pytest
from tests.chart.conftest import chart
from tests.chart.rendering import CHART, NAMESPACE, RELEASE, VALUE_SETS, Json, Rendered, render
from tests.e2e.conftest import real_or_skip
from tests.planes import wanted

from playground import Cluster
from playground.chart.helm import HelmFailed
from playground.chart.pod import why_no_pods
from playground.chart.release import DEPLOYMENT, Release
from playground.output import until
from playground.play import GROUP, app_manifest, crds

__all__ = ["chart"]

APPLY = "application/apply-patch+yaml"
DRY = "?dryRun=All&fieldValidation=Strict&fieldManager=test&force=true"
THEIRS = {"ServiceMonitor", "PodMonitor", "PrometheusRule", "CiliumNetworkPolicy"}
"""No plain API server knows these."""
ENTERPRISE = f"{GROUP}/boxenterprises/default"
APP = f"{GROUP}/namespaces/billing/boxcustomapps/invoices"
JOB = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs/{RELEASE}-uninstall"
RBAC = "/apis/rbac.authorization.k8s.io/v1"
ASSISTED: Json = {"enterprise": {"create": True, "spec": {"console": {"mode": "Assisted"}}}}
SECONDS = 30


@pytest.fixture(scope="module")
def plane() -> Iterator[Cluster]:
    """A control plane with nothing on it."""
    if "real" not in wanted():
        pytest.skip("CLUSTER asks for another one")
    with real_or_skip() as cluster:
        yield cluster


@pytest.fixture
def paths(plane: Cluster) -> dict[tuple[str, str], str]:
    """The path of the collection of every kind that the server knows; {} stands for the namespace."""
    for manifest in crds():
        plane.ensure(manifest)
    until(lambda: plane.send("GET", ENTERPRISE).status_code == httpx.codes.NOT_FOUND, SECONDS, "the kinds to be served")
    found = {}
    for version in ("v1", *(group["preferredVersion"]["groupVersion"] for group in plane.get("/apis")["groups"])):
        base = f"/apis/{version}" if "/" in version else f"/api/{version}"
        for resource in plane.get(base)["resources"]:
            if "/" not in resource["name"]:
                scope = "/namespaces/{}" if resource["namespaced"] else ""
                found[version, resource["kind"]] = f"{base}{scope}/{resource['name']}"
    return found


def path_of(body: Json, paths: dict[tuple[str, str], str]) -> str:
    """The path of an object."""
    meta = body["metadata"]
    return f"{paths[body['apiVersion'], body['kind']]}/{meta['name']}".format(meta.get("namespace"))


def make_namespaces(plane: Cluster, rendered: Rendered) -> None:
    """All that the objects are in."""
    for name in {body["metadata"].get("namespace") for body in rendered.objects} - {None}:
        plane.ensure({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}})


@pytest.mark.parametrize("name", sorted(VALUE_SETS))
def test_every_object_is_accepted(
    plane: Cluster, chart: helm_python.Chart, paths: dict[tuple[str, str], str], name: str
) -> None:
    """Applied by the server, strictly, with all its rules; nothing is kept."""
    rendered = render(chart, VALUE_SETS[name])
    make_namespaces(plane, rendered)

    for body in rendered.objects:
        if body["kind"] not in THEIRS:
            answer = plane.send("PATCH", path_of(body, paths) + DRY, body, APPLY)
            assert answer.is_success, f"{body['kind']} {body['metadata']['name']}: {answer.text}"
            assert "warning" not in answer.headers, answer.headers["warning"]


def test_what_does_not_exist_is_refused(
    plane: Cluster, chart: helm_python.Chart, paths: dict[tuple[str, str], str]
) -> None:
    """So that the acceptance above means something."""
    body = json.loads(json.dumps(render(chart, {}).one("Deployment")))
    body["spec"]["template"]["spec"]["containers"][0]["imagePulPolicy"] = "Always"

    answer = plane.send("PATCH", path_of(body, paths) + DRY, body, APPLY)

    assert not answer.is_success
    assert "imagePulPolicy" in answer.text


def test_every_pod_is_allowed_where_pods_are_restricted(plane: Cluster, chart: helm_python.Chart) -> None:
    """By the API server's own Pod Security admission, at its strictest."""
    labels = {"pod-security.kubernetes.io/enforce": "restricted"}
    plane.ensure({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "restricted", "labels": labels}})
    path = "/api/v1/namespaces/restricted/pods?dryRun=All"

    for owner, spec in render(chart, {}).pods():
        pod: Json = {"apiVersion": "v1", "kind": "Pod", "metadata": {"name": owner.lower()}, "spec": dict(spec)}
        answer = plane.send("POST", path, pod)
        assert answer.is_success, answer.text
        # And that it looks at all:
        pod["spec"]["hostNetwork"] = True
        assert plane.send("POST", path, pod).status_code == httpx.codes.FORBIDDEN


def client_of(plane: Cluster, namespace: str, account: str) -> httpx.Client:
    """A client with the rights of a service account."""
    request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"expirationSeconds": 600}}
    path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
    token = plane.send("POST", path, request).raise_for_status().json()["status"]["token"]
    assert plane.plane is not None
    verify = ssl.create_default_context(cafile=str(plane.plane.ca_file))
    return httpx.Client(
        base_url=plane.url, headers={"Authorization": f"Bearer {token}"}, verify=verify, timeout=SECONDS
    )


def test_a_credential_can_be_read_by_its_name_only(
    plane: Cluster, chart: helm_python.Chart, paths: dict[tuple[str, str], str]
) -> None:
    """Got, and watched by the field that has its name, as the operator does; no other Secret, and no list."""
    rendered = render(chart, {"watchNamespaces": ["team-a"]}, namespace="narrow")
    make_namespaces(plane, rendered)
    for body in rendered.of("ServiceAccount", "Role", "RoleBinding"):
        if "uninstall" not in body["metadata"]["name"]:
            plane.send("PATCH", f"{path_of(body, paths)}?fieldManager=test", body, APPLY).raise_for_status()

    with client_of(plane, "narrow", RELEASE) as operator:
        secrets = "/api/v1/namespaces/narrow/secrets"
        watch = {"watch": "true", "timeoutSeconds": "1"}
        asked = {
            "get": operator.get(f"{secrets}/box-console"),
            "watch": operator.get(secrets, params={**watch, "fieldSelector": "metadata.name=box-console"}),
            "get another": operator.get(f"{secrets}/other"),
            "watch another": operator.get(secrets, params={**watch, "fieldSelector": "metadata.name=other"}),
            "watch all": operator.get(secrets, params=watch),
            "list": operator.get(secrets),
            "list elsewhere": operator.get("/api/v1/namespaces/default/secrets"),
            "list where it works": operator.get("/api/v1/namespaces/team-a/secrets"),
        }

    forbidden = {what for what, answer in asked.items() if answer.status_code == httpx.codes.FORBIDDEN}
    assert forbidden == {"get another", "watch another", "watch all", "list", "list elsewhere"}


class Helm:
    """Helm, as its command line is: each call looks at the cluster anew. Uninstalls go by ``release``."""

    def __init__(self, plane: Cluster, folder: Path) -> None:
        self._kubeconfig = plane.kubeconfig
        self.release = Release(plane, folder)

    def _call(self, action: str, *args: Any, **options: Any) -> Any:
        with helm_python.Config(kubeconfig_path=self._kubeconfig, namespace=NAMESPACE) as config:
            return getattr(config, action)(*args, **options)

    def upgrade(self, values: Json) -> None:
        """A new revision."""
        self._call("upgrade", CHART, RELEASE, values, namespace=NAMESPACE, timeout=SECONDS)

    def rollback(self, revision: int) -> None:
        """Back to a revision, which may be the last one."""
        self._call("rollback", RELEASE, version=revision, timeout=SECONDS)

    def state(self) -> tuple[str, int]:
        """What Helm says of the release, and its revision."""
        status = self._call("status", RELEASE)
        return str(status["status"]), int(status["revision"])


def left_of_the_hook(plane: Cluster) -> list[str]:
    """What there is of the hook's objects."""
    paths = (f"{RBAC}/clusterroles", f"{RBAC}/clusterrolebindings", f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts")
    found = [path for path in paths if plane.get(f"{path}/{RELEASE}-uninstall")]
    return found + ([JOB] if plane.get(JOB) else [])


@pytest.fixture
def helm(plane: Cluster, tmp_path: Path) -> Iterator[Helm]:
    """Helm, on a cluster that knows nothing of the operator, and with nothing left behind."""
    if why_no_pods():
        pytest.skip(f"nobody can play the pod of the hook's Job: {why_no_pods()}")
    forget(plane)
    yield Helm(plane, tmp_path)
    forget(plane)


def forget(plane: Cluster) -> None:
    """Take away the release, its objects and the kinds."""
    for path in (APP, ENTERPRISE):
        if plane.get(path):
            plane.patch(path, {"metadata": {"finalizers": None}})
    for crd in ("boxcustomapps", "boxenterprises"):
        plane.delete(f"/apis/apiextensions.k8s.io/v1/customresourcedefinitions/{crd}.boxapps.dev")
    until(lambda: plane.get(GROUP) is None, SECONDS, "the kinds to be gone")
    for path in (f"{RBAC}/clusterroles", f"{RBAC}/clusterrolebindings"):
        plane.send("DELETE", f"{path}?labelSelector=app.kubernetes.io/instance={RELEASE}").raise_for_status()
    plane.delete(f"/api/v1/namespaces/{NAMESPACE}")
    until(lambda: plane.get(f"/api/v1/namespaces/{NAMESPACE}") is None, SECONDS, "the namespace to be gone")


def make_app_with_finalizer(plane: Cluster) -> None:
    """As the operator leaves one that it works upon."""
    plane.ensure({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "billing"}})
    # For a moment after a kind was made the server asks for patience.
    until(lambda: plane.send("GET", f"{GROUP}/boxcustomapps").is_success, SECONDS, "the kinds to be served")
    plane.create(app_manifest("billing", "invoices")).raise_for_status()
    plane.patch(APP, {"metadata": {"finalizers": ["boxapps.dev/finalizer", "example.com/other"]}})


def enterprise_in_use() -> Json:
    """A BoxEnterprise as this release leaves it while an app uses it."""
    finalizers = [f"boxapps.dev/{NAMESPACE}.{RELEASE}", "example.com/other"]
    return {
        "apiVersion": "boxapps.dev/v1alpha1",
        "kind": "BoxEnterprise",
        "metadata": {"name": "default", "finalizers": finalizers},
        "spec": {"console": {"mode": "Assisted"}},
    }


def test_the_first_install_brings_an_enterprise_and_an_upgrade_takes_it_over(plane: Cluster, helm: Helm) -> None:
    """A kind and an object of it in one release: Helm makes the object afterwards, and then owns it like any other."""
    helm.release.install(ASSISTED)
    made = plane.get(ENTERPRISE)
    assert made["metadata"]["annotations"]["helm.sh/hook"] == "post-install"

    helm.upgrade(ASSISTED)
    taken = plane.get(ENTERPRISE)
    assert taken["metadata"]["uid"] == made["metadata"]["uid"]
    assert "helm.sh/hook" not in taken["metadata"]["annotations"]

    spec = {"enterpriseID": "12345", "console": {"mode": "Assisted"}}
    helm.upgrade({"enterprise": {"create": True, "spec": spec}})
    assert plane.get(ENTERPRISE)["spec"] == spec
    assert plane.get(ENTERPRISE)["metadata"]["uid"] == made["metadata"]["uid"]

    helm.release.uninstall()
    assert plane.get(ENTERPRISE) is None
    # The kinds stay (crds.keep), nothing of the hook does.
    assert plane.get(GROUP) is not None
    assert left_of_the_hook(plane) == []


def test_an_uninstall_stops_while_an_app_has_the_finalizer(plane: Cluster, helm: Helm) -> None:
    """Nothing is deleted then; the ways out are those of the chart's README."""
    helm.release.install({})
    make_app_with_finalizer(plane)

    with pytest.raises(HelmFailed, match="billing/invoices"):
        helm.release.uninstall()

    assert plane.get(DEPLOYMENT)["spec"]["replicas"] == 1
    # The Job stays for its log, the rights do not.
    assert left_of_the_hook(plane) == [JOB]

    # A release that is "uninstalling" takes no upgrade, until it was rolled back to where it is.
    state, revision = helm.state()
    assert state == "uninstalling"
    with pytest.raises(helm_python.HelmError, match="has no deployed releases"):
        helm.upgrade({})
    helm.rollback(revision)
    helm.upgrade({})
    assert helm.state() == ("deployed", revision + 2)

    # And when the app is gone, nothing is in the way.
    plane.patch(APP, {"metadata": {"finalizers": None}})
    plane.delete(APP)
    helm.release.uninstall()
    assert plane.get(DEPLOYMENT) is None
    assert left_of_the_hook(plane) == []


@pytest.mark.parametrize("values", [{}, {"watchNamespaces": ["billing"]}], ids=["cluster", "namespaces"])
def test_an_uninstall_can_let_go_of_the_apps(plane: Cluster, helm: Helm, values: Json) -> None:
    """The hook's own rights are enough for that, in both modes, and for BoxEnterprises; finalizers of others stay."""
    plane.ensure({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "billing"}})
    helm.release.install({**values, "uninstall": {"policy": "ReleaseFinalizers"}})
    make_app_with_finalizer(plane)
    plane.create(enterprise_in_use()).raise_for_status()

    said = helm.release.uninstall()

    assert "billing/invoices" in said
    assert plane.get(APP)["metadata"]["finalizers"] == ["example.com/other"]
    assert plane.get(ENTERPRISE)["metadata"]["finalizers"] == ["example.com/other"]
    assert plane.get(DEPLOYMENT) is None
    assert left_of_the_hook(plane) == []


def test_the_schemas_go_when_they_were_not_to_be_kept(plane: Cluster, helm: Helm) -> None:
    """crds.keep=false; then every app of the cluster counts, wherever the operator works."""
    plane.ensure({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "elsewhere"}})
    helm.release.install({"watchNamespaces": ["elsewhere"], "crds": {"keep": False}})
    make_app_with_finalizer(plane)

    with pytest.raises(HelmFailed, match="billing/invoices"):
        helm.release.uninstall()
    plane.patch(APP, {"metadata": {"finalizers": None}})
    helm.release.uninstall()

    until(lambda: plane.get(GROUP) is None, SECONDS, "the kinds to be gone")
