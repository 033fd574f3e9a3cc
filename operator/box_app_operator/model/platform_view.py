"""What Box's public API, the Box Platform, says of an app, and of the keys that people hand over. Values only."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field

from box_app_operator.model.box import AppID, Fingerprint, Slot


class Verdict(enum.Enum):
    """What became of a key when Box was asked about it."""

    LIVE = "accepted"
    DISABLED = "the app is disabled"
    DEAD = "refused"
    A_PERSONS = "a token of a person"
    NARROW = "a token with fewer rights"
    OTHER_APP = "a key of another app"
    OTHER_ENTERPRISE = "a key of another enterprise"
    UNREADABLE = "not a key at all"


FINAL = frozenset({Verdict.DEAD, Verdict.A_PERSONS, Verdict.UNREADABLE})
"""What never changes: Box need not be asked again. What a key may do follows the app's settings."""


@dataclass(frozen=True, slots=True)
class Identity:
    """Who a token acts for. ``app_id`` is None for everyone but an app's service account. Source: ``GET /users/me``."""

    login: str
    name: str
    app_id: AppID | None
    enterprise_id: str | None


@dataclass(frozen=True, slots=True)
class KeyView:
    """A key in the Secret that a person hands keys over in. ``message`` says what is wrong with it."""

    slot: Slot
    fingerprint: Fingerprint | None
    verdict: Verdict
    message: str = ""


@dataclass(frozen=True, slots=True)
class PlatformView:
    """What Box says of an app through its public API, and what a person put into Secrets for it.

    ``keys`` are those that a person handed over. ``published`` is what Box says of the token in the own Secret, None
    where it was not asked. ``name`` is what Box calls the app. ``unidentified`` tells that Box accepts a key and does
    not say whose it is. ``origins`` says of each origin that was tried whether Box allows it; the key "" stands for one
    that the spec does not list. ``can_revoke`` tells that there is a client secret that Box accepts, ``ended`` are
    tokens that need not be revoked any more, ``at_hand`` those whose value the operator has beside its own Secrets.
    ``trouble`` is what is wrong with the client's credentials, and ``unauthorized`` tells that the enterprise admin is
    why Box gave out no access token.
    """

    keys: tuple[KeyView, ...] = ()
    published: Verdict | None = None
    app_id: AppID | None = None
    name: str = ""
    unidentified: bool = False
    disabled: bool = False
    origins: Mapping[str, bool] = field(default_factory=dict)
    can_revoke: bool = False
    ended: frozenset[Fingerprint] = frozenset()
    at_hand: frozenset[Fingerprint] = frozenset()
    trouble: str | None = None
    unauthorized: bool = False
