"""Pods are followed while somebody needs to know, whatever the API server answers, and nobody waits for ever."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator
from typing import Any

import pytest
from tests.fakes.link import until
from tests.unit.kube.test_pods import ENV, pod
from tests.unit.watch.test_reflector import FakeSource

from box_app_operator.errors import TransientError
from box_app_operator.kube.collection import Change, ExpiredError, Page
from box_app_operator.model.box import UID
from box_app_operator.watch import pods as pod_watch
from box_app_operator.watch import reflector
from box_app_operator.watch.pods import PodWatch

BROKEN = TransientError("KubernetesUnavailable", "cut")
APP, OTHER = UID("app"), UID("other")


def body(uid: str, version: str = "1", **changes: Any) -> dict[str, Any]:
    """A pod that refers to a Secret."""
    return pod(ENV, uid=uid, name=uid, resourceVersion=version, **changes)


class FakePods(FakeSource):
    """Lists and watches whose answers a test gives; None ends a watch."""

    def __init__(self) -> None:
        super().__init__()
        self.answers: asyncio.Queue[Any] = asyncio.Queue()
        self.listed = 0

    async def pages(self) -> AsyncGenerator[Page[Any], None]:
        """The next list."""
        self.listed += 1
        answer = await self.answers.get()
        if isinstance(answer, Exception):
            raise answer
        yield Page(answer, "10", None)

    def meta_of(self, item: Any) -> tuple[UID, str]:
        """As it stands."""
        return UID(item["metadata"]["uid"]), item["metadata"]["resourceVersion"]


class Stage:
    """A watch over one namespace."""

    def __init__(self) -> None:
        self.source = FakePods()
        self.pauses: list[int] = []
        self.woken: list[UID] = []
        self.watch = PodWatch(lambda _: self.source, self._backoff, self.woken.append)

    def _backoff(self, failures: int) -> float:
        self.pauses.append(failures)
        return 0.0

    async def names(self, wanted_by: UID = APP) -> set[str] | None:
        """The names of the pods, as one object sees them."""
        pods = await self.watch.of("billing", wanted_by)
        return None if pods is None else {pod.name for pod in pods}


@pytest.fixture(autouse=True)
def slow_machines_are_welcome(monkeypatch: pytest.MonkeyPatch) -> None:
    """No watch of these tests counts as one that lived for a while, however long it took."""
    monkeypatch.setattr(reflector, "SOUND_SECONDS", 3600.0)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """A stage, which is cleared after the test."""
    stage = Stage()
    yield stage
    await stage.watch.close()


async def test_pods_are_listed_and_then_followed(stage: Stage) -> None:
    """Each change of what matters wakes whoever wants to know; what comes to an end is dropped."""
    stage.source.answers.put_nowait([body("a"), pod({}, uid="plain", name="plain", resourceVersion="1")])
    assert await stage.names() == {"a"}

    stage.woken.clear()
    stage.source.watches.put_nowait(Change("11", body("b", "11")))
    stage.source.watches.put_nowait(Change("12", body("b", "12")))
    stage.source.watches.put_nowait(Change("13", body("a", "13", phase="Succeeded")))
    await until(lambda: len(stage.woken) == 2)
    assert await stage.names() == {"b"}

    stage.source.watches.put_nowait(Change("14", body("b", "14"), gone=True))
    await until(lambda: len(stage.woken) == 3)
    assert await stage.names() == set()
    assert stage.source.listed == 1


@pytest.mark.parametrize("goes", ["the object", "the process"])
async def test_who_waits_for_the_first_list_is_let_go_with_the_watch(stage: Stage, goes: str) -> None:
    """A worker that waited on would never work again, or never come to its end."""
    waiting = asyncio.create_task(stage.names())
    await until(lambda: stage.source.listed == 1)

    if goes == "the object":
        stage.watch.release(APP)
    else:
        await stage.watch.close()

    assert await asyncio.wait_for(waiting, 20) is None


async def test_the_watch_ends_with_the_last_who_wants_it(stage: Stage) -> None:
    """And begins anew for the next."""
    stage.source.answers.put_nowait([body("a")])
    assert await stage.names() == await stage.names(OTHER) == {"a"}
    stage.watch.release(APP)
    stage.source.watches.put_nowait(Change("11", body("b", "11")))
    await until(lambda: OTHER in stage.woken[-1:])
    assert await stage.names(OTHER) == {"a", "b"}

    stage.watch.release(OTHER)
    stage.source.answers.put_nowait([])

    assert await stage.names() == set()
    assert stage.source.listed == 2


@pytest.mark.parametrize("end", [None, BROKEN])
async def test_a_watch_that_ends_at_once_is_tried_again_after_growing_pauses(stage: Stage, end: Any) -> None:
    """In good order or not, and although lists work: otherwise the API server would be asked without a rest."""
    stage.source.answers.put_nowait([body("a")])
    await stage.names()
    for _ in range(2):
        stage.source.watches.put_nowait(end)
    await until(lambda: len(stage.pauses) == 2)

    assert stage.pauses == [1, 2]
    assert await stage.names() is None, "what was known may be over"


async def test_what_is_listed_anew_replaces_what_was_known(stage: Stage) -> None:
    """Also what the watch did not tell of because its version was forgotten."""
    stage.source.answers.put_nowait([body("a"), body("b")])
    await stage.names()
    stage.source.answers.put_nowait([body("b", phase="Failed"), body("c")])
    stage.source.watches.put_nowait(ExpiredError("gone"))

    await until(lambda: stage.source.listed == 2)
    await until(lambda: len(stage.source.since) == 2)
    assert await stage.names() == {"c"}


async def test_pods_that_cannot_be_listed_are_not_known(stage: Stage) -> None:
    """Nobody waits until they can be; then everybody is woken."""
    stage.source.answers.put_nowait(BROKEN)
    assert await stage.names() is None
    stage.source.answers.put_nowait([body("a")])
    await until(lambda: stage.woken == [APP])
    assert await stage.names() == {"a"}


@pytest.mark.parametrize("answer", [[body("a")], BROKEN, ExpiredError("paging took too long")])
async def test_beyond_so_many_namespaces_pods_are_only_listed(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, answer: Any
) -> None:
    """A thousand rotations at once must not become a thousand connections."""
    monkeypatch.setattr(pod_watch, "MAX_WATCHES", 0)
    stage.source.answers.put_nowait(answer)

    assert await stage.names() == ({"a"} if isinstance(answer, list) else None)
    assert stage.source.since == []
