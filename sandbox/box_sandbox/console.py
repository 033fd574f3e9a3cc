"""The Console API, version 1. Described in ``docs/console-api.yaml``."""

from __future__ import annotations

import asyncio
import hmac
import re
from collections.abc import Awaitable, Callable, Iterable
from typing import cast

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from box_sandbox.answers import BoxError, bearer, json_body
from box_sandbox.model import SLOTS, App, Slot
from box_sandbox.state import Sandbox

PREFIX = "/console/v1/apps"
LONGEST_NAME = 200
LONGEST_WAIT_SECONDS = 60.0
DECISIONS = ("authorize", "decline", "enable", "disable", "require_reauthorization")
LABEL = "[a-z0-9]([a-z0-9-]*[a-z0-9])?"
ORIGIN = re.compile(rf"https?://(\*\.)?{LABEL}(\.{LABEL})*(:[1-9][0-9]{{0,4}})?", re.IGNORECASE)

Endpoint = Callable[[Request], Awaitable[Response]]


def sandbox_of(request: Request) -> Sandbox:
    """The state behind a request."""
    return cast("Sandbox", request.app.state.sandbox)


def require(request: Request, *tokens: str) -> None:
    """Refuse a caller who has none of these tokens."""
    given = bearer(request)
    if not any(hmac.compare_digest(given, token) for token in tokens):
        raise BoxError(401, "unauthorized", "Unauthorized", headers={"WWW-Authenticate": 'Bearer realm="Console"'})


