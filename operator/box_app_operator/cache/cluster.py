"""What the watches said, kept for the passes: objects trimmed, Secrets as fingerprints only.

Answers to the operator's own writes are put in too, so that a pass never decides on something older than what it
just wrote. Older news never replace newer ones, also when they speak of an earlier life of the same name: Kubernetes
1.35 promises that resource versions of one kind can be compared, and earlier ones did it without a promise.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, NamedTuple

from box_app_operator.api.fields import mapping
from box_app_operator.api.spec import (
    Body,
    client_id_of,
    display_name_of,
    enterprise_of,
    secret_names_of,
    workloads_of,
)
from box_app_operator.model.box import UID, ClientID, SecretView
from box_app_operator.model.desired import WorkloadRef
from box_app_operator.model.names import name_key


class AppKey(NamedTuple):
    """Names a BoxCustomApp."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def app_key(body: Body) -> AppKey:
    """The key of a BoxCustomApp."""
    return AppKey(body["metadata"]["namespace"], body["metadata"]["name"])


def trim(body: Body) -> dict[str, Any]:
    """A plain copy without what no pass looks at."""
    meta = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    kept = {key: body[key] for key in ("apiVersion", "kind", "spec", "status") if key in body}
    return {**kept, "metadata": meta}


class SecretMark(NamedTuple):
    """What a watch said last of a Secret: that it is there, in which state and whose it is, and nothing else of it."""

    namespace: str
    name: str
    uid: UID
    resource_version: str
    owner_uid: UID | None


class NamespaceView(NamedTuple):
    """A namespace, as far as it matters. Nothing can be created in one that is ``terminating``."""

    uid: UID
    resource_version: str
    labels: Mapping[str, str]
    terminating: bool = False


