"""The nouns: Box's app and tokens, the enterprise, and what a person wants. Values only, no behaviour.

A token's value is never a field of anything here; what stands for it is its fingerprint.
"""

import enum
import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import lru_cache
from typing import NewType

from box_app_operator.model.conditions import Reason

UID = NewType("UID", str)
"""Kubernetes' identity of one life of an object."""
AppID = NewType("AppID", str)
"""Box's numeric id of an app, a decimal string."""
ClientID = NewType("ClientID", str)
"""Box's client id of an app, 32 of ``[a-z0-9]``."""
Fingerprint = NewType("Fingerprint", str)
"""The first 16 hex digits of SHA-256 of a token: the only trace of it that may be shown or stored."""


def fingerprint_of(token: str) -> Fingerprint:
    """The fingerprint of a token's value."""
    return Fingerprint(hashlib.sha256(token.encode()).hexdigest()[:16])


class Slot(enum.StrEnum):
    """One of the two places for a token that an app has."""

    PRIMARY = "primary"
    SECONDARY = "secondary"

    @property
    def other(self) -> "Slot":
        """The slot that is not this one."""
        return Slot.SECONDARY if self is Slot.PRIMARY else Slot.PRIMARY


class AuthorizationState(enum.StrEnum):
    """What the enterprise admin made of the app. Source: Console API 1, ``authorization.state``."""

    NOT_SUBMITTED = "not_submitted"
    PENDING = "pending"
    AUTHORIZED = "authorized"
    DECLINED = "declined"
    REAUTHORIZATION_REQUIRED = "reauthorization_required"


@dataclass(frozen=True, slots=True)
class IssuedToken:
    """A token that Box gave out: never its value. ``expires_at`` is None for one that never expires.

    ``accepted`` tells that Box was asked and accepted it, whatever dates say that a person noted down. ``client_id`` is
    whose it is, where that may be another app than the one that is wanted; None for an App Token.
    """

    fingerprint: Fingerprint
    created_at: datetime
    expires_at: datetime | None
    accepted: bool = False
    client_id: ClientID | None = None

    def is_live(self, now: datetime) -> bool:
        """Does Box still accept it, as far as is known?"""
        return self.accepted or self.expires_at is None or self.expires_at > now


@dataclass(frozen=True, slots=True)
class Authorization:
    """Where the app stands with the admin; ``enabled`` is a switch of its own."""

    state: AuthorizationState
    enabled: bool
    submitted_at: datetime | None = None
    decided_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class UnlistedTokens:
    """The tokens of an app that Box does not list: the published one, and what was handed over or obtained.

    ``slots`` is where they stand in the console, by fingerprint; empty for access tokens, which take no slot. The other
    fields are those of ``TokenSource``.
    """

    client_id: ClientID | None
    issued: tuple[IssuedToken, ...]
    slots: Mapping[Fingerprint, Slot] = field(default_factory=dict)
    is_usable: bool = True
    follows_spec: bool = True

    def slot_of(self, fingerprint: Fingerprint | None) -> Slot | None:
        """The slot of the console in which this token stands; None for one that takes no slot, or is not known."""
        return self.slots.get(fingerprint) if fingerprint is not None else None


@dataclass(frozen=True, slots=True)
class Claimant:
    """A BoxCustomApp, distinct from every other one that ever was, in any cluster."""

    cluster: str
    namespace: str
    namespace_uid: UID
    name: str
    uid: UID

    @property
    def place(self) -> str:
        """Namespace and name, which another life of the object has, too."""
        return f"{self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class Reference:
    """Which object has an app, and whether the operator registered the app (``adopted`` is False then), whoever has it.

    One that an earlier version wrote names neither the cluster nor the uid of the namespace: both are empty.
    """

    owner: Claimant
    adopted: bool

    def __str__(self) -> str:
        owner, origin = self.owner, "adopted" if self.adopted else "created"
        return f"{owner.cluster}/{owner.namespace}/{owner.namespace_uid}/{owner.name}/{owner.uid}/{origin}"


def old_form(claimant: Claimant) -> str:
    """As earlier versions wrote it."""
    return f"{claimant.place}/{claimant.uid}"


@lru_cache(maxsize=16384)
def parse_reference(text: str) -> Reference | None:
    """What a reference says; None where it is none of the operator's."""
    match text.split("/"):
        case [namespace, name, uid]:
            return Reference(Claimant("", namespace, UID(""), name, UID(uid)), adopted=False)
        case [cluster, namespace, namespace_uid, name, uid, ("created" | "adopted") as origin]:
            owner = Claimant(cluster, namespace, UID(namespace_uid), name, UID(uid))
            return Reference(owner, adopted=origin == "adopted")
    return None


