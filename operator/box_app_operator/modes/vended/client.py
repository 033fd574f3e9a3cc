"""The mode Vended: tokens are obtained from the vendor, listed there, and revoked there by their fingerprint."""

from __future__ import annotations

from dataclasses import replace

from box_app_operator.cache.attempts import Memory
from box_app_operator.enterprise.protocols import Link
from box_app_operator.errors import TransientError
from box_app_operator.model.box import PendingToken, SlotToken, UnlistedTokens
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import Observed
from box_app_operator.model.steps import Obtaining, RevokeDownscoped, Revoking
from box_app_operator.modes.common.access import platform_of
from box_app_operator.modes.vended.vendor import Lease, Vendor


class VendedClient:
    """Asks the vendor."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor

    def awaited_secret(self, desired: Desired) -> str | None:  # noqa: ARG002 - see ModeClient
        """Nothing is handed over."""
        return None

    async def observe(self, desired: Desired, seen: Observed, link: Link, memory: Memory) -> Observed:
        """The tokens that the vendor lists. Those are all that live, so that none is ever lost."""
        if seen.problem is not None:
            return seen
        platform_of(link)
        leases = await self._vendor.leases(desired.uid)
        issued = tuple(_token_of(lease) for lease in leases)
        if memory.pending is not None and memory.pending.fingerprint not in {token.fingerprint for token in issued}:
            memory.drop_pending()
        source = UnlistedTokens(None, issued, follows_spec=False)
        return replace(seen, known=True, unlisted=source, pending=memory.pending)

    async def obtain_token(self, step: Obtaining, desired: Desired, link: Link, memory: Memory) -> str:  # noqa: ARG002 - see ModeClient
        """Ask the vendor for another token of the account.

        Raises:
            StalledError: the vendor does not know the account.
        """
        if desired.account is None:
            raise TransientError(Reason.AWAITING_TOKEN, "The spec does not name an account any more")
        token, lease = await self._vendor.issue(desired.uid, desired.account)
        memory.set_pending(PendingToken(token.fingerprint), token, _token_of(lease))
        return f"obtained token {token.fingerprint} of account {desired.account} from the vendor"

    async def revoke_token(
        self,
        step: Revoking,
        desired: Desired,
        observed: Observed,  # noqa: ARG002 - see ModeClient
        link: Link,  # noqa: ARG002 - likewise
        memory: Memory,
    ) -> str:
        """By its fingerprint."""
        await self._vendor.end(desired.uid, step.fingerprint)
        if memory.pending is not None and memory.pending.fingerprint == step.fingerprint:
            memory.drop_pending()
        return f"revoked token {step.fingerprint} at the vendor"

    async def revoke_downscoped(self, step: RevokeDownscoped, desired: Desired, link: Link, memory: Memory) -> str:  # noqa: ARG002 - see ModeClient
        """The vendor knows nothing of these."""
        memory.answers.ended.add(step.fingerprint)
        return f"left downscoped token {step.fingerprint} to its end"


def _token_of(lease: Lease) -> SlotToken:
    return SlotToken(lease.fingerprint, lease.issued_at, lease.ends_at)
