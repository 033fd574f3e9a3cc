"""What the chart grants against what the operator made use of: a right that nothing needs is one too many."""

import functools
from collections.abc import Iterable, Iterator
from collections.abc import Set as AbstractSet
from typing import Any

from playground.chart.manifests import installation
from playground.cluster import ACCOUNT, NAMESPACE, is_own

Right = tuple[str, str, str, str]
"""Where ("anywhere", "own namespace" or "watched namespaces"), API group, resource, verb."""
ANYWHERE, OWN, WATCHED = "anywhere", "own namespace", "watched namespaces"
EXAMPLE = "team-of-the-chart"
FORBIDDEN = 403


@functools.cache
def granted(plane: str) -> frozenset[Right]:
    """All that the rendered chart grants to the operator, when it watches the whole cluster or some namespaces."""
    manifests = list(installation((EXAMPLE,) if plane == "namespaced" else ()))
    roles = {(each["kind"], each["metadata"].get("namespace"), each["metadata"]["name"]): each for each in manifests}
    bindings = [each for each in manifests if each["kind"].endswith("RoleBinding") and _is_operators(each)]
    return frozenset(
        right
        for binding in bindings
        for right in _rights(roles[_role_of(binding)], binding["metadata"].get("namespace"))
    )


def _is_operators(binding: dict[str, Any]) -> bool:
    return any(subject["name"] == ACCOUNT for subject in binding["subjects"])


def _role_of(binding: dict[str, Any]) -> tuple[str, str | None, str]:
    kind = binding["roleRef"]["kind"]
    namespace = binding["metadata"].get("namespace") if kind == "Role" else None
    return kind, namespace, binding["roleRef"]["name"]


def _rights(role: dict[str, Any], namespace: str | None) -> Iterator[Right]:
    for rule in role["rules"]:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    yield _where(namespace), group, resource, verb


def _where(namespace: str | None) -> str:
    return {None: ANYWHERE, NAMESPACE: OWN}.get(namespace, WATCHED)


def made_use_of(entries: Iterable[dict[str, Any]]) -> set[Right]:
    """The rights behind the requests of the operator in an audit log."""
    rights = set()
    for entry in entries:
        ref = entry.get("objectRef")
        if ref is None or not is_own(entry) or entry["responseStatus"]["code"] == FORBIDDEN:
            continue
        resource = "/".join(part for part in (ref["resource"], ref.get("subresource")) if part)
        rights |= {(where, ref.get("apiGroup", ""), resource, entry["verb"]) for where in _wheres(ref)}
    return rights


def _wheres(ref: dict[str, Any]) -> set[str]:
    """A right to an object may come from a Role in its namespace, or from the ClusterRole."""
    namespace = ref.get("namespace")
    return {ANYWHERE} if namespace is None else {ANYWHERE, _where(namespace)}


def unused(plane: str, used: AbstractSet[Right]) -> list[str]:
    """The rights that nothing made use of, in words."""
    return [
        f"{plane}: {verb} {resource}.{group or 'core'} ({where})"
        for where, group, resource, verb in sorted(granted(plane) - used)
    ]
