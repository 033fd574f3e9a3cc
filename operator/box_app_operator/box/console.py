"""The Console API, version 1: one method per endpoint. Described in ``docs/console-api.yaml``."""

import logging
from dataclasses import replace
from datetime import datetime
from http import HTTPStatus
from typing import Annotated
from urllib.parse import quote

import msgspec

from box_app_operator.box.transport import Answer, Transport, place_of, shown
from box_app_operator.errors import AwaitingHumanError, StalledError, TransientError
from box_app_operator.model.box import (
    AppID,
    Authorization,
    AuthorizationState,
    BoxApp,
    ClientID,
    Fingerprint,
    IssuedToken,
    Slot,
)
from box_app_operator.model.conditions import Reason
from box_app_operator.ports import Page, Token

logger = logging.getLogger(__name__)

APPS = "/console/v1/apps"
PAGE_SIZE = 500
UNSUPPORTED = (HTTPStatus.BAD_REQUEST, HTTPStatus.METHOD_NOT_ALLOWED)
"""How an endpoint refuses what it does not know."""


Moment = Annotated[datetime, msgspec.Meta(tz=True)]
Identifier = Annotated[str, msgspec.Meta(pattern="^[0-9]+$")]
Text = Annotated[str, msgspec.Meta(min_length=1)]


class _Authorization(msgspec.Struct):
    state: AuthorizationState
    enabled: bool
    submitted_at: Moment | None = None
    decided_at: Moment | None = None


class _SlotToken(msgspec.Struct):
    fingerprint: Text
    created_at: Moment
    expires_at: Moment | None = None


class _Tokens(msgspec.Struct):
    primary: _SlotToken | None = None
    secondary: _SlotToken | None = None


class _App(msgspec.Struct):
    id: Identifier
    client_id: Text
    name: str
    authorization: _Authorization
    tokens: _Tokens
    cors_domains: list[str]
    revision: int
    reference: str | None = None
    deleted: bool = False


class _Named(msgspec.Struct):
    id: Identifier


class _Page(msgspec.Struct):
    entries: list[msgspec.Raw]
    cursor: str
    next_marker: str | None = None


class _Minted(msgspec.Struct):
    token: Text
    slot: Slot


