"""What was seen of an app, of its Secrets and of its side in Box, as plain values that oracles judge."""

import base64
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

Body = Mapping[str, Any]

OURS = "boxapps.dev/"
MANAGED_BY = "app.kubernetes.io/managed-by"
SECRET_KEYS = {
    "token": "BOX_APP_TOKEN",
    "clientID": "BOX_CLIENT_ID",
    "slot": "BOX_TOKEN_SLOT",
    "expiresAt": "BOX_TOKEN_EXPIRES_AT",
}
CHANGES_BY_ITSELF = re.compile(
    r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9:.]+(Z|[+-][0-9:]+)|\b[0-9a-f]{16}\b|\b(primary|secondary)\b|\b[0-9.]+ ?ms\b"
)
"""Times, fingerprints, slots and spans: another token has others."""


@dataclass(frozen=True)
class Rest:
    """How it came to rest after an edit.

    Attributes:
        observed: did the status speak of the newest generation in the end?
        writes: what was written until the end of the wait when it never came to rest; empty when it did.
        calls: the same, of calls to Box.
    """

    observed: bool = True
    writes: tuple[str, ...] = ()
    calls: tuple[str, ...] = ()


@dataclass(frozen=True)
class Seen:
    """One app at one moment.

    Attributes:
        body: the object; empty when it is gone.
        secrets: the Secrets of its namespace, but those that were there before it.
        app: the app in Box, as the sandbox's controls show it; None when it is gone.
        apps: how many apps in Box are this object's.
        tokens: everything that Box ever issued for the app: ``token``, ``fingerprint``, ``kind``, ``live``.
        log: what the operator said since the edit that has to do with the object.
        events: reasons of Events about the object.
    """

    body: Body
    secrets: tuple[Body, ...] = ()
    app: Body | None = None
    apps: int = 1
    tokens: tuple[Body, ...] = ()
    log: tuple[str, ...] = ()
    events: frozenset[str] = frozenset()
    rest: Rest = field(default_factory=Rest)

    @property
    def spec(self) -> Body:
        """What is asked for."""
        return self.body["spec"]

    def at(self, *path: str) -> Any:
        """A part of the spec; None when it is absent."""
        part: Any = self.spec
        for name in path:
            part = (part or {}).get(name)
        return part

    @property
    def status(self) -> Body:
        """What the operator says."""
        return self.body.get("status") or {}

    @property
    def generation(self) -> int:
        """That of the spec."""
        return int(self.body["metadata"]["generation"])

    def condition(self, type_: str) -> Body | None:
        """A condition, when it speaks of the newest spec."""
        found = next((each for each in self.status.get("conditions") or () if each["type"] == type_), None)
        return found if found is not None and found.get("observedGeneration") == self.generation else None

    def says(self, type_: str) -> bool:
        """Does a condition say True of the newest spec?"""
        found = self.condition(type_)
        return found is not None and found["status"] == "True"

    @property
    def secret_name(self) -> str:
        """The name of the Secret that is asked for."""
        return self.at("tokens", "secret", "name") or f"{self.body['metadata']['name']}-box-token"

    @property
    def key_names(self) -> dict[str, str]:
        """The names of the keys in the Secret by purpose; an access token has no slot."""
        names = {**SECRET_KEYS, **(self.at("tokens", "secret", "keys") or {})}
        without = {"slot"} if self.at("authentication") == "ClientCredentials" else set()
        return {purpose: name for purpose, name in names.items() if purpose not in without}

    def secret(self, name: str) -> Body | None:
        """A Secret by its name."""
        return next((secret for secret in self.secrets if secret["metadata"]["name"] == name), None)

    @property
    def live(self) -> dict[str, Body]:
        """The tokens that Box accepts, by value."""
        return {token["token"]: token for token in self.tokens if token["live"]}


def data_of(secret: Body) -> dict[str, str]:
    """The data of a Secret, decoded."""
    return {key: base64.b64decode(value).decode(errors="replace") for key, value in (secret.get("data") or {}).items()}


def essence(seen: Seen) -> dict[str, Any]:
    """Everything that must be as before once the spec is: what every token has of its own is left out."""
    tokens = {token["token"] for token in seen.tokens}
    box = seen.app or {}
    status = {name: value for name, value in seen.status.items() if not name.startswith(("observed", "lastHandled"))}
    status["conditions"] = {
        each["type"]: [each["status"], each["reason"], each["message"]] for each in status.get("conditions") or ()
    }
    # Downscoped tokens end by themselves within the hour.
    kinds = sorted(token["kind"] for token in seen.live.values() if token["kind"] != "downscoped")
    return {
        "status": _plain(status, tokens),
        "secrets": {secret["metadata"]["name"]: _plain(_shape(secret), tokens) for secret in seen.secrets},
        "box": {name: box.get(name) for name in ("id", "name", "cors_domains", "reference")},
        "state": {name: box.get("authorization", {}).get(name) for name in ("state", "enabled")},
        "live tokens": {kind: kinds.count(kind) for kind in kinds},
        "metadata": {name: seen.body["metadata"].get(name) for name in ("labels", "annotations", "finalizers")},
    }


def _shape(secret: Body) -> dict[str, Any]:
    meta = secret["metadata"]
    notes = {key: value for key, value in (meta.get("annotations") or {}).items() if key not in PASSING_NOTES}
    owners = [owner["name"] for owner in meta.get("ownerReferences") or ()]
    return {"labels": meta.get("labels"), "annotations": notes, "owners": owners, "data": data_of(secret)}


PASSING_NOTES = frozenset(
    f"{OURS}{name}"
    for name in ("previous-fingerprint", "rotated-at", "moved-at", "published-at", "rotate-requested-at")
)
"""What a Secret tells of its own past; an edit and its way back are two events in it."""


def _plain(value: Any, tokens: set[str]) -> Any:
    if isinstance(value, Mapping):
        return {name: _plain(child, tokens) for name, child in value.items() if name != "lastTransitionTime"}
    if isinstance(value, list):
        return [_plain(child, tokens) for child in value]
    if isinstance(value, str):
        return "(token)" if value in tokens else CHANGES_BY_ITSELF.sub("~", value)
    return value


def differences(before: Any, after: Any, path: str = "") -> list[str]:
    """Where two values differ, in words."""
    if isinstance(before, dict) and isinstance(after, dict):
        names = dict.fromkeys((*before, *after))
        return [line for name in names for line in differences(before.get(name), after.get(name), f"{path}.{name}")]
    return [] if before == after else [f"{path.lstrip('.')}: {before!r} became {after!r}"]
