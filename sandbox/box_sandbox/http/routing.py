"""One route per path, so that a method that a path does not have gets 405 with all those that it has."""

from collections.abc import Awaitable, Callable, Mapping

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

Endpoint = Callable[[Request], Awaitable[Response]]


def route(path: str, endpoints: Mapping[str, Endpoint]) -> Route:
    """A route with an endpoint for each method. HEAD is GET, and the server leaves the body out."""

    async def dispatch(request: Request) -> Response:
        return await endpoints["GET" if request.method == "HEAD" else request.method](request)

    return Route(path, dispatch, methods=list(endpoints))
