"""Running Kopf: what it cannot go on after is told, and nobody's work is cut short by it."""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any, cast

import kopf
import pytest
from tests.fakes.link import rest

from box_app_operator.controller import kopf_watch
from box_app_operator.controller.handlers import LISTED_NAMESPACES, WHOLE_CLUSTER, Memo
from box_app_operator.controller.kopf_watch import KindsGoneError, WatchEndedError, watch
from box_app_operator.errors import TransientError


class ApiError(Exception):
    """An error as Kopf raises it."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message, {"kind": "Status"})
        self.status, self.message = status, message


ApiError.__module__ = "kopf._cogs.clients.errors"


class FakeKopf:
    """Stands for Kopf: it watches until it is told to stop, or until a test ends it, and then calls its handler.

    Attributes:
        given: what it was started with; empty before.
        end: what a test ends it with.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.given: dict[str, Any] = {}
        self.end: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        monkeypatch.setattr(kopf, "operator", self._operator)

    async def _operator(self, *, stop_flag: asyncio.Event, **given: Any) -> None:
        self.given = given
        stopped = asyncio.ensure_future(stop_flag.wait())
        await asyncio.wait([stopped, self.end], return_when=asyncio.FIRST_COMPLETED)
        stopped.cancel()
        await given["memo"].finish()
        if self.end.done():
            self.end.result()


async def installed() -> bool:
    """The kinds are there."""
    return True


class Stage:
    """Kopf, which runs."""

    def __init__(
        self, monkeypatch: pytest.MonkeyPatch, is_installed: Callable[[], Awaitable[bool]] = installed
    ) -> None:
        self.kopf, self.stop, self.finished = FakeKopf(monkeypatch), asyncio.Event(), 0
        self.controller = cast("Any", object())
        memo = Memo(self.controller, self.log_in, self.count)
        self.task = asyncio.create_task(watch(LISTED_NAMESPACES, memo, is_installed, self.stop))

    async def log_in(self) -> kopf.ConnectionInfo:
        """Nobody asks."""
        raise AssertionError

    async def count(self) -> None:
        """Passes finish."""
        self.finished += 1

    async def ended(self) -> None:
        """Wait for the end, and raise what it raises."""
        await asyncio.wait_for(self.task, 60)


async def test_kopf_gets_its_handlers_and_what_they_work_with(monkeypatch: pytest.MonkeyPatch) -> None:
    """Alone, without peers; and it ends when it is told to."""
    stage = Stage(monkeypatch)
    await rest()
    assert stage.kopf.given["registry"] is LISTED_NAMESPACES
    memo = stage.kopf.given["memo"]
    assert (memo.controller, memo.log_in) == (stage.controller, stage.log_in)
    assert stage.kopf.given["standalone"]
    assert stage.kopf.given["identity"], "Kopf would ask for a user's name, and the user of an image has none"

    stage.stop.set()
    await stage.ended()


@pytest.mark.parametrize(
    ("error", "expected", "words"),
    [
        (ApiError(404, "the server could not find the requested resource"), KindsGoneError, ""),
        (ApiError(410, "too old"), WatchEndedError, "ApiError: too old"),
        (ConnectionResetError("by peer"), WatchEndedError, "ConnectionResetError: by peer"),
        (ZeroDivisionError("bug"), ZeroDivisionError, "bug"),
        (None, WatchEndedError, "it ended by itself"),
    ],
)
async def test_what_ended_kopf_is_told(
    monkeypatch: pytest.MonkeyPatch, error: Exception | None, expected: type[Exception], words: str
) -> None:
    """In the words of the process's last line; a bug stays what it is. An end without a word is told, too."""
    stage = Stage(monkeypatch)
    if error is None:
        stage.kopf.end.set_result(None)
    else:
        stage.kopf.end.set_exception(error)

    with pytest.raises(expected) as caught:
        await stage.ended()
    assert str(caught.value) == words
    assert stage.finished == 1


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
        assert not stage.kopf.given
        return bool(answer)

    stage = Stage(monkeypatch, is_installed)
    await asyncio.wait_for(told.wait(), 60)
    await rest()
    assert stage.kopf.given

    stage.stop.set()
    await stage.ended()


async def test_kopf_need_not_have_begun_to_be_stopped(monkeypatch: pytest.MonkeyPatch) -> None:
    """While its kinds are waited for."""

    async def missing() -> bool:
        return False

    stage = Stage(monkeypatch, missing)
    await rest()
    stage.stop.set()
    await stage.ended()
    assert not stage.kopf.given


class SlowApi:
    """What the real Kopf asks which kinds there are: it answers only once Kopf is about to end."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.asked, self.answer = asyncio.Event(), asyncio.Event()
        self.answered: list[str] = []
        self.answered_at_close: list[str] = []
        monkeypatch.setattr("kopf._cogs.clients.scanning.api.get", self._get)
        monkeypatch.setattr("kopf._cogs.structs.credentials.Vault.close", self._close)

    async def _get(self, url: str, **_: Any) -> dict[str, list[Any]]:
        self.asked.set()
        await self.answer.wait()
        self.answered.append(url)
        return {"versions": [], "groups": []}

    async def _close(self) -> None:
        """Kopf closes its connections."""
        self.answered_at_close = sorted(self.answered)


async def test_the_real_kopf_lets_everybody_finish_before_it_cancels_them(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pass with a token in its hands, and its own questions, also where it is stopped when it has hardly begun."""
    api, stop = SlowApi(monkeypatch), asyncio.Event()
    under_way: list[bool] = []

    async def finish() -> None:
        under_way.append(not pass_.done())
        pass_.cancel()
        asyncio.get_running_loop().call_later(0.01, api.answer.set)

    async def log_in() -> kopf.ConnectionInfo:
        return kopf.ConnectionInfo(server="https://api.example.com")

    memo = Memo(cast("Any", None), log_in, finish)
    watching = asyncio.create_task(watch(WHOLE_CLUSTER, memo, installed, stop))
    await asyncio.wait_for(api.asked.wait(), 60)
    pass_ = asyncio.create_task(asyncio.Event().wait())
    stop.set()

    await asyncio.wait_for(watching, 60)
    assert under_way == [True]
    assert api.answered_at_close == ["/api", "/apis"]
