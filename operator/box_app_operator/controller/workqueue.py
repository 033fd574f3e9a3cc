"""The work queue: a key waits at most once, is never worked upon twice at the same time, and is never lost."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Generic, TypeVar

K = TypeVar("K")


class WorkQueue(Generic[K]):
    """Keys to be worked upon by a fixed number of workers.

    ``work`` returns the seconds after which it wants to see the key again, or None. A key that is added while it is
    worked upon is worked upon once more afterwards.
    """

    def __init__(self, work: Callable[[K], Awaitable[float | None]], workers: int) -> None:
        self._work = work
        self._count = workers
        self._ready: asyncio.Queue[K] = asyncio.Queue()
        self._waiting: set[K] = set()
        self._busy: set[K] = set()
        self._dirty: set[K] = set()
        self._timers: dict[K, asyncio.TimerHandle] = {}
        self._closing = False
        self._finished = asyncio.Condition()

    def __len__(self) -> int:
        return len(self._waiting) + len(self._busy)

    def add(self, key: K) -> None:
        """Have the key worked upon as soon as possible; in vain once the queue is drained."""
        if self._closing:
            return
        if key in self._busy:
            self._dirty.add(key)
        elif key not in self._waiting:
            self._waiting.add(key)
            self._ready.put_nowait(key)

    def add_after(self, key: K, seconds: float) -> None:
        """Have the key worked upon after so long; the sooner of two such requests counts."""
        loop = asyncio.get_running_loop()
        when = loop.time() + max(0.0, seconds)
        timer = self._timers.get(key)
        if timer is not None and timer.when() <= when:
            return
        if timer is not None:
            timer.cancel()
        self._timers[key] = loop.call_at(when, self._due, key)

    def _due(self, key: K) -> None:
        self._timers.pop(key, None)
        self.add(key)

    async def run(self) -> None:
        """Work until cancelled."""
        async with asyncio.TaskGroup() as group:
            for _ in range(self._count):
                group.create_task(self._worker())

    async def _worker(self) -> None:
        while not self._closing:
            key = await self._ready.get()
            self._waiting.discard(key)
            self._busy.add(key)
            again: float | None = None
            try:
                again = await self._work(key)
            finally:
                self._busy.discard(key)
                async with self._finished:
                    self._finished.notify_all()
            if key in self._dirty:
                self._dirty.discard(key)
                self.add(key)
            if again is not None:
                self.add_after(key, again)

    async def drain(self, seconds: float) -> None:
        """Begin nothing new, and let what was begun finish within so long.

        A token that was generated is published then, instead of being lost with the process.
        """
        self._closing = True
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()
        with contextlib.suppress(asyncio.QueueEmpty):
            while True:
                self._ready.get_nowait()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds), self._finished:
                await self._finished.wait_for(lambda: not self._busy)
