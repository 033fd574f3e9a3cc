"""Watching the few Secrets that somebody else keeps, each by its name: no right to list foreign Secrets is needed."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Protocol

from box_app_operator.core.enterprise import SecretKeyRef
from box_app_operator.errors import TransientError

logger = logging.getLogger(__name__)


class Credentials(Protocol):
    """Secrets that somebody else keeps."""

    async def read_value(self, ref: SecretKeyRef) -> str | None:
        """One value, None when it is missing."""
        ...

    def watch_secret(self, namespace: str, name: str) -> AsyncIterator[None]:
        """Yields whenever the Secret may have changed."""
        ...


class SecretWatch:
    """Calls ``changed`` whenever one of the Secrets may have changed, and when a watch begins."""

    def __init__(
        self, credentials: Credentials, backoff: Callable[[int], float], changed: Callable[[], Awaitable[None]]
    ) -> None:
        self._credentials = credentials
        self._backoff = backoff
        self._changed = changed
        self._names: set[tuple[str, str]] = set()
        self._moved = asyncio.Event()

    def look_at(self, refs: Iterable[SecretKeyRef | None]) -> None:
        """Watch these Secrets from now on."""
        self._names = {(ref.namespace, ref.name) for ref in refs if ref is not None}
        self._moved.set()

    async def run(self) -> None:
        """Watch until cancelled."""
        while True:
            self._moved.clear()
            async with asyncio.TaskGroup() as group:
                tasks = [group.create_task(self._follow(*name)) for name in self._names]
                await self._moved.wait()
                for task in tasks:
                    task.cancel()

    async def _follow(self, namespace: str, name: str) -> None:
        await follow_secret(self._credentials, (namespace, name), self._backoff, self._changed)


async def follow_secret(
    credentials: Credentials,
    name: tuple[str, str],
    backoff: Callable[[int], float],
    changed: Callable[[], Awaitable[None]],
) -> None:
    """Call ``changed`` whenever the Secret of this namespace and name may have changed, until cancelled."""
    failures = 0
    while True:
        try:
            async for _ in credentials.watch_secret(*name):
                failures = 0
                await changed()
        except TransientError as error:
            failures += 1
            logger.debug("Secret %s/%s: %s", *name, error)
        except Exception:
            failures += 1
            logger.exception("Secret %s/%s cannot be watched; this is a bug", *name)
        await asyncio.sleep(backoff(max(1, failures)))
