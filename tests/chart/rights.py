"""Rights, taken apart, and who has which."""

from collections.abc import Iterator

from tests.chart.rendering import NAMESPACE, Json, Rendered

ACCOUNT = {"kind": "ServiceAccount", "name": NAMESPACE, "namespace": NAMESPACE}
WHOLE = "*"
"""The whole cluster, in place of a namespace."""

Right = tuple[str, str, str, str | None]
"""API group, resource, verb, and the only name that it holds for; None when it holds for all."""


def rights_of(rules: list[Json]) -> Iterator[Right]:
    """Rules, taken apart."""
    for rule in rules:
        for group in rule["apiGroups"]:
            for resource in rule["resources"]:
                for verb in rule["verbs"]:
                    for name in rule.get("resourceNames", [None]):
                        yield group, resource, verb, name


def granted(rendered: Rendered, account: Json = ACCOUNT) -> dict[str, set[Right]]:
    """What an account may do, by namespace."""
    rules = {
        (body["kind"], body["metadata"].get("namespace"), body["metadata"]["name"]): body["rules"]
        for body in rendered.of("Role", "ClusterRole")
    }
    found: dict[str, set[Right]] = {}
    for binding in rendered.of("RoleBinding", "ClusterRoleBinding"):
        if account in binding["subjects"]:
            namespace = binding["metadata"].get("namespace")
            role = binding["roleRef"]
            bound = rules[role["kind"], namespace, role["name"]]
            found.setdefault(namespace or WHOLE, set()).update(rights_of(bound))
    return found
