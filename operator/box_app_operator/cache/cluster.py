"""What the watches said, kept for the passes: objects trimmed, Secrets as fingerprints only.

Answers to the operator's own writes are put in too, so that a pass never decides on something older than what it
just wrote. Older news never replace newer ones, also when they speak of an earlier life of the same name: Kubernetes
1.35 promises that resource versions of one kind can be compared, and earlier ones did it without a promise.
"""

from collections import defaultdict
from collections.abc import Hashable, Iterable, Iterator, Mapping
from typing import NamedTuple

from box_app_operator.api.fields import mapping
from box_app_operator.api.spec import Body, Resource, read_app
from box_app_operator.model.box import UID, AdoptionEntry, Claimant, ClientID, name_key
from box_app_operator.model.desired import AppKey, Desired, WorkloadRef
from box_app_operator.model.secret import SecretView

Index = defaultdict[Hashable, dict[AppKey, None]]
"""The apps that something is known by, in the order in which they came."""


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
    """The last known state of everything that is watched.

    Attributes:
        apps: all BoxCustomApps, each read once per version. Only the store itself changes them.
        namespaces: all namespaces, by name. Likewise.
    """

    def __init__(self, cluster_id: str | None = None, watched: tuple[str, ...] = ()) -> None:
        """``cluster_id`` is from the configuration, None for the uid of ``kube-system``; ``watched`` are the namespaces
        that are watched, empty for all.
        """
        self.cluster_id, self.watched = cluster_id, watched
        self.apps: dict[AppKey, Resource] = {}
        self._keys: dict[UID, AppKey] = {}
        self._claims, self._of_enterprise, self._named = Index(dict), Index(dict), Index(dict)
        self._wanting, self._restarting = Index(dict), Index(dict)
        self._secrets: dict[AppKey, SecretView] = {}
        self._marks: dict[AppKey, SecretMark] = {}
        self._owned: defaultdict[UID, set[AppKey]] = defaultdict(set)
        self._owners: dict[AppKey, frozenset[UID]] = {}
        self.namespaces: dict[str, NamespaceView] = {}

    def key_of(self, uid: UID) -> AppKey | None:
        """The name of the app with this uid."""
        return self._keys.get(uid)

    def apps_of_enterprise(self, enterprise: str) -> Iterator[Resource]:
        """The apps that refer to this BoxEnterprise, one by one; nothing may be taken in meanwhile."""
        return (self.apps[key] for key in self._of_enterprise.get(enterprise, ()))

    def claims(self, client_id: ClientID) -> list[Resource]:
        """The apps that want to adopt the Box app with this client id: first the one that has it, then the oldest."""

        def rank(app: Resource) -> tuple[bool, str, str]:
            has_it = mapping(app.body.get("status")).get("clientID") == client_id
            return not has_it, app.desired.created_at, app.desired.uid

        return sorted((self.apps[key] for key in self._claims.get(client_id, ())), key=rank)

    def meant_by(self, entry: AdoptionEntry, enterprise: str) -> list[Resource]:
        """The apps to which an entry of this enterprise may give a Box app: those that name it, or have none yet."""
        keys = [AppKey(entry.namespace, entry.name)] if entry.name else self.keys_in_namespace(entry.namespace)
        apps = (self.apps[key] for key in keys if key in self.apps)
        return [app for app in apps if app.desired.enterprise == enterprise and _may_want(app, entry.client_id)]

    def is_out_of_sight(self, owner: Claimant) -> bool:
        """Is this object one of this cluster, in a namespace whose objects are not watched?"""
        here = owner.cluster in ("", self._cluster())
        return here and bool(self.watched) and owner.namespace not in self.watched

    def _cluster(self) -> str | None:
        system = self.namespaces.get("kube-system")
        return self.cluster_id or (system.uid if system is not None else None)

    def claimant(self, desired: Desired) -> Claimant | None:
        """This object as references name it; None while its namespace, or the cluster's identity, is not known."""
        namespace, cluster = self.namespaces.get(desired.namespace), self._cluster()
        if cluster is None or namespace is None:
            return None
        return Claimant(cluster, desired.namespace, namespace.uid, desired.name, desired.uid)

    def keys_named(self, display_name: str) -> list[AppKey]:
        """The objects that want their app to have this name in Box."""
        return list(self._named.get(name_key(display_name), ()))

    def put_app(self, body: Body) -> Resource:
        """Take in an app, unless something newer is known of it; returns what is known by then."""
        app = read_app(body)
        key, desired = app.key, app.desired
        known = self.apps.get(key)
        if known is not None and known.version > app.version:
            return known
        self._forget(key)
        self.apps[key] = app
        self._keys[desired.uid] = key
        for index, term in self._terms(desired):
            index[term][key] = None
        return app

    def _terms(self, desired: Desired) -> Iterator[tuple[Index, Hashable]]:
        """What an app is found by, with the index that finds it."""
        yield from ((self._wanting, AppKey(desired.namespace, name)) for name in desired.secret_names)
        yield from ((self._restarting, (desired.namespace, workload)) for workload in desired.rotation.restart)
        yield from ((self._claims, client_id) for client_id in (desired.client_id,) if client_id is not None)
        yield self._named, name_key(desired.display_name)
        yield self._of_enterprise, desired.enterprise

    def drop_app(self, key: AppKey, uid: UID) -> None:
        """Forget an app that is gone, unless another one took its name."""
        if self._keys.get(uid) == key:
            self._forget(key)

    def _forget(self, key: AppKey) -> None:
        known = self.apps.pop(key, None)
        if known is not None:
            self._keys.pop(known.desired.uid, None)
            for index, term in self._terms(known.desired):
                index[term].pop(key, None)
                if not index[term]:
                    del index[term]

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
        known = self.namespaces.get(namespace)
        return known.labels if known is not None else {}

    def is_terminating(self, namespace: str) -> bool:
        """Is the namespace being deleted? Nothing can be created in it any more."""
        known = self.namespaces.get(namespace)
        return known is not None and known.terminating

    def put_namespace(self, name: str, namespace: NamespaceView) -> bool:
        """Take in a namespace; False when nothing that matters differs from what was known."""
        known = self.namespaces.get(name)
        self.namespaces[name] = namespace
        return known is None or (known.labels, known.terminating) != (namespace.labels, namespace.terminating)

    def drop_namespace(self, name: str) -> None:
        """Forget a namespace that is gone."""
        self.namespaces.pop(name, None)

    def keys_in_namespace(self, namespace: str) -> list[AppKey]:
        """The apps in a namespace."""
        return [key for key in self.apps if key.namespace == namespace]


def _may_want(app: Resource, client_id: ClientID | None) -> bool:
    named = app.desired.client_id
    return client_id in (None, named) if named is not None else mapping(app.body.get("status")).get("appID") is None