@dataclass(frozen=True, slots=True)
class BoxApp:
    """A Box Custom App as the console shows it.

    ``reference`` is the operator's own mark, see ``reference``; empty for an app made by hand.
    ``revision`` grows with every change of the app.
    """

    id: AppID
    client_id: ClientID
    name: str
    reference: str
    authorization: Authorization
    tokens: Mapping[Slot, IssuedToken]
    cors_domains: tuple[str, ...]
    revision: int

    @property
    def owner(self) -> Reference | None:
        """Whose it is; None for an app that no BoxCustomApp had yet."""
        return parse_reference(self.reference)

    @property
    def owner_uid(self) -> UID | None:
        """The uid of the object whose it is."""
        return self.owner.owner.uid if self.owner is not None else None

    @property
    def was_created(self) -> bool:
        """Did an operator register it? Then all its tokens are an operator's, whoever has the app by now."""
        return self.owner is not None and not self.owner.adopted

    @property
    def is_usable(self) -> bool:
        """Does Box give out tokens for it, and accept them?"""
        return self.authorization.state is AuthorizationState.AUTHORIZED and self.authorization.enabled

    @property
    def follows_spec(self) -> bool:
        """The spec chooses among the lifetimes that Box offers."""
        return True

    @property
    def issued(self) -> tuple[IssuedToken, ...]:
        """The tokens in its slots."""
        return tuple(self.tokens.values())

    def slot_of(self, fingerprint: Fingerprint | None) -> Slot | None:
        """The slot whose token has this fingerprint."""
        return next((slot for slot, token in self.tokens.items() if token.fingerprint == fingerprint), None)


TokenSource = BoxApp | UnlistedTokens
"""What the rules for tokens know of an app: its tokens, and whether Box gives out more.

``client_id`` is whose the next token will be; None while that is not known. ``is_usable``: does Box give out tokens for
it, and accept them? ``follows_spec``: does the spec say how long its tokens live and when they are replaced? Otherwise
Box does. ``issued`` are the tokens that are known.
"""


def known_token(source: TokenSource, fingerprint: Fingerprint | None) -> IssuedToken | None:
    """The token with this fingerprint, if it is known."""
    return next((token for token in source.issued if token.fingerprint == fingerprint), None)


def other_token(source: TokenSource, fingerprint: Fingerprint) -> IssuedToken | None:
    """The other token that is known, if there is one."""
    return next((token for token in source.issued if token.fingerprint != fingerprint), None)


def name_key(name: str) -> str:
    """What two names have in common that Box may take for the same one.

    Source: Box does not say whether upper and lower case differ; if they do, an app is woken in vain.
    """
    return name.casefold()


@dataclass(frozen=True, slots=True)
class PendingToken:
    """A token that was minted and is not in the Secret yet; its value stays in the vault.

    ``proven`` is None until the platform was asked, then its verdict. ``days`` is the lifetime that was asked for.
    ``granted`` is what Box said of an access token; no listing says it again.
    """

    fingerprint: Fingerprint
    proven: bool | None = None
    days: int | None = None
    granted: IssuedToken | None = None


@dataclass(frozen=True, slots=True)
class Problem:
    """Something outside the app that keeps Box from being asked.

    ``since`` is when it began. ``stalled`` tells that the author of the app's spec must act. ``awaited`` tells that
    something is missing in the cluster that may come by itself: it is reported at once, as what is stalled is.
    """

    reason: Reason
    message: str
    since: datetime
    stalled: bool = False
    awaited: bool = False

    @property
    def in_cluster(self) -> bool:
        """Is it in the cluster, so that Box need not be asked?"""
        return self.stalled or self.awaited


class RefusalKind(enum.Enum):
    """Who can undo a refusal."""

    TRANSIENT = "transient"
    AWAITING_HUMAN = "awaiting human"
    STALLED = "stalled"


@dataclass(frozen=True, slots=True)
class Refusal:
    """Why a step could not be done when it was tried.

    ``until`` is when it may be tried again; None means not before something changes.
    """

    kind: RefusalKind
    reason: str
    message: str
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class AdoptionEntry:
    """One entry of ``BoxEnterprise.spec.adoption``: which apps a BoxCustomApp may have that does not have them yet.

    ``client_id`` is None for every app of ``from_cluster`` or ``from_namespace_uid`` whose object had the same name.
    ``name`` is None for every BoxCustomApp of the namespace, ``namespace_uid`` for the life of the namespace that uses
    the entry first. ``from_owner`` is "namespace/name" of a living BoxCustomApp that loses the app.
    """

    client_id: ClientID | None
    namespace: str
    name: str | None = None
    allow_delete: bool = False
    namespace_uid: UID | None = None
    from_cluster: str | None = None
    from_namespace_uid: UID | None = None
    from_owner: str | None = None
