"""Box's public API, as far as App Tokens go: one method per endpoint."""

from __future__ import annotations

from http import HTTPStatus

from box_app_operator.box.transport import Transport
from box_app_operator.errors import AwaitingHumanError, TransientError
from box_app_operator.ports import Token

ME = "/2.0/users/me"


class HttpPlatform:
    """Box's public API over HTTP. Every method may raise TransientError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def ping(self) -> None:
        """Does anybody answer? A refusal for want of a token is an answer. Source: ``GET /2.0/users/me``."""
        await self._transport.call("GET", ME)

    async def accepts(self, token: Token) -> bool:
        """Does Box accept this token? Source: Box OpenAPI 2024.0, ``GET /2.0/users/me``.

        False only for 401 without a body or with ``invalid_token``, which is what an invalid, expired or revoked
        token gets (box/box-node-sdk#157, observed).

        Raises:
            AwaitingHumanError: the app is disabled (401 "Cannot authorize with this service").
        """
        answer = await self._transport.call("GET", ME, bearer=token.reveal())
        if answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return True
        if answer.status == HTTPStatus.UNAUTHORIZED and answer.error.code == "unauthorized":
            raise AwaitingHumanError("Disabled", "Box says that the app is disabled; a Box admin must enable it.")
        if answer.status == HTTPStatus.UNAUTHORIZED and (not answer.body or answer.error.code == "invalid_token"):
            return False
        # Anything else is not Box's word about the token: a proxy on the way also says 401, with a page of its own.
        raise TransientError("BoxUnavailable", answer.describe(), detail=answer.detail)
