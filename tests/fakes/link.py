"""The way to one enterprise as passes see it, and the clock that they read, both set by the test."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from datetime import UTC, datetime

from box_app_operator.api.spec import Body
from box_app_operator.cache.apps import Listing
from box_app_operator.cache.identities import Identities
from box_app_operator.model.box import AdoptionEntry, Problem
from box_app_operator.ports import Console, Platform


class FakeLink:
    """The way to the one enterprise.

    Attributes:
        suspected: how often somebody met a credential that Box refused.
    """

    problem: Problem | None = None
    selector: Body | None = None
    is_deleting = False
    has_console = True
    enterprise_id: str | None = None

    def __init__(
        self,
        console: Console | None = None,
        platform: Platform | None = None,
        *,
        probed: bool = True,
        adoption: tuple[AdoptionEntry, ...] = (),
    ) -> None:
        self.console, self.platform, self.probed, self.adoption = console, platform, probed, adoption
        self.listing, self.identities = Listing(), Identities()
        self.suspected = 0

    def reconnect(self) -> None:
        """Somebody met a refused credential."""
        self.suspected += 1


class OneEnterprise:
    """The enterprise "default", if it has a link, and no other."""

    link: FakeLink | None = None

    def get(self, name: str) -> FakeLink | None:
        """The link of the enterprise."""
        return self.link if name == "default" else None

    @contextlib.asynccontextmanager
    async def kept(self, name: str) -> AsyncIterator[None]:
        """Nobody deletes the enterprise."""
        yield


class StillClock:
    """A clock that stands still until the test sets ``moment``."""

    moment = datetime(2026, 3, 1, 12, tzinfo=UTC)

    def now(self) -> datetime:
        """The time."""
        return self.moment

    def monotonic(self) -> float:
        """Nobody sets the clock back here."""
        return self.moment.timestamp()
