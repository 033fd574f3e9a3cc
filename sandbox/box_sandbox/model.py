"""What Box keeps: apps, tokens (as hashes), files and folders. Plain records that go to JSON and back."""

from __future__ import annotations

import hashlib
from datetime import datetime
from typing import Any, Literal

import msgspec

Slot = Literal["primary", "secondary"]
SLOTS: tuple[Slot, Slot] = ("primary", "secondary")
ItemType = Literal["file", "folder"]
State = Literal["not_submitted", "pending", "authorized", "declined", "reauthorization_required"]


def digest(token: str) -> str:
    """What Box keeps of a token: a one-way hash (box/developer.box.com, embed/box-view/setup)."""
    return hashlib.sha256(token.encode()).hexdigest()


class SlotToken(msgspec.Struct):
    """A token in a slot, as the console shows it."""

    fingerprint: str
    created_at: datetime
    expires_at: datetime | None


class Authorization(msgspec.Struct):
    """Two independent states: what the admin decided, and whether the app is enabled (Box support 360044193313)."""

    state: State = "not_submitted"
    enabled: bool = False
    submitted_at: datetime | None = None
    decided_at: datetime | None = None


class Item(msgspec.Struct):
    """A file or a folder of an app's service account."""

    id: str
    type: ItemType
    name: str
    parent: str
    created_at: datetime
    content: bytes = b""
    etag: str = "0"


class App(msgspec.Struct):
    """A Box Custom App."""

    id: str
    client_id: str
    client_secret: str
    name: str
    reference: str
    key: str
    login: str
    created_at: datetime
    modified_at: datetime
    revision: int = 0
    authorization: Authorization = msgspec.field(default_factory=Authorization)
    tokens: dict[Slot, SlotToken] = msgspec.field(default_factory=dict)
    cors_domains: list[str] = msgspec.field(default_factory=list)
    items: dict[str, Item] = msgspec.field(default_factory=dict)
    deleted: bool = False

    @property
    def usable(self) -> bool:
        """Do its tokens work, and may new ones be generated?

        Both need authorization and enablement (box/developer.box.com, authorization). That tokens stop working while
        the app waits to be authorized anew, and work again afterwards, is assumed.
        """
        return self.authorization.state == "authorized" and self.authorization.enabled and not self.deleted

    def public(self) -> dict[str, Any]:
        """The app as the Console API shows it."""
        tokens = {slot: msgspec.to_builtins(self.tokens.get(slot)) for slot in SLOTS}
        shown = {
            "id": self.id,
            "client_id": self.client_id,
            "name": self.name,
            "reference": self.reference,
            "service_account": {"id": self.service_account_id, "login": self.login},
            "authorization": msgspec.to_builtins(self.authorization),
            "tokens": tokens,
            "cors_domains": list(self.cors_domains),
            "revision": self.revision,
            "created_at": msgspec.to_builtins(self.created_at),
            "modified_at": msgspec.to_builtins(self.modified_at),
        }
        return {**shown, "deleted": True} if self.deleted else shown

    @property
    def service_account_id(self) -> str:
        """The id of the service account; derived, so that it needs no record of its own."""
        return str(20_000_000_000 + int(self.id))


class AccessToken(msgspec.Struct):
    """Something that a caller may authenticate with: a key from a slot, or a downscoped token."""

    hash: str
    app_id: str
    slot: Slot | None
    expires_at: datetime | None
    scopes: list[str] | None = None
    resource: str | None = None
    revoked: bool = False
