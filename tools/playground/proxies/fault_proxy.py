"""A proxy between the operator and its API server, in which faults can be ordered.

    with FaultProxy(cluster) as proxy, Playground(cluster, proxy=proxy) as play:
        play.start_operator()
        order = proxy.order("PATCH", "/boxcustomapps/", Answer(504, after=True), times=2)
        ...
        assert order.met == 2

Only what is given its URL goes through it: the operator does, ``play.cluster`` does not. It has the API server's own
certificate, so that whoever trusts the one trusts the other.
"""

import asyncio
import contextlib
import ssl
import threading
from collections.abc import AsyncIterator, Coroutine
from typing import Any, Self, TypeVar

import aiohttp
from aiohttp import web
from yarl import URL

from playground.cluster import Cluster
from playground.proxies.faults import WATCH, Answer, Cut, Events, Fault, Hang, Order, Seen, matches

T = TypeVar("T")
HOP_BY_HOP = frozenset({"host", "connection", "keep-alive", "transfer-encoding", "content-length", "te", "upgrade"})
MAX_BODY_BYTES = 16 << 20
STOP_SECONDS = 30.0


class FaultProxy:
    """A proxy in a thread of its own, from ``__enter__`` to ``__exit__``.

    Attributes:
        url: where it listens; what the operator takes for the API server.
    """

    def __init__(self, cluster: Cluster) -> None:
        self.url = ""
        self._cluster = cluster
        self._lock = threading.Lock()
        self._orders: list[Order] = []
        self._seen: list[Seen] = []
        self._watches: dict[asyncio.Future[Fault], str] = {}
        self._hanging: set[asyncio.Future[None]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="fault proxy", daemon=True)
        self._running = contextlib.AsyncExitStack()

    def __enter__(self) -> Self:
        self._thread.start()
        self._do(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        self.clear()
        self.interrupt_watches(".*", Cut())
        self._do(self._running.aclose())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(STOP_SECONDS)
        self._loop.close()

    def _do(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(STOP_SECONDS)

    # What tests say

    def order(self, method: str, path: str, fault: Fault, times: int | None = 1) -> Order:
        """Have a fault happen to the next requests that fit.

        Args:
            method: an HTTP method, ``WATCH`` for a GET that watches, which no other method includes, or ``*``.
            path: a regular expression that is found in the path.
            fault: what happens to them; of several orders that fit, the first one counts.
            times: to so many; None for all until ``clear``.

        Returns:
            The order, whose ``met`` counts.
        """
        order = Order(method, path, fault, times)
        with self._lock:
            self._orders.append(order)
        return order

    def clear(self) -> None:
        """Forget all orders, and let the connections go that hang."""
        with self._lock:
            self._orders.clear()
        self._do(self._release())

    def interrupt_watches(self, path: str, fault: Cut | Events) -> int:
        """Cut the watches that are open now, or have them tell something and end; returns how many there were."""
        return self._do(self._interrupt(path, fault))

    def seen(self, method: str = "*", path: str = "") -> list[Seen]:
        """The requests that came by, in order."""
        with self._lock:
            return [seen for seen in self._seen if matches(method, path, seen.method, seen.path)]

    # What happens in the loop

    async def _start(self) -> None:
        plane = self._cluster.plane
        trust = ssl.create_default_context(cafile=plane.ca_file) if plane else True
        connector = aiohttp.TCPConnector(limit=0, ssl=trust)
        nothing = aiohttp.ClientTimeout(total=None)
        self._upstream = await self._running.enter_async_context(
            aiohttp.ClientSession(connector=connector, timeout=nothing, auto_decompress=False)
        )
        app = web.Application(client_max_size=MAX_BODY_BYTES)
        app.router.add_route("*", "/{path:.*}", self._serve)
        runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=1.0)
        await runner.setup()
        self._running.push_async_callback(runner.cleanup)
        await web.TCPSite(runner, "127.0.0.1", 0, ssl_context=_certificate(self._cluster)).start()
        self.url = f"{'https' if plane else 'http'}://127.0.0.1:{runner.addresses[0][1]}"

    async def _release(self) -> None:
        for waiting in self._hanging:
            _settle(waiting, None)

    async def _interrupt(self, path: str, fault: Fault) -> int:
        fitting = [ending for ending, watched in self._watches.items() if matches(WATCH, path, WATCH, watched)]
        for ending in fitting:
            _settle(ending, fault)
        return len(fitting)

    def _fault_for(self, method: str, request: web.Request) -> Fault | None:
        with self._lock:
            order = next((order for order in self._orders if order.take(method, request.path)), None)
            fault = order.fault if order is not None else None
            self._seen.append(Seen(method, request.path, dict(request.query), fault))
        return fault

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        watching = request.query.get("watch") in ("true", "1")
        fault = self._fault_for(WATCH if watching else request.method, request)
        try:
            if fault is not None:
                return await self._happen(fault, request)
            async with self._asked(request) as answer:
                return await (self._stream(request, answer) if watching else _whole(answer))
        except (aiohttp.ClientError, OSError):
            # As if there were no proxy, and the API server had gone.
            return _cut(request)

    @contextlib.asynccontextmanager
    async def _asked(self, request: web.Request) -> AsyncIterator[aiohttp.ClientResponse]:
        url = URL(self._cluster.url + request.raw_path, encoded=True)
        headers = {name: value for name, value in request.headers.items() if name.lower() not in HOP_BY_HOP}
        body = await request.read()
        skipped = ("User-Agent", "Accept", "Accept-Encoding", "Content-Type")
        async with self._upstream.request(
            request.method, url, headers=headers, data=body or None, skip_auto_headers=skipped, allow_redirects=False
        ) as answer:
            yield answer

    async def _happen(self, fault: Fault, request: web.Request) -> web.StreamResponse:
        if not isinstance(fault, Events) and fault.after:
            async with self._asked(request) as answer:
                await answer.read()
        match fault:
            case Answer():
                return web.Response(
                    status=fault.status,
                    text=fault.text(),
                    headers={"Content-Type": "application/json", **fault.headers},
                )
            case Events():
                return web.Response(text=fault.text(), headers={"Content-Type": "application/json"})
            case Hang():
                await self._hang()
        return _cut(request)

    async def _hang(self) -> None:
        waiting = self._loop.create_future()
        self._hanging.add(waiting)
        try:
            await waiting
        finally:
            self._hanging.discard(waiting)

    async def _stream(self, request: web.Request, answer: aiohttp.ClientResponse) -> web.StreamResponse:
        """Hand a watch on as it comes, until it ends or is interrupted."""
        response = web.StreamResponse(status=answer.status, headers=_passed_on(answer))
        await response.prepare(request)
        ending: asyncio.Future[Fault] = self._loop.create_future()
        self._watches[ending] = request.path
        try:
            await _hand_on(answer, response, ending)
        finally:
            del self._watches[ending]
        fault = ending.result() if ending.done() else Events()
        if not isinstance(fault, Events):
            return _cut(request)
        await response.write_eof(fault.text().encode())
        return response


async def _hand_on(answer: aiohttp.ClientResponse, response: web.StreamResponse, ending: asyncio.Future[Fault]) -> None:
    """What is read is written, until the end of it or until ``ending`` is settled."""
    while True:
        reading: asyncio.Future[Any] = asyncio.ensure_future(answer.content.readany())
        try:
            await asyncio.wait({reading, ending}, return_when=asyncio.FIRST_COMPLETED)
            if ending.done() or not (chunk := reading.result()):
                return
            await response.write(chunk)
        finally:
            reading.cancel()
            await asyncio.gather(reading, return_exceptions=True)


async def _whole(answer: aiohttp.ClientResponse) -> web.Response:
    return web.Response(status=answer.status, body=await answer.read(), headers=_passed_on(answer))


def _passed_on(answer: aiohttp.ClientResponse) -> dict[str, str]:
    return {name: value for name, value in answer.headers.items() if name.lower() not in HOP_BY_HOP}


def _cut(request: web.Request) -> web.Response:
    """Nothing of it is sent any more."""
    if request.transport is not None:
        request.transport.abort()
    return web.Response()


def _settle(future: asyncio.Future[Any], result: Any) -> None:
    if not future.done():
        future.set_result(result)


def _certificate(cluster: Cluster) -> ssl.SSLContext | None:
    if cluster.plane is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(cluster.plane.ca_file, cluster.plane.key_file)
    return context
