"""Running Kopf: what it cannot go on after is told, and nobody's work is cut short by it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from typing import Any, cast

import kopf
import pytest

from box_app_operator.controller import handlers, kopf_watch
from box_app_operator.controller.kopf_watch import KindsGoneError, KopfWatch, WatchEndedError
from box_app_operator.errors import TransientError


class ApiError(Exception):
    """An error as Kopf raises it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message, {"kind": "Status"})
        self.status, self.message = status, message


ApiError.__module__ = "kopf._cogs.clients.errors"


class FakeKopf:
    """Stands for Kopf: one task that a test ends, and what it is asked at the end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.task: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.spawned = False
        self.ignored: set[Any] = set()
        self.cleaned = asyncio.Event()
        monkeypatch.setattr(kopf, "spawn_tasks", self._spawn)
        monkeypatch.setattr(kopf, "run_tasks", self._run)

    async def _spawn(self, **_: Any) -> list[asyncio.Future[None]]:
        self.spawned = True
        return [self.task]

    async def _run(self, tasks: Any, *, ignored: set[Any]) -> None:
        self.ignored = ignored
        self.cleaned.set()


async def installed() -> bool:
    """The kinds are there."""
    return True


class Stage:
    """Kopf, which runs."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, is_installed: Callable[[], Awaitable[bool]]) -> None:
        self.kopf, self.stop = FakeKopf(monkeypatch), asyncio.Event()
        self.neighbour = asyncio.ensure_future(self.stop.wait())
        self.watch = KopfWatch(cast("Any", None), is_installed, apps=True, identity="me", stop=self.stop)
        self.task = asyncio.create_task(self.watch.run(cast("Any", None)))

    async def settle(self) -> None:
        """Let everything run until it waits."""
        for _ in range(20):
            await asyncio.sleep(0)

    async def end(self) -> None:
        """Tell it to stop."""
        self.stop.set()
        if not self.kopf.task.done():
            self.kopf.task.set_result(None)
        await asyncio.wait_for(self.task, 20)


@pytest.fixture
async def stage(monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Stage]:
    """Kopf on an API server that has the kinds."""
    stage = Stage(monkeypatch, installed)
    await stage.settle()
    yield stage
    if not stage.task.done():
        await stage.end()


@pytest.mark.parametrize(
    ("error", "expected", "words"),
    [
        (ApiError(404, "the server could not find the requested resource"), KindsGoneError, ""),
        (ApiError(410, "too old"), WatchEndedError, "ApiError: too old"),
        (ConnectionResetError("by peer"), WatchEndedError, "ConnectionResetError: by peer"),
        (ZeroDivisionError("bug"), ZeroDivisionError, "bug"),
    ],
)
async def test_what_ended_kopf_is_told_before_it_cleans_up(
    stage: Stage, error: Exception, expected: type[Exception], words: str
) -> None:
    """At its end it cancels every task that it finds: the passes of others must have come to theirs."""
    stage.kopf.task.set_exception(error)
    await stage.settle()

    with pytest.raises(expected) as caught:
        stage.watch.failed.result()
    assert str(caught.value) == words
    assert not stage.kopf.cleaned.is_set()
    await stage.end()
    assert stage.kopf.cleaned.is_set()


async def test_a_kopf_that_ends_without_a_word_is_told(stage: Stage) -> None:
    """Nobody would watch any more."""
    stage.kopf.task.set_result(None)
    await stage.settle()

    with pytest.raises(WatchEndedError):
        stage.watch.failed.result()


async def test_an_end_that_was_asked_for_is_no_failure(stage: Stage) -> None:
    """Tasks that were there before Kopf are none of its business."""
    await stage.end()

    assert not stage.watch.failed.done()
    assert stage.neighbour in stage.kopf.ignored


async def test_kopf_waits_until_its_kinds_are_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """It asks once which there are, and would be deaf for ever to one that is named a moment later."""
    monkeypatch.setattr(kopf_watch, "LOOK_AGAIN_SECONDS", 0.0)
    answers: list[Any] = [False, TransientError("KubernetesUnavailable", "504"), True]
    told = asyncio.Event()

    async def is_installed() -> bool:
        answer = answers.pop(0)
        if not answers:
            told.set()
        if isinstance(answer, Exception):
            raise answer
        return bool(answer)

    stage = Stage(monkeypatch, is_installed)
    await asyncio.wait_for(told.wait(), 20)
    await stage.settle()
    assert stage.kopf.spawned
    await stage.end()


async def test_kopf_need_not_have_begun_to_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """While its kinds are waited for."""

    async def missing() -> bool:
        return False

    stage = Stage(monkeypatch, missing)
    await stage.settle()

    await stage.end()
    assert not stage.kopf.spawned


def test_kopf_tries_without_an_end() -> None:
    """With its last try it would end, and the process with it; and each request begins with short pauses."""
    settings = kopf.OperatorSettings()
    handlers.configure(settings)
    for _ in range(2):
        pauses = iter(cast("Iterable[float]", settings.networking.error_backoffs))
        found = [next(pauses) for _ in range(1000)]
        assert found[0] == 1.0
        assert max(found) == 15.0