class HttpConsole:
    """A console endpoint over HTTP. Every method may raise TransientError, and AwaitingHumanError for 401 and 403."""

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    async def list_apps(self, marker: str | None) -> Page:
        """One page of all apps. Source: ``GET /apps``."""
        query = {"limit": str(PAGE_SIZE), **({"marker": marker} if marker else {})}
        return _page(_accept(await self._transport.call("GET", APPS, query=query)))

    async def changes(self, cursor: str, wait_seconds: float) -> Page | None:
        """Apps that changed since the cursor; waits up to so long. Source: ``GET /apps?changed_since=&wait=``.

        None when the endpoint no longer knows the cursor: list again.
        """
        query = {"changed_since": cursor, "wait": f"{wait_seconds:g}", "limit": str(PAGE_SIZE)}
        answer = await self._transport.call("GET", APPS, query=query, extra_seconds=wait_seconds)
        if answer.status in (HTTPStatus.BAD_REQUEST, HTTPStatus.GONE):
            return None
        return _page(_accept(answer))

    async def find_app(self, reference: str) -> BoxApp | None:
        """The app that carries this reference. Source: ``GET /apps?reference=``."""
        page = _page(_accept(await self._transport.call("GET", APPS, query={"reference": reference})))
        found = next((app for app in page.apps if app.reference == reference), None)
        if found is None and page.unreadable:
            raise TransientError(Reason.BOX_UNAVAILABLE, f"The app of {reference} cannot be read")
        return found

    async def get_app(self, app: AppID) -> BoxApp | None:
        """The app as it is now; None when it is gone. Source: ``GET /apps/{id}``."""
        answer = await self._transport.call("GET", _path(app))
        return None if answer.status == HTTPStatus.NOT_FOUND else _app(answer)

    async def create_app(self, name: str, reference: str, key: str) -> BoxApp:
        """Register an app. Safe to repeat: the same key gives the same app. Source: ``POST /apps``.

        Raises:
            StalledError: the name is taken or not allowed.
        """
        answer = await self._transport.call(
            "POST", APPS, json={"name": name, "reference": reference}, headers={"Idempotency-Key": key}
        )
        way_out = "Choose another spec.displayName, or set spec.clientID to adopt the app if it is yours."
        _refuse_name(answer, name, way_out)
        return _app(answer)

    async def rename_app(self, app: AppID, name: str) -> BoxApp:
        """Give the app a new name. Source: ``PATCH /apps/{id}``.

        Raises:
            StalledError: the name is taken or not allowed.
        """
        answer = await self._transport.call("PATCH", _path(app), json={"name": name})
        _refuse_name(answer, name, "Choose another spec.displayName, or go back to the former one.")
        return _app(answer)

    async def claim_app(self, app: AppID, reference: str, revision: int) -> BoxApp:
        """Mark the app with another reference, if it is still as it was at this revision. Source: ``PATCH /apps/{id}``.

        Raises:
            TransientError: also when the app changed since: look again.
            StalledError: the endpoint cannot do that.
        """
        headers = {"If-Match": f'"{revision}"'}
        answer = await self._transport.call("PATCH", _path(app), json={"reference": reference}, headers=headers)
        if answer.status in UNSUPPORTED:
            message = "The console endpoint cannot hand an app over (PATCH with a reference). Bring it up to date."
            raise StalledError(Reason.MANAGED_ELSEWHERE, message)
        return _app(answer)

    async def delete_app(self, app: AppID) -> None:
        """Delete the app; one that is gone is success. Source: ``DELETE /apps/{id}``."""
        answer = await self._transport.call("DELETE", _path(app))
        if answer.status != HTTPStatus.NOT_FOUND:
            _accept(answer)

    async def submit_app(self, app: AppID) -> BoxApp:
        """Ask the admin for authorization; idempotent. Source: ``POST /apps/{id}/authorization``."""
        return _app(await self._transport.call("POST", _path(app, "authorization")))

    async def mint_token(self, app: AppID, slot: Slot, expires_in_days: int | None) -> Token:
        """Generate a token in a free slot; its value is shown this once. Source: ``POST /apps/{id}/tokens/{slot}``.

        Raises:
            TransientError: also when the slot is not free any more, or the app no longer authorized: look again.
        """
        answer = await self._transport.call(
            "POST", _path(app, "tokens", slot), json={"expires_in_days": expires_in_days}
        )
        if answer.status == HTTPStatus.CONFLICT or answer.error.code == "app_not_authorized":
            raise answer.trouble(Reason.AWAITING_TOKEN, uncertain=True)
        return Token(_accept(answer).decode(_Minted).token)

    async def revoke_slot(self, app: AppID, slot: Slot, fingerprint: Fingerprint) -> None:
        """Revoke the token in a slot, if it is still the one with this fingerprint.

        Safe to repeat: an empty slot is success. The fingerprint guards against revoking a token that was
        generated in between. Source: ``DELETE /apps/{id}/tokens/{slot}``.

        Raises:
            TransientError: also when the slot holds another token by now: look again.
        """
        answer = await self._transport.call(
            "DELETE", _path(app, "tokens", slot), headers={"If-Match": f'"{fingerprint}"'}
        )
        if answer.status == HTTPStatus.PRECONDITION_FAILED:
            raise answer.trouble(Reason.AWAITING_TOKEN, uncertain=True)
        if answer.status != HTTPStatus.NOT_FOUND:
            _accept(answer)

    async def set_cors_domains(self, app: AppID, domains: tuple[str, ...]) -> BoxApp:
        """Make the CORS domains exactly these. Source: ``PUT /apps/{id}/cors_domains``.

        Raises:
            StalledError: the console refuses one of them.
        """
        answer = await self._transport.call("PUT", _path(app, "cors_domains"), json={"domains": list(domains)})
        if answer.error.code == "invalid_origin":
            origin = _named_in(answer, domains)
            raise StalledError(Reason.ORIGIN_REJECTED, f"Box refuses {origin}. Correct spec.cors.domains.")
        return _app(answer)


