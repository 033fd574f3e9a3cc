"""An app whose Secret holds a live token: everything that decisions about this token need, in one place."""

from dataclasses import dataclass
from datetime import datetime, timedelta

from box_app_operator.model.box import ClientID, Fingerprint, IssuedToken, TokenSource, other_token
from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import Observed
from box_app_operator.model.secret import SecretView, TokenRecord
from box_app_operator.secret.published import active_token

CLOCK_TOLERANCE = timedelta(minutes=1)
"""The clocks of two machines that keep time differ by at most this, and are set back by at most this in one step."""


@dataclass(frozen=True, slots=True)
class Current:
    """The active token at this moment. ``secret`` holds it, ``record`` is what the annotations there say of it."""

    desired: Desired
    observed: Observed
    now: datetime
    source: TokenSource
    token: IssuedToken
    secret: SecretView
    record: TokenRecord

    @property
    def fingerprint(self) -> Fingerprint:
        """Of the active token."""
        return self.token.fingerprint

    @property
    def client_id(self) -> ClientID | None:
        """The client id that the active token belongs to."""
        return self.token.client_id or self.source.client_id

    @property
    def described(self) -> str:
        """The active token, for a sentence."""
        slot = self.source.slot_of(self.fingerprint)
        return f"the token of the {slot} slot" if slot is not None else "an access token"

    @property
    def published_at(self) -> datetime:
        """When the Secret got the token; now, as long as that is not known."""
        return self.record.published_at or self.now

    @property
    def replaced_at(self) -> datetime:
        """When the token took the place of the previous one, under whichever name the Secret had then."""
        return self.record.rotated_at or self.published_at

    @property
    def other(self) -> IssuedToken | None:
        """The token that is live beside it, or was: the previous one, or the next."""
        return other_token(self.source, self.fingerprint)

    @property
    def restarted(self) -> tuple[str, ...]:
        """What the status says was restarted for this very token."""
        remembered = self.observed.remembered
        return remembered.restarted if remembered.active == self.fingerprint else ()

    def was_published(self, fingerprint: Fingerprint) -> bool:
        """Did pods ever get this token from us?"""
        return fingerprint == self.record.previous or fingerprint in self.observed.remembered.fingerprints


def is_from_the_future(issued_at: datetime, now: datetime) -> bool:
    """Was a token dated by a clock of the operator's that was ahead? Then it expires long before it seems to."""
    return issued_at > now + CLOCK_TOLERANCE


def current_of(desired: Desired, observed: Observed, now: datetime) -> Current | None:
    """The active token; None when the Secret holds none that is live."""
    source, secret, token = observed.source, observed.secret, active_token(desired, observed, now)
    if token is None or source is None or secret is None:
        return None
    return Current(desired, observed, now, source, token, secret, secret.record)
