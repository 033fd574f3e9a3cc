"""The sandbox as one ASGI application."""

import asyncio
from collections.abc import Callable
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.types import ASGIApp, Scope

from box_sandbox.admin import control
from box_sandbox.config import SandboxConfig
from box_sandbox.console import api as console
from box_sandbox.console import by_person
from box_sandbox.http.answers import InvalidTokenError, OAuthError, box_error, invalid_token, oauth_error
from box_sandbox.http.traffic import Traffic
from box_sandbox.platform import content as platform
from box_sandbox.platform import oauth, users
from box_sandbox.state.sandbox import Sandbox


def _cannot_abort(_: Scope) -> bool:
    return False


def create_app(config: SandboxConfig, abort: Callable[[Scope], bool] = _cannot_abort) -> Starlette:
    """The application. Its state is in ``app.state.sandbox``, the request log and faults in ``app.state.traffic``.

    Args:
        abort: closes the connection of a request at once and tells whether it could.
    """
    sandbox = Sandbox(config)

    def traffic(app: ASGIApp) -> Traffic:
        application.state.traffic = Traffic(app, sandbox, abort)
        return application.state.traffic  # type: ignore[no-any-return]  # State is untyped

    handlers: dict[Any, Any] = {HTTPException: box_error, OAuthError: oauth_error, InvalidTokenError: invalid_token}
    # Without a Console API its paths are like any others that do not exist.
    automated = console.ROUTES if config.console_enabled else []
    application = Starlette(
        routes=[*automated, *platform.ROUTES, *users.ROUTES, *oauth.ROUTES, *control.ROUTES, *by_person.ROUTES],
        middleware=[Middleware(traffic)],
        exception_handlers=handlers,
    )
    # One spelling for every path: a redirect would send a client's token to wherever it leads.
    application.router.redirect_slashes = False
    application.state.sandbox = sandbox
    application.state.stopping = asyncio.Event()
    # Built now and not at the first request, so that faults can be ordered before it.
    application.middleware_stack = application.build_middleware_stack()
    return application
