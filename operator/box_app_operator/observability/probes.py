"""Liveness, readiness and metrics over HTTP. Knows nothing of how any of them is found out."""

import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable

from aiohttp import web
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class AddressError(Exception):
    """The address of the probes cannot be listened on; the message says why."""


async def _listen(site: web.TCPSite, address: str) -> None:
    try:
        await site.start()
    except OSError as error:
        raise AddressError(f"{address}: {error.strerror}") from None


class Probes:
    """Yes or no. A process that stands by is well and ready: it has nothing to do, and may be needed any moment.

    Attributes:
        alive: should the process go on?
        ready: did it come up well?
    """

    def __init__(self) -> None:
        self.alive: Callable[[], bool] = lambda: True
        self.ready: Callable[[], bool] = lambda: True

    def follow(self, *, alive: Callable[[], bool], ready: Callable[[], bool]) -> None:
        """From now on these know."""
        self.alive, self.ready = alive, ready


def _probe(check: Callable[[], bool]) -> Handler:
    async def answer(_: web.Request) -> web.Response:
        return web.Response(text="ok\n") if check() else web.Response(text="not yet\n", status=503)

    return answer


def _metrics(registry: CollectorRegistry) -> Handler:
    async def answer(request: web.Request) -> web.Response:
        encode, content_type = choose_encoder(request.headers.get("Accept", ""))
        return web.Response(body=encode(registry), headers={"Content-Type": content_type})

    return answer


@contextlib.asynccontextmanager
async def serve_health(host: str, port: int, probes: Probes, registry: CollectorRegistry) -> AsyncIterator[int]:
    """Serve ``/healthz``, ``/readyz`` and ``/metrics`` while entered; yields the port."""
    app = web.Application()
    app.router.add_get("/healthz", _probe(lambda: probes.alive()))
    app.router.add_get("/readyz", _probe(lambda: probes.ready()))
    app.router.add_get("/metrics", _metrics(registry))
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await _listen(site, f"{host}:{port}")
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
