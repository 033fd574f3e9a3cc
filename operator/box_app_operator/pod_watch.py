"""Following the pods of a namespace for as long as a token is phased out in it, and no longer.

Most of the time no pod is looked at: a cluster's pods are many, and what matters of them matters for an hour a month.
"""

from __future__ import annotations

import asyncio
import logging
from collections import defaultdict
from collections.abc import AsyncIterator, Callable
from typing import Protocol

from box_app_operator.core.model import UID
from box_app_operator.core.observed import PodView
from box_app_operator.errors import TransientError

logger = logging.getLogger(__name__)


MOST_WATCHES = 64
"""So many namespaces are followed at once. Beyond that pods are listed at every look, and looks come with the resync:
a thousand rotations at once must not become a thousand connections."""


class PodSource(Protocol):
    """Where pods are read from."""

    async def list_pods(self, namespace: str) -> tuple[dict[UID, PodView], str]:
        """The pods that refer to a Secret and are not over, and where a watch goes on."""
        ...

    def watch_pods(self, namespace: str, since: str) -> AsyncIterator[tuple[UID, PodView | None]]:
        """Pods that changed; None for one that is gone, is over, or refers to no Secret."""
        ...


class PodWatch:
    """The pods of the namespaces in which somebody wants to know."""

    def __init__(self, source: PodSource, backoff: Callable[[int], float], wake: Callable[[UID], None]) -> None:
        self._source = source
        self._backoff = backoff
        self._wake = wake
        self._wanted: defaultdict[str, set[UID]] = defaultdict(set)
        self._namespaces: dict[UID, str] = {}
        self._pods: dict[str, dict[UID, PodView]] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._begun: dict[str, asyncio.Event] = {}

    async def of(self, namespace: str, wanted_by: UID) -> tuple[PodView, ...] | None:
        """The pods of a namespace that refer to Secrets, followed from now on; None while they cannot be known."""
        if namespace not in self._tasks and len(self._tasks) >= MOST_WATCHES:
            return await self._list_once(namespace)
        self._wanted[namespace].add(wanted_by)
        self._namespaces[wanted_by] = namespace
        if namespace not in self._tasks:
            self._begun[namespace] = asyncio.Event()
            self._tasks[namespace] = asyncio.create_task(self._follow(namespace), name=f"pods of {namespace}")
        await self._begun[namespace].wait()
        pods = self._pods.get(namespace)
        return tuple(pods.values()) if pods is not None else None

    async def _list_once(self, namespace: str) -> tuple[PodView, ...] | None:
        try:
            pods, _ = await self._source.list_pods(namespace)
        except TransientError as error:
            logger.warning("The pods of %s are not known: %s", namespace, error)
            return None
        return tuple(pods.values())

    def release(self, wanted_by: UID) -> None:
        """This object needs to know no longer; with the last one the watch ends."""
        namespace = self._namespaces.pop(wanted_by, None)
        if namespace is None:
            return
        self._wanted[namespace].discard(wanted_by)
        if not self._wanted[namespace]:
            del self._wanted[namespace], self._begun[namespace]
            self._pods.pop(namespace, None)
            self._tasks.pop(namespace).cancel()

    async def close(self) -> None:
        """Stop following."""
        tasks = list(self._tasks.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, namespace: str) -> None:
        begun, failures = self._begun[namespace], 0
        while True:
            try:
                self._pods[namespace], since = await self._source.list_pods(namespace)
                begun.set()
                self._tell(namespace)
                failures = 0
                async for uid, pod in self._source.watch_pods(namespace, since):
                    if self._take_in(namespace, uid, pod):
                        self._tell(namespace)
            except TransientError as error:
                failures += 1
                logger.warning("The pods of %s are not known: %s", namespace, error)
            except Exception:
                failures += 1
                logger.exception("The pods of %s cannot be followed; this is a bug, please report it", namespace)
            if failures:
                # What was known may be over: rather nothing than a pod that is taken for gone, or for alive.
                self._pods.pop(namespace, None)
                begun.set()
                await asyncio.sleep(self._backoff(failures))

    def _take_in(self, namespace: str, uid: UID, pod: PodView | None) -> bool:
        """Was it news?"""
        pods = self._pods[namespace]
        before = pods.pop(uid, None)
        if pod is not None:
            pods[uid] = pod
        return before != pod

    def _tell(self, namespace: str) -> None:
        for uid in self._wanted[namespace]:
            self._wake(uid)
