"""The way to one enterprise as passes see it, what such a way is made with, and the clock that they read."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, cast

from box_app_operator.api.enterprise import Enterprise
from box_app_operator.api.spec import Body
from box_app_operator.cache.apps import Listing
from box_app_operator.cache.cluster import Store
from box_app_operator.cache.identities import Identities
from box_app_operator.controller.reconciler import Reconciler
from box_app_operator.core.plan import Delays
from box_app_operator.enterprise.clients import Clients
from box_app_operator.enterprise.connection import LinkDependencies
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


def new_reconciler(
    stage: Any, pause: timedelta, delays: Delays, passed: Callable[[str], None] = lambda _: None
) -> Reconciler:
    """A reconciler that remembers nothing. The stage is its clock and its enterprises, and has cluster and store."""
    cluster = stage.cluster
    return Reconciler(
        stage.store,
        stage,
        cluster,
        cluster,
        cluster,
        stage,
        delays=delays,
        status_pause=timedelta(seconds=30),
        backoff=lambda failures: pause.total_seconds() * failures,
        passed=passed,
    )


class Surroundings(StillClock):
    """What links to enterprises need: a Box that answers, and Secrets.

    Attributes:
        value: what each Secret holds, or what reading one raises.
        error: what Box answers; None when all is well.
        changes: a Secret is watched, and changes when a test puts something here.
    """

    def __init__(self, value: str | Exception | None = None, error: Exception | None = None) -> None:
        self.value, self.error = value, error
        self.changes: asyncio.Queue[None] = asyncio.Queue()

    async def ping(self) -> None:
        """Does the platform answer?"""
        if self.error is not None:
            raise self.error

    async def read_value(self, _: Any) -> str | None:
        """The value of a Secret."""
        if isinstance(self.value, Exception):
            raise self.value
        return self.value

    async def watch_secret(self, namespace: str, name: str) -> AsyncIterator[None]:
        """Whenever a Secret changes."""
        while True:
            yield await self.changes.get()

    def connect(self, enterprise: Enterprise, credential: str | None, ca: str | None) -> Any:
        """The platform, without a console.

        Raises:
            ValueError: the CA bundle is none.
        """
        if ca is not None and "CERTIFICATE" not in ca:
            raise ValueError
        return contextlib.nullcontext(Clients(console=None, platform=cast("Any", self)))

    def for_links(self, store: Store | None = None, backoff: float = 60.0) -> LinkDependencies:
        """What links are made with; they wake nobody."""
        nobody: Any = lambda _: None  # noqa: E731 - it stands for several
        return LinkDependencies(
            store=store or Store(),
            connect=self.connect,
            credentials=self,
            clock=cast("Any", self),
            backoff=lambda _: backoff,
            wake=nobody,
            clear_refusals=nobody,
            clear_human_refusals=nobody,
            name_freed=nobody,
            wait_seconds=0.0,
        )


async def until(condition: Callable[[], bool]) -> None:
    """Let others run until it holds."""
    for _ in range(10_000):
        if condition():
            return
        await asyncio.sleep(0)
    raise AssertionError("it never came to that")


async def rest() -> None:
    """Let everything run until it waits for something that does not come by itself."""
    for _ in range(200):
        await asyncio.sleep(0)
