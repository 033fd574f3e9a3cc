"""The vendor of the mode Vended as the machine sees it: its calls may get lost, and its tokens are tokens of Box."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from tests.fakes.box import FakeBox, Issued

from box_app_operator.model.box import UID, AppID, Fingerprint
from box_app_operator.modes.vended.vendor import Lease, VendorInProcess
from box_app_operator.ports import Token


class TrueClock:
    """The vendor's clock, which nobody sets."""

    def __init__(self, now: Callable[[], datetime]) -> None:
        self.now = now

    def monotonic(self) -> float:
        """Nobody asks."""
        return self.now().timestamp()


class FakeVendor(VendorInProcess):
    """The truth about its tokens, and the port through which the operator sees it."""

    def __init__(self, box: FakeBox, clock: TrueClock) -> None:
        super().__init__(clock)
        self._box = box
        self.before_issue: Callable[[], None] = lambda: None
        self.before_end: Callable[[Lease], None] = lambda _: None

    async def issue(self, holder: UID, account: str) -> tuple[Token, Lease]:
        """Another token, which Box accepts at once."""
        self.before_issue()

        def give() -> tuple[Token, Lease]:
            issued = Issued(f"1!Vended{len(self._box.issued):026d}", AppID(account))
            token, lease = self.give(holder, account, Token(issued.value))
            self._box.issued[lease.fingerprint] = issued
            self._box.access[lease.fingerprint] = account, lease.ends_at
            return token, lease

        return self._box.fates.meet(give)

    async def leases(self, holder: UID) -> tuple[Lease, ...]:
        """Those that live."""
        return self._box.fates.meet(lambda: self.live(holder), reading=True)

    async def end(self, holder: UID, fingerprint: Fingerprint) -> None:
        """For Box, too."""
        for lease in self.live(holder):
            if lease.fingerprint == fingerprint:
                self.before_end(lease)
        self._box.fates.meet(lambda: self.forget(fingerprint))

    def forget(self, fingerprint: Fingerprint) -> None:
        """It has ended."""
        for holder in self._given:
            self.drop(holder, fingerprint)
        self._box.access.pop(fingerprint, None)

    def live_of_all(self) -> tuple[Lease, ...]:
        """Whatever lives, whose ever it is."""
        return tuple(lease for holder in self._given for lease in self.live(holder))

    def account_of(self, fingerprint: Fingerprint) -> str:
        """The account that a live token was given out for."""
        return self._box.access[fingerprint][0]
