"""One pass at a time: when it may begin, what becomes of its errors, and when to look again."""

from datetime import timedelta
from typing import Any

import pytest
from tests.fakes.cluster import NAME, NAMESPACE, UID_OF_APP, FakeCluster
from tests.fakes.link import FakeLink, OneEnterprise, StillClock, new_reconciler

from box_app_operator.cache.cluster import Store
from box_app_operator.controller.reconciler import Reconciler
from box_app_operator.core.plan import Delays
from box_app_operator.model.box import UID
from box_app_operator.model.conditions import parse_conditions
from box_app_operator.model.desired import AppKey

KEY, UID_HERE = AppKey(NAMESPACE, NAME), UID(UID_OF_APP)
PAUSE, GRACE = timedelta(seconds=10), timedelta(seconds=2)


class Stage(OneEnterprise, StillClock):
    """A reconciler; its clock and its enterprise are the test's."""

    def __init__(self) -> None:
        self.cluster, self.store = FakeCluster.with_app(), Store()
        self.passed: list[str] = []
        self.store.put_app(self.cluster.app)
        self.reconciler: Reconciler = new_reconciler(self, PAUSE, Delays(enterprise=GRACE), self.passed.append)

    async def reconcile(self) -> float | None:
        """One pass."""
        return await self.reconciler.reconcile(KEY)


@pytest.fixture
def stage() -> Stage:
    """One app, whose enterprise is not there."""
    return Stage()


async def test_an_app_that_is_gone_needs_no_pass(stage: Stage) -> None:
    """Its key may still have waited in the queue."""
    stage.store.drop_app(KEY, UID_HERE)

    assert await stage.reconcile() is None
    assert (stage.cluster.writes, stage.passed) == ([], [])


async def test_an_enterprise_that_is_not_there_is_waited_for_before_it_is_told(stage: Stage) -> None:
    """It may have been applied together with the app."""
    assert await stage.reconcile() == GRACE.total_seconds()
    assert (stage.cluster.writes, stage.passed) == ([], [])

    stage.moment += GRACE
    await stage.reconcile()
    ready = parse_conditions(stage.cluster.app["status"])["Ready"]
    assert (ready.status, ready.reason) == ("False", "EnterpriseNotFound")
    assert stage.passed == ["default"]


async def test_a_grace_begins_anew_when_the_enterprise_was_there_meanwhile(stage: Stage) -> None:
    """It is about one absence."""
    await stage.reconcile()
    stage.link = FakeLink(probed=False)
    stage.link.probed = True
    await stage.reconcile()
    stage.link, stage.moment = None, stage.moment + GRACE

    assert await stage.reconcile() == GRACE.total_seconds()


async def test_an_app_waits_for_an_enterprise_that_knows_nothing_yet(stage: Stage) -> None:
    """It is woken as soon as something is known: no time to look again, and nothing to say."""
    stage.link = FakeLink(probed=False)

    assert await stage.reconcile() is None
    assert (stage.cluster.writes, stage.passed) == ([], [])


async def test_a_bug_is_logged_and_tried_again_ever_more_slowly(
    stage: Stage, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """It ends no worker: other apps go on."""

    def broken(_: str) -> Any:
        raise ZeroDivisionError

    monkeypatch.setattr(stage, "get", broken)

    assert [await stage.reconcile(), await stage.reconcile()] == [PAUSE.total_seconds(), 2 * PAUSE.total_seconds()]
    assert f"{KEY}: this is a bug; please report it" in caplog.text
    assert "ZeroDivisionError" in caplog.text


async def test_what_went_in_the_middle_of_its_pass_is_forgotten(stage: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The pass may have asked for watches after it was forgotten for the first time."""
    stage.link = FakeLink(probed=False)
    stage.link.probed = True

    def goes(_: str) -> FakeLink | None:
        stage.store.drop_app(KEY, UID_HERE)
        return stage.link

    monkeypatch.setattr(stage, "get", goes)
    await stage.reconcile()

    assert UID_HERE in stage.cluster.released
    assert "status" not in stage.cluster.writes


def test_news_about_unknown_apps_do_no_harm(stage: Stage) -> None:
    """No pass has been over them yet, or they are gone."""
    for key in (KEY, AppKey("elsewhere", "x")):
        stage.reconciler.clear_refusals(key)
        stage.reconciler.clear_human_refusals(key)
        assert not stage.reconciler.free_name(key)
    stage.reconciler.forget(UID("gone"))
    assert stage.cluster.released == ["gone", "gone"]
