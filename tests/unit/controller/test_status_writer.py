"""What is told of a pass: the status if anything in it is new, and Events that nobody reads twice."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.fakes.cluster import NAME, NAMESPACE, FakeCluster
from tests.fakes.link import StillClock
from tests.unit.examples import ready_world, standing
from tests.unit.pretend import NOON, World, decide

from box_app_operator.cache.attempts import Memory
from box_app_operator.cache.cluster import Store
from box_app_operator.controller import status_writer
from box_app_operator.controller.status_writer import Reporter
from box_app_operator.model.box import AuthorizationState
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import AppKey
from box_app_operator.model.finding import Notice

KEY = AppKey(NAMESPACE, NAME)
PAUSE = timedelta(seconds=30)
ROTATED = Notice(Reason.TOKEN_ROTATED, "Secret 'x' now holds another token.", warning=False)
CONFLICT = Notice(Reason.SECRET_REFUSED, "A policy refuses the Secret.")


class Stage(StillClock):
    """A reporter whose cluster and clock are looked at."""

    def __init__(self) -> None:
        self.cluster, self.store, self.memory = FakeCluster.with_app(), Store(), Memory()
        self.reporter = Reporter(self.store, self.cluster, self, PAUSE)
        self.store.put_app(self.cluster.app)

    async def report(self, world: World) -> datetime | None:
        """Report what a pass found."""
        resource, decided = replace(self.store.apps[KEY], desired=world.desired), decide(world)
        return await self.reporter.report(resource, world.observed, decided, self.memory)


@pytest.fixture
def stage() -> Stage:
    """A reporter of one object."""
    return Stage()


async def test_a_change_is_written_and_announced_once(stage: Stage) -> None:
    """One write and one Event; the store has it at once, and saying it again costs nothing."""

    assert await stage.report(ready_world()) is None
    assert (stage.cluster.writes, stage.cluster.events) == (["status"], ["Ready"])
    assert stage.store.apps[KEY].body["status"] == stage.cluster.app["status"]

    await stage.report(ready_world())
    assert (stage.cluster.writes, stage.cluster.events) == (["status"], ["Ready"])


@pytest.mark.parametrize(
    ("state", "events"), [(AuthorizationState.PENDING, []), (AuthorizationState.DECLINED, ["Declined"])]
)
async def test_waiting_is_no_event_and_a_no_is_one(stage: Stage, state: AuthorizationState, events: list[str]) -> None:
    """Of what only takes its time the status is enough."""

    await stage.report(standing(state))

    assert (stage.cluster.writes, stage.cluster.events) == (["status"], events)


async def test_records_and_notices_come_with_the_status_and_not_again(stage: Stage) -> None:
    """Steps that were taken, and what people should hear of besides the conditions."""
    stage.memory.record(ROTATED, NOON)
    stage.memory.note([CONFLICT])

    await stage.report(ready_world())
    assert stage.cluster.events == ["Ready", "TokenRotated", "SecretRefused"]
    await stage.report(ready_world())
    assert len(stage.cluster.events) == 3


async def test_a_record_does_not_wait_for_a_status(stage: Stage) -> None:
    """A step may leave the status as it was."""
    await stage.report(ready_world())
    stage.memory.record(ROTATED, NOON)
    await stage.report(ready_world())

    assert stage.cluster.writes == ["status"]
    assert stage.cluster.events == ["Ready", "TokenRotated"]


@pytest.fixture
def statuses(monkeypatch: pytest.MonkeyPatch) -> list[dict[str, Any]]:
    """The statuses to come, in order."""
    coming: list[dict[str, Any]] = []
    monkeypatch.setattr(status_writer, "build_status", lambda *_, **__: coming.pop(0))
    return coming


def using(*pods: str, **more: Any) -> dict[str, Any]:
    """A status with pods that may hold the previous token."""
    previous = {"fingerprint": "2" * 16, "usedBy": {"count": len(pods), "pods": list(pods)}}
    return {"tokens": {"active": {"fingerprint": "1" * 16}, "retiring": previous}, **more}


async def test_mere_counts_are_not_worth_a_write_each(statuses: list[dict[str, Any]]) -> None:
    """A rollout of a hundred pods is not a hundred writes; anything else is written at once."""
    stage, world = Stage(), ready_world()
    statuses += [using("p1", "p2"), using("p2"), using("p2"), using(), using("p3", corsDomains=["x"])]
    await stage.report(world)

    stage.moment += PAUSE / 2
    assert await stage.report(world) == NOON + PAUSE
    assert stage.cluster.writes == ["status"]

    stage.moment = NOON + PAUSE
    assert await stage.report(world) is None
    assert stage.cluster.app["status"] == using("p2")

    stage.moment += PAUSE / 2
    assert await stage.report(world) == NOON + 2 * PAUSE
    assert await stage.report(world) is None
    assert stage.cluster.app["status"] == using("p3", corsDomains=["x"])


async def test_of_an_object_that_is_gone_nothing_is_announced(stage: Stage) -> None:
    """What was to be told waits for the farewell."""
    stage.cluster.drop_app(NAME)
    stage.memory.note([CONFLICT])

    await stage.report(ready_world())

    assert stage.cluster.events == []
    assert stage.memory.unwritten() == [CONFLICT]


async def test_a_farewell_tells_what_is_left_to_tell(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """Later there is no object to tell it of; the log has it, too."""
    stage.memory.record(ROTATED, NOON)
    stage.memory.note([CONFLICT])

    await stage.reporter.bid_farewell(stage.cluster.app, stage.memory)
    assert stage.cluster.events == ["TokenRotated", "SecretRefused"]
    assert f"{KEY}: {CONFLICT.message}" in caplog.text

    await stage.reporter.bid_farewell(stage.cluster.app, stage.memory)
    assert len(stage.cluster.events) == 2
