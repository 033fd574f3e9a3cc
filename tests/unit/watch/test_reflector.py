"""A reflector keeps memory and API server equal, whatever the API server answers."""

import asyncio
import contextlib
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from typing import Any

import pytest

from box_app_operator.errors import ForbiddenError, TransientError
from box_app_operator.kube.collection import Change, ExpiredError, Page
from box_app_operator.kube.lists import Present
from box_app_operator.model.box import UID
from box_app_operator.watch.reflector import MAX_FAILURES, Reflector, Sink

BROKEN = TransientError("KubernetesUnavailable", "cut")
Item = tuple[str, str]
"""A uid and a resource version."""


class FakeSource:
    """A collection whose answers are ordered beforehand: items or errors for lists, changes or errors for watches."""

    namespace = None

    def __init__(self, *lists: Any) -> None:
        self.lists = list(lists)
        self.watches: asyncio.Queue[Any] = asyncio.Queue()
        self.since: list[str] = []

    async def pages(self) -> AsyncGenerator[Page[Item], None]:
        """The next list, in pages of one."""
        answer = self.lists.pop(0) if len(self.lists) > 1 else self.lists[0]
        if isinstance(answer, Exception):
            raise answer
        for item in answer:
            yield Page([item], "10", "more")
        yield Page([], "10", None)

    async def changes(self, since: str) -> AsyncGenerator[Change[Any], None]:
        """Whatever was ordered, one after the other; None ends the watch."""
        self.since.append(since)
        while (answer := await self.watches.get()) is not None:
            if isinstance(answer, Exception):
                raise answer
            yield answer

    def meta_of(self, item: Item) -> tuple[UID, str]:
        """As it stands."""
        return UID(item[0]), item[1]


class Stage:
    """A reflector that runs, and everything that it told."""

    def __init__(self, *lists: Any) -> None:
        self.source = FakeSource(*lists)
        self.told: list[Any] = []
        self.reports: list[TransientError | None] = []
        self.news = asyncio.Event()
        sink: Sink[Item] = Sink(self._note("listed"), self._relisted, lambda item, gone: self._tell((item, gone)))
        self.reflector = Reflector(self.source, sink, self._backoff, self._report)
        self.pauses: list[int] = []

    def _note(self, word: str) -> Callable[[list[Item]], None]:
        return lambda items: self._tell(*((word, item) for item in items))

    def _relisted(self, present: Present) -> None:
        self._tell(("relisted", *sorted(present.uids)))

    def _tell(self, *news: Any) -> None:
        self.told += news
        self.news.set()

    def _report(self, error: TransientError | None) -> None:
        self.reports.append(error)
        self.news.set()

    def _backoff(self, failures: int) -> float:
        self.pauses.append(failures)
        return 0.0

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait for it, event by event."""
        async with asyncio.timeout(20):
            while not condition():
                self.news.clear()
                await self.news.wait()


@contextlib.asynccontextmanager
async def running(*lists: Any) -> AsyncIterator[Stage]:
    """A reflector that runs until the end of the block, with these lists."""
    stage = Stage(*lists)
    task = asyncio.create_task(stage.reflector.run())
    try:
        yield stage
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def test_what_is_there_is_listed_and_then_followed() -> None:
    """Page by page, then change by change, from the version of the list on."""
    async with running([("a", "3")]) as stage:
        await stage.reflector.listed.wait()
        stage.source.watches.put_nowait(Change("11", ("b", "11")))
        stage.source.watches.put_nowait(Change("12", ("a", "12"), gone=True))
        await stage.until(lambda: len(stage.told) == 4)

    assert stage.told == [("listed", ("a", "3")), ("relisted", "a"), (("b", "11"), False), (("a", "12"), True)]
    assert stage.source.since == ["10"]


@pytest.mark.parametrize("end", [BROKEN, None])
async def test_a_watch_that_breaks_or_ends_goes_on_where_it_was(end: Exception | None) -> None:
    """Nothing is listed again; a bookmark counts as well as a change."""
    async with running([("a", "3")]) as stage:
        await stage.reflector.listed.wait()
        for answer in (Change("15"), end, Change("16", ("a", "16"))):
            stage.source.watches.put_nowait(answer)
        await stage.until(lambda: (("a", "16"), False) in stage.told)

    assert stage.source.since[:2] == ["10", "15"]
    assert stage.told.count(("relisted", "a")) == 1


async def test_what_went_while_the_version_was_forgotten_is_noticed() -> None:
    """410: everything is listed anew, and the sink learns what is there."""
    async with running([("a", "3")], [("b", "9")]) as stage:
        await stage.reflector.listed.wait()
        stage.source.watches.put_nowait(ExpiredError("gone"))
        await stage.until(lambda: ("relisted", "b") in stage.told)

    assert stage.told == [("listed", ("a", "3")), ("relisted", "a"), ("listed", ("b", "9")), ("relisted", "b")]


async def test_a_version_that_the_api_server_never_had_is_given_up() -> None:
    """After a restored backup every watch fails; after so many failures everything is listed anew."""
    async with running([("a", "3")]) as stage:
        await stage.reflector.listed.wait()
        for _ in range(MAX_FAILURES):
            stage.source.watches.put_nowait(BROKEN)
        await stage.until(lambda: stage.told.count(("relisted", "a")) == 2)

    assert stage.pauses == list(range(1, MAX_FAILURES + 1))


async def test_refusals_are_reported_and_tried_again() -> None:
    """A Role that is missing now may be there any moment."""
    refused = ForbiddenError("KubernetesUnavailable", "no right")
    async with running(refused, refused, []) as stage:
        await stage.reflector.tried.wait()
        assert not stage.reflector.listed.is_set()
        await stage.reflector.listed.wait()

    assert stage.reports == [refused, refused]


async def test_a_watch_that_ends_at_once_is_a_failure() -> None:
    """Otherwise the reflector would spin."""
    async with running([]) as stage:
        for _ in range(2):
            stage.source.watches.put_nowait(None)
        await stage.until(lambda: len(stage.pauses) == 2)

    assert stage.pauses == [1, 2]


async def test_a_bug_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """It is told with a traceback, and everything is listed anew."""
    async with running([("a", "3")]) as stage:
        await stage.reflector.listed.wait()
        stage.source.watches.put_nowait(Change("11", "not a pair"))  # type: ignore[arg-type]
        stage.source.watches.put_nowait(ZeroDivisionError())
        await stage.until(lambda: stage.told.count(("relisted", "a")) == 2)

    assert "this is a bug" in caplog.text


async def test_a_poke_ends_the_pause() -> None:
    """A namespace that is back is not waited for."""
    async with running(TransientError("KubernetesUnavailable", "later", retry_after_seconds=3600.0), []) as stage:
        await stage.reflector.tried.wait()
        stage.reflector.poke()
        await stage.reflector.listed.wait()


async def test_listing_once_is_tried_until_it_works() -> None:
    """And what was listed is not watched."""
    stage = Stage(BROKEN, BROKEN, [("a", "3")])
    await stage.reflector.list_once()

    assert stage.told == [("listed", ("a", "3")), ("relisted", "a")]
    assert stage.source.since == []
    assert stage.reports == [BROKEN, BROKEN, None]
