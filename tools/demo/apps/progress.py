"""How far each app has come, and when it got there. Looks, and never writes."""

import hashlib
import time
from base64 import b64decode
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from demo.apps.story import App
from playground import Cluster

GROUP = "/apis/boxapps.dev/v1alpha1"
FACETS = ("Registered", "Authorized", "TokenReady", "CORSSynced")
TYPES = (*FACETS, "Ready")
PENDING = "PendingApproval"


@dataclass(slots=True)
class Progress:
    """One app on its way. Moments are of the monotonic clock, None until they come."""

    app: App
    applied: float
    body: dict[str, Any] = field(default_factory=dict)
    secret: dict[str, Any] | None = None
    registered: float | None = None
    decided: float | None = None
    published: float | None = None
    ended: float | None = None

    @property
    def status(self) -> dict[str, Any]:
        """The object's status."""
        return dict(self.body.get("status") or {})

    @property
    def conditions(self) -> dict[str, dict[str, Any]]:
        """The conditions by type."""
        return {item["type"]: item for item in self.status.get("conditions", ())}

    def state(self, type_: str) -> tuple[str, str]:
        """Status and reason of a condition; both empty when it is not there yet."""
        item = self.conditions.get(type_, {})
        return item.get("status", ""), item.get("reason", "")

    @property
    def outcome(self) -> str:
        """The reason of Ready, or a dash."""
        return self.state("Ready")[1] or "-"

    @property
    def has_ended(self) -> bool:
        """Is there nothing left that happens by itself or waits for the admin?"""
        return self.state("Ready")[0] == "True" or self.is_stalled

    @property
    def is_stalled(self) -> bool:
        """Must the author of the manifest act?"""
        return self.state("Stalled")[0] == "True"

    @property
    def is_pending(self) -> bool:
        """Does it wait for the admin?"""
        return self.outcome == PENDING

    @property
    def fingerprint(self) -> str | None:
        """The fingerprint of the token in the Secret."""
        token = self.secret_values.get("BOX_APP_TOKEN")
        return hashlib.sha256(token.encode()).hexdigest()[:16] if token else None

    @property
    def secret_values(self) -> dict[str, str]:
        """What the Secret holds, decoded. Never to be printed as it is."""
        data = (self.secret or {}).get("data") or {}
        return {key: b64decode(value).decode() for key, value in data.items()}

    def elapsed(self, now: float) -> float:
        """Seconds since it was applied, until it ended."""
        return (self.ended or now) - self.applied


@dataclass(frozen=True, slots=True)
class Change:
    """A condition that is not what it was."""

    app: str
    type: str
    status: str
    reason: str
    elapsed: float


class Watch:
    """Looks at all apps at once."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster
        self.all: list[Progress] = []

    def begin(self, app: App) -> None:
        """An app was applied."""
        self.all.append(Progress(app, time.monotonic()))

    def sort(self, apps: Sequence[App]) -> None:
        """Show them in this order, in whichever they were applied."""
        self.all.sort(key=lambda progress: apps.index(progress.app))

    def look(self) -> list[Change]:
        """Look once; returns what changed."""
        changes = []
        for namespace in sorted({progress.app.namespace for progress in self.all}):
            bodies = self._items(f"{GROUP}/namespaces/{namespace}/boxcustomapps")
            secrets = self._items(f"/api/v1/namespaces/{namespace}/secrets")
            now = time.monotonic()
            for progress in self.all:
                if progress.app.namespace == namespace:
                    body = bodies.get(progress.app.name, {})
                    changes += list(_take_in(progress, body, now))
                    _take_secret(progress, secrets, now)
        return changes

    def _items(self, path: str) -> dict[str, dict[str, Any]]:
        return {item["metadata"]["name"]: item for item in self._cluster.get(path)["items"]}


def _take_in(progress: Progress, body: dict[str, Any], now: float) -> Iterator[Change]:
    before = {type_: progress.state(type_) for type_ in TYPES}
    progress.body = body
    for type_ in TYPES:
        status, reason = progress.state(type_)
        if (status, reason) != before[type_]:
            yield Change(progress.app.name, type_, status, reason, now - progress.applied)
    if progress.registered is None and progress.state("Registered")[0] == "True":
        progress.registered = now
    progress.ended = (progress.ended or now) if progress.has_ended else None


def _take_secret(progress: Progress, secrets: dict[str, dict[str, Any]], now: float) -> None:
    """The Secret that the app owns, whatever its name."""
    uid = progress.body.get("metadata", {}).get("uid")
    owned = (secret for secret in secrets.values() if uid in _owners(secret))
    progress.secret = next(owned, None)
    if progress.secret is not None:
        progress.published = progress.published or now


def _owners(body: dict[str, Any]) -> list[str]:
    return [owner["uid"] for owner in body["metadata"].get("ownerReferences", ())]
