"""The door of a mode, as looking and doing see it: the calls that one mode makes and another does not."""

from typing import Protocol

from box_app_operator.cache.attempts import Memory, PlatformAnswers
from box_app_operator.enterprise.protocols import Link
from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import Observed
from box_app_operator.model.steps import Obtaining, Revoking
from box_app_operator.modes.common.access import Client


class ModeClient(Protocol):
    """The calls of one mode. Every one raises OperatorError when it was not made, or when that is not known."""

    def awaited_secret(self, desired: Desired) -> str | None:
        """The name of the Secret in which a person hands something over; None when nothing is handed over."""

    async def observe(self, desired: Desired, seen: Observed, link: Link, answers: PlatformAnswers) -> Observed:
        """Add what can be known of the app; ``known`` stays False while that is nothing.

        Args:
            answers: what Box's public API answered before; kept up to date.
        """

    async def obtain_token(self, step: Obtaining, desired: Desired, link: Link, memory: Memory) -> str:
        """Get a token and keep it in memory until it is published; says for the log what was done."""

    async def revoke_token(
        self, step: Revoking, desired: Desired, observed: Observed, link: Link, memory: Memory
    ) -> str:
        """End a token, if it is still this one; says for the log what was done."""

    async def credentials(self, desired: Desired) -> Client | None:
        """Client id and client secret, with which tokens are revoked; None while either is missing."""
