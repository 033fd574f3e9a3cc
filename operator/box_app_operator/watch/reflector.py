"""Keeping what is remembered of one collection equal to what the API server has: list once, then watch.

Nothing that an API server answers ends a reflector. A connection that is cut or falls silent goes on where it was. A
resource version that is forgotten (410), or that the API server does not have (after a restored backup), leads to a new
list. Refusals are tried again for as long as it takes.
"""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Generic, TypeVar

from box_app_operator.errors import KUBERNETES_UNAVAILABLE, TransientError
from box_app_operator.kube.collection import ExpiredError, KubeSource
from box_app_operator.kube.lists import Present
from box_app_operator.model.box import UID

T = TypeVar("T")

SOUND_SECONDS = 5.0
"""A watch that lives so long works: what went wrong before has ended."""
MAX_PAUSE_SECONDS = 30.0
"""Between two tries. A missing Role may be there any moment, and it should be noticed soon."""
MAX_FAILURES = 3
"""So many watches in a row may fail before everything is listed anew."""

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Sink(Generic[T]):
    """Takes in what a reflector learns.

    ``on_listed`` gets a page of objects that are there. ``on_relist`` is called when everything was listed: what is not
    present is gone. ``on_change`` gets an object that appeared or changed, and with True one that went.
    """

    on_listed: Callable[[list[T]], None]
    on_relist: Callable[[Present], None]
    on_change: Callable[[T, bool], None]


class Reflector(Generic[T]):
    """Follows one collection until it is cancelled.

    Attributes:
        listed: is set once everything was listed.
        tried: is set once the first try ended, well or not.
    """

    def __init__(
        self,
        source: KubeSource[T],
        sink: Sink[T],
        backoff: Callable[[int], float],
        report: Callable[[TransientError | None], None],
    ) -> None:
        """``report`` is called with each failure, and None when the collection is followed again."""
        self.listed, self.tried = asyncio.Event(), asyncio.Event()
        self._source = source
        self._sink = sink
        self._backoff = backoff
        self._report = report
        self._since: str | None = None
        self._failures = 0
        self._poked = asyncio.Event()

    def poke(self) -> None:
        """Try again at once, because the reason for a failure may be gone."""
        self._poked.set()

    async def run(self) -> None:
        """Follow the collection until cancelled."""
        while True:
            await self._try(self._follow)

    async def list_once(self) -> None:
        """List the collection, however many tries it takes, and leave it to others to watch it."""
        while not self.listed.is_set():
            await self._try(self._list)
        self._is_sound()

    async def _try(self, work: Callable[[], Awaitable[None]]) -> None:
        """Do it; when it fails, say so and pause."""
        self._poked.clear()
        error = await self._outcome(work)
        self.tried.set()
        if error is None:
            return
        self._failures += 1
        if self._failures % MAX_FAILURES == 0:
            self._since = None
        self._report(error)
        pause = max(error.retry_after_seconds or 0.0, min(MAX_PAUSE_SECONDS, self._backoff(self._failures)))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._poked.wait(), pause)

    async def _outcome(self, work: Callable[[], Awaitable[None]]) -> TransientError | None:
        """Do it; returns what went wrong."""
        try:
            await work()
        except TransientError as error:
            return error
        except ExpiredError as error:
            self._since = None
            return TransientError(KUBERNETES_UNAVAILABLE, f"{error}: too old, listing anew")
        except Exception:
            logger.exception("A collection cannot be followed; this is a bug, please report it")
            self._since = None
            return TransientError(KUBERNETES_UNAVAILABLE, "the operator met a bug; its log has the details")
        return None

    async def _follow(self) -> None:
        if self._since is None:
            await self._list()
        if self._since is not None:
            await self._watch(self._since)

    async def _list(self) -> None:
        uids: set[UID] = set()
        version = ""
        async with contextlib.aclosing(self._source.pages()) as pages:
            async for page in pages:
                uids |= {self._source.meta_of(item)[0] for item in page.items}
                version = page.resource_version
                self._sink.on_listed(page.items)
        self._sink.on_relist(Present(frozenset(uids), int(version), only=self._source.namespace))
        self._since = version
        self.listed.set()
        self.tried.set()

    async def _watch(self, since: str) -> None:
        loop = asyncio.get_running_loop()
        began, heard = loop.time(), False
        sound = loop.call_later(SOUND_SECONDS, self._is_sound)
        try:
            async with contextlib.aclosing(self._source.changes(since)) as changes:
                async for change in changes:
                    heard, self._since = True, change.resource_version
                    if change.item is not None:
                        self._sink.on_change(change.item, change.gone)
        finally:
            sound.cancel()
        if not heard and loop.time() - began < SOUND_SECONDS:
            raise TransientError(KUBERNETES_UNAVAILABLE, "the API server ended a watch at once")
        self._is_sound()

    def _is_sound(self) -> None:
        self._failures = 0
        self._report(None)
