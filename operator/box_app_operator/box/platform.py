"""Box's public API, as far as tokens go: one method per endpoint."""

import re
from http import HTTPStatus

import msgspec

from box_app_operator.box.transport import Answer, Transport
from box_app_operator.errors import AwaitingHumanError, FewerRightsError, StalledError
from box_app_operator.model.box import AppID
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import ClientGrant
from box_app_operator.model.platform_view import Identity, Verdict
from box_app_operator.ports import Granted, Token

FILE = "/2.0/files/1"
"""A file that hardly any account has."""
FIELDS = {"fields": "id"}
ME = "/2.0/users/me"
TOKEN = "/oauth2/token"
REVOKE = "/oauth2/revoke"
SERVICE_ACCOUNT = re.compile(r"AutomationUser_([0-9]+)_[A-Za-z0-9]+@boxdevedition\.com")
"""The login of a service account. Source: box/developer.box.com, pages/platform/user-types."""
EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN = "urn:ietf:params:oauth:token-type:access_token"


class _Enterprise(msgspec.Struct):
    id: str


class _File(msgspec.Struct):
    type: str


class _User(msgspec.Struct):
    id: str
    login: str = ""
    name: str = ""
    enterprise: _Enterprise | None = None


class _Granted(msgspec.Struct):
    access_token: str
    expires_in: int


