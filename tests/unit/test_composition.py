"""The parts fit together: what one of them tells reaches whom it concerns, and nothing runs before it is told to."""

import asyncio
from datetime import timedelta
from typing import Any, cast

import pytest
from tests.fakes.cluster import NAME, NAMESPACE, UID_OF_APP, manifest

from box_app_operator.api.enterprise import Enterprise, parse_enterprise
from box_app_operator.api.spec import FINALIZER
from box_app_operator.cache.attempts import Memory
from box_app_operator.composition import Operator, backoff_of, connector
from box_app_operator.config import Settings
from box_app_operator.errors import TransientError
from box_app_operator.model.box import UID, Refusal, RefusalKind
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import AppKey
from box_app_operator.model.steps import CreateApp
from box_app_operator.proxies import VARIABLES

KEY, UID_HERE = AppKey(NAMESPACE, NAME), UID(UID_OF_APP)
CREATE = CreateApp("Viewer", "billing/viewer/u", "key")


class FakeApi:
    """An API server that nobody should ask."""

    def __init__(self) -> None:
        self.asked: list[Any] = []

    async def request(self, *asked: Any, **_: Any) -> Any:
        """Note it."""
        self.asked.append(asked)
        raise TransientError("KubernetesUnavailable", "no answer")


def composed(api: FakeApi) -> Operator:
    """The parts."""
    return Operator(Settings(), cast("Any", api), cast("Any", None), lambda: True, FINALIZER)


@pytest.fixture
async def operator() -> Operator:
    """Parts that know one app, whose step was refused, and that have begun; nothing waits in the queue."""
    operator = composed(FakeApi())
    operator.intake.begin()
    operator._store.put_app(manifest())
    refusal = Refusal(RefusalKind.AWAITING_HUMAN, Reason.NAME_TAKEN, "Another app has this name.")
    operator.reconciler._memories[UID_HERE] = Memory(refusals={CREATE: refusal})
    return operator


async def test_nothing_runs_yet() -> None:
    """No task, and no request."""
    api, before = FakeApi(), asyncio.all_tasks()

    composed(api)

    assert asyncio.all_tasks() == before
    assert api.asked == []


async def test_pods_wake_the_app_that_waits_for_them(operator: Operator) -> None:
    """One that is gone by now is nobody to wake."""
    operator._wake(UID("gone"))
    assert len(operator.queue) == 0
    operator._wake(UID_HERE)
    assert len(operator.queue) == 1
    assert operator.reconciler._memories[UID_HERE].refusals, "pods are no reason to try what was refused"


async def test_what_people_hand_over_makes_refused_steps_worth_another_try(operator: Operator) -> None:
    """They may have been refused for what was there before."""
    operator._handed_over(UID_HERE)

    assert len(operator.queue) == 1
    assert operator.reconciler._memories[UID_HERE].refusals == {}


@pytest.mark.parametrize(("name", "woken"), [("Viewer", 1), ("Another", 0)])
async def test_a_name_that_became_free_wakes_who_waits_for_it(operator: Operator, name: str, woken: int) -> None:
    """Names are unique across all of Box."""
    operator._name_freed(name)

    assert len(operator.queue) == woken


def test_pauses_double_up_to_a_cap_and_are_never_the_same_for_all() -> None:
    """Also after so many failures that the doubling would overflow."""
    backoff = backoff_of(Settings(backoff_base=timedelta(seconds=1), backoff_cap=timedelta(minutes=5)))
    longest = {1: 1.0, 2: 2.0, 5: 16.0, 9: 256.0, 10: 300.0, 5000: 300.0}

    for failures, seconds in longest.items():
        pauses = {backoff(failures) for _ in range(100)}
        assert seconds / 2 <= min(pauses) < max(pauses) <= seconds


def enterprise(**console: str) -> Enterprise:
    """A BoxEnterprise."""
    meta = {"name": "acme", "uid": "e", "generation": 1}
    platform = {"url": "https://api.example.com"}
    return parse_enterprise({"metadata": meta, "spec": {"console": console, "platform": platform}})


@pytest.fixture
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine's environment says."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("no_proxies")
async def test_an_enterprise_without_a_console_gets_no_client_for_one() -> None:
    """Box's public API is there in any case."""
    connect = connector(Settings(), lambda: True)

    async with connect(enterprise(mode="Assisted"), None, None) as clients:
        assert clients.console is None
    async with connect(enterprise(mode="Automated", url="https://console.example.com"), "x", None) as clients:
        assert clients.console is not None
    assert clients.platform is not None


@pytest.mark.usefixtures("no_proxies")
async def test_who_is_not_the_leader_does_not_call_box() -> None:
    """Nobody is asked at all."""
    connect = connector(Settings(), lambda: False)

    async with connect(enterprise(mode="Automated", url="https://console.example.com"), "x", None) as clients:
        for call in (clients.platform.ping(), clients.console.list_apps(None)):
            with pytest.raises(TransientError, match="not the leader"):
                await call
