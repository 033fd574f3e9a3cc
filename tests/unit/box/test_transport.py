"""One call to Box, and what closes the gate before the next: answers that are made up, and nobody behind them."""

import asyncio

import httpx
import pytest
from tests.contract.clients import MANY, Clients, Monotonic, answering, refused
from tests.sandbox.world import URL

from box_app_operator.box.transport import Gate, Transport, endpoint_of
from box_app_operator.errors import TransientError


@pytest.mark.parametrize(
    ("path", "endpoint"),
    [
        ("/console/v1/apps", "/console/v1/apps"),
        ("/console/v1/apps/123", "/console/v1/apps/{id}"),
        ("/console/v1/apps/123/tokens/primary", "/console/v1/apps/{id}/tokens/{slot}"),
        ("/console/v1/apps/tokens/tokens/apps", "/console/v1/apps/{id}/tokens/{slot}"),
        ("/console/v1/apps/123/cors_domains", "/console/v1/apps/{id}/cors_domains"),
        ("/2.0/users/me", "/2.0/users/me"),
        ("/2.0/files/1", "/2.0/files/1"),
    ],
)
def test_endpoints_have_no_ids(path: str, endpoint: str) -> None:
    """However many apps there are, there are as many endpoints as Box documents."""
    assert endpoint_of(path) == endpoint


class Turns:
    """A limiter that lets nobody through before the test says so."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()

    async def acquire(self) -> None:
        """Wait for a turn."""
        await self.begun.wait()


async def test_a_call_that_waits_for_its_turn_meets_a_gate_that_was_closed_meanwhile(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """429 while others stand in line: none of them leaves, and all of them say for how long."""
    seen: list[str] = []

    def answer(request: httpx.Request) -> httpx.Response:
        seen.append(request.url.path)
        return httpx.Response(429, headers={"Retry-After": "7"})

    gate, turns = Gate(MANY, Monotonic()), Turns()
    async with httpx.AsyncClient(transport=httpx.MockTransport(answer)) as client:
        transport = Transport(client, URL, gate, api="console", timeout_seconds=5)
        with monkeypatch.context() as limited:
            limited.setattr(gate, "_limiter", turns)
            waiting = [asyncio.ensure_future(transport.call("GET", f"/{number}")) for number in range(3)]
            await asyncio.sleep(0)
        await refused(transport.call("GET", "/first"), TransientError)
        turns.begun.set()
        errors = await asyncio.gather(*waiting, return_exceptions=True)

    assert seen == ["/first"]
    assert [error.retry_after_seconds for error in errors if isinstance(error, TransientError)] == [7] * 3


@pytest.mark.parametrize("text", [None, "", "soon", "-1", "1.5", "Fri, 31 Dec 1999 23:59:59 GMT"])
async def test_a_pause_without_seconds_is_a_short_one(text: str | None) -> None:
    """429 without a Retry-After that can be read closes the gate for the usual time."""
    clients = answering(429, b"", {"Retry-After": text} if text is not None else None)

    error = await refused(clients.console.list_apps(None), TransientError)
    assert error.retry_after_seconds == Gate.DEFAULT_CLOSED_SECONDS


async def test_a_pause_has_an_end() -> None:
    """Nobody closes the gate for days."""
    error = await refused(answering(429, b"", {"Retry-After": "9" * 400}).console.list_apps(None), TransientError)
    assert error.retry_after_seconds == 3600


async def test_a_pause_in_strange_digits_is_still_ours() -> None:
    """A Retry-After of digits that are not decimal is taken for none."""
    headers = httpx.Headers([(b"Retry-After", "²".encode("latin-1"))])
    transport = httpx.MockTransport(lambda _: httpx.Response(429, headers=headers))
    async with httpx.AsyncClient(transport=transport) as client:
        await refused(Clients(client).console.list_apps(None), TransientError)


@pytest.mark.parametrize("url", ["http://", "http://[", "ftp://box.test", "http://box.test:99999"])
async def test_an_address_that_is_none_heals(url: str) -> None:
    """An error of ours, whatever stands in the spec."""
    async with httpx.AsyncClient() as client:
        await refused(Clients(client, url).console.list_apps(None), TransientError)
