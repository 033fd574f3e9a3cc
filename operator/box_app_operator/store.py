"""What the watches told, kept for the passes: objects trimmed, Secrets as fingerprints only.

Answers to the operator's own writes are put in too, so that a pass never decides on something older than what it
just wrote. Older news never replace newer ones, also when they speak of an earlier life of the same name: Kubernetes
1.35 promises that resource versions of one kind can be compared, and earlier ones did it without a promise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

from box_app_operator.core.desired import WorkloadRef
from box_app_operator.core.model import UID, ClientID, SecretView
from box_app_operator.core.spec import DEFAULT_ENTERPRISE, Body, secret_names_of, workloads_of


class AppKey(NamedTuple):
    """Names a BoxCustomApp."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def trim(body: Body) -> dict[str, Any]:
    """A plain copy without what no pass looks at."""
    meta = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    kept = {key: body[key] for key in ("apiVersion", "kind", "spec", "status") if key in body}
    return {**kept, "metadata": meta}


def enterprise_of(body: Body) -> str:
    """The name of the BoxEnterprise that an app refers to."""
    return str((body["spec"].get("enterpriseRef") or {}).get("name", DEFAULT_ENTERPRISE))


class Store:
    """The last known state of everything that is watched."""

    def __init__(self) -> None:
        self._apps: dict[AppKey, Body] = {}
        self._keys: dict[UID, AppKey] = {}
        self._claims: defaultdict[ClientID, set[AppKey]] = defaultdict(set)
        self._wanting: defaultdict[AppKey, set[AppKey]] = defaultdict(set)
        self._restarting: defaultdict[tuple[str, WorkloadRef], set[AppKey]] = defaultdict(set)
        self._secrets: dict[AppKey, SecretView] = {}
        self._owned: defaultdict[UID, set[AppKey]] = defaultdict(set)
        self._namespaces: dict[str, Mapping[str, str]] = {}
        self._ending: set[str] = set()

    def app(self, key: AppKey) -> Body | None:
        """The app of this name."""
        return self._apps.get(key)

    def key_of(self, uid: UID) -> AppKey | None:
        """The name of the app with this uid."""
        return self._keys.get(uid)

    def apps(self) -> Iterable[Body]:
        """All apps."""
        return self._apps.values()

    def keys_of_enterprise(self, enterprise: str) -> list[AppKey]:
        """The apps that refer to this BoxEnterprise."""
        return [key for key, body in self._apps.items() if enterprise_of(body) == enterprise]

    def claims(self, client_id: ClientID) -> list[Body]:
        """The apps that want to adopt the Box app with this client id: first the one that has it, then the oldest."""

        def rank(body: Body) -> tuple[bool, str, str]:
            has_it = (body.get("status") or {}).get("clientID") == client_id
            return not has_it, body["metadata"]["creationTimestamp"], body["metadata"]["uid"]

        return sorted((self._apps[key] for key in self._claims.get(client_id, ())), key=rank)

    def keys_claiming(self, client_id: ClientID) -> list[AppKey]:
        """The names of the apps that want to adopt the Box app with this client id."""
        return list(self._claims.get(client_id, ()))

    def put_app(self, body: Body) -> None:
        """Take in an app, unless something newer is known of it."""
        meta = body["metadata"]
        key = AppKey(meta["namespace"], meta["name"])
        known = self._apps.get(key)
        if known is not None and int(known["metadata"]["resourceVersion"]) > int(meta["resourceVersion"]):
            return
        self._forget(key)
        self._apps[key] = trim(body)
        self._keys[UID(meta["uid"])] = key
        for name in secret_names_of(body):
            self._wanting[AppKey(key.namespace, name)].add(key)
        for workload in workloads_of(body):
            self._restarting[key.namespace, workload].add(key)
        if client_id := body["spec"].get("clientID"):
            self._claims[client_id].add(key)

    def drop_app(self, key: AppKey, uid: UID) -> None:
        """Forget an app that is gone, unless another one took its name."""
        known = self._apps.get(key)
        if known is not None and known["metadata"]["uid"] == uid:
            self._forget(key)

    def _forget(self, key: AppKey) -> None:
        known = self._apps.pop(key, None)
        if known is not None:
            self._keys.pop(known["metadata"]["uid"], None)
            for name in secret_names_of(known):
                self._wanting[AppKey(key.namespace, name)].discard(key)
            for workload in workloads_of(known):
                self._restarting[key.namespace, workload].discard(key)
            if client_id := known["spec"].get("clientID"):
                self._claims[client_id].discard(key)

    def secret(self, namespace: str, name: str) -> SecretView | None:
        """The Secret of this name, as far as it is watched."""
        return self._secrets.get(AppKey(namespace, name))

    def put_secret(self, secret: SecretView) -> None:
        """Take in a Secret, unless something newer is known of it."""
        key = AppKey(secret.namespace, secret.name)
        known = self._secrets.get(key)
        if known is None or int(known.resource_version) <= int(secret.resource_version):
            self._forget_secret(key)
            self._secrets[key] = secret
            if secret.owner_uid is not None:
                self._owned[secret.owner_uid].add(key)

    def _forget_secret(self, key: AppKey) -> None:
        known = self._secrets.pop(key, None)
        if known is not None and known.owner_uid is not None:
            self._owned[known.owner_uid].discard(key)
            if not self._owned[known.owner_uid]:
                del self._owned[known.owner_uid]

    def drop_secret(self, namespace: str, name: str, uid: UID | None = None) -> None:
        """Forget a Secret that is gone; with a uid only that one."""
        known = self._secrets.get(AppKey(namespace, name))
        if known is not None and uid in (None, known.uid):
            self._forget_secret(AppKey(namespace, name))

    def keys_wanting(self, namespace: str, secret: str) -> list[AppKey]:
        """The apps that ask for a Secret of this name."""
        return list(self._wanting.get(AppKey(namespace, secret), ()))

    def secrets_of(self, owner: UID) -> list[SecretView]:
        """The Secrets that belong to the object with this uid."""
        return [self._secrets[key] for key in sorted(self._owned.get(owner, ()))]

    def keys_restarting(self, namespace: str, workload: WorkloadRef) -> list[AppKey]:
        """The apps that want this workload restarted after a rotation."""
        return list(self._restarting.get((namespace, workload), ()))

    def secrets(self) -> Iterable[SecretView]:
        """All Secrets that are watched."""
        return self._secrets.values()

    def labels_of(self, namespace: str) -> Mapping[str, str]:
        """The labels of a namespace."""
        return self._namespaces.get(namespace, {})

    def ends(self, namespace: str) -> bool:
        """Is the namespace being deleted? Nothing can be created in it any more."""
        return namespace in self._ending

    def put_namespace(self, body: Body) -> None:
        """Take in a namespace."""
        meta = body["metadata"]
        self._namespaces[meta["name"]] = dict(meta.get("labels") or {})
        self._ending.discard(meta["name"])
        if meta.get("deletionTimestamp"):
            self._ending.add(meta["name"])

    def drop_namespace(self, name: str) -> None:
        """Forget a namespace that is gone."""
        self._namespaces.pop(name, None)
        self._ending.discard(name)

    def keys_in_namespace(self, namespace: str) -> list[AppKey]:
        """The apps in a namespace."""
        return [key for key in self._apps if key.namespace == namespace]