def _for_console(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        state = sandbox_of(request)
        require(request, state.console_token, state.config.admin_token)
        return await endpoint(request)

    return guarded


def _app(request: Request) -> App:
    app = sandbox_of(request).apps.get(request.path_params["app_id"])
    if app is None or app.deleted:
        raise BoxError(404, "app_not_found", "There is no such app")
    return app


def _slot(request: Request) -> Slot:
    slot = request.path_params["slot"]
    if slot not in SLOTS:
        raise BoxError(400, "bad_request", "A slot is primary or secondary")
    return cast("Slot", slot)


def _check_name(state: Sandbox, name: object, by_other_than: str = "") -> str:
    if not isinstance(name, str) or not name.strip() or len(name) > LONGEST_NAME:
        raise BoxError(400, "app_name_invalid", f"A name has 1 to {LONGEST_NAME} characters")
    if state.name_is_taken(name, by_other_than):
        raise BoxError(409, "app_name_taken", "The name is taken")
    return name


async def create_app(request: Request) -> Response:
    """Register an app; the same key gives the same app, as long as it exists."""
    state, body = sandbox_of(request), await json_body(request)
    key = request.headers.get("idempotency-key", "")
    if not key:
        raise BoxError(400, "bad_request", "The header Idempotency-Key is missing")
    known = next((app for app in state.live() if app.key == key), None)
    if known is not None:
        return JSONResponse(known.public(), 200)
    app = state.create(_check_name(state, body.get("name")), str(body.get("reference") or ""), key)
    await state.touch(app)
    return JSONResponse(app.public(), 201)


async def list_apps(request: Request) -> Response:
    """All apps by pages, or what changed since a cursor, waiting for a change."""
    state, query = sandbox_of(request), request.query_params
    limit = _number(query.get("limit"), 100, 1, 1000)
    since = query.get("changed_since")
    if since is not None:
        return await _changes(request, state, since, limit)
    # The cursor is fixed on the first page and travels with the marker, so that what changes meanwhile is told again.
    begin, _, cursor = (query.get("marker") or f":{state.revision}").partition(":")
    apps = [app for app in _filtered(request, state.live()) if not begin or int(app.id) > int(begin)]
    page, rest = sorted(apps, key=lambda app: int(app.id)), False
    page, rest = page[:limit], len(page) > limit
    marker = f"{page[-1].id}:{cursor}" if rest else None
    return JSONResponse({"entries": [app.public() for app in page], "next_marker": marker, "cursor": cursor})


async def _changes(request: Request, state: Sandbox, since: str, limit: int) -> Response:
    if not since.isdigit() or int(since) > state.revision:
        raise BoxError(400, "invalid_cursor", "The cursor is not known; list again")
    wait = min(float(request.query_params.get("wait") or 0), LONGEST_WAIT_SECONDS)

    def news() -> list[App]:
        changed = (app for app in _filtered(request, state.apps.values()) if app.revision > int(since))
        return sorted(changed, key=lambda app: app.revision)

    if wait > 0 and not news():
        try:
            async with asyncio.timeout(wait), state.changed:
                await state.changed.wait_for(lambda: bool(news()) or request.app.state.stopping.is_set())
        except TimeoutError:
            pass
    apps = news()
    cursor = str(apps[:limit][-1].revision) if len(apps) > limit else str(max(state.revision, int(since)))
    return JSONResponse({"entries": [app.public() for app in apps[:limit]], "next_marker": None, "cursor": cursor})


def _filtered(request: Request, apps: Iterable[App]) -> list[App]:
    wanted = {name: request.query_params.get(name) for name in ("reference", "client_id")}
    return [app for app in apps if all(value in (None, getattr(app, name)) for name, value in wanted.items())]


def _number(text: str | None, default: int, low: int, high: int) -> int:
    if text is None:
        return default
    if not text.isdigit() or not low <= int(text) <= high:
        raise BoxError(400, "invalid_limit", f"A limit is a number from {low} to {high}")
    return int(text)


async def get_app(request: Request) -> Response:
    """One app."""
    return JSONResponse(_app(request).public())


async def rename_app(request: Request) -> Response:
    """Give an app another name (box/developer.box.com, getting-started/first-application)."""
    state, app, body = sandbox_of(request), _app(request), await json_body(request)
    app.name = _check_name(state, body.get("name"), app.id)
    await state.touch(app)
    return JSONResponse(app.public())


async def delete_app(request: Request) -> Response:
    """Delete an app."""
    await sandbox_of(request).delete(_app(request))
    return Response(status_code=204)


async def submit_app(request: Request) -> Response:
    """Submit an app to the admin."""
    app = _app(request)
    await sandbox_of(request).submit(app)
    return JSONResponse(app.public(), 202)


async def decide(request: Request) -> Response:
    """What the admin decides; for the admin only."""
    state, app, body = sandbox_of(request), _app(request), await json_body(request)
    require(request, state.config.admin_token)
    if body.get("decision") not in DECISIONS:
        raise BoxError(400, "bad_request", f"A decision is one of {', '.join(DECISIONS)}")
    await state.decide(app, body["decision"])
    return JSONResponse(app.public())


async def mint_token(request: Request) -> Response:
    """Generate a key: 30 days, 60 days or for ever (Box's dialog "Access Token Expiry")."""
    state, app, slot, body = sandbox_of(request), _app(request), _slot(request), await json_body(request)
    days = body.get("expires_in_days")
    if days not in (None, 30, 60):
        raise BoxError(400, "bad_request", "expires_in_days is 30, 60 or null")
    if not app.usable:
        # Box: tokens cannot be generated before the app is authorized (guide "Setup with App Tokens").
        raise BoxError(403, "app_not_authorized", "The app is not authorized")
    if slot in app.tokens:
        # Box documents generating and revoking only, not generating over a live key (assumed: refused).
        raise BoxError(409, "slot_occupied", "The slot holds a token")
    return JSONResponse({"token": await state.mint(app, slot, days), "slot": slot}, 201)


async def revoke_slot(request: Request) -> Response:
    """Revoke the key in a slot, if it is the one that the caller means."""
    app, slot, match = _app(request), _slot(request), request.headers.get("if-match")
    token = app.tokens.get(slot)
    if token is None:
        return Response(status_code=204)
    if match is not None and match.strip() != f'"{token.fingerprint}"':
        raise BoxError(412, "precondition_failed", "The slot holds another token")
    await sandbox_of(request).revoke(app, slot)
    return Response(status_code=204)


async def set_cors_domains(request: Request) -> Response:
    """Replace the CORS domains (box/developer.box.com, security/cors)."""
    app, body = _app(request), await json_body(request)
    domains = body.get("domains")
    if not isinstance(domains, list):
        raise BoxError(400, "bad_request", "domains is a list of origins")
    for domain in domains:
        if not isinstance(domain, str) or not ORIGIN.fullmatch(domain):
            raise BoxError(400, "invalid_origin", f"Not an origin: {domain}", context={"origin": domain})
    app.cors_domains = domains
    await sandbox_of(request).touch(app)
    return JSONResponse(app.public())


ROUTES = [
    Route(path, _for_console(endpoint), methods=[method])
    for method, path, endpoint in (
        ("POST", PREFIX, create_app),
        ("GET", PREFIX, list_apps),
        ("GET", PREFIX + "/{app_id}", get_app),
        ("PATCH", PREFIX + "/{app_id}", rename_app),
        ("DELETE", PREFIX + "/{app_id}", delete_app),
        ("POST", PREFIX + "/{app_id}/authorization", submit_app),
        ("POST", PREFIX + "/{app_id}/authorization/decision", decide),
        ("POST", PREFIX + "/{app_id}/tokens/{slot}", mint_token),
        ("DELETE", PREFIX + "/{app_id}/tokens/{slot}", revoke_slot),
        ("PUT", PREFIX + "/{app_id}/cors_domains", set_cors_domains),
    )
]