class Store:
    """The last known state of everything that is watched."""

    def __init__(self) -> None:
        self._apps: dict[AppKey, Body] = {}
        self._keys: dict[UID, AppKey] = {}
        self._claims: defaultdict[ClientID, set[AppKey]] = defaultdict(set)
        self._of_enterprise: defaultdict[str, dict[AppKey, None]] = defaultdict(dict)
        self._named: defaultdict[str, set[AppKey]] = defaultdict(set)
        self._wanting: defaultdict[AppKey, set[AppKey]] = defaultdict(set)
        self._restarting: defaultdict[tuple[str, WorkloadRef], set[AppKey]] = defaultdict(set)
        self._secrets: dict[AppKey, SecretView] = {}
        self._marks: dict[AppKey, SecretMark] = {}
        self._owned: defaultdict[UID, set[AppKey]] = defaultdict(set)
        self._owners: dict[AppKey, frozenset[UID]] = {}
        self._namespaces: dict[str, NamespaceView] = {}

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
        return list(self._of_enterprise.get(enterprise, ()))

    def apps_of_enterprise(self, enterprise: str) -> Iterator[Body]:
        """The apps that refer to this BoxEnterprise, one by one; nothing may be taken in meanwhile."""
        return (self._apps[key] for key in self._of_enterprise.get(enterprise, ()))

    def claims(self, client_id: ClientID) -> list[Body]:
        """The apps that want to adopt the Box app with this client id: first the one that has it, then the oldest."""

        def rank(body: Body) -> tuple[bool, str, str]:
            has_it = mapping(body.get("status")).get("clientID") == client_id
            return not has_it, body["metadata"]["creationTimestamp"], body["metadata"]["uid"]

        return sorted((self._apps[key] for key in self._claims.get(client_id, ())), key=rank)

    def keys_claiming(self, client_id: ClientID) -> list[AppKey]:
        """The names of the apps that want to adopt the Box app with this client id."""
        return list(self._claims.get(client_id, ()))

    def keys_named(self, display_name: str) -> list[AppKey]:
        """The objects that want their app to have this name in Box."""
        return list(self._named.get(name_key(display_name), ()))

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
        if client_id := client_id_of(body):
            self._claims[client_id].add(key)
        self._named[name_key(display_name_of(body))].add(key)
        self._of_enterprise[enterprise_of(body)][key] = None

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
            if client_id := client_id_of(known):
                self._claims[client_id].discard(key)
            self._of_enterprise[enterprise_of(known)].pop(key, None)
            named = name_key(display_name_of(known))
            self._named[named].discard(key)
            if not self._named[named]:
                del self._named[named]

    def secret(self, namespace: str, name: str) -> SecretView | None:
        """The Secret of this name as it was read last; None when it is gone, or was never read."""
        return self._secrets.get(AppKey(namespace, name))

    def put_secret(self, secret: SecretView) -> None:
        """Take in a Secret that was read, unless something newer was read of it."""
        key = AppKey(secret.namespace, secret.name)
        known = self._secrets.get(key)
        if known is None or int(known.resource_version) <= int(secret.resource_version):
            self._secrets[key] = secret
            self._index_owner(key)

    def mark_secret(self, mark: SecretMark) -> bool:
        """Store what a watch says of a Secret; False when that, or something newer, is stored already."""
        key = AppKey(mark.namespace, mark.name)
        known = self._marks.get(key)
        if known is not None and int(known.resource_version) >= int(mark.resource_version):
            return False
        self._marks[key] = mark
        if not self.concerns_app(mark):
            # No app asks for it: what was read of it would only take room.
            self._secrets.pop(key, None)
        self._index_owner(key)
        return True

    def concerns_app(self, mark: SecretMark) -> bool:
        """Does a known app ask for a Secret of this name, or own this one?"""
        return mark.owner_uid in self._keys or bool(self._wanting.get(AppKey(mark.namespace, mark.name)))

    def is_unread(self, namespace: str, name: str) -> bool:
        """Is a Secret of this name there that was not read in its present state?"""
        key = AppKey(namespace, name)
        mark, read = self._marks.get(key), self._secrets.get(key)
        return mark is not None and (read is None or int(read.resource_version) < int(mark.resource_version))

    def drop_secret(self, namespace: str, name: str, uid: UID | None = None) -> None:
        """Forget a Secret that is gone; with a uid only that one."""
        key = AppKey(namespace, name)
        read, mark = self._secrets.get(key), self._marks.get(key)
        if read is not None and uid in (None, read.uid):
            del self._secrets[key]
        if mark is not None and uid in (None, mark.uid):
            del self._marks[key]
        self._index_owner(key)

    def _index_owner(self, key: AppKey) -> None:
        """Keep ``_owned`` true for one Secret."""
        known = [found for found in (self._secrets.get(key), self._marks.get(key)) if found is not None]
        owners = frozenset(found.owner_uid for found in known if found.owner_uid is not None)
        for owner in self._owners.pop(key, frozenset()) - owners:
            self._owned[owner].discard(key)
            if not self._owned[owner]:
                del self._owned[owner]
        for owner in owners:
            self._owned[owner].add(key)
        if owners:
            self._owners[key] = owners

    def keys_wanting(self, namespace: str, secret: str) -> list[AppKey]:
        """The apps that ask for a Secret of this name."""
        return list(self._wanting.get(AppKey(namespace, secret), ()))

    def names_owned(self, owner: UID) -> list[str]:
        """The names of the Secrets that belong to the object with this uid, in its namespace."""
        return sorted(key.name for key in self._owned.get(owner, ()))

    def secrets_of(self, owner: UID) -> list[SecretView]:
        """The Secrets that belong to the object with this uid, as far as they were read."""
        keys = sorted(self._owned.get(owner, ()))
        return [self._secrets[key] for key in keys if key in self._secrets and self._secrets[key].owner_uid == owner]

    def keys_restarting(self, namespace: str, workload: WorkloadRef) -> list[AppKey]:
        """The apps that want this workload restarted after a rotation."""
        return list(self._restarting.get((namespace, workload), ()))

    def secrets(self) -> Iterable[SecretMark | SecretView]:
        """All Secrets that are known, also those that were written and no watch has shown yet."""
        return [*self._marks.values(), *(self._secrets[key] for key in self._secrets.keys() - self._marks.keys())]

    def labels_of(self, namespace: str) -> Mapping[str, str]:
        """The labels of a namespace."""
        known = self._namespaces.get(namespace)
        return known.labels if known is not None else {}

    def is_terminating(self, namespace: str) -> bool:
        """Is the namespace being deleted? Nothing can be created in it any more."""
        known = self._namespaces.get(namespace)
        return known is not None and known.terminating

    def has_namespace(self, name: str) -> bool:
        """Is there a namespace of this name?"""
        return name in self._namespaces

    def namespaces(self) -> dict[str, NamespaceView]:
        """All namespaces, by name."""
        return dict(self._namespaces)

    def put_namespace(self, name: str, namespace: NamespaceView) -> bool:
        """Take in a namespace; False when nothing that matters differs from what was known."""
        known = self._namespaces.get(name)
        self._namespaces[name] = namespace
        return known is None or (known.labels, known.terminating) != (namespace.labels, namespace.terminating)

    def drop_namespace(self, name: str) -> None:
        """Forget a namespace that is gone."""
        self._namespaces.pop(name, None)

    def keys_in_namespace(self, namespace: str) -> list[AppKey]:
        """The apps in a namespace."""
        return [key for key in self._apps if key.namespace == namespace]
