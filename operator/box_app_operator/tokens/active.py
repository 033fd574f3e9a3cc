"""An app whose Secret holds a live token: everything that decisions about this token need, in one place."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from box_app_operator.model.box import BoxApp, ClientID, Fingerprint, SecretView, Slot, SlotToken
from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import Observed
from box_app_operator.secret.annotations import TokenRecord, token_record_of
from box_app_operator.secret.published import active_slot


@dataclass(frozen=True, slots=True)
class Current:
    """The active token at this moment. ``secret`` holds it, ``record`` is what the annotations there say of it."""

    desired: Desired
    observed: Observed
    now: datetime
    app: BoxApp
    slot: Slot
    secret: SecretView
    record: TokenRecord

    @property
    def token(self) -> SlotToken:
        """The active token."""
        return self.app.tokens[self.slot]

    @property
    def fingerprint(self) -> Fingerprint:
        """Of the active token."""
        return self.token.fingerprint

    @property
    def client_id(self) -> ClientID:
        """The client id that the active token belongs to."""
        return self.app.client_of(self.slot)

    @property
    def published_at(self) -> datetime:
        """When the Secret got the token; now, as long as that is not known."""
        return self.record.published_at or self.now

    @property
    def replaced_at(self) -> datetime:
        """When the token took the place of the previous one, under whichever name the Secret had then."""
        return self.record.rotated_at or self.published_at

    @property
    def other(self) -> SlotToken | None:
        """The token in the other slot."""
        return self.app.tokens.get(self.slot.other)

    @property
    def restarted(self) -> tuple[str, ...]:
        """What the status says was restarted for this very token."""
        remembered = self.observed.remembered
        return remembered.restarted if remembered.active == self.fingerprint else ()

    def was_published(self, fingerprint: Fingerprint) -> bool:
        """Did pods ever get this token from us?"""
        return fingerprint == self.record.previous or fingerprint in self.observed.remembered.fingerprints


def current_of(desired: Desired, observed: Observed, now: datetime) -> Current | None:
    """The active token; None when the Secret holds none that is live."""
    slot = active_slot(desired, observed, now)
    if slot is None or observed.app is None or observed.secret is None:
        return None
    return Current(desired, observed, now, observed.app, slot, observed.secret, token_record_of(observed.secret))
