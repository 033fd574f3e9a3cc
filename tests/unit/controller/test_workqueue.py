"""The work queue: at most one worker for each key, nothing lost, the sooner of two wishes."""

import asyncio
import contextlib
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from tests.fakes.link import rest

from box_app_operator.controller.workqueue import WorkQueue

Work = Callable[[str], Awaitable[float | None]]
LONG = 3600.0


@contextlib.asynccontextmanager
async def running(work: Work, workers: int = 4) -> AsyncIterator[WorkQueue[str]]:
    """A queue whose workers work, until the end of the block."""
    queue = WorkQueue(work, workers)
    task = asyncio.create_task(queue.run())
    try:
        yield queue
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


class Gate:
    """Work that waits at a gate, and notes who is inside."""

    def __init__(self) -> None:
        self.opened = asyncio.Event()
        self.entered: asyncio.Queue[str] = asyncio.Queue()
        self.inside: Counter[str] = Counter()
        self.most: Counter[str] = Counter()
        self.again: float | None = None

    async def work(self, key: str) -> float | None:
        """Go in, wait for the gate, go out."""
        self.inside[key] += 1
        self.most[key] = max(self.most[key], self.inside[key])
        self.entered.put_nowait(key)
        await self.opened.wait()
        self.inside[key] -= 1
        return self.again

    async def next(self) -> str:
        """The next key that goes in."""
        return await asyncio.wait_for(self.entered.get(), 60)


async def test_a_key_that_waits_is_worked_upon_once() -> None:
    """Added three times before a worker is free, done once."""
    gate = Gate()
    async with running(gate.work, workers=1) as queue:
        queue.add("other")
        assert await gate.next() == "other"
        for _ in range(3):
            queue.add("a")
        assert len(queue) == 2
        gate.opened.set()
        assert await gate.next() == "a"
        await rest()

        assert gate.entered.empty()
        assert len(queue) == 0


async def test_a_key_is_never_worked_upon_twice_at_once_and_is_not_lost() -> None:
    """Added while it is worked upon: once more afterwards, and only once."""
    gate = Gate()
    async with running(gate.work) as queue:
        queue.add("a")
        await gate.next()
        for _ in range(3):
            queue.add("a")
            await rest()
        assert gate.entered.empty()
        gate.opened.set()
        assert await gate.next() == "a"
        await rest()

        assert gate.entered.empty()
        assert gate.most["a"] == 1


async def test_different_keys_are_worked_upon_at_once_up_to_the_number_of_workers() -> None:
    """A slow object does not hold up the others, and the number of workers is a ceiling."""
    gate = Gate()
    async with running(gate.work, workers=2) as queue:
        for key in "abc":
            queue.add(key)
        assert {await gate.next(), await gate.next()} == {"a", "b"}
        await rest()
        assert gate.entered.empty()
        gate.opened.set()

        assert await gate.next() == "c"


async def test_work_comes_back_after_the_time_that_it_asked_for() -> None:
    """The answer of the work is when to look again."""
    times: list[float] = []
    done = asyncio.Event()

    async def work(_: str) -> float | None:
        times.append(asyncio.get_running_loop().time())
        if len(times) == 2:
            done.set()
            return None
        return 0.02

    async with running(work) as queue:
        queue.add("a")
        await asyncio.wait_for(done.wait(), 60)

    assert times[1] - times[0] >= 0.019


@pytest.mark.parametrize("wishes", [(LONG, 0.0), (0.0, LONG), (-1.0, LONG)])
async def test_the_sooner_of_two_wishes_counts(wishes: tuple[float, float]) -> None:
    """In whichever order they come, and only once."""
    gate = Gate()
    gate.opened.set()
    async with running(gate.work) as queue:
        for seconds in wishes:
            queue.add_after("a", seconds)

        assert await gate.next() == "a"
        await rest()
        assert gate.entered.empty()


async def test_a_timer_that_is_due_while_its_key_is_worked_upon_is_not_lost() -> None:
    """It counts as one more wish."""
    gate = Gate()
    async with running(gate.work) as queue:
        queue.add("a")
        await gate.next()
        queue.add_after("a", 0)
        await rest()
        gate.opened.set()

        assert await gate.next() == "a"
        assert gate.most["a"] == 1


async def test_work_that_raises_ends_the_run_loudly_and_keeps_what_waits() -> None:
    """Work must not raise; when it does, the run ends with the error instead of a worker dying in silence.

    Keys that wait are still there for another run, and the key that failed can be added again.
    """
    seen: list[str] = []
    all_seen = asyncio.Event()

    async def work(key: str) -> float | None:
        seen.append(key)
        if seen == ["bad"]:
            raise ZeroDivisionError
        if len(seen) == 3:
            all_seen.set()
        return None

    queue = WorkQueue(work, 1)
    for key in ("bad", "good"):
        queue.add(key)
    with pytest.raises(ExceptionGroup) as caught:
        await asyncio.wait_for(queue.run(), 60)
    assert caught.value.subgroup(ZeroDivisionError) is not None

    queue.add("bad")
    again = asyncio.create_task(queue.run())
    await asyncio.wait_for(all_seen.wait(), 60)
    again.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await again
    assert seen == ["bad", "good", "bad"]


async def test_a_drained_queue_finishes_what_was_begun_and_begins_nothing_new() -> None:
    """So that a token that was generated is published before the operator stops."""
    gate = Gate()
    async with running(gate.work, workers=1) as queue:
        for key in "ab":
            queue.add(key)
        assert await gate.next() == "a"
        queue.add_after("c", 0)
        drained = asyncio.create_task(queue.drain(5))
        await rest()
        assert not drained.done()
        queue.add("d")
        gate.opened.set()
        await asyncio.wait_for(drained, 60)
        await rest()

        assert gate.inside["a"] == 0
        assert gate.entered.empty()


async def test_draining_gives_up_on_work_that_does_not_end() -> None:
    """Kubernetes kills a pod that takes too long; the limit comes first."""
    gate = Gate()
    async with running(gate.work) as queue:
        queue.add("a")
        await gate.next()

        await asyncio.wait_for(queue.drain(0.02), 60)
