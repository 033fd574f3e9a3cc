"""A proxy that a platform puts into every environment, and TLS in front of a server that has none. On loopback only.

with ConnectProxy({"api.example.test:443": 40123}, password="secret") as proxy:
    play.start_operator(HTTPS_PROXY=proxy.url)
    ...
    assert proxy.seen == ["CONNECT api.example.test:443"]
"""

import asyncio
import base64
import contextlib
import ssl
import threading
from collections.abc import Coroutine, Mapping
from typing import Any, Self, TypeVar
from urllib.parse import urlsplit

T = TypeVar("T")
CHUNK_BYTES = 65536
STOP_SECONDS = 30.0

Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


class _Server:
    """Something that listens on a free port, in a thread of its own from ``__enter__`` to ``__exit__``."""

    def __init__(self, context: ssl.SSLContext | None = None) -> None:
        self.port = 0
        self._context = context
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name=type(self).__name__, daemon=True)
        self._connections: dict[asyncio.Task[None], asyncio.StreamWriter] = {}
        self._stopping = False

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self._do(self._stop())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_SECONDS)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(STOP_SECONDS)

    async def _start(self) -> None:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0, ssl=self._context)
        self.port = self._server.sockets[0].getsockname()[1]

    async def _stop(self) -> None:
        self._stopping = True
        self._server.close()
        connections = dict(self._connections)
        for task, writer in connections.items():
            task.cancel()
            # A task that has not begun closes nothing.
            writer.transport.abort()
        await asyncio.gather(*connections, return_exceptions=True)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._accept(reader, writer))
        self._connections[task] = writer
        task.add_done_callback(lambda done: self._connections.pop(done, None))

    async def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            # Cancelled only at the end, when no caller waits for the answer; asyncio would complain of it.
            with contextlib.suppress(OSError, EOFError, asyncio.LimitOverrunError, asyncio.CancelledError):
                await self._serve(reader, writer)
        finally:
            await self._close(writer)

    async def _close(self, writer: asyncio.StreamWriter) -> None:
        """At once when everything ends, and otherwise with what is still to be written."""
        if self._stopping:
            writer.transport.abort()
        writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    async def _tie(self, one: Streams, other: Streams) -> None:
        """Hand on in both directions until either side ends."""
        ways = [asyncio.ensure_future(_hand_on(one[0], other[1])), asyncio.ensure_future(_hand_on(other[0], one[1]))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            await self._close(other[1])

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        raise NotImplementedError


class ConnectProxy(_Server):
    """An HTTP proxy that knows ``CONNECT``, and notes what it was asked for.

    Args:
        routes: ports of this machine by the ``host:port`` that clients ask for; without an entry the port of this
            machine that is named, whatever the host.
        password: of the user "robot", which alone may use it; None for every user.
        refuse: the status with which it answers everything; None to do what it is there for.
    """

    def __init__(
        self, routes: Mapping[str, int] | None = None, password: str | None = None, refuse: int | None = None
    ) -> None:
        super().__init__()
        self.seen: list[str] = []
        self._routes = dict(routes or {})
        self._refuse = refuse
        self._password = password

    @property
    def url(self) -> str:
        """What a variable has to say, with user and password."""
        user = f"robot:{self._password}@" if self._password is not None else ""
        return f"http://{user}127.0.0.1:{self.port}"

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode("latin-1").splitlines()
        method, target, _ = head[0].split(" ", 2)
        self.seen.append(f"{method} {target}")
        status = self._refuse or self._refusal(head[1:]) or (405 if method != "CONNECT" else None)
        if status is not None:
            writer.write(f"HTTP/1.1 {status} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n".encode())
            await writer.drain()
            return
        port = self._routes.get(target) or int(target.rpartition(":")[2])
        onward = await asyncio.open_connection("127.0.0.1", port)
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await self._tie((reader, writer), onward)

    def _refusal(self, headers: list[str]) -> int | None:
        if self._password is None:
            return None
        known = base64.b64encode(f"robot:{self._password}".encode()).decode()
        given = dict(header.split(": ", 1) for header in headers if ": " in header)
        right = {name.lower(): value for name, value in given.items()}.get("proxy-authorization") == f"Basic {known}"
        return None if right else 407


class TlsFront(_Server):
    """TLS in front of a server that speaks plain HTTP.

    Args:
        target: its URL.
        certificate: PEM files of the certificate and of its key.
    """

    def __init__(self, target: str, certificate: tuple[str, str]) -> None:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(*certificate)
        super().__init__(context)
        self._target = urlsplit(target)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        onward = await asyncio.open_connection(self._target.hostname, self._target.port)
        await self._tie((reader, writer), onward)


async def _hand_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while chunk := await reader.read(CHUNK_BYTES):
        writer.write(chunk)
        await writer.drain()
