"""The one imitation of Kubernetes that passes, the state machine and unit tests run against: one namespace in memory.

It has objects with resource versions, Secrets with values, pods that hold values, and no HTTP.
"""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Self

from tests.fakes.fates import Fates

from box_app_operator.api.spec import FINALIZER, Body
from box_app_operator.cache.cluster import NamespaceView, Store
from box_app_operator.errors import TransientError
from box_app_operator.model.box import UID, Claimant, Fingerprint, Reference, fingerprint_of
from box_app_operator.model.desired import AppKey, Desired, WorkloadRef
from box_app_operator.model.observed import PodView, SecretUse, UseKind, WorkloadView
from box_app_operator.model.secret import SecretView
from box_app_operator.ports import SecretWrite, Token

NAMESPACE, NAME, UID_OF_APP = "billing", "viewer", "0f7cbd62-7b86-4b6a-a4f8-6a0c3c9d2f11"
CLUSTER, NAMESPACE_UID = "cluster", UID("n")


def claimant_of(desired: Desired) -> Claimant:
    """An object as references name it."""
    return Claimant(CLUSTER, desired.namespace, NAMESPACE_UID, desired.name, desired.uid)


def reference_of(desired: Desired, *, adopted: bool = False) -> str:
    """What the object's app carries."""
    return str(Reference(claimant_of(desired), adopted=adopted))


def manifest(uid: str = UID_OF_APP, created: str = "2026-01-01T00:00:00Z", **spec: Any) -> dict[str, Any]:
    """A new BoxCustomApp."""
    metadata = {"namespace": NAMESPACE, "name": NAME, "uid": uid, "generation": 1, "resourceVersion": "1"}
    return {
        "apiVersion": "boxapps.dev/v1alpha1",
        "kind": "BoxCustomApp",
        "metadata": {**metadata, "creationTimestamp": created},
        "spec": {"displayName": "Viewer", **spec},
    }


@dataclass
class Pod:
    """A running pod that took a Secret's values at its start."""

    name: str
    secret: str
    since: datetime
    holds: frozenset[Fingerprint]


