"""Who calls, and what stands behind the request."""

import hmac
from typing import cast

from starlette.requests import Request
from starlette.responses import Response

from box_sandbox.http.answers import BoxError, bearer
from box_sandbox.http.routing import Endpoint
from box_sandbox.state.sandbox import Sandbox


def sandbox_of(request: Request) -> Sandbox:
    """The state behind a request."""
    return cast("Sandbox", request.app.state.sandbox)


def require(request: Request, *tokens: str) -> None:
    """Refuse a caller who has none of these tokens."""
    given = bearer(request).encode()
    if not any(hmac.compare_digest(given, token.encode()) for token in tokens):
        raise BoxError(401, "unauthorized", "Unauthorized", headers={"WWW-Authenticate": 'Bearer realm="Console"'})


def only_admin(endpoint: Endpoint) -> Endpoint:
    """An endpoint for whoever runs the sandbox: 401 for every other caller."""

    async def guarded(request: Request) -> Response:
        require(request, sandbox_of(request).config.admin_token)
        return await endpoint(request)

    return guarded
