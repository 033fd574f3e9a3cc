"""The link to an enterprise, when the Secrets that it refers to change or cannot be read."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator
from dataclasses import replace
from typing import Any, cast

import pytest
from tests.unit.pretend import NOON

from box_app_operator.api.enterprise import parse_enterprise
from box_app_operator.cache.cluster import Store
from box_app_operator.enterprise.clients import Clients
from box_app_operator.enterprise.connection import EnterpriseLink, LinkDependencies
from box_app_operator.errors import AwaitingHumanError, TransientError

REFUSED = AwaitingHumanError("CredentialMissing", "The operator may not read it: it lacks the right.")
BROKEN = TransientError("KubernetesUnavailable", "504")
CA = {"namespace": "box", "name": "ca", "key": "ca.crt"}
BODY = {
    "metadata": {"name": "acme", "uid": "e-1", "generation": 1},
    "spec": {"console": {"mode": "Assisted"}, "platform": {"caSecretRef": CA}},
}


class Surroundings:
    """Box, which answers, and the cluster, whose Secret a test changes."""

    def __init__(self) -> None:
        self.value: str | Exception = "first"
        self.connections: list[str | None] = []
        self.reports = 0
        self.changes: asyncio.Queue[None] = asyncio.Queue()

    def now(self) -> Any:
        """Noon."""
        return NOON

    async def ping(self) -> None:
        """Box is there."""

    async def read_value(self, _: Any) -> str | None:
        """The Secret's value."""
        if isinstance(self.value, Exception):
            raise self.value
        return self.value

    async def watch_secret(self, namespace: str, name: str) -> AsyncIterator[None]:
        """Whenever the test says so."""
        while True:
            yield await self.changes.get()

    @contextlib.asynccontextmanager
    async def connect(self, enterprise: Any, credential: str | None, ca: str | None) -> AsyncIterator[Clients]:
        """A connection."""
        self.connections.append(ca)
        yield Clients(console=None, platform=cast("Any", self))

    def report(self) -> None:
        """The status is to be written."""
        self.reports += 1


@pytest.fixture
async def deps() -> AsyncIterator[Surroundings]:
    """A link that is connected."""
    deps = Surroundings()
    needs = LinkDependencies(
        store=Store(),
        connect=deps.connect,
        credentials=deps,
        clock=cast("Any", deps),
        backoff=lambda _: 0.0,
        wake=lambda _: None,
        clear_refusals=lambda _: None,
        clear_human_refusals=lambda _: None,
        name_freed=lambda _: None,
        wait_seconds=0.0,
    )
    link = EnterpriseLink(parse_enterprise(BODY), replace(needs), deps.report)
    task = asyncio.create_task(link.run())
    await settle()
    yield deps
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def settle() -> None:
    """Let everything run until it waits."""
    for _ in range(50):
        await asyncio.sleep(0)


async def test_another_value_is_connected_with(deps: Surroundings) -> None:
    """The same one is not."""
    deps.changes.put_nowait(None)
    await settle()
    assert deps.connections == ["first"]

    deps.value = "second"
    deps.changes.put_nowait(None)
    await settle()
    assert deps.connections == ["first", "second"]


@pytest.mark.parametrize("error", [REFUSED, BROKEN])
async def test_a_value_that_cannot_be_read_ends_no_connection_that_works(
    deps: Surroundings, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """A right that is missing on one Secret is no bug: it is said, and what is in use stays in use."""
    deps.value = error
    deps.changes.put_nowait(None)
    await settle()

    assert deps.connections == ["first"]
    assert "bug" not in caplog.text
    assert ("it lacks the right" in caplog.text) == (error is REFUSED)
    deps.value = "second"
    deps.changes.put_nowait(None)
    await settle()
    assert deps.connections == ["first", "second"]
