"""Start, elect, serve, stop: in which order, and what ends the process."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator
from typing import Any, cast

import pytest
from tests.fakes.link import rest

from box_app_operator import run
from box_app_operator.config import Settings
from box_app_operator.controller.handlers import LISTED_NAMESPACES, WHOLE_CLUSTER, Memo
from box_app_operator.errors import TransientError
from box_app_operator.run import FORESEEN, Loop, Running


class FakePart:
    """A part of the operator: it runs until it is cancelled, or until a test ends it."""

    def __init__(self, name: str, heard: list[str]) -> None:
        self._name, self._heard = name, heard
        self.end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.started = asyncio.Event()

    async def run(self) -> None:
        """Run."""
        self._heard.append(f"{self._name} runs")
        try:
            await self.end
        except asyncio.CancelledError:
            self._heard.append(f"{self._name} is cancelled")
            raise

    async def drain(self, seconds: float) -> None:
        """Let passes finish."""
        await asyncio.sleep(0)
        self._heard.append(f"{self._name} is drained")

    async def close(self) -> None:
        """Stop following."""
        self._heard.append(f"{self._name} is closed")

    async def release(self) -> None:
        """Give the Lease back."""
        self._heard.append("the Lease is given back")

    async def is_installed(self) -> bool:
        """The kinds are there."""
        return True


class Stage:
    """An operator whose parts do nothing, and the order in which they were asked to."""

    def __init__(self) -> None:
        self.heard: list[str] = []
        self.stop = asyncio.Event()
        for name in ("watches", "queue", "sweep", "enterprises", "pods", "imports", "intake", "lists", "lease"):
            setattr(self, name, FakePart(name, self.heard))
        self.running = Running(cast("Any", self), cast("Any", self.lease), self.stop)  # type: ignore[attr-defined]
        self.kopf = FakePart("Kopf", self.heard)
        self.registries: list[Any] = []

    async def watch(self, registry: Any, memo: Memo, is_installed: Any, stop: asyncio.Event) -> None:
        """Stands for Kopf, which calls its cleanup handler at its end, whatever that was."""
        self.registries.append(registry)
        working = asyncio.ensure_future(self.kopf.run())
        stopped = asyncio.ensure_future(stop.wait())
        await asyncio.wait([working, stopped], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        await memo.finish()
        if working.done():
            working.result()
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)

    def serve(self, **settings: Any) -> asyncio.Task[None]:
        """Serve, in the background."""
        return asyncio.create_task(run._serve(Settings(**settings), cast("Any", self), self.running, self.stop))


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """Parts that can be looked at, and a Kopf that does what a test says."""

    async def prepare(_: Any) -> None:
        """There are credentials."""

    stage = Stage()
    monkeypatch.setattr(run, "watch", stage.watch)
    monkeypatch.setattr(run.Logins, "prepare", prepare)
    yield stage
    await stage.running.finish()


BEGUN = ["watches runs", "queue runs", "sweep runs"]
ENDED = [
    *("queue is drained", "enterprises is closed", "pods is closed", "imports is closed"),
    *("watches is cancelled", "queue is cancelled", "sweep is cancelled", "the Lease is given back"),
]


async def test_kopf_begins_once_everything_was_listed_and_ends_after_the_passes(stage: Stage) -> None:
    """The parts work from the beginning; at the end passes finish first, and the Lease goes last."""
    serving = stage.serve()
    await rest()
    assert stage.heard == BEGUN

    stage.watches.started.set()  # type: ignore[attr-defined]
    await rest()
    assert stage.heard == [*BEGUN, "Kopf runs"]

    stage.stop.set()
    await asyncio.wait_for(serving, 60)
    assert sorted(stage.heard[4:12]) == sorted(ENDED)
    assert stage.heard[4] == "queue is drained"
    assert stage.heard[11:] == ["the Lease is given back", "Kopf is cancelled"]


@pytest.mark.parametrize(("namespaces", "registry"), [((), WHOLE_CLUSTER), (("a",), LISTED_NAMESPACES)])
async def test_kopf_watches_what_nobody_else_does(stage: Stage, namespaces: tuple[str, ...], registry: Any) -> None:
    """With a list of namespaces, their BoxCustomApps are watched already."""
    serving = stage.serve(namespaces=namespaces)
    stage.watches.started.set()  # type: ignore[attr-defined]
    await rest()
    stage.stop.set()
    await asyncio.wait_for(serving, 60)

    assert stage.registries == [registry]


async def test_being_stopped_before_everything_was_listed_is_an_end_in_good_order(stage: Stage) -> None:
    """Kopf has not begun, and does not."""
    serving = stage.serve()
    await rest()
    stage.stop.set()
    await asyncio.wait_for(serving, 60)

    assert sorted(stage.heard) == sorted([*BEGUN, *ENDED])


@pytest.mark.parametrize(("part", "listed"), [("sweep", False), ("sweep", True), ("kopf", True)])
async def test_a_part_that_fails_ends_the_process(stage: Stage, part: str, listed: bool) -> None:
    """With its own error, and in good order; before and after Kopf has begun, and Kopf likewise."""
    serving = stage.serve()
    if listed:
        stage.watches.started.set()  # type: ignore[attr-defined]
    await rest()
    getattr(stage, part).end.set_exception(ZeroDivisionError("restored"))

    with pytest.raises(ZeroDivisionError, match="restored"):
        await asyncio.wait_for(serving, 60)
    assert "queue is drained" in stage.heard
    assert stage.heard.count("the Lease is given back") == 1


async def test_what_fails_at_the_end_is_no_reason(stage: Stage) -> None:
    """A part that stumbles while it is being stopped has done its work."""
    stage.running.begin()
    await rest()
    finishing = asyncio.create_task(stage.running.finish())
    await asyncio.sleep(0)
    stage.sweep.end.set_exception(ZeroDivisionError())  # type: ignore[attr-defined]
    await asyncio.wait_for(finishing, 60)

    assert stage.running.error is None


async def test_standing_by_ends_with_the_turn_or_with_a_signal() -> None:
    """Whichever comes first; and an election that fails is told."""
    stop, cancelled = asyncio.Event(), asyncio.Event()

    async def won() -> None:
        pass

    async def never() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    async def broken() -> None:
        raise ZeroDivisionError

    assert await run._unless_stopped(won(), stop)
    with pytest.raises(ZeroDivisionError):
        await run._unless_stopped(broken(), stop)
    stop.set()
    assert not await run._unless_stopped(never(), stop)
    assert cancelled.is_set()


def test_the_first_handler_of_a_signal_stays() -> None:
    """Kopf puts its own in place when it begins, and a second signal would be an error to that one."""
    heard: list[str] = []

    async def main() -> None:
        loop, done = asyncio.get_running_loop(), asyncio.Event()
        loop.add_signal_handler(signal.SIGUSR1, lambda: (heard.append("ours"), done.set()))
        loop.add_signal_handler(signal.SIGUSR1, heard.append, "Kopf's")
        os.kill(os.getpid(), signal.SIGUSR1)
        await asyncio.wait_for(done.wait(), 60)

    with asyncio.Runner(loop_factory=Loop) as runner:
        runner.run(main())

    assert heard == ["ours"]


@pytest.mark.parametrize("error", FORESEEN, ids=lambda error: error.__name__)
def test_everything_foreseen_has_its_words(error: type[Exception]) -> None:
    """Not those for whatever else Kubernetes may refuse."""
    args = ("KubernetesUnavailable", "no answer") if error is TransientError else ("no answer",)

    assert not run._explain(error(*args)).startswith("Kubernetes refused")
