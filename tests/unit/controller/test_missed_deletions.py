"""Deletions that no watch told of: found by comparing what is remembered with what is there."""

import asyncio
from datetime import timedelta
from typing import Any, cast

import pytest
from tests.fakes.cluster import NAME, NAMESPACE, UID_OF_APP, manifest
from tests.unit.controller import test_events as events

from box_app_operator.controller.missed_deletions import RestoredError, Sweep
from box_app_operator.errors import TransientError
from box_app_operator.kube.lists import Present
from box_app_operator.model.box import UID
from box_app_operator.model.desired import AppKey
from box_app_operator.model.secret import SecretView

KEY = AppKey(NAMESPACE, NAME)
SECRET = SecretView(NAMESPACE, "viewer-box-token", UID("s"), "5", UID(UID_OF_APP), {}, {}, {})


class Stage(events.Stage):
    """An intake that knows an app, its Secret and an enterprise."""

    def __init__(self) -> None:
        super().__init__()
        self.store.put_app(manifest())
        self.store.put_secret(SECRET)

    def swept(self, version: int, *uids: str) -> None:
        """A sweep found these uids at that version."""
        for kind in ("BoxEnterprise", "BoxCustomApp", "Secret"):
            self.intake.on_relist(kind, Present(frozenset(UID(uid) for uid in uids), version))


async def test_what_is_there_stays() -> None:
    """A sweep that finds everything changes nothing."""
    stage = Stage()
    stage.swept(100, UID_OF_APP, "s", "e")

    assert stage.store.apps.get(KEY) is not None
    assert stage.store.secret(NAMESPACE, SECRET.name) == SECRET
    assert (len(stage.queue), stage.others.gone) == (0, [])


async def test_what_is_missing_is_gone() -> None:
    """The app is forgotten; a lost Secret wakes its app; a lost enterprise is dropped."""
    stage = Stage()
    stage.swept(100, UID_OF_APP)

    assert stage.store.secret(NAMESPACE, SECRET.name) is None
    assert len(stage.queue) == 1
    assert stage.others.gone == [("acme", "e")]
    stage.swept(100)
    assert stage.store.apps.get(KEY) is None


async def test_what_is_newer_than_the_list_may_be_there() -> None:
    """An object that was made while the list was read is not in it."""
    stage = Stage()
    stage.swept(0)

    assert stage.store.apps.get(KEY) is not None
    assert stage.store.secret(NAMESPACE, SECRET.name) == SECRET


class FakeLists:
    """Answers each list of a kind with what a test says, and then for ever with the last of it."""

    def __init__(self, **answers: list[Any]) -> None:
        self.answers = answers
        self.asked: list[str] = []
        self.news = asyncio.Event()

    async def present(self, kind: str) -> Present:
        """What is there."""
        self.asked.append(kind)
        self.news.set()
        answers = self.answers.get(kind) or [listed(100)]
        answer = answers.pop(0) if len(answers) > 1 else answers[0]
        if isinstance(answer, Exception):
            raise answer
        return cast("Present", answer)


def listed(version: int, unknown: tuple[str, ...] = (), **versions: int) -> Present:
    """A list with the resource versions of objects."""
    found = {UID(uid): of_object for uid, of_object in versions.items()}
    return Present(frozenset(found), version, frozenset(unknown), versions=found)


async def swept(stage: Stage, lists: FakeLists, sweeps: int, interval: float = 0.0) -> BaseException | None:
    """Let so many sweeps pass, and say what ended them, if anything did."""
    sweep = Sweep(lists, stage.intake, interval, lambda: 0.0)
    task = asyncio.create_task(sweep.run())
    try:
        while len(lists.asked) < 3 * sweeps and not task.done():
            lists.news.clear()
            news = asyncio.ensure_future(lists.news.wait())
            await asyncio.wait([task, news], return_when=asyncio.FIRST_COMPLETED)
            news.cancel()
        return task.exception() if task.done() else None
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


@pytest.mark.parametrize(
    ("kind", "answers", "says"),
    [
        ("Secret", [listed(4, s=4)], "Secrets: resource versions went back from 5 to 4"),
        ("Secret", [listed(9, s=5), listed(8, s=5)], "Secrets: resource versions went back from 9 to 8"),
        ("Secret", [listed(900, s=4)], "Secrets: 1 of them are older"),
        ("BoxCustomApp", [listed(100), listed(99)], "BoxCustomApps: resource versions went back from 100 to 99"),
        ("BoxEnterprise", [listed(2)], "BoxEnterprises: resource versions went back from 3 to 2"),
    ],
)
async def test_a_cluster_that_was_restored_is_noticed(kind: str, answers: list[Any], says: str) -> None:
    """Then nothing that is remembered can be relied upon, and the sweep says so instead of going on."""
    error = await swept(Stage(), FakeLists(**{kind: answers}), 3)

    assert isinstance(error, RestoredError)
    assert says in str(error)


async def test_a_restored_cluster_makes_nothing_gone() -> None:
    """What a list of another history lacks is no news of this one."""
    stage = Stage()
    await swept(stage, FakeLists(BoxCustomApp=[listed(0, (NAMESPACE,)), listed(200), listed(1)]), 1)

    assert stage.store.apps.get(KEY) is not None


async def test_what_changes_in_the_course_of_things_is_no_restored_cluster(caplog: pytest.LogCaptureFixture) -> None:
    """Objects come, change and go; lists fail; and there may be nothing at all that may be looked into."""
    broken = TransientError("KubernetesUnavailable", "504")
    secrets = [listed(9, s=5), broken, listed(9, s=5), listed(0, (NAMESPACE,)), listed(12, s=10, t=12), listed(12)]

    assert await swept(Stage(), FakeLists(Secret=secrets), 7) is None
    assert "bug" not in caplog.text


async def test_after_an_outage_the_sweep_does_not_wait() -> None:
    """Watches that broke may have missed something; and only while the API server is away is etcd restored."""
    lists = FakeLists()
    sweep = Sweep(lists, Stage().intake, 3600.0, lambda: 0.0)
    task = asyncio.create_task(sweep.run())

    sweep.hurry()

    await asyncio.wait_for(lists.news.wait(), 20)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_the_beat_is_the_sign_of_life() -> None:
    """Three intervals without a beat: dead; silence of the cluster has nothing to do with it."""
    now = timedelta()
    sweep = Sweep(cast("Any", None), Stage().intake, 600.0, lambda: now.total_seconds())

    now = timedelta(minutes=29)
    assert sweep.alive()
    now = timedelta(minutes=31)
    assert not sweep.alive()


def test_where_nobody_could_look_nothing_is_gone() -> None:
    """A namespace that is deleted takes the operator's Role with it: that its objects are not seen proves nothing."""
    blind, elsewhere = (Present(frozenset(), 9, frozenset({each})) for each in (NAMESPACE, "elsewhere"))

    for kind, gone in (("BoxCustomApp", "app"), ("Secret", "secret")):
        stage = Stage()
        stage.intake.on_relist(kind, blind)
        assert stage.store.apps.get(KEY) is not None
        assert stage.store.secret(NAMESPACE, SECRET.name) is not None

        stage.intake.on_relist(kind, elsewhere)
        assert (stage.store.apps.get(KEY) is None) == (gone == "app")
        assert (stage.store.secret(NAMESPACE, SECRET.name) is None) == (gone == "secret")
