"""A cluster of one app in memory: the port that passes write through, without Kubernetes behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from box_app_operator.api.spec import FINALIZER, Body
from box_app_operator.model.box import UID, Fingerprint, SecretView, fingerprint_of
from box_app_operator.model.desired import WorkloadRef
from box_app_operator.model.observed import PodView, WorkloadView
from box_app_operator.ports import SecretWrite, Token

NAMESPACE, NAME, UID_OF_APP = "billing", "viewer", "0f7cbd62-7b86-4b6a-a4f8-6a0c3c9d2f11"


def _left(texts: Mapping[str, str] | None, gone: frozenset[str]) -> dict[str, str]:
    return {key: text for key, text in (texts or {}).items() if key not in gone}


class FakeCluster:
    """Keeps one BoxCustomApp and its Secret, and counts writes.

    Attributes:
        kept: the data of Secrets that people keep, by name.
    """

    def __init__(self, **spec: Any) -> None:
        self.version = 1
        self.writes: list[str] = []
        self.events: list[str] = []
        self.secret: SecretView | None = None
        self.values: dict[str, str] = {}
        self.kept: dict[str, dict[str, str]] = {}
        metadata = {"namespace": NAMESPACE, "name": NAME, "uid": UID_OF_APP, "generation": 1, "resourceVersion": "1"}
        self.app: dict[str, Any] = {
            "apiVersion": "boxapps.dev/v1alpha1",
            "kind": "BoxCustomApp",
            "metadata": {**metadata, "creationTimestamp": "2026-01-01T00:00:00Z"},
            "spec": {"displayName": "Viewer", **spec},
        }

    def change(self, **parts: Any) -> dict[str, Any]:
        """Replace parts of the object, as the API server would."""
        self.version += 1
        self.app = {**self.app, **parts}
        self.app["metadata"] = {**self.app["metadata"], "resourceVersion": str(self.version)}
        return self.app

    async def read_secret(self, namespace: str, name: str) -> SecretView | None:
        """The Secret as it is."""
        return self.secret if self.secret and (self.secret.namespace, self.secret.name) == (namespace, name) else None

    async def read_values(self, namespace: str, name: str) -> Mapping[str, bytes] | None:
        """What people keep."""
        return {key: text.encode() for key, text in self.kept[name].items()} if name in self.kept else None

    async def read_token(self, namespace: str, name: str, fingerprint: Fingerprint) -> Token | None:
        """The value with this fingerprint."""
        found = [value for value in self.values.values() if fingerprint_of(value) == fingerprint]
        return Token(found[0]) if found else None

    async def write_secret(self, app: Body, secret: SecretWrite, existing: SecretView | None) -> SecretView:
        """Create or replace it."""
        self.writes.append("secret")
        self.version += 1
        contents, there = secret.contents, existing
        kept = {key: value for key, value in self.values.items() if there and key not in contents.gone_keys}
        self.values = {**kept, **secret.data, secret.token_key: secret.token.reveal()}
        self.secret = SecretView(
            namespace=NAMESPACE,
            name=secret.name,
            uid=UID("secret"),
            resource_version=str(self.version),
            owner_uid=UID(UID_OF_APP),
            labels={**_left(there and there.labels, contents.gone_labels), **contents.labels},
            annotations={**_left(there and there.annotations, contents.gone_annotations), **contents.annotations},
            fingerprints={key: fingerprint_of(value) for key, value in self.values.items()},
        )
        return self.secret

    async def delete_secret(self, namespace: str, name: str, uid: UID) -> None:
        """Delete it, if it is still this one."""
        if self.secret is not None and self.secret.uid == uid:
            self.secret = None

    async def read_workload(self, namespace: str, ref: WorkloadRef) -> WorkloadView:
        """No workload is there."""
        return WorkloadView(ref, exists=False)

    async def restart_workload(
        self, namespace: str, workload: WorkloadView, fingerprint: Fingerprint, now: datetime
    ) -> WorkloadView:
        """Mark it."""
        self.writes.append("workload")
        return replace(workload, token=fingerprint, restarted_at=now)

    async def of(self, namespace: str, wanted_by: UID) -> tuple[PodView, ...] | None:
        """No pod runs."""
        return ()

    def want(self, wanted_by: UID, name: tuple[str, str]) -> None:
        """Nobody hands over keys here."""

    def release(self, wanted_by: UID) -> None:
        """Nobody looks."""

    async def add_finalizer(self, app: Body) -> Body:
        """Hold the object."""
        self.writes.append("finalizer")
        return self.change(metadata={**self.app["metadata"], "finalizers": [FINALIZER]})

    async def remove_finalizer(self, app: Body) -> Body | None:
        """Let it go."""
        self.writes.append("finalizer")
        return None

    async def write_status(self, app: Body, status: Mapping[str, Any]) -> Body | None:
        """Replace the status."""
        self.writes.append("status")
        return self.change(status=dict(status))

    async def emit_event(self, app: Body, *, warning: bool, reason: str, message: str, now: datetime) -> None:
        """Keep the reason."""
        self.events.append(reason)
