"""A simulated cluster of one namespace: objects with resource versions, Secrets with values, pods that hold values."""

from __future__ import annotations

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from tests.machine.fates import Fates

from box_app_operator.api.spec import FINALIZER, Body
from box_app_operator.cache.cluster import NamespaceView, Store
from box_app_operator.errors import TransientError
from box_app_operator.model.box import UID, Fingerprint, SecretView, fingerprint_of
from box_app_operator.model.desired import WorkloadRef
from box_app_operator.model.observed import PodView, SecretUse, UseKind, WorkloadView
from box_app_operator.ports import SecretWrite, Token

NAMESPACE = "billing"


@dataclass
class Pod:
    """A running pod that took a Secret's values at its start."""

    name: str
    secret: str
    since: datetime
    holds: frozenset[Fingerprint]


class SimKube:
    """The truth of the cluster, and the ports through which the operator sees it."""

    def __init__(self, fates: Fates, now: Callable[[], datetime]) -> None:
        self.fates, self.now = fates, now
        self.version = 0
        self.apps: dict[str, dict[str, Any]] = {}
        self.secrets: dict[str, SecretView] = {}
        self.values: dict[str, dict[str, str]] = {}
        self.pods: list[Pod] = []
        self.workloads: dict[WorkloadRef, WorkloadView] = {}
        self.restarts: list[tuple[WorkloadRef, Fingerprint]] = []
        self.events: list[str] = []
        self.credentials: dict[str, bytes] | None = None
        self.news: list[Callable[[Store], None]] = []
        self.before_publish: Callable[[SecretWrite], None] = lambda _: None
        self.after_publish: Callable[[SecretWrite], None] = lambda _: None

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
        self.news.append(lambda store: store.drop_app(_key(name), uid))
        for secret in [each for each in self.secrets.values() if each.owner_uid == uid]:
            self.drop_secret(secret.name)

    def put_secret(self, secret: SecretView, values: dict[str, str]) -> SecretView:
        """Create or change a Secret."""
        self.version += 1
        prints = {key: fingerprint_of(value) for key, value in values.items()}
        written = replace(secret, resource_version=str(self.version), fingerprints=prints)
        self.secrets[secret.name], self.values[secret.name] = written, values
        self.news.append(lambda store: store.put_secret(written))
        return written

    def drop_secret(self, name: str) -> None:
        """The Secret is gone."""
        secret = self.secrets.pop(name, None)
        self.values.pop(name, None)
        if secret is not None:
            self.news.append(lambda store: store.drop_secret(NAMESPACE, name, secret.uid))

    def listed(self) -> Store:
        """A store that was filled by a list of everything."""
        store = Store()
        store.put_namespace(NAMESPACE, NamespaceView(UID("n"), "1", {}))
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
        """The client credentials, if somebody handed them over."""
        return self.fates.meet(lambda: self.credentials, reading=True)

    async def read_token(self, namespace: str, name: str, fingerprint: Fingerprint) -> Token | None:
        """The value with this fingerprint."""
        values = self.values.get(name, {}).values()
        found = next((value for value in values if fingerprint_of(value) == fingerprint), None)
        return self.fates.meet(lambda: Token(found) if found else None, reading=True)

    async def write_secret(self, app: Body, secret: SecretWrite, existing: SecretView | None) -> SecretView:
        """Create or replace, guarded by the resource version."""
        self.before_publish(secret)

        def write() -> SecretView:
            there = self.secrets.get(secret.name)
            if (there and there.resource_version) != (existing and existing.resource_version):
                raise TransientError("AwaitingToken", "conflict")
            contents, values = secret.contents, self.values.get(secret.name, {})
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
        return self.put_app(app["metadata"]["name"], metadata={**there["metadata"], "finalizers": finalizers})

    async def write_status(self, app: Body, status: Mapping[str, Any]) -> Body | None:
        """Replace the status, guarded by the uid."""

        def write() -> Body | None:
            there = self.apps.get(app["metadata"]["name"])
            if there is None or there["metadata"]["uid"] != app["metadata"]["uid"]:
                return None
            return self.put_app(app["metadata"]["name"], status=dict(status))

        return self.fates.meet(write)

    async def emit_event(self, app: Body, *, warning: bool, reason: str, message: str, now: datetime) -> None:
        """Keep it."""
        self.events.append(f"{reason}: {message}")

    # The pods port

    async def of(self, namespace: str, wanted_by: UID) -> tuple[PodView, ...] | None:
        """The pods as they are."""
        return tuple(
            PodView(UID(pod.name), pod.name, None, (SecretUse(pod.secret, UseKind.FIXED, pod.since),))
            for pod in self.pods
        )

    def release(self, wanted_by: UID) -> None:
        """Nobody looks any more."""

    def want(self, wanted_by: UID, name: tuple[str, str]) -> None:
        """Nobody hands over keys here."""


def _left(texts: Mapping[str, str] | None, gone: frozenset[str]) -> dict[str, str]:
    """What is not taken away."""
    return {key: text for key, text in (texts or {}).items() if key not in gone}


def _key(name: str) -> Any:
    from box_app_operator.model.desired import AppKey

    return AppKey(NAMESPACE, name)
