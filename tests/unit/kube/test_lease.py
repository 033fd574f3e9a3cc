"""Whether a process may act: only while the Lease is its own for certain, and no call leaves once it may not be."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from types import SimpleNamespace
from typing import Any, cast

import pytest
from kubernetes.aio.client import ApiClient

from box_app_operator.errors import TransientError
from box_app_operator.kube.api import KubeApi, KubeError
from box_app_operator.kube.lease import Candidate, Leadership

CANDIDATE = Candidate("operator", "lease", "me", lease_seconds=6.0)


class Leases:
    """An API server that keeps one Lease, until it is cut off."""

    def __init__(self) -> None:
        self.lease: dict[str, Any] | None = None
        self.reachable = True
        self.hangs = asyncio.Event()

    async def request(self, method: str, path: str, *, body: Any = None, **_: Any) -> dict[str, Any]:
        """Read or write the Lease; silence when it is cut off."""
        if not self.reachable:
            self.hangs.set()
            await asyncio.Event().wait()
        if method != "GET":
            self.lease = body
        if self.lease is None:
            raise KubeError(f"{method} {path}", 404, "NotFound")
        return dict(self.lease)


class Stage:
    """A process that became the leader."""

    def __init__(self) -> None:
        self.leases, self.lost = Leases(), asyncio.Event()
        self.why: list[str] = []
        self.leadership = Leadership(cast("KubeApi", self.leases), CANDIDATE, lambda: datetime.now(UTC), self._lost)

    def _lost(self, why: str) -> None:
        self.why.append(why)
        self.lost.set()


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    """A process that stands for election; what it has it gives back."""
    stage = Stage()
    yield stage
    await stage.leadership.release()


async def test_a_leader_that_hears_nothing_may_act_no_more_before_another_may_begin(stage: Stage) -> None:
    """Requests that hang for ever do not keep it from noticing, in two thirds of the lease."""
    assert not stage.leadership.is_leader()
    await stage.leadership.acquire()
    assert stage.leadership.is_leader()

    stage.leases.reachable = False
    async with asyncio.timeout(CANDIDATE.lease_seconds):
        await stage.lost.wait()

    assert not stage.leadership.is_leader()
    assert stage.why == ["it could not be renewed"]
    stage.leases.reachable = True


async def test_a_request_that_hangs_for_ever_does_not_keep_a_standby_from_winning(stage: Stage) -> None:
    """It is given up, and the next one counts."""
    stage.leases.reachable = False
    winning = asyncio.ensure_future(stage.leadership.acquire())
    await stage.leases.hangs.wait()

    stage.leases.reachable = True
    async with asyncio.timeout(CANDIDATE.lease_seconds):
        await winning

    assert stage.leadership.is_leader()


async def test_a_lease_that_somebody_took_is_lost_at_once(stage: Stage) -> None:
    """Whoever wrote another holder into it: the next look tells, long before the deadline."""
    await stage.leadership.acquire()
    assert stage.leases.lease is not None

    stage.leases.lease["spec"]["holderIdentity"] = "somebody"
    async with asyncio.timeout(CANDIDATE.deadline_seconds):
        await stage.lost.wait()

    assert not stage.leadership.is_leader()
    assert stage.why[0] == "somebody holds it now"


@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
async def test_no_write_to_kubernetes_leaves_a_process_that_may_not_act(method: str) -> None:
    """The client is not even asked."""
    api = KubeApi(cast("ApiClient", SimpleNamespace(configuration=None)), lambda: False)

    with pytest.raises(TransientError, match="not the leader any more"):
        await api.request(method, "/api/v1/namespaces/team/secrets/token")
