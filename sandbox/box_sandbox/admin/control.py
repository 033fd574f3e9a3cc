"""``/sandbox/v1``: what a test or a demo asks of the sandbox itself. Nothing of this exists in Box."""

import re
from typing import cast

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from box_sandbox.http.answers import BoxError, json_body
from box_sandbox.http.callers import only_admin, sandbox_of
from box_sandbox.http.routing import Endpoint, route
from box_sandbox.http.traffic import Fault, Traffic
from box_sandbox.state.model import digest

PREFIX = "/sandbox/v1"
LONGEST_OFFSET_SECONDS = 1000 * 86400.0


def _traffic(request: Request) -> Traffic:
    return cast("Traffic", request.app.state.traffic)


async def health(_: Request) -> Response:
    """Does the sandbox run?"""
    return JSONResponse({"status": "ok"})


async def faults(request: Request) -> Response:
    """PUT replaces the ordered faults, GET shows what is left of them, DELETE clears them."""
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
    log, since = _traffic(request).log, request.query_params.get("since", "0")
    if not re.fullmatch("[0-9]{1,18}", since):
        raise BoxError(400, "bad_request", "since is a number")
    return JSONResponse({"entries": log[int(since) :], "next": len(log)})


async def issued_tokens(request: Request) -> Response:
    """Every token ever issued, with its value, so that a test can look for leaks."""
    state = sandbox_of(request)
    if not state.config.reveal_issued_tokens:
        raise BoxError(403, "forbidden", "The sandbox was started without --reveal-issued-tokens")
    entries = [
        {
            "token": value,
            "fingerprint": digest(value)[:16],
            "app_id": app_id,
            "slot": state.tokens[digest(value)].slot,
            "kind": state.tokens[digest(value)].kind,
            "live": state.authenticate(value) is not None,
        }
        for value, app_id in state.issued
    ]
    return JSONResponse({"entries": entries})


async def console_token(request: Request) -> Response:
    """Change the credential that the Console API accepts."""
    token = (await json_body(request)).get("token")
    if not isinstance(token, str) or not token:
        raise BoxError(400, "bad_request", "token is a text")
    sandbox_of(request).console_token = token
    return Response(status_code=204)


async def taken_names(request: Request) -> Response:
    """Replace the names that apps of other enterprises have."""
    names = (await json_body(request)).get("names")
    if not isinstance(names, list):
        raise BoxError(400, "bad_request", "names is a list")
    sandbox_of(request).taken_names = {str(name) for name in names}
    return Response(status_code=204)


async def access_token_seconds(request: Request) -> Response:
    """How long downscoped tokens and those for client credentials live, from now on."""
    seconds = (await json_body(request)).get("seconds")
    if type(seconds) is not int or seconds < 1:
        raise BoxError(400, "bad_request", "seconds is a whole number from 1 on")
    sandbox_of(request).access_token_seconds = seconds
    return Response(status_code=204)


async def clock(request: Request) -> Response:
    """Set Box's clock: so many seconds ahead of this machine's, or behind it."""
    seconds = (await json_body(request)).get("offset_seconds")
    if type(seconds) not in (int, float) or abs(cast("float", seconds)) > LONGEST_OFFSET_SECONDS:
        raise BoxError(400, "bad_request", "offset_seconds is a number of seconds, a thousand days at most")
    sandbox_of(request).clock_offset_seconds = float(cast("float", seconds))
    return Response(status_code=204)


_TABLE: dict[str, dict[str, Endpoint]] = {
    "/faults": {"GET": faults, "PUT": faults, "DELETE": faults},
    "/requests": {"GET": requests},
    "/issued-tokens": {"GET": issued_tokens},
    "/console-token": {"PUT": console_token},
    "/taken-names": {"PUT": taken_names},
    "/access-token-seconds": {"PUT": access_token_seconds},
    "/clock": {"PUT": clock},
}
ROUTES = [
    route(PREFIX + "/health", {"GET": health}),
    *(
        route(PREFIX + path, {method: only_admin(endpoint) for method, endpoint in some.items()})
        for path, some in _TABLE.items()
    ),
]
