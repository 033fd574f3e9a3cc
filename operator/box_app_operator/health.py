"""Liveness and readiness over HTTP. Says yes or no; knows nothing of how it is found out."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator, Callable

from aiohttp import web


class AddressError(Exception):
    """Nobody can listen at the address of the probes; the message says why."""


async def _listen(site: web.TCPSite, address: str) -> None:
    try:
        await site.start()
    except OSError as error:
        raise AddressError(f"{address}: {error.strerror}") from None


@contextlib.asynccontextmanager
async def serve_health(
    host: str, port: int, *, alive: Callable[[], bool], ready: Callable[[], bool]
) -> AsyncIterator[int]:
    """Serve ``/healthz`` and ``/readyz`` while entered; yields the port."""

    def probe(check: Callable[[], bool]) -> Callable[[web.Request], object]:
        async def answer(_: web.Request) -> web.Response:
            return web.Response(text="ok\n") if check() else web.Response(text="not yet\n", status=503)

        return answer

    app = web.Application()
    app.router.add_get("/healthz", probe(alive))  # type: ignore[arg-type]  # aiohttp's Handler is too wide to name
    app.router.add_get("/readyz", probe(ready))  # type: ignore[arg-type]  # as above
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        await _listen(site, f"{host}:{port}")
        yield runner.addresses[0][1]
    finally:
        await runner.cleanup()
