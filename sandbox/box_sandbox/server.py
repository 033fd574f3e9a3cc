"""Serving the sandbox with uvicorn, so that connections can be cut and blocked calls end at once."""

import asyncio
import socket
from collections.abc import Callable
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.types import Scope
from uvicorn.protocols.http.h11_impl import H11Protocol

from box_sandbox.app import create_app
from box_sandbox.config import SandboxConfig

_transports: dict[tuple[str, int], asyncio.Transport] = {}


class _Protocol(H11Protocol):
    """Remembers the connection of every client, by its address."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # uvicorn's own type
        super().connection_made(transport)
        _transports[transport.get_extra_info("peername")] = transport

    def connection_lost(self, exc: Exception | None) -> None:
        _transports.pop(self.transport.get_extra_info("peername"), None)
        super().connection_lost(exc)


def _abort(scope: Scope) -> bool:
    transport = _transports.get(tuple(scope["client"]))
    if transport is None:
        return False
    # Closing lets go what was written so far, which is half of an answer at most.
    transport.close()
    return True


class Server(uvicorn.Server):
    """A server that says where it listens, and ends blocked calls when it stops."""

    def __init__(self, app: Starlette, host: str, port: int, ready: Callable[[str], None]) -> None:
        self._app = app
        self._ready = ready
        self._host = host
        config: Any = uvicorn.Config(
            app,
            host=host,
            port=port,
            http=_Protocol,
            lifespan="off",
            access_log=False,
            # uvicorn takes a connection that was cut on purpose for a mistake and says so at ERROR.
            log_level="critical",
            timeout_graceful_shutdown=2,
        )
        super().__init__(config)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen, then say where."""
        self._app.state.sandbox.resume()
        await super().startup(sockets)
        self._ready(f"http://{self._host}:{self.servers[0].sockets[0].getsockname()[1]}")

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        """Wake those who wait for changes, then stop."""
        state = self._app.state
        state.stopping.set()
        async with state.sandbox.changed:
            state.sandbox.changed.notify_all()
        await super().shutdown(sockets)
        state.sandbox.close()


def make_server(config: SandboxConfig, host: str, port: int, ready: Callable[[str], None]) -> Server:
    """A server for the sandbox; port 0 means any free one."""
    return Server(create_app(config, _abort), host, port, ready)
