"""The vendor: gives out tokens of an account for an hour, lists those of each holder, and ends them.

Here it is an imitation inside the process, which forgets everything with it.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from box_app_operator.errors import StalledError
from box_app_operator.model.box import UID, Fingerprint
from box_app_operator.model.conditions import Reason
from box_app_operator.ports import Clock, Token

LIFE = timedelta(hours=1)
"""So long a token lives. No other span can be asked for."""
ACCOUNTS = frozenset({"billing", "shipping"})
"""The accounts that the vendor knows."""


@dataclass(frozen=True, slots=True)
class Lease:
    """A token that the vendor gave out, as it lists it: never its value. The dates are by the vendor's clock."""

    fingerprint: Fingerprint
    issued_at: datetime
    ends_at: datetime


class Vendor(Protocol):
    """What the mode asks of the vendor. Tokens are found again by their holder, the uid of a BoxCustomApp."""

    async def issue(self, holder: UID, account: str) -> tuple[Token, Lease]:
        """Give out another token.

        Raises:
            StalledError: there is no such account.
        """
        ...

    async def leases(self, holder: UID) -> tuple[Lease, ...]:
        """The live tokens of a holder, whatever account they are of, the oldest first."""
        ...

    async def end(self, holder: UID, fingerprint: Fingerprint) -> None:
        """Revoke a token of this holder; one that has ended is success."""
        ...


class VendorInProcess:
    """The imitation."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._given: dict[UID, dict[Fingerprint, Lease]] = {}

    async def issue(self, holder: UID, account: str) -> tuple[Token, Lease]:
        """See ``Vendor``."""
        return self.give(holder, account, Token(f"1!{secrets.token_hex(16)}"))

    async def leases(self, holder: UID) -> tuple[Lease, ...]:
        """See ``Vendor``."""
        return self.live(holder)

    async def end(self, holder: UID, fingerprint: Fingerprint) -> None:
        """See ``Vendor``."""
        self.drop(holder, fingerprint)

    def give(self, holder: UID, account: str, token: Token) -> tuple[Token, Lease]:
        """Note a token that is given out from now on."""
        if account not in ACCOUNTS:
            message = f"The vendor knows no account {account!r}. Correct spec.vended.account."
            raise StalledError(Reason.AWAITING_TOKEN, message)
        now = self._clock.now().replace(microsecond=0)
        lease = Lease(token.fingerprint, now, now + LIFE)
        self._given.setdefault(holder, {})[lease.fingerprint] = lease
        return token, lease

    def live(self, holder: UID) -> tuple[Lease, ...]:
        """The tokens that have not ended."""
        return tuple(lease for lease in self._given.get(holder, {}).values() if lease.ends_at > self._clock.now())

    def drop(self, holder: UID, fingerprint: Fingerprint) -> None:
        """Forget a token."""
        self._given.get(holder, {}).pop(fingerprint, None)