class FakeCluster:
    """The truth of the cluster, and the ports through which the operator sees it.

    Attributes:
        data: what Secrets hold, by their names.
        kept: what Secrets that people keep hold, by their names.
        news: what a watch would tell, and has not told yet.
        writes: what the operator wrote, by kind.
        wanted: the objects for which the operator follows pods or Secrets of people.
    """

    def __init__(self, fates: Fates | None = None) -> None:
        self.fates = fates or Fates()
        self.version = self.status_calls = self.last_status = 0
        self.apps: dict[str, dict[str, Any]] = {}
        self.secrets: dict[str, SecretView] = {}
        self.data: dict[str, dict[str, str]] = {}
        self.kept: dict[str, dict[str, str]] = {}
        self.pods: list[Pod] = []
        self.workloads: dict[WorkloadRef, WorkloadView] = {}
        self.restarts: list[tuple[WorkloadRef, Fingerprint]] = []
        self.writes: list[str] = []
        self.events: list[str] = []
        self.messages: list[str] = []
        self.wanted: set[UID] = set()
        self.released: list[UID] = []
        self.news: list[Callable[[Store], None]] = []
        self.before_publish: Callable[[SecretWrite], None] = lambda _: None
        self.after_publish: Callable[[SecretWrite], None] = lambda _: None

    @classmethod
    def with_app(cls, **spec: Any) -> Self:
        """A cluster with one object, which most tests are about."""
        cluster = cls()
        cluster.put_app(NAME, **manifest(**spec))
        return cluster

    # The one object that most tests are about, and its Secret

    @property
    def app(self) -> dict[str, Any]:
        """The object as it is."""
        return self.apps[NAME]

    @property
    def secret(self) -> SecretView | None:
        """The object's newest Secret."""
        return next(reversed(self.secrets.values()), None)

    @property
    def values(self) -> dict[str, str]:
        """What that Secret holds."""
        return next(reversed(self.data.values()), {})

    def change(self, *, metadata: Mapping[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
        """Somebody changes the object: parts of its metadata, and whatever else is given as a whole."""
        return self.put_app(NAME, metadata={**self.app["metadata"], **(metadata or {})}, **parts)

    def tell(self, store: Store) -> None:
        """The news arrive."""
        news, self.news = self.news, []
        for tell in news:
            tell(store)

    # The truth

    def put_app(self, name: str, **parts: Any) -> dict[str, Any]:
        """Create or change an object, and let the watch tell of it."""
        self.version += 1
        body = {**copy.deepcopy(self.apps.get(name, {})), **parts}
        body["metadata"] = {**body["metadata"], "resourceVersion": str(self.version)}
        self.apps[name] = body
        self.news.append(lambda store: store.put_app(body))
        return body

    def drop_app(self, name: str) -> None:
        """The object is gone, and the garbage collector takes its Secrets."""
        body = self.apps.pop(name)
        uid = body["metadata"]["uid"]
        self.news.append(lambda store: store.drop_app(AppKey(NAMESPACE, name), uid))
        for secret in [each for each in self.secrets.values() if each.owner_uid == uid]:
            self.drop_secret(secret.name)

    def put_secret(self, secret: SecretView, values: dict[str, str]) -> SecretView:
        """Create or change a Secret."""
        self.version += 1
        prints = {key: fingerprint_of(value) for key, value in values.items()}
        written = replace(secret, resource_version=str(self.version), fingerprints=prints)
        self.secrets[secret.name], self.data[secret.name] = written, values
        self.news.append(lambda store: store.put_secret(written))
        return written

    def drop_secret(self, name: str) -> None:
        """The Secret is gone."""
        secret = self.secrets.pop(name, None)
        self.data.pop(name, None)
        if secret is not None:
            self.news.append(lambda store: store.drop_secret(NAMESPACE, name, secret.uid))

    def listed(self) -> Store:
        """A store that was filled by a list of everything."""
        store = Store()
        for name, uid in ((NAMESPACE, NAMESPACE_UID), ("kube-system", UID(CLUSTER))):
            store.put_namespace(name, NamespaceView(uid, "1", {}))
        for body in self.apps.values():
            store.put_app(body)
        for secret in self.secrets.values():
            store.put_secret(secret)
        self.news.clear()
        return store

    # The cluster port

    async def read_secret(self, namespace: str, name: str) -> SecretView | None:
        """As it is."""
        return self.fates.meet(lambda: self.secrets.get(name), reading=True)

    async def read_values(self, namespace: str, name: str) -> Mapping[str, bytes] | None:
        """What people keep."""
        kept = {key: value.encode() for key, value in self.kept[name].items()} if name in self.kept else None
        return self.fates.meet(lambda: kept, reading=True)

    async def read_token(self, namespace: str, name: str, fingerprint: Fingerprint) -> Token | None:
        """The value with this fingerprint."""
        values = self.data.get(name, {}).values()
        found = next((value for value in values if fingerprint_of(value) == fingerprint), None)
        return self.fates.meet(lambda: Token(found) if found else None, reading=True)

    async def write_secret(self, app: Body, secret: SecretWrite, existing: SecretView | None) -> SecretView:
        """Create or replace, guarded by the resource version."""
        self.before_publish(secret)

        def write() -> SecretView:
            there = self.secrets.get(secret.name)
            if (there and there.resource_version) != (existing and existing.resource_version):
                raise TransientError("AwaitingToken", "conflict")
            contents, values = secret.contents, self.data.get(secret.name, {})
            view = SecretView(
                namespace=NAMESPACE,
                name=secret.name,
                uid=there.uid if there else UID(f"secret-{self.version}"),
                resource_version="",
                owner_uid=app["metadata"]["uid"],
                labels={**_left(there and there.labels, contents.gone_labels), **contents.labels},
                annotations={**_left(there and there.annotations, contents.gone_annotations), **contents.annotations},
                fingerprints={},
            )
            kept = _left(values if there else None, contents.gone_keys)
            self.after_publish(secret)
            self.writes.append("secret")
            return self.put_secret(view, {**kept, **secret.data, secret.token_key: secret.token.reveal()})

        return self.fates.meet(write)

    async def delete_secret(self, namespace: str, name: str, uid: UID) -> None:
        """If it is still this one."""

        def delete() -> None:
            if name in self.secrets and self.secrets[name].uid == uid:
                self.drop_secret(name)

        self.fates.meet(delete)

    async def read_workload(self, namespace: str, ref: WorkloadRef) -> WorkloadView:
        """As it is."""
        return self.fates.meet(lambda: self.workloads.get(ref, WorkloadView(ref, exists=False)), reading=True)

    async def restart_workload(
        self, namespace: str, workload: WorkloadView, fingerprint: Fingerprint, now: datetime
    ) -> WorkloadView:
        """Mark it, if it is still as it was seen."""

        def restart() -> WorkloadView:
            there = self.workloads[workload.ref]
            if there.resource_version != workload.resource_version:
                raise TransientError("KubernetesConflict", "conflict")
            self.version += 1
            self.writes.append("workload")
            self.restarts.append((workload.ref, fingerprint))
            marked = replace(there, token=fingerprint, restarted_at=now, resource_version=str(self.version))
            self.workloads[workload.ref] = marked
            return marked

        return self.fates.meet(restart)

    async def add_finalizer(self, app: Body) -> Body:
        """Hold the object."""
        return self.fates.meet(lambda: self._set_finalizers(app, [FINALIZER]))

    async def remove_finalizer(self, app: Body) -> Body | None:
        """Let it go."""

        def remove() -> Body | None:
            name = app["metadata"]["name"]
            if name not in self.apps or self.apps[name]["metadata"]["uid"] != app["metadata"]["uid"]:
                return None
            body = self._set_finalizers(app, [])
            if body["metadata"].get("deletionTimestamp"):
                self.drop_app(name)
                return None
            return body

        return self.fates.meet(remove)

    def _set_finalizers(self, app: Body, finalizers: list[str]) -> Body:
        there = self.apps.get(app["metadata"]["name"])
        if there is None or there["metadata"]["resourceVersion"] != app["metadata"]["resourceVersion"]:
            raise TransientError("KubernetesConflict", "conflict")
        self.writes.append("finalizer")
        return self.put_app(app["metadata"]["name"], metadata={**there["metadata"], "finalizers": finalizers})

    async def write_status(self, app: Body, status: Mapping[str, Any]) -> Body | None:
        """Replace the status, guarded by the uid."""

        self.status_calls += 1
        number = self.status_calls

        def write() -> Body | None:
            there = self.apps.get(app["metadata"]["name"])
            if there is None or there["metadata"]["uid"] != app["metadata"]["uid"]:
                return None
            if number < self.last_status:
                # A connection does not deliver a request after those that followed it.
                return None
            self.last_status = number
            self.writes.append("status")
            return self.put_app(app["metadata"]["name"], status=dict(status))

        return self.fates.meet(write)

    async def emit_event(self, app: Body, *, warning: bool, reason: str, message: str, now: datetime) -> None:
        """Keep it."""
        self.events.append(reason)
        self.messages.append(message)

    # The pods port

    async def of(self, namespace: str, wanted_by: UID) -> tuple[PodView, ...] | None:
        """The pods as they are."""
        self.wanted.add(wanted_by)
        return tuple(
            PodView(UID(pod.name), pod.name, None, (SecretUse(pod.secret, UseKind.FIXED, pod.since),))
            for pod in self.pods
        )

    def release(self, wanted_by: UID) -> None:
        """Nobody looks any more."""
        self.wanted.discard(wanted_by)
        self.released.append(wanted_by)

    def want(self, wanted_by: UID, name: tuple[str, str]) -> None:
        """Somebody waits for what people keep."""
        self.wanted.add(wanted_by)


def _left(texts: Mapping[str, str] | None, gone: frozenset[str]) -> dict[str, str]:
    """What is not taken away."""
    return {key: text for key, text in (texts or {}).items() if key not in gone}
