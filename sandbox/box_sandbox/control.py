"""``/sandbox/v1``: what a test or a demo asks of the sandbox itself. Nothing of this exists in Box."""

from __future__ import annotations

import re
from typing import cast

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from box_sandbox.answers import BoxError, json_body
from box_sandbox.console import require, sandbox_of
from box_sandbox.model import SLOTS, App, digest
from box_sandbox.routing import route
from box_sandbox.traffic import Fault, Traffic


def _admin(request: Request) -> None:
    require(request, sandbox_of(request).config.admin_token)


def _traffic(request: Request) -> Traffic:
    return cast("Traffic", request.app.state.traffic)


def _app(request: Request) -> App:
    app = sandbox_of(request).find(request.path_params["app_id"])
    if app is None:
        raise BoxError(404, "app_not_found", "There is no such app")
    return app


async def health(_: Request) -> Response:
    """Is anybody there?"""
    return JSONResponse({"status": "ok"})


async def faults(request: Request) -> Response:
    """PUT replaces the ordered faults, GET shows what is left of them, DELETE clears them."""
    _admin(request)
    traffic = _traffic(request)
    if request.method == "PUT":
        try:
            traffic.faults = msgspec.json.decode(await request.body(), type=list[Fault])
        except (msgspec.DecodeError, UnicodeError) as error:
            raise BoxError(400, "bad_request", str(error)) from None
    elif request.method == "DELETE":
        traffic.faults = []
    return JSONResponse(msgspec.to_builtins(traffic.faults))


async def requests(request: Request) -> Response:
    """The log of requests, from a number on; paths only, never a query, a header or a body."""
    _admin(request)
    log, since = _traffic(request).log, request.query_params.get("since", "0")
    if not re.fullmatch("[0-9]{1,18}", since):
        raise BoxError(400, "bad_request", "since is a number")
    return JSONResponse({"entries": log[int(since) :], "next": len(log)})


async def issued_tokens(request: Request) -> Response:
    """Every token ever issued, with its value, so that a test can look for leaks."""
    _admin(request)
    state = sandbox_of(request)
    if not state.config.reveal_issued_tokens:
        raise BoxError(403, "forbidden", "The sandbox was started without --reveal-issued-tokens")
    entries = [
        {
            "token": value,
            "fingerprint": digest(value)[:16],
            "app_id": app_id,
            "slot": state.tokens[digest(value)].slot,
            "live": state.authenticate(value) is not None,
        }
        for value, app_id in state.issued
    ]
    return JSONResponse({"entries": entries})


async def expire(request: Request) -> Response:
    """Let the token in a slot expire now."""
    _admin(request)
    app, slot = _app(request), request.path_params["slot"]
    if slot not in SLOTS or slot not in app.tokens:
        raise BoxError(404, "not_found", "The slot is empty")
    await sandbox_of(request).expire(app, slot)
    return JSONResponse(app.public())


async def console_token(request: Request) -> Response:
    """Change the credential that the Console API accepts."""
    _admin(request)
    token = (await json_body(request)).get("token")
    if not isinstance(token, str) or not token:
        raise BoxError(400, "bad_request", "token is a text")
    sandbox_of(request).console_token = token
    return Response(status_code=204)


async def taken_names(request: Request) -> Response:
    """Replace the names that somebody else in Box has."""
    _admin(request)
    names = (await json_body(request)).get("names")
    if not isinstance(names, list):
        raise BoxError(400, "bad_request", "names is a list")
    sandbox_of(request).taken_names = {str(name) for name in names}
    return Response(status_code=204)


async def client_secret(request: Request) -> Response:
    """The client secret, which the page of an App Token app does not even show (Box community 360049151174)."""
    _admin(request)
    return JSONResponse({"client_secret": _app(request).client_secret})


ROUTES = [
    route("/sandbox/v1/health", {"GET": health}),
    route("/sandbox/v1/faults", {"GET": faults, "PUT": faults, "DELETE": faults}),
    route("/sandbox/v1/requests", {"GET": requests}),
    route("/sandbox/v1/issued-tokens", {"GET": issued_tokens}),
    route("/sandbox/v1/apps/{app_id}/tokens/{slot}/expire", {"POST": expire}),
    route("/sandbox/v1/console-token", {"PUT": console_token}),
    route("/sandbox/v1/taken-names", {"PUT": taken_names}),
    route("/sandbox/v1/apps/{app_id}/client-secret", {"GET": client_secret}),
]
