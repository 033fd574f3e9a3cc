"""What Box keeps: apps, users, tokens (as hashes), files and folders. Plain records that go to JSON and back."""

import hashlib
import secrets
from datetime import datetime
from functools import partial
from typing import Any, Literal, TypeAlias

import msgspec

Slot = Literal["primary", "secondary"]
SLOTS: tuple[Slot, Slot] = ("primary", "secondary")
ItemType = Literal["file", "folder"]
State = Literal["not_submitted", "pending", "authorized", "declined", "reauthorization_required"]
AppKind = Literal["app_token", "client_credentials"]
"""How an app authenticates; it cannot be changed later (box/developer.box.com, applications/app-types/select)."""
TokenKind = Literal["app_token", "downscoped", "client_credentials", "developer"]
ENTERPRISE = "1234567"
"""The enterprise that the Console API works for."""

_new_salt = partial(secrets.token_hex, 16)


def digest(token: str) -> str:
    """What Box keeps of a token: a one-way hash (box/developer.box.com, embed/box-view/setup)."""
    return hashlib.sha256(token.encode()).hexdigest()


class IssuedToken(msgspec.Struct):
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


class AccessToken(msgspec.Struct):
    """Something that a caller may authenticate with. ``user`` is whom it acts as; None is the service account."""

    hash: str
    app_id: str
    slot: Slot | None
    expires_at: datetime | None
    scopes: list[str] | None = None
    resource: str | None = None
    revoked: bool = False
    kind: TokenKind = "app_token"
    user: str | None = None


class Item(msgspec.Struct):
    """A file or a folder of an account."""

    id: str
    type: ItemType
    name: str
    parent: str
    created_at: datetime
    content: bytes = b""
    etag: str = "0"


class User(msgspec.Struct):
    """A managed user of an enterprise: a person."""

    id: str
    name: str
    login: str
    enterprise: str
    created_at: datetime
    modified_at: datetime
    items: dict[str, Item] = msgspec.field(default_factory=dict)
    salt: str = msgspec.field(default_factory=_new_salt)

    @property
    def account_id(self) -> str:
        """The id that Box's public API shows."""
        return self.id

    def public(self) -> dict[str, str]:
        """The user as the sandbox's controls show it."""
        return {"id": self.id, "name": self.name, "login": self.login, "enterprise_id": self.enterprise}


class App(msgspec.Struct):
    """A Box Custom App, with its service account.

    ``client_secret`` is empty for an app that has none; ``user_access`` lets an app with client credentials act as any
    user; ``salt`` makes addresses that cannot be guessed.
    """

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
    tokens: dict[Slot, IssuedToken] = msgspec.field(default_factory=dict)
    cors_domains: list[str] = msgspec.field(default_factory=list)
    items: dict[str, Item] = msgspec.field(default_factory=dict)
    deleted: bool = False
    kind: AppKind = "app_token"
    enterprise: str = ENTERPRISE
    user_access: bool = False
    salt: str = msgspec.field(default_factory=_new_salt)

    @property
    def usable(self) -> bool:
        """Do its tokens work, and may new ones be generated?

        Both need authorization and enablement (box/developer.box.com, authorization). That tokens stop working while
        the app waits to be authorized anew, and work again afterwards, is assumed.
        """
        return self.authorization.state == "authorized" and self.authorization.enabled and not self.deleted

    def lets_in(self, token: AccessToken) -> bool:
        """Does this token of it work?

        That a developer token works also before the admin decided about the app is assumed: it is for developing it.
        """
        undecided = self.authorization.state in ("not_submitted", "pending") and not self.deleted
        return self.usable or (token.kind == "developer" and undecided)

    def public(self) -> dict[str, Any]:
        """The app as the Console API shows it."""
        tokens = {slot: msgspec.to_builtins(self.tokens.get(slot)) for slot in SLOTS}
        shown = {
            "id": self.id,
            "client_id": self.client_id,
            "name": self.name,
            "reference": self.reference,
            "service_account": {"id": self.account_id, "login": self.login},
            "authorization": msgspec.to_builtins(self.authorization),
            "tokens": tokens,
            "cors_domains": list(self.cors_domains),
            "revision": self.revision,
            "created_at": msgspec.to_builtins(self.created_at),
            "modified_at": msgspec.to_builtins(self.modified_at),
        }
        return {**shown, "deleted": True} if self.deleted else shown

    def controlled(self) -> dict[str, Any]:
        """The app as the sandbox's controls show it."""
        return {**self.public(), "kind": self.kind, "enterprise_id": self.enterprise, "user_access": self.user_access}

    @property
    def account_id(self) -> str:
        """The id of the service account; derived, so that it needs no record of its own."""
        return str(20_000_000_000 + int(self.id))


Account: TypeAlias = App | User
"""Whom a token acts as: the service account of an app, or a person. Files and folders belong to one of them."""
