"""An API server on loopback that answers as a test wishes."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from aiohttp import web
from kubernetes.aio.client import ApiClient, Configuration

from box_app_operator.kube.api import KubeApi

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


def always(answer: Callable[[], web.StreamResponse]) -> Handler:
    """A handler that answers everything in the same way."""

    async def handler(_: web.Request) -> web.StreamResponse:
        return answer()

    return handler


@asynccontextmanager
async def serving(handler: Handler, configuration: Configuration | None = None) -> AsyncIterator[KubeApi]:
    """A server that answers everything with this handler, and the way to it."""
    app = web.Application()
    app.router.add_route("*", "/{path:.*}", handler)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    configuration = configuration or Configuration()
    configuration.host = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        async with ApiClient(configuration) as client:
            yield KubeApi(client)
    finally:
        await runner.cleanup()
