"""Watching the few Secrets that the operator does not own, each by its name: no right to list foreign Secrets is
needed.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Iterable

from box_app_operator.api.enterprise import SecretKeyRef
from box_app_operator.errors import OperatorError, TransientError
from box_app_operator.kube.secrets import KubeSecrets
from box_app_operator.watch.reflector import MAX_PAUSE_SECONDS, SOUND_SECONDS

logger = logging.getLogger(__name__)


class SecretWatch:
    """Calls ``changed`` whenever one of the Secrets may have changed, and when a watch begins."""

    def __init__(
        self, credentials: KubeSecrets, backoff: Callable[[int], float], changed: Callable[[], Awaitable[None]]
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
                watches = [follow_secret(self._credentials, name, self._backoff, self._changed) for name in self._names]
                tasks = [group.create_task(watch) for watch in watches]
                await self._moved.wait()
                for task in tasks:
                    task.cancel()


async def follow_secret(
    credentials: KubeSecrets,
    name: tuple[str, str],
    backoff: Callable[[int], float],
    changed: Callable[[], Awaitable[None]],
) -> None:
    """Call ``changed`` whenever the Secret of this namespace and name may have changed, until cancelled."""
    loop, failures = asyncio.get_running_loop(), 0
    while True:
        began = loop.time()
        asked = await _watch_once(credentials, name, changed)
        # Only a watch that lived for a while works: one that tells what is there and breaks begins again and again.
        failures = 1 if loop.time() - began >= SOUND_SECONDS else failures + 1
        await asyncio.sleep(max(asked, min(MAX_PAUSE_SECONDS, backoff(failures))))


async def _watch_once(credentials: KubeSecrets, name: tuple[str, str], changed: Callable[[], Awaitable[None]]) -> float:
    """One watch, until it ends or breaks; returns the seconds that the API server asks to wait."""
    try:
        async for _ in credentials.watch_secret(*name):
            await changed()
    except OperatorError as error:
        logger.debug("Secret %s/%s: %s", *name, error)
        return (error.retry_after_seconds or 0.0) if isinstance(error, TransientError) else 0.0
    except Exception:
        logger.exception("Secret %s/%s cannot be watched; this is a bug, please report it", *name)
    return 0.0
