"""The operator's way to Box: time limits, pauses that Box asks for, and who is not there at all."""

import httpx
import pytest
from tests.contract.clients import MANY, Clients, Monotonic, check_secrets, refused
from tests.sandbox.conftest import Loopback
from tests.sandbox.world import CONSOLE, URL, Box

from box_app_operator.box.transport import Gate, Transport
from box_app_operator.errors import TransientError
from box_app_operator.ports import Token


def calls(box: Box) -> int:
    """How many requests reached the box."""
    return len(box.traffic.log)


async def test_a_pause_closes_the_gate_and_time_opens_it(open_box: Box, clients: Clients) -> None:
    """429 with Retry-After: no call leaves, to either side of Box, until the seconds are over."""
    open_box.order(kind="status", status=429, retry_after=7)
    error = await refused(clients.console.list_apps(None), TransientError, open_box)
    assert (error.reason, error.retry_after_seconds, error.uncertain) == ("BoxUnavailable", 7, False)
    seen = calls(open_box)

    for passed, left in ((0, 7), (6.5, 0.5)):
        clients.monotonic.seconds = 1000 + passed
        for call in (clients.console.list_apps(None), clients.platform.ping()):
            error = await refused(call, TransientError, open_box)
            assert (error.reason, error.retry_after_seconds) == ("BoxUnavailable", pytest.approx(left))
    assert calls(open_box) == seen

    clients.monotonic.seconds = 1007
    await clients.console.list_apps(None)
    assert calls(open_box) == seen + 1


async def test_a_hang_beyond_the_time_limit_heals(loopback: Loopback) -> None:
    """TransientError, for the console and the platform; the credential and the token are not told."""
    async with httpx.AsyncClient() as client:
        clients = Clients(client, loopback.url, timeout_seconds=0.2)
        loopback.call("PUT", "/sandbox/v1/faults", json=[{"kind": "hang", "seconds": 60}] * 2)
        error = await refused(clients.console.list_apps(None), TransientError)
        assert (error.reason, error.uncertain, error.unreachable) == ("BoxUnavailable", True, True)
        error = await refused(clients.platform.accepts(Token("T" * 32)), TransientError)
        check_secrets(error, {"T" * 32})
        await clients.console.list_apps(None)


async def test_a_held_call_may_take_its_time(loopback: Loopback) -> None:
    """Waiting for changes may take as long as was asked for on top of the time limit."""
    async with httpx.AsyncClient() as client:
        clients = Clients(client, loopback.url, timeout_seconds=0.2)
        page = await clients.console.list_apps(None)
        pending = await clients.console.changes(page.cursor, 0.4)
        assert pending is not None
        assert pending.cursor == page.cursor


async def test_a_call_names_neither_query_nor_body(open_box: Box) -> None:
    """Messages hold the method, the path, the status and Box's code."""
    transport = Transport(
        open_box.client, URL, Gate(MANY, Monotonic()), api="console", timeout_seconds=5, bearer=CONSOLE
    )
    answer = await transport.call("PATCH", "/console/v1/apps/404", query={"q": "hidden"}, json={"name": "hidden"})
    described = answer.describe()
    assert described.startswith("PATCH /console/v1/apps/404 answered 404 app_not_found")
    assert "hidden" not in described


async def test_no_call_to_box_leaves_a_process_that_may_not_act(open_box: Box) -> None:
    """Asked for each call anew, and nobody answers in Box's place."""
    allowed = True
    gate = Gate(MANY, Monotonic(), lambda: allowed)
    transport = Transport(open_box.client, URL, gate, api="console", timeout_seconds=5, bearer=CONSOLE)
    await transport.call("GET", "/console/v1/apps")
    seen = len(open_box.traffic.log)

    allowed = False
    with pytest.raises(TransientError, match="not the leader any more"):
        await transport.call("GET", "/console/v1/apps")

    assert len(open_box.traffic.log) == seen == 1
