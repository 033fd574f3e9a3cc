"""The sandbox in this process, and what tests of every kind do with it."""

import contextlib
from collections.abc import AsyncIterator
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.sandbox.described import DOCUMENT, DescribedTransport

from box_sandbox import SandboxConfig, create_app
from box_sandbox.http.traffic import CutError, Fault, Traffic
from box_sandbox.state.sandbox import Sandbox

CONSOLE = "console-credential-for-tests"
ADMIN = "admin-credential-for-tests"
URL = "http://box.test"
APPS = "/console/v1/apps"

ANSWERED: set[tuple[str, str]] = set()
"""Every operation and status that any test in this process has seen answered as described."""
LISTING = "listApps"
"""The one operation that has a test file of its own."""


def unseen(*, listing: bool) -> set[tuple[str, str]]:
    """What is described, of the listing or of everything else, and was not answered yet."""
    described = {
        (operation["operationId"], status)
        for item in DOCUMENT["paths"].values()
        for method, operation in item.items()
        if method != "parameters"
        for status in operation["responses"]
    }
    return {each for each in described - ANSWERED if (each[0] == LISTING) == listing}


def only_some_tests_run(config: pytest.Config) -> bool:
    """Was a part of a file chosen, so that nothing can be said of the whole?"""
    return "::" in "".join(config.args) or bool(config.option.keyword)


class ManualClock:
    """A clock that moves only when told to."""

    def __init__(self, start: datetime) -> None:
        self._now = start

    def __call__(self) -> datetime:
        """The time."""
        return self._now

    def pass_by(self, time: timedelta) -> None:
        """Let time pass."""
        self._now += time


class CuttingTransport(httpx.AsyncBaseTransport):
    """In one process there is no connection to close; what a client would see of it is raised instead."""

    def __init__(self, app: Any) -> None:
        self._inner = httpx.ASGITransport(app)

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Pass the request on."""
        try:
            return await self._inner.handle_async_request(request)
        except CutError:
            raise httpx.RemoteProtocolError("the connection was closed", request=request) from None


class Box:
    """A sandbox in this process, seen from outside (``client``) and from inside (``sandbox``, ``traffic``)."""

    def __init__(self, app: Any, client: httpx.AsyncClient) -> None:
        self.app = app
        self.client = client
        self.sandbox: Sandbox = app.state.sandbox
        self.traffic: Traffic = app.state.traffic

    async def call(
        self,
        method: str,
        path: str,
        status: int,
        *,
        bearer: str | None = CONSOLE,
        headers: Any = None,
        **arguments: Any,
    ) -> Any:
        """Make a call, expect this status, and return the body."""
        response = await self.respond(method, path, bearer=bearer, headers=headers, **arguments)
        assert response.status_code == status, (response.status_code, response.text)
        return response.json() if response.content else None

    async def respond(
        self, method: str, path: str, *, bearer: str | None = CONSOLE, headers: Any = None, **arguments: Any
    ) -> httpx.Response:
        """Make a call and return the whole answer."""
        auth = {"Authorization": f"Bearer {bearer}"} if bearer is not None else {}
        return await self.client.request(method, path, headers={**auth, **(headers or {})}, **arguments)

    async def register(self, name: str = "Viewer", reference: str = "") -> Any:
        """A new app."""
        body = {"name": name, "reference": reference}
        return await self.call("POST", APPS, 201, json=body, headers={"Idempotency-Key": name})

    async def decide(self, app: Any, decision: str = "authorize") -> Any:
        """The admin decides."""
        path = f"{APPS}/{app['id']}/authorization/decision"
        return await self.call("POST", path, 200, bearer=ADMIN, json={"decision": decision})

    async def authorized(self, name: str = "Viewer", reference: str = "") -> Any:
        """A new app that the admin has authorized."""
        return await self.decide(await self.register(name, reference))

    async def mint(self, app: Any, slot: str = "primary", days: int | None = 30) -> str:
        """A new token."""
        path = f"{APPS}/{app['id']}/tokens/{slot}"
        return str((await self.call("POST", path, 201, json={"expires_in_days": days}))["token"])

    async def app_of(self, app: Any) -> Any:
        """The app as it is now."""
        return await self.call("GET", f"{APPS}/{app['id']}", 200)

    def order(self, **fault: Any) -> None:
        """Order a fault, after those ordered before."""
        self.traffic.faults.append(Fault(**fault))


@contextlib.asynccontextmanager
async def in_process(config: SandboxConfig, *, described: bool = True) -> AsyncIterator[Box]:
    """A sandbox in this process; its answers are checked unless a test means to spoil them."""
    app = create_app(config)
    plain = CuttingTransport(app)
    transport = DescribedTransport(plain, ANSWERED) if described else plain
    async with httpx.AsyncClient(transport=transport, base_url=URL) as client:
        yield Box(app, client)
    app.state.sandbox.close()
