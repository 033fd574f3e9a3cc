"""Answers in Box's shapes."""

import secrets
from typing import Any

import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

HELP = "https://developer.box.com/guides/api-calls/permissions-and-errors/common-errors/"
REALM = 'Bearer realm="Service"'
CODES = {
    400: "bad_request",
    401: "unauthorized",
    403: "forbidden",
    404: "not_found",
    405: "method_not_allowed",
    409: "conflict",
    412: "precondition_failed",
    413: "request_entity_too_large",
    429: "rate_limit_exceeded",
    502: "bad_gateway",
    503: "unavailable",
}
"""Box's code for a status when nothing more is known. Source: box/developer.box.com, common-errors."""


class BoxError(HTTPException):
    """A refusal in Box's error shape. Source: Box OpenAPI 2024.0, ``ClientError``."""

    def __init__(
        self, status: int, code: str, message: str, *, context: Any = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status, message, headers)
        self.code = code
        self.context = context


class OAuthError(Exception):
    """A refusal of an OAuth endpoint. Source: Box OpenAPI 2024.0, ``OAuth2Error``."""

    def __init__(self, error: str, description: str, status: int = 400) -> None:
        super().__init__(description)
        self.error = error
        self.description = description
        self.status = status


class InvalidTokenError(Exception):
    """The bearer token is not, or no longer, valid."""


def box_error(request: Request, error: Exception) -> Response:
    """The answer to a BoxError, or to what the framework refuses by itself: 404, 405, a form that cannot be read."""
    if not isinstance(error, HTTPException):
        raise error
    request_id = secrets.token_hex(8)
    body = {
        "type": "error",
        "status": error.status_code,
        "code": error.code if isinstance(error, BoxError) else code_for(error.status_code),
        "help_url": HELP,
        "message": error.detail,
        "request_id": request_id,
    }
    if isinstance(error, BoxError) and error.context is not None:
        body["context_info"] = error.context
    headers = {**(error.headers or {}), **cors_headers(request), "box-request-id": request_id}
    return JSONResponse(body, error.status_code, headers)


def code_for(status: int) -> str:
    """Box's code for a status."""
    return CODES.get(status, "internal_server_error" if status >= 500 else "bad_request")


def cors_headers(request: Request) -> dict[str, str]:
    """What tells a browser that its page may see the answer (box/developer.box.com, security/cors).

    That a refusal for another reason carries them too, once the origin was found to be allowed, is assumed.
    """
    allowed = getattr(request.state, "origin_allowed", False)
    return {"Access-Control-Allow-Origin": "*", "Vary": "Origin"} if allowed else {}


def oauth_error(_: Request, error: Exception) -> Response:
    """The answer to an OAuthError."""
    if not isinstance(error, OAuthError):
        raise error
    return JSONResponse({"error": error.error, "error_description": error.description}, error.status)


def invalid_token(_: Request, _error: Exception) -> Response:
    """401 without a body. Observed: box/box-node-sdk#157.

    That a missing, an expired and a revoked token look alike is assumed.
    """
    challenge = f'{REALM}, error="invalid_token", error_description="The access token provided is invalid."'
    return Response(status_code=401, headers={"WWW-Authenticate": challenge, "box-request-id": secrets.token_hex(8)})


def json_object(text: bytes | str) -> dict[str, Any]:
    """The text as a JSON object.

    Raises:
        BoxError: it is something else, or holds what cannot be written again, such as half of a surrogate pair.
    """
    try:
        return msgspec.json.decode(text, type=dict[str, Any])
    except (msgspec.DecodeError, UnicodeError, RecursionError):
        raise BoxError(400, "bad_request", "A JSON object was expected") from None


async def json_body(request: Request) -> dict[str, Any]:
    """The request's body as an object; an empty body is an empty object."""
    return json_object(await request.body() or b"{}")


def bearer(request: Request) -> str:
    """The bearer token of a request, empty when there is none."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""
