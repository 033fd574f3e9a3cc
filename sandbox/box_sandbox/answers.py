"""Answers in Box's shapes."""

from __future__ import annotations

import json
import secrets
from typing import Any

from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

HELP = "https://developer.box.com/guides/api-calls/permissions-and-errors/common-errors/"
REALM = 'Bearer realm="Service"'


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


def box_error(_: Request, error: Exception) -> Response:
    """The answer to a BoxError."""
    code = error.code if isinstance(error, BoxError) else "not_found"
    status = error.status_code if isinstance(error, HTTPException) else 500
    request_id = secrets.token_hex(8)
    body = {
        "type": "error",
        "status": status,
        "code": code,
        "help_url": HELP,
        "message": error.detail if isinstance(error, HTTPException) else "",
        "request_id": request_id,
    }
    if isinstance(error, BoxError) and error.context is not None:
        body["context_info"] = error.context
    headers = dict(getattr(error, "headers", None) or {})
    return JSONResponse(body, status, {**headers, "box-request-id": request_id})


def oauth_error(_: Request, error: Exception) -> Response:
    """The answer to an OAuthError."""
    if not isinstance(error, OAuthError):
        raise error
    return JSONResponse({"error": error.error, "error_description": error.description}, error.status)


def invalid_token(_: Request, _error: Exception) -> Response:
    """401 without a body. Observed: box/box-node-sdk#157. Expired and revoked tokens look alike (assumed)."""
    challenge = f'{REALM}, error="invalid_token", error_description="The access token provided is invalid."'
    return Response(status_code=401, headers={"WWW-Authenticate": challenge, "box-request-id": secrets.token_hex(8)})


async def json_body(request: Request) -> dict[str, Any]:
    """The request's body as an object; an empty body is an empty object."""
    text = await request.body()
    try:
        body = json.loads(text or b"{}")
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise BoxError(400, "bad_request", "The body is not a JSON object")
    return body


def bearer(request: Request) -> str:
    """The bearer token of a request, empty when there is none."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    return value.strip() if scheme.lower() == "bearer" else ""
