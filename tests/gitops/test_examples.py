"""The manifests for Argo CD and Flux: valid, and fitting together."""

import graphlib
import re

import helm_python
import jsonschema
import kubernetes_validate
import pytest
import yaml
from tests.chart.rendering import CHART, render
from tests.gitops.argo import EXAMPLES
from tests.gitops.record import Json
from tests.unit.api.test_crds import APP, ENTERPRISE, root_of

from kube_sandbox.kinds.schema import Schema

SCHEMAS = {"BoxCustomApp": Schema(root_of(APP)), "BoxEnterprise": Schema(root_of(ENTERPRISE))}
BUILT_IN = ("v1", "apps/v1", "rbac.authorization.k8s.io/v1")
FOLDERS = {
    "argocd": {"box/platform": "platform", "deploy": "billing"},
    "flux": {f"./box/{name}": name for name in ("operator", "credentials", "enterprises", "tenants")}
    | {"./deploy": "billing"},
}
"""Which folder of the examples plays which one of a repository."""


def load(*parts: str) -> list[Json]:
    """All objects of a file, or of a folder and those below it."""
    path = EXAMPLES.joinpath(*parts)
    files = [path] if path.is_file() else sorted(path.rglob("*.yaml"))
    return [body for file in files for body in yaml.safe_load_all(file.read_text())]


def of_kind(bodies: list[Json], *kinds: str) -> dict[str, Json]:
    """The objects of these kinds by name."""
    return {body["metadata"]["name"]: body for body in bodies if body["kind"] in kinds}


def group_of(body: Json) -> str:
    """The API group of an object."""
    return str(body["apiVersion"]).rpartition("/")[0]


def waves(bodies: list[Json]) -> dict[str, int]:
    """The sync wave of each object by kind."""
    key = "argocd.argoproj.io/sync-wave"
    return {body["kind"]: int(body["metadata"].get("annotations", {}).get(key, "0")) for body in bodies}


ARGOCD, FLUX = load("argocd"), load("flux")
BOTH = pytest.mark.parametrize("bodies", [ARGOCD, FLUX], ids=["argocd", "flux"])


@BOTH
def test_objects_have_what_every_object_has(bodies: list[Json]) -> None:
    """And no two are the same one; the credential is there in two ways, of which one is taken."""
    names = [(body["kind"], body["metadata"].get("namespace"), body["metadata"]["name"]) for body in bodies]

    assert sorted(set(names), key=str) == sorted(names, key=str)
    assert all(body["apiVersion"] and body["metadata"]["name"] for body in bodies)


@BOTH
def test_the_operators_own_objects_are_valid(bodies: list[Json]) -> None:
    """Every field is in the schema, and no rule is broken."""
    ours = [body for body in bodies if body["kind"] in SCHEMAS]

    assert {body["kind"] for body in ours} == set(SCHEMAS)
    for body in ours:
        assert SCHEMAS[body["kind"]].prune(body) == []
        assert list(SCHEMAS[body["kind"]].check(body)) == []


@BOTH
def test_kubernetes_own_objects_are_valid(bodies: list[Json]) -> None:
    """As its schema says, without a field that it does not know."""
    for body in bodies:
        if body["apiVersion"] in BUILT_IN:
            kubernetes_validate.validate(body, kubernetes_validate.latest_version(), strict=True)


@BOTH
def test_no_secret_is_in_git(bodies: list[Json]) -> None:
    """What brings the credential brings the Secret that the BoxEnterprise refers to."""
    (enterprise,) = of_kind(bodies, "BoxEnterprise").values()
    wanted = enterprise["spec"]["console"]["credentialsSecretRef"]
    bringers = of_kind(bodies, "ExternalSecret") or {}
    sealed = of_kind(bodies, "SealedSecret")

    assert of_kind(bodies, "Secret") == {}
    for body in [*bringers.values(), *sealed.values()]:
        assert (body["metadata"]["namespace"], body["metadata"]["name"]) == (wanted["namespace"], wanted["name"])
    assert [body["spec"]["target"]["name"] for body in bringers.values()] == [wanted["name"]]
    assert [[each["secretKey"] for each in body["spec"]["data"]] for body in bringers.values()] == [[wanted["key"]]]
    assert all(list(body["spec"]["encryptedData"]) == [wanted["key"]] for body in sealed.values())