class HttpPlatform:
    """Box's public API over HTTP. Every method may raise TransientError."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def ping(self) -> None:
        """Does Box answer? A refusal for want of a token is an answer. Source: ``GET /2.0/users/me``."""
        await self._transport.call("GET", ME)

    async def prove(self, token: Token) -> Verdict:
        """What becomes of this token? LIVE, DISABLED, DEAD or NARROW, by ``GET /2.0/files/1``.

        It is the only read that App Tokens may make by Box's list, so 404 is the answer of a live one, or 200 where the
        account has that very file. Source: box/developer.box.com, authentication/app-token/endpoints; Box OpenAPI
        2024.0, ``GET /files/{file_id}``.

        Raises:
            TransientError: the answer is not Box's word about the token.
        """
        return (await self._try(token))[0]

    async def _try(self, token: Token) -> tuple[Verdict, Answer]:
        answer = await self._transport.call("GET", FILE, query=FIELDS, bearer=token.reveal())
        verdict = Verdict.LIVE if _lets_read(answer) else _refusal(answer)
        if verdict is None:
            # A proxy on the way also says 401 or 404, with a page of its own.
            raise answer.trouble()
        return verdict, answer

    async def accepts(self, token: Token) -> bool:
        """Does Box accept this token? False only for one that is dead.

        Raises:
            FewerRightsError: it is live, and has fewer rights than an App Token.
            AwaitingHumanError: the app is disabled.
            TransientError: as ``prove``, or Box refuses without saying why: a console endpoint knows what is disabled.
        """
        verdict, answer = await self._try(token)
        if verdict is Verdict.DISABLED and not _says_disabled(answer):
            raise answer.trouble()
        if verdict is Verdict.DISABLED:
            raise AwaitingHumanError(Reason.DISABLED, "Box says that the app is disabled; a Box admin must enable it.")
        if verdict is Verdict.NARROW:
            message = (
                "Box does not let the new token read files, which every App Token may. "
                "Look at the app's scopes in the Developer Console."
            )
            raise FewerRightsError(Reason.TOKEN_REJECTED, message)
        return verdict is Verdict.LIVE

    async def identify(self, token: Token) -> Identity | Verdict | None:
        """Who does this token act for? Source: Box OpenAPI 2024.0, ``GET /2.0/users/me``.

        Whether App Tokens may ask is not documented. A verdict when Box refuses this token: NARROW says that it is live
        and may not ask. None when Box says anything else; for DISABLED it must say so in words.
        """
        query = {"fields": "id,login,name,enterprise"}
        answer = await self._transport.call("GET", ME, query=query, bearer=token.reveal())
        if answer.status < HTTPStatus.MULTIPLE_CHOICES:
            return _identity(answer.decode(_User))
        verdict = _refusal(answer)
        return None if verdict is Verdict.DISABLED and not _says_disabled(answer) else verdict

    async def allows_origin(self, token: Token, origin: str) -> bool:
        """May a browser call from this origin? Asked with a live token. Source: box/developer.box.com, security/cors.

        Raises:
            TransientError: Box says neither yes nor ``cors_origin_not_whitelisted``.
        """
        answer = await self._transport.call(
            "GET", FILE, query=FIELDS, headers={"Origin": origin}, bearer=token.reveal()
        )
        if answer.status == HTTPStatus.FORBIDDEN and answer.error.code == "cors_origin_not_whitelisted":
            return False
        if _is_narrow(answer):
            # For another reason than the origin. A page may see the answer all the same, or it may not.
            return "access-control-allow-origin" in answer.headers
        if not _lets_read(answer):
            raise answer.trouble()
        return True

    async def grant(self, client_id: str, client_secret: Token, subject: ClientGrant) -> Granted:
        """An access token for a client and its secret. Source: Box OpenAPI 2024.0, ``POST /oauth2/token``.

        Raises:
            AwaitingHumanError: the enterprise admin has not authorized the app (box/boxcli#154).
            StalledError: Box refuses the credentials or the subject.
        """
        form = {
            "grant_type": "client_credentials",
            "client_id": client_id,
            "client_secret": client_secret.reveal(),
            "box_subject_type": subject.subject_type,
            "box_subject_id": subject.subject_id,
        }
        return _granted(await self._transport.call("POST", TOKEN, form=form))

    async def exchange(self, token: Token, scopes: tuple[str, ...], resource: str | None) -> Granted:
        """A token with fewer rights, for a while. Source: box/developer.box.com, authentication/tokens/downscope.

        Raises:
            StalledError: Box refuses scopes or resource.
        """
        form = {
            "grant_type": EXCHANGE,
            "subject_token": token.reveal(),
            "subject_token_type": ACCESS_TOKEN,
            "scope": " ".join(scopes),
            **({"resource": resource} if resource else {}),
        }
        return _granted(await self._transport.call("POST", TOKEN, form=form))

    async def revoke(self, token: Token, client_id: str, client_secret: Token) -> None:
        """Revoke a token; success, too, if it has already ended. Source: Box OpenAPI 2024.0, ``POST /oauth2/revoke``.

        Raises:
            StalledError: Box refuses the client's credentials.
        """
        form = {"client_id": client_id, "client_secret": client_secret.reveal(), "token": token.reveal()}
        answer = await self._transport.call("POST", REVOKE, form=form)
        # An unknown token is an error at Box, unlike in RFC 7009 (box/boxcli, test/commands/tokens.test.js).
        if answer.status >= HTTPStatus.MULTIPLE_CHOICES and answer.error.error != "invalid_token":
            message = f"Box does not let this client revoke the token: {answer.describe()}."
            raise StalledError(Reason.TOKEN_REJECTED, message, detail=answer.detail)


def _lets_read(answer: Answer) -> bool:
    """Did Box look for the file? It did not find it, or found it.

    Raises:
        TransientError: it is called a success, and is no file.
    """
    if answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return answer.decode(_File).type == "file"
    return answer.status == HTTPStatus.NOT_FOUND and answer.error.code in ("not_found", "trashed")


def _refusal(answer: Answer) -> Verdict | None:
    """What Box says against a token; None when it is not about the token."""
    if _is_dead(answer):
        return Verdict.DEAD
    if _is_disabled(answer):
        return Verdict.DISABLED
    return Verdict.NARROW if _is_narrow(answer) else None


def _is_dead(answer: Answer) -> bool:
    """401 without a body or with ``invalid_token``: invalid, expired or revoked (box/box-node-sdk#157, observed)."""
    codes = ("invalid_token", "unauthorized") if _challenged(answer, "invalid_token") else ("invalid_token",)
    return answer.status == HTTPStatus.UNAUTHORIZED and (not answer.body or answer.error.code in codes)


def _is_disabled(answer: Answer) -> bool:
    """Disabled, or not authorized any more, or the service account was deactivated (Box community 360049185473)."""
    return _says_disabled(answer) or (answer.status == HTTPStatus.UNAUTHORIZED and answer.error.code == "unauthorized")


def _says_disabled(answer: Answer) -> bool:
    """Source: box support 360044193313: 401, "Unauthorized - Cannot authorize with this service"."""
    refused = answer.status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)
    return refused and "cannot authorize with this service" in answer.error.message.lower()


def _is_narrow(answer: Answer) -> bool:
    """The token is known, and may not do this. Source: common-errors; the challenge observed in cburnette/boxr#26."""
    scarce = answer.error.code in ("insufficient_scope", "access_denied_insufficient_permissions")
    return answer.status == HTTPStatus.FORBIDDEN and (scarce or _challenged(answer, "insufficient_scope"))


def _challenged(answer: Answer, error: str) -> bool:
    """Does the answer challenge the bearer token with this error? Source: RFC 6750, section 3."""
    challenge = answer.headers.get("www-authenticate", "")
    return challenge.lower().startswith("bearer") and f'error="{error}"' in challenge


def _identity(user: _User) -> Identity:
    match = SERVICE_ACCOUNT.fullmatch(user.login)
    app_id = AppID(match.group(1)) if match else None
    return Identity(user.login, user.name, app_id, user.enterprise.id if user.enterprise else None)


def _granted(answer: Answer) -> Granted:
    if answer.status < HTTPStatus.MULTIPLE_CHOICES:
        found = answer.decode(_Granted)
        return Granted(Token(found.access_token), found.expires_in)
    text = answer.error.error_description
    if "not authorized by the enterprise" in text:
        raise AwaitingHumanError(Reason.PENDING_APPROVAL, "A Box admin must authorize the app in the Admin Console.")
    meaning = REFUSALS.get(answer.error.error)
    if meaning is None:
        raise answer.trouble(uncertain=True)
    raise StalledError(
        Reason.TOKEN_REJECTED, f"Box gives out no token ({answer.error.error}): {meaning}", detail=answer.detail
    )


REFUSALS = {
    "invalid_client": "it does not know this client id with this client secret.",
    "invalid_grant": "it does not accept these credentials, or the app is not authorized.",
    "unauthorized_client": "the app may not use this grant, or not for this subject. See its page in the console.",
    "invalid_scope": "it does not know one of the scopes, or the token itself lacks it.",
    "invalid_resource": "there is no such file or folder for this token.",
    "invalid_request": "it does not accept the request as it is.",
}
"""By Box's error code. Source: Box OpenAPI 2024.0 and what users report, see docs/real-box.md."""
