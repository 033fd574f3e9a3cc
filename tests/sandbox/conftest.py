"""The sandbox in this process, the sandbox on loopback, and a clock that stands still until told otherwise."""

import contextlib
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
import pytest
import requests
from box_sdk_gen import BaseUrls, BoxNetworkClient, BoxRetryStrategy, NetworkSession
from tests.sandbox.world import ADMIN, CONSOLE, Box, ManualClock, in_process

from box_sandbox import SandboxConfig
from box_sandbox.server import Server, make_server


@pytest.fixture
def clock() -> ManualClock:
    """The sandbox's time."""
    return ManualClock(datetime(2026, 3, 1, 9, 0, tzinfo=UTC))


@pytest.fixture
async def box(clock: ManualClock) -> AsyncIterator[Box]:
    """A sandbox in this process; every answer of its Console API is held against the description."""
    async with in_process(SandboxConfig(CONSOLE, ADMIN, now=clock)) as box:
        yield box


class Loopback:
    """A sandbox that serves on a real socket, in a thread of its own."""

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self.url = ""
        self._server: Server | None = None
        self._ready = threading.Event()
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()
        assert self._ready.wait(10), "the sandbox did not start"
        self.admin = httpx.Client(base_url=self.url, headers={"Authorization": f"Bearer {ADMIN}"}, timeout=60)

    def _serve(self) -> None:
        # Made here, because a SQLite connection belongs to the thread that opened it.
        self._server = make_server(self.config, "127.0.0.1", 0, self._listening)
        self._server.run()

    def _listening(self, url: str) -> None:
        self.url = url
        self._ready.set()

    def call(self, method: str, path: str, status: int = 200, **arguments: Any) -> Any:
        """Call as the admin, expect this status, and return the body."""
        response = self.admin.request(method, path, **arguments)
        assert response.status_code == status, (response.status_code, response.text)
        return response.json() if response.content else None

    def authorized_app(self, name: str) -> dict[str, Any]:
        """A new app that the admin has authorized."""
        app = self.call("POST", "/console/v1/apps", 201, json={"name": name}, headers={"Idempotency-Key": name})
        path = f"/console/v1/apps/{app['id']}/authorization/decision"
        authorized: dict[str, Any] = self.call("POST", path, json={"decision": "authorize"})
        return authorized

    def mint(self, app: dict[str, Any], slot: str = "primary", days: int | None = 30) -> str:
        """A new token of the app."""
        path = f"/console/v1/apps/{app['id']}/tokens/{slot}"
        return str(self.call("POST", path, 201, json={"expires_in_days": days})["token"])

    def order(self, **fault: Any) -> None:
        """Order one fault, in place of those ordered before."""
        self.call("PUT", "/sandbox/v1/faults", json=[fault])

    def stop(self) -> None:
        """Stop serving."""
        self.admin.close()
        assert self._server is not None
        self._server.should_exit = True
        self._thread.join(60)
        assert not self._thread.is_alive(), "the sandbox did not stop"


Serve = Callable[..., Loopback]


@pytest.fixture
def serve(clock: ManualClock) -> Iterator[Serve]:
    """Start sandboxes on loopback; they stop with the test."""
    running: list[Loopback] = []

    def start(**settings: Any) -> Loopback:
        running.append(Loopback(SandboxConfig(CONSOLE, ADMIN, **{"now": clock, **settings})))
        return running[-1]

    yield start
    for each in running:
        each.stop()


@pytest.fixture
def loopback(serve: Serve) -> Loopback:
    """A sandbox on loopback."""
    return serve()


@contextlib.contextmanager
def session_with(box: Loopback) -> Iterator[NetworkSession]:
    """The SDK's own way to another host, and its own setting that gives up after one attempt."""
    urls = BaseUrls(base_url=box.url, upload_url=f"{box.url}/api", oauth_2_url=f"{box.url}/api/oauth2")
    retries = BoxRetryStrategy(max_attempts=1, max_retries_on_exception=0)
    with requests.Session() as connections:
        client = BoxNetworkClient(requests_session=connections)
        yield NetworkSession(network_client=client, base_urls=urls, retry_strategy=retries)


@pytest.fixture
def session(loopback: Loopback) -> Iterator[NetworkSession]:
    """The SDK's way to the sandbox."""
    with session_with(loopback) as session:
        yield session


@pytest.fixture
def a_month(clock: ManualClock) -> Callable[[], None]:
    """Let a month and a day pass at once."""
    return lambda: clock.pass_by(timedelta(days=31))


@pytest.fixture
async def open_box(clock: ManualClock) -> AsyncIterator[Box]:
    """A sandbox in this process that remembers the value of every token, so that leaks can be looked for."""
    config = SandboxConfig(CONSOLE, ADMIN, reveal_issued_tokens=True, now=clock)
    async with in_process(config, described=False) as box:
        yield box


@pytest.fixture
async def silent(clock: ManualClock) -> AsyncIterator[Box]:
    """Another one, which does not say to an App Token whose it is."""
    config = SandboxConfig(CONSOLE, ADMIN, reveal_issued_tokens=True, app_tokens_without_users_me=True, now=clock)
    async with in_process(config, described=False) as box:
        yield box