@BOTH
def test_the_team_may_use_the_enterprise(bodies: list[Json]) -> None:
    """Its namespace has the label that is asked for, and its app a Secret that its pods take."""
    (enterprise,) = of_kind(bodies, "BoxEnterprise").values()
    (app,) = of_kind(bodies, "BoxCustomApp").values()
    (deployment,) = of_kind(bodies, "Deployment").values()
    namespace = of_kind(bodies, "Namespace")[app["metadata"]["namespace"]]
    (container,) = deployment["spec"]["template"]["spec"]["containers"]

    labels = enterprise["spec"]["allowedNamespaces"]["selector"]["matchLabels"]
    assert labels.items() <= namespace["metadata"]["labels"].items()
    assert container["envFrom"] == [{"secretRef": {"name": f"{app['metadata']['name']}-box-token"}}]
    restart = {"kind": "Deployment", "name": deployment["metadata"]["name"]}
    assert app["spec"]["tokens"]["rotation"]["restart"] == [restart]


# The chart


def chart_values() -> dict[str, Json]:
    """What each of the two sets in the chart."""
    application, release = of_kind(ARGOCD, "Application")["box-platform"], of_kind(FLUX, "HelmRelease")
    (source,) = (each for each in application["spec"]["sources"] if "chart" in each)
    return {"argocd": source["helm"]["valuesObject"], "flux": release["box-app-operator"]["spec"]["values"]}


def test_the_chart_is_this_one() -> None:
    """Name and version, and the same place in the registry for both."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())
    (source,) = (each for each in of_kind(ARGOCD, "Application")["box-platform"]["spec"]["sources"] if "chart" in each)
    (repository,) = of_kind(FLUX, "OCIRepository").values()

    assert (source["chart"], source["targetRevision"]) == (chart["name"], chart["version"])
    assert repository["spec"]["url"] == f"oci://{source['repoURL']}/{chart['name']}"
    assert repository["spec"]["ref"] == {"tag": chart["version"]}


@pytest.mark.parametrize("tool", ["argocd", "flux"])
def test_the_chart_takes_the_values(tool: str) -> None:
    """Its schema refuses what it does not know."""
    schema = (CHART / "values.schema.json").read_text()
    values = chart_values()[tool]

    assert values
    with helm_python.Chart.load(CHART) as chart:
        assert render(chart, values).one("Deployment")
    jsonschema.validate(values, yaml.safe_load(schema))


# Argo CD


def permits(project: Json, body: Json) -> bool:
    """May an Application of this project make the object?"""
    lists = ("clusterResourceWhitelist", "namespaceResourceWhitelist")
    entry = {"group": group_of(body), "kind": body["kind"]}
    return any(entry in project["spec"][each] for each in lists)


def test_applications_stay_within_their_projects() -> None:
    """Sources and destination are permitted, and so is every object that they bring."""
    projects = of_kind(ARGOCD, "AppProject")
    for application in of_kind(ARGOCD, "Application").values():
        spec, project = application["spec"], projects[application["spec"]["project"]]
        sources = spec.get("sources") or [spec["source"]]
        places = [(each["name"], each["namespace"]) for each in project["spec"]["destinations"]]
        assert {each["repoURL"] for each in sources} == set(project["spec"]["sourceRepos"])
        assert (spec["destination"]["name"], spec["destination"]["namespace"]) in places
        for source in (each for each in sources if "path" in each):
            bodies = load("argocd", FOLDERS["argocd"][source["path"]])
            assert bodies
            assert [body["kind"] for body in bodies if not permits(project, body)] == []


def test_the_platforms_project_permits_what_the_chart_brings() -> None:
    """With the example's values, hooks and all."""
    project = of_kind(ARGOCD, "AppProject")["box-platform"]
    with helm_python.Chart.load(CHART) as chart:
        bodies = render(chart, chart_values()["argocd"]).objects

    assert len(bodies) > 5
    assert sorted({body["kind"] for body in bodies if not permits(project, body)}) == []
    assert permits(project, of_kind(ARGOCD, "SealedSecret")["box-console"])


