"""``/sandbox/v1``: what a test or a demo asks of the sandbox itself. Nothing of this exists in Box."""

from __future__ import annotations

from typing import cast

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from box_sandbox.answers import BoxError, json_body
from box_sandbox.console import require, sandbox_of
from box_sandbox.model import SLOTS, App, digest
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
        except msgspec.DecodeError as error:
            raise BoxError(400, "bad_request", str(error)) from None
    elif request.method == "DELETE":
        traffic.faults = []
    return JSONResponse(msgspec.to_builtins(traffic.faults))


async def requests(request: Request) -> Response:
    """The log of requests, from a number on; paths only, never a query, a header or a body."""
    _admin(request)
    log, since = _traffic(request).log, int(request.query_params.get("since", "0"))
    return JSONResponse({"entries": log[since:], "next": len(log)})


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
    sandbox_of(request).console_token = str((await json_body(request))["token"])
    return Response(status_code=204)


async def taken_names(request: Request) -> Response:
    """Replace the names that somebody else in Box has."""
    _admin(request)
    sandbox_of(request).taken_names = {str(name) for name in (await json_body(request))["names"]}
    return Response(status_code=204)


async def client_secret(request: Request) -> Response:
    """The client secret, which the page of an App Token app does not even show (Box community 360049151174)."""
    _admin(request)
    return JSONResponse({"client_secret": _app(request).client_secret})


ROUTES = [
    Route("/sandbox/v1/health", health),
    Route("/sandbox/v1/faults", faults, methods=["GET", "PUT", "DELETE"]),
    Route("/sandbox/v1/requests", requests),
    Route("/sandbox/v1/issued-tokens", issued_tokens),
    Route("/sandbox/v1/apps/{app_id}/tokens/{slot}/expire", expire, methods=["POST"]),
    Route("/sandbox/v1/console-token", console_token, methods=["PUT"]),
    Route("/sandbox/v1/taken-names", taken_names, methods=["PUT"]),
    Route("/sandbox/v1/apps/{app_id}/client-secret", client_secret),
]
