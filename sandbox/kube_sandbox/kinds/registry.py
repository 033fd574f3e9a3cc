"""The kinds that are served: some built in, others from CustomResourceDefinitions. And their discovery."""

from dataclasses import dataclass, field
from typing import Any

from kube_sandbox.kinds.schema import Schema

VERBS = ["create", "delete", "deletecollection", "get", "list", "patch", "update", "watch"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of object. ``schema`` and ``columns`` come from a CRD."""

    group: str
    version: str
    plural: str
    name: str
    namespaced: bool = True
    short: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    schema: Schema | None = None
    columns: tuple[dict[str, Any], ...] = field(default=(), compare=False)
    has_status: bool = False

    @property
    def api_version(self) -> str:
        """As in manifests."""
        return f"{self.group}/{self.version}" if self.group else self.version

    @property
    def full_name(self) -> str:
        """As in messages of the API server."""
        return f"{self.name}.{self.group}" if self.group else self.name

    @property
    def resource(self) -> str:
        """As in messages of the API server."""
        return f"{self.plural}.{self.group}" if self.group else self.plural

    def discovery(self) -> list[dict[str, Any]]:
        """Entries of an APIResourceList."""
        entry = {
            "name": self.plural,
            "singularName": self.name.lower(),
            "namespaced": self.namespaced,
            "kind": self.name,
        }
        shown = {**entry, "verbs": VERBS, "shortNames": list(self.short), "categories": list(self.categories)}
        status = {**entry, "name": f"{self.plural}/status", "singularName": "", "verbs": ["get", "patch", "update"]}
        return [shown, status] if self.has_status else [shown]


@dataclass(frozen=True, slots=True)
class Target:
    """What a path names."""

    kind: Kind
    namespace: str
    name: str
    sub: str


RBAC = "rbac.authorization.k8s.io"
BUILT_IN = (
    Kind("", "v1", "namespaces", "Namespace", namespaced=False, short=("ns",)),
    Kind("", "v1", "secrets", "Secret"),
    Kind("", "v1", "configmaps", "ConfigMap", short=("cm",)),
    Kind("", "v1", "events", "Event", short=("ev",)),
    Kind("", "v1", "serviceaccounts", "ServiceAccount", short=("sa",)),
    Kind("", "v1", "pods", "Pod", short=("po",), has_status=True),
    Kind("apps", "v1", "deployments", "Deployment", short=("deploy",), has_status=True),
    Kind("apps", "v1", "statefulsets", "StatefulSet", short=("sts",), has_status=True),
    Kind("apps", "v1", "daemonsets", "DaemonSet", short=("ds",), has_status=True),
    Kind("coordination.k8s.io", "v1", "leases", "Lease"),
    Kind(RBAC, "v1", "roles", "Role"),
    Kind(RBAC, "v1", "rolebindings", "RoleBinding"),
    Kind(RBAC, "v1", "clusterroles", "ClusterRole", namespaced=False),
    Kind(RBAC, "v1", "clusterrolebindings", "ClusterRoleBinding", namespaced=False),
    Kind("apiextensions.k8s.io", "v1", "customresourcedefinitions", "CustomResourceDefinition", namespaced=False,
         short=("crd",), has_status=True),
)  # fmt: skip


def kinds_of(crd: dict[str, Any]) -> list[Kind]:
    """The kinds that a CustomResourceDefinition brings, one per served version."""
    spec = crd["spec"]
    names = spec["names"]
    return [
        Kind(
            group=spec["group"],
            version=version["name"],
            plural=names["plural"],
            name=names["kind"],
            namespaced=spec["scope"] == "Namespaced",
            short=tuple(names.get("shortNames", ())),
            categories=tuple(names.get("categories", ())),
            schema=Schema(version["schema"]["openAPIV3Schema"]),
            columns=tuple(version.get("additionalPrinterColumns", ())),
            has_status="status" in version.get("subresources", {}),
        )
        for version in spec["versions"]
        if version["served"]
    ]


class Registry:
    """All kinds that are served now."""

    def __init__(self) -> None:
        self._kinds = {(kind.group, kind.version, kind.plural): kind for kind in BUILT_IN}

    def find(self, group: str, version: str, plural: str) -> Kind | None:
        """The kind behind a path."""
        return self._kinds.get((group, version, plural))

    def find_by_name(self, api_version: str, name: str) -> Kind | None:
        """The kind of a manifest or an owner reference."""
        return next(
            (kind for kind in self._kinds.values() if (kind.api_version, kind.name) == (api_version, name)), None
        )

    def add(self, crd: dict[str, Any]) -> None:
        """Serve what a CustomResourceDefinition declares."""
        for kind in kinds_of(crd):
            self._kinds[(kind.group, kind.version, kind.plural)] = kind

    def remove(self, crd: dict[str, Any]) -> None:
        """Serve it no longer."""
        names = (crd["spec"]["group"], crd["spec"]["names"]["plural"])
        self._kinds = {key: kind for key, kind in self._kinds.items() if (key[0], key[2]) != names}

    def all(self) -> list[Kind]:
        """All kinds."""
        return list(self._kinds.values())

    def groups(self) -> dict[str, Any]:
        """``/apis``."""
        versions = {kind.group: kind.version for kind in self._kinds.values() if kind.group}
        groups = [
            {"name": group, "versions": [(shown := {"groupVersion": f"{group}/{version}", "version": version})],
             "preferredVersion": shown}
            for group, version in versions.items()
        ]  # fmt: skip
        return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}

    def resources(self, group: str, version: str) -> dict[str, Any] | None:
        """``/api/v1`` or ``/apis/<group>/<version>``; None when there is no such group."""
        kinds = [kind for kind in self._kinds.values() if (kind.group, kind.version) == (group, version)]
        name = f"{group}/{version}" if group else version
        entries = [entry for kind in kinds for entry in kind.discovery()]
        listed = {"kind": "APIResourceList", "apiVersion": "v1", "groupVersion": name, "resources": entries}
        return listed if kinds else None
