"""The link to an enterprise, when the Secrets that it refers to change or cannot be read."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from tests.fakes.link import Surroundings, rest

from box_app_operator.api.enterprise import Enterprise, parse_enterprise
from box_app_operator.enterprise.connection import EnterpriseLink
from box_app_operator.errors import AwaitingHumanError, TransientError

REFUSED = AwaitingHumanError("CredentialMissing", "The operator may not read it: it lacks the right.")
BROKEN = TransientError("KubernetesUnavailable", "504")
CA = {"namespace": "box", "name": "ca", "key": "ca.crt"}
BODY = {
    "metadata": {"name": "acme", "uid": "e-1", "generation": 1},
    "spec": {"console": {"mode": "Assisted"}, "platform": {"caSecretRef": CA}},
}


class Watched(Surroundings):
    """Counts connections and reports."""

    def __init__(self) -> None:
        super().__init__("CERTIFICATE 1")
        self.connections: list[str | None] = []
        self.reports = 0

    def connect(self, enterprise: Enterprise, credential: str | None, ca: str | None) -> Any:
        """A connection."""
        self.connections.append(ca)
        return super().connect(enterprise, credential, ca)

    def report(self) -> None:
        """The status is to be written."""
        self.reports += 1


@pytest.fixture
async def deps() -> AsyncIterator[Watched]:
    """A link that is connected."""
    deps = Watched()
    link = EnterpriseLink(parse_enterprise(BODY), deps.for_links(backoff=0.0), deps.report)
    task = asyncio.create_task(link.run())
    await rest()
    yield deps
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)


async def test_another_value_is_connected_with(deps: Watched) -> None:
    """The same one is not."""
    deps.changes.put_nowait(None)
    await rest()
    assert deps.connections == ["CERTIFICATE 1"]

    deps.value = "CERTIFICATE 2"
    deps.changes.put_nowait(None)
    await rest()
    assert deps.connections == ["CERTIFICATE 1", "CERTIFICATE 2"]


@pytest.mark.parametrize("error", [REFUSED, BROKEN])
async def test_a_value_that_cannot_be_read_ends_no_connection_that_works(
    deps: Watched, error: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    """A right that is missing on one Secret is no bug: it is said, and what is in use stays in use."""
    deps.value = error
    deps.changes.put_nowait(None)
    await rest()

    assert deps.connections == ["CERTIFICATE 1"]
    assert "bug" not in caplog.text
    assert ("it lacks the right" in caplog.text) == (error is REFUSED)
    deps.value = "CERTIFICATE 2"
    deps.changes.put_nowait(None)
    await rest()
    assert deps.connections == ["CERTIFICATE 1", "CERTIFICATE 2"]
