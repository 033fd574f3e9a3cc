"""The comparison of what the chart grants with what the audit log shows, with which the whole suite ends."""

from typing import Any

import pytest
from tests.rights import ANYWHERE, OWN, WATCHED, granted, made_use_of, unused

from playground.cluster import ACCOUNT, NAMESPACE

ME = f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}"


def entry(verb: str, resource: str, namespace: str | None = None, *, user: str = ME, code: int = 200) -> dict[str, Any]:
    """One request in the audit log; ``resource`` is "group/resource" or "group/resource/subresource"."""
    group, name, *sub = resource.split("/")
    ref = {"apiGroup": group, "resource": name} | ({"subresource": sub[0]} if sub else {})
    ref |= {"namespace": namespace} if namespace else {}
    return {"verb": verb, "objectRef": ref, "user": {"username": user}, "responseStatus": {"code": code}}


@pytest.mark.parametrize("plane", ["real", "namespaced"])
def test_a_right_that_nothing_used_is_named(plane: str) -> None:
    """With every right used none is; with one of them left out, that one."""
    rights = granted(plane)
    assert unused(plane, rights) == []

    for right in rights:
        (line,) = unused(plane, rights - {right})
        assert right[2] in line
        assert right[3] in line


def test_a_right_may_be_used_where_it_is_granted_only() -> None:
    """A Role in the operator's own namespace is not used by what is done in another one."""
    entries = [entry("get", "/secrets", "team-1"), entry("get", "/secrets", NAMESPACE), entry("list", "/namespaces")]

    used = made_use_of(entries)

    assert {right for right in used if right[0] != ANYWHERE} == {
        (WATCHED, "", "secrets", "get"),
        (OWN, "", "secrets", "get"),
    }
    assert (ANYWHERE, "", "namespaces", "list") in used


def test_subresources_are_rights_of_their_own() -> None:
    """Writing a status is not writing the object."""
    used = made_use_of([entry("patch", "boxapps.dev/boxcustomapps/status", "team-1")])

    assert (ANYWHERE, "boxapps.dev", "boxcustomapps/status", "patch") in used
    assert (ANYWHERE, "boxapps.dev", "boxcustomapps", "patch") not in used


def test_what_was_refused_or_done_by_others_does_not_count() -> None:
    """Only the operator's own requests that were let through."""
    entries = [entry("get", "/secrets", "team-1", code=403), entry("get", "/secrets", "team-1", user="admin")]

    assert made_use_of(entries) == set()


def test_with_a_list_of_namespaces_no_cluster_wide_right_touches_secrets() -> None:
    """Nor anything else that lives in a namespace, but for the finalizer of an app."""
    cluster_wide = {resource for where, _, resource, _ in granted("namespaced") if where == ANYWHERE}

    assert cluster_wide == {"namespaces", "boxenterprises", "boxenterprises/status", "boxcustomapps"}
    # Of the apps no more than the finalizer: the Role in a namespace that is deleted may go before the objects do.
    assert {right for right in granted("namespaced") if right[2] == "boxcustomapps" and right[0] == ANYWHERE} == {
        (ANYWHERE, "boxapps.dev", "boxcustomapps", "patch")
    }