def test_a_teams_project_makes_neither_enterprises_nor_secrets() -> None:
    """Whoever can make a BoxEnterprise can have the console's credential sent anywhere."""
    project = of_kind(ARGOCD, "AppProject")["billing"]["spec"]
    kinds = {entry["kind"] for entry in project["namespaceResourceWhitelist"]}

    assert project["clusterResourceWhitelist"] == []
    assert not kinds & {"*", "Secret", "BoxEnterprise", "ExternalSecret", "SealedSecret"}


def test_waves_bring_the_credential_before_the_enterprise_and_wait_for_no_admin() -> None:
    """A BoxCustomApp in any wave but the last would hold up the sync."""
    platform, team = waves(load("argocd", "platform")), waves(load("argocd", "billing"))
    sealed = waves(load("argocd", "sealed-secret.yaml"))

    assert 0 < platform["ExternalSecret"] == sealed["SealedSecret"] < platform["BoxEnterprise"]
    assert set(team.values()) == {0}


def test_nothing_has_to_be_ignored() -> None:
    """The operator causes no diff."""
    assert [body for body in ARGOCD if "ignoreDifferences" in body.get("spec", {})] == []


# Flux


def kustomizations() -> dict[tuple[str, str], Json]:
    """All of them by namespace and name."""
    return {
        (body["metadata"]["namespace"], body["metadata"]["name"]): body
        for body in FLUX
        if body["apiVersion"].startswith("kustomize.toolkit.fluxcd.io")
    }


def test_kustomizations_come_one_after_the_other() -> None:
    """Operator, credential, enterprise, teams."""
    found = {name: body["spec"] for (namespace, name), body in kustomizations().items() if namespace == "flux-system"}
    before = {name: [each["name"] for each in spec.get("dependsOn", ())] for name, spec in found.items()}
    chain = list(graphlib.TopologicalSorter(before).static_order())

    assert chain == ["box-operator", "box-credentials", "box-enterprises", "box-tenants"]
    # Each waits for the one before it, and that one for its objects.
    assert [before[name] for name in chain[1:]] == [[name] for name in chain[:-1]]
    assert [found[name].get("wait") for name in chain[:-1]] == [True, True, True]


def test_kustomizations_lead_to_something() -> None:
    """Their source is there, or that of the bootstrap; and so is their folder."""
    made = [body["metadata"] for body in FLUX if body["apiVersion"].startswith("source.toolkit.fluxcd.io")]
    sources = {(meta["namespace"], meta["name"]) for meta in made} | {("flux-system", "flux-system")}
    for (namespace, _), body in kustomizations().items():
        assert (namespace, body["spec"]["sourceRef"]["name"]) in sources
        assert load("flux", FOLDERS["flux"][body["spec"]["path"]])


def test_the_teams_account_may_apply_its_folder_and_no_more() -> None:
    """Each kind in it, and no Secret."""
    role = of_kind(FLUX, "Role")["flux"]
    plurals = {"BoxCustomApp": "boxcustomapps", "Deployment": "deployments"}
    needed = {(group_of(body), plurals[body["kind"]]) for body in load("flux", "billing")}
    given = {(group, name) for rule in role["rules"] for group in rule["apiGroups"] for name in rule["resources"]}

    assert given == needed


def test_files_say_what_they_are_for() -> None:
    """A comment at the top, or before the first thing that is not plain."""
    files = [file for tool in ("argocd", "flux") for file in (EXAMPLES / tool).rglob("*.yaml")]

    assert [file for file in files if not re.search(r"^\s*# ", file.read_text(), re.MULTILINE)] == []
