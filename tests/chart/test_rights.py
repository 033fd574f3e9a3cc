"""Who may do what: the same rights in both modes, and no more of them than needed in either."""

from typing import Any

import helm_python
import pytest
import yaml
from tests.chart.rendering import CHART, NAMESPACE, VALUE_SETS, Json, Rendered, hook_of, render
from tests.chart.rights import ACCOUNT, WHOLE, Right, granted, rights_of

SOURCE: list[Json] = yaml.safe_load((CHART / "files" / "cluster-rules.yaml").read_text())


def lease(name: str = "box-app-operator") -> set[Right]:
    """What the election takes."""
    group = "coordination.k8s.io"
    return {(group, "leases", "create", None)} | {(group, "leases", verb, name) for verb in ("get", "update", "patch")}


def of_secret(name: str) -> set[Right]:
    """What a credential takes."""
    return {("", "secrets", "get", name), ("", "secrets", "watch", name)}


def test_watching_the_cluster_takes_the_rights_of_the_one_source(chart: helm_python.Chart) -> None:
    """And those on its Lease, where it is."""
    assert granted(render(chart, {})) == {WHOLE: set(rights_of(SOURCE)), NAMESPACE: lease()}


def test_watching_namespaces_takes_the_same_rights_there(chart: helm_python.Chart) -> None:
    """What belongs to no namespace is granted for the cluster, everything else in each namespace of the list."""
    rights = granted(render(chart, {"watchNamespaces": ["a", "b"]}))

    cluster = {right for right in rights_of(SOURCE) if right[1].split("/")[0] in ("boxenterprises", "namespaces")}
    assert rights == {
        # The namespace's Role may be gone before an object that still has the finalizer.
        WHOLE: cluster | {("boxapps.dev", "boxcustomapps", "patch", None)},
        "a": set(rights_of(SOURCE)) - cluster,
        "b": set(rights_of(SOURCE)) - cluster,
        NAMESPACE: lease() | of_secret("box-console"),
    }


@pytest.mark.parametrize("name", [name for name, values in VALUE_SETS.items() if values.get("watchNamespaces")])
def test_with_a_list_the_cluster_wide_rights_are_harmless(chart: helm_python.Chart, name: str) -> None:
    """No ClusterRole at all touches Secrets, pods, workloads or Events, and of the apps no more than the finalizer.

    A right to patch cannot be limited to metadata; that the operator writes no spec is held by the end-to-end tests.
    """
    rendered = render(chart, VALUE_SETS[name])

    for role in rendered.of("ClusterRole"):
        resources = {(group, resource.split("/")[0]) for group, resource, _, _ in rights_of(role["rules"])}
        assert resources <= {("boxapps.dev", "boxenterprises"), ("boxapps.dev", "boxcustomapps"), ("", "namespaces")}
    (account,) = (body["metadata"] for body in rendered.of("ServiceAccount") if not hook_of(body))
    see = ("list", "watch")
    finalizers_and_status = ("boxenterprises", "boxenterprises/status", "boxcustomapps")
    harmless = {("boxapps.dev", kind, "patch", None) for kind in finalizers_and_status}
    harmless |= {("boxapps.dev", "boxenterprises", verb, None) for verb in see}
    harmless |= {("", "namespaces", verb, None) for verb in see}
    assert granted(rendered, {**ACCOUNT, "name": account["name"]})[WHOLE] <= harmless


def test_credentials_are_granted_by_their_names(chart: helm_python.Chart) -> None:
    """Those of the list and those of the chart's own BoxEnterprise, each once; none where all Secrets can be read."""
    listed = granted(render(chart, VALUE_SETS["namespaces"]))
    own = granted(render(chart, VALUE_SETS["automated-cilium"]))

    assert listed["vault"] == of_secret("box-console") | of_secret("box-ca")
    assert not [right for right in listed["team-a"] | listed[NAMESPACE] if right[1] == "secrets" and right[3]]
    assert own["platform"] == of_secret("console") | of_secret("ca")


def test_no_rule_is_a_wildcard(rendered: Rendered) -> None:
    """Every verb and every resource by its name."""
    for role in rendered.of("Role", "ClusterRole"):
        assert "*" not in {part for right in rights_of(role["rules"]) for part in right}


def test_no_right_leads_to_more_rights(rendered: Rendered) -> None:
    """Nobody here may make roles, bindings, tokens or pods, or act as somebody else."""
    for role in rendered.of("Role", "ClusterRole"):
        for group, resource, verb, _ in rights_of(role["rules"]):
            assert "rbac" not in group
            assert (resource, verb) != ("pods", "create")
            assert resource not in ("pods/exec", "serviceaccounts/token", "nodes/proxy")
            assert verb not in ("bind", "escalate", "impersonate")


def test_every_binding_leads_to_a_role_and_an_account(rendered: Rendered) -> None:
    """Of the release, in the same namespace, and made at the same moment."""
    roles = {
        (body["kind"], body["metadata"].get("namespace"), body["metadata"]["name"]): body for body in rendered.objects
    }
    for binding in rendered.of("RoleBinding", "ClusterRoleBinding"):
        role = binding["roleRef"]
        found = roles[role["kind"], binding["metadata"].get("namespace"), role["name"]]
        assert hook_of(found) == hook_of(binding)
        for subject in binding["subjects"]:
            account = roles["ServiceAccount", subject["namespace"], subject["name"]]
            assert hook_of(account) == hook_of(binding)


def test_without_rights_from_the_chart_there_are_none(chart: helm_python.Chart) -> None:
    """rbac.create=false leaves them to others, those of the uninstall hook and of people, too."""
    rendered = render(chart, {"rbac": {"create": False}})

    assert rendered.of("Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding") == []
    assert {pod["serviceAccountName"] for kind, pod in rendered.pods() if kind != "Pod"} == {NAMESPACE}


def test_people_get_what_their_role_promises(chart: helm_python.Chart) -> None:
    """view sees, edit and admin write, and nobody gets a Secret or a status by that."""
    rights: dict[str, set[Right]] = {"view": set(), "edit": set(), "admin": set()}
    for role in render(chart, {}).of("ClusterRole"):
        for person, found in rights.items():
            if role["metadata"]["labels"].get(f"rbac.authorization.k8s.io/aggregate-to-{person}") == "true":
                found.update(rights_of(role["rules"]))

    see = ("get", "list", "watch")
    view = {("boxapps.dev", resource, verb, None) for resource in ("boxcustomapps", "boxenterprises") for verb in see}
    write = ("create", "update", "patch", "delete", "deletecollection")
    assert rights["view"] == view
    assert rights["edit"] == rights["admin"] == view | {("boxapps.dev", "boxcustomapps", verb, None) for verb in write}
    assert aggregated(render(chart, {"rbac": {"aggregate": False}})) == []


def aggregated(rendered: Rendered) -> list[Any]:
    """Roles that become part of others."""
    return [role for role in rendered.of("ClusterRole") if "aggregate-to" in str(role["metadata"]["labels"])]