def _path(app: AppID, *parts: str) -> str:
    return "/".join((APPS, quote(app, safe=""), *parts))


def _accept(answer: Answer) -> Answer:
    """The answer, if it is a success."""
    if answer.status < HTTPStatus.MULTIPLE_CHOICES:
        return answer
    if answer.status == HTTPStatus.UNAUTHORIZED:
        message = f"The console refuses the credential: {answer.describe()}."
        raise AwaitingHumanError(Reason.CREDENTIAL_REJECTED, message, detail=answer.detail)
    if answer.status == HTTPStatus.FORBIDDEN:
        message = f"The console does not allow that with this credential: {answer.describe()}."
        raise AwaitingHumanError(Reason.CREDENTIAL_FORBIDDEN, message, detail=answer.detail)
    raise answer.trouble(uncertain=True)


def _refuse_name(answer: Answer, name: str, way_out: str) -> None:
    if answer.error.code == "app_name_taken":
        message = f"Box has an app called {name!r} already; names are unique across all of Box. {way_out}"
        raise StalledError(Reason.NAME_TAKEN, message)
    if answer.error.code == "app_name_invalid":
        raise StalledError(
            Reason.NAME_INVALID, f"Box does not allow the name {name!r}. Choose another spec.displayName."
        )


def _named_in(answer: Answer, domains: tuple[str, ...]) -> str:
    """The origin that the console complains about, if it says so in words that we know."""
    named = [repr(domain) for domain in domains if domain in answer.error.message]
    return named[0] if named else f"one of the origins ({shown(answer.error.code)})"


def _app(answer: Answer) -> BoxApp:
    return _to_model(_accept(answer).decode(_App))


def _page(answer: Answer) -> Page:
    page = answer.decode(_Page)
    entries = [_entry(answer, raw) for raw in page.entries]
    known = [app for app in entries if isinstance(app, _App)]
    return Page(
        apps=tuple(_to_model(app) for app in known if not app.deleted),
        gone=tuple(_to_model(app) for app in known if app.deleted),
        unreadable=tuple(AppID(app.id) for app in entries if isinstance(app, _Named)),
        marker=page.next_marker or None,
        cursor=page.cursor,
    )


def _entry(answer: Answer, raw: msgspec.Raw) -> _App | _Named:
    """One app; only its id when the rest cannot be read, so that one strange app does not hide all others."""
    try:
        return msgspec.json.decode(raw, type=_App)
    except msgspec.DecodeError as error:
        named = replace(answer, body=bytes(raw)).decode(_Named)
        where = place_of(error) if isinstance(error, msgspec.ValidationError) else ""
        logger.warning("App %s cannot be read%s. Does the console endpoint speak a newer Console API?", named.id, where)
        return named


def _to_model(app: _App) -> BoxApp:
    slots = {Slot.PRIMARY: app.tokens.primary, Slot.SECONDARY: app.tokens.secondary}
    return BoxApp(
        id=AppID(app.id),
        client_id=ClientID(app.client_id),
        name=app.name,
        reference=app.reference or "",
        authorization=Authorization(
            app.authorization.state,
            app.authorization.enabled,
            app.authorization.submitted_at,
            app.authorization.decided_at,
        ),
        tokens={
            slot: IssuedToken(Fingerprint(token.fingerprint), token.created_at, token.expires_at)
            for slot, token in slots.items()
            if token is not None
        },
        cors_domains=tuple(app.cors_domains),
        revision=app.revision,
    )
