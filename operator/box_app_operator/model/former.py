"""The Box app that an object leaves when its spec asks for client credentials: App Tokens of it that pods have. Values.

Box fixes how an app authenticates when the app is created. So another authentication is another app, and the tokens of
the one before stay in its slots until they are revoked or over.
"""

from __future__ import annotations

from dataclasses import dataclass

from box_app_operator.model.box import AppID, BoxApp, Fingerprint, Slot


@dataclass(frozen=True, slots=True)
class FormerToken:
    """An App Token that pods got, and where it stands. ``app_id`` is None where nobody ever learned it."""

    app_id: AppID | None
    slot: Slot
    fingerprint: Fingerprint

    def __str__(self) -> str:
        return f"{self.app_id or ''}/{self.slot}/{self.fingerprint}"


def parse_former(text: str | None) -> tuple[FormerToken, ...]:
    """What an annotation tells; nothing of what was made unreadable by hand."""
    parts = [each.split("/") for each in (text or "").split()]
    return tuple(
        FormerToken(AppID(part[0]) if part[0] else None, Slot(part[1]), Fingerprint(part[2]))
        for part in parts
        if len(part) == len(FormerToken.__slots__) and part[1] in frozenset(Slot)
    )


@dataclass(frozen=True, slots=True)
class FormerApp:
    """The app as it is now. ``app`` has those of its tokens that may be revoked, and are not known to be over.

    ``in_console`` tells that a console endpoint has it, ``can_revoke`` that the operator can revoke its tokens: there,
    or with a client secret through Box's public API.
    """

    app: BoxApp
    in_console: bool
    can_revoke: bool
