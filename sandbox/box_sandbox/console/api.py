"""The Console API, version 1. Described in ``docs/console-api.yaml``."""

import asyncio
import hmac
import math
import re
from collections.abc import Iterable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from box_sandbox.console import rules
from box_sandbox.http.answers import BoxError, bearer, json_body
from box_sandbox.http.callers import require, sandbox_of
from box_sandbox.http.routing import Endpoint, route
from box_sandbox.state.model import ENTERPRISE, App, Slot
from box_sandbox.state.sandbox import Sandbox

PREFIX = "/console/v1/apps"
LONGEST_KEY = 255
LARGEST_PAGE = 1000
LONGEST_WAIT_SECONDS = 60.0


def _for_console(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        state = sandbox_of(request)
        require(request, state.console_token, state.config.admin_token)
        return await endpoint(request)

    return guarded


def _for_admin(endpoint: Endpoint) -> Endpoint:
    async def guarded(request: Request) -> Response:
        if not hmac.compare_digest(bearer(request).encode(), sandbox_of(request).config.admin_token.encode()):
            raise BoxError(403, "forbidden", "Only the admin may decide")
        return await endpoint(request)

    return _for_console(guarded)


def _app(request: Request) -> App:
    app = sandbox_of(request).apps.get(request.path_params["app_id"])
    if app is None or app.deleted or app.enterprise != ENTERPRISE:
        raise BoxError(404, "app_not_found", "There is no such app")
    return app


def _slot(request: Request) -> Slot:
    return rules.check_slot(request.path_params["slot"])


async def create_app(request: Request) -> Response:
    """Register an app; the same key gives the same app, as long as it exists."""
    state, body = sandbox_of(request), await json_body(request)
    key = request.headers.get("idempotency-key", "")
    if not 0 < len(key) <= LONGEST_KEY:
        raise BoxError(400, "bad_request", f"The header Idempotency-Key has 1 to {LONGEST_KEY} characters")
    known = next((app for app in state.live() if app.key == key), None)
    if known is not None:
        return JSONResponse(known.public(), 200)
    app = state.create(rules.check_name(state, body.get("name")), rules.check_reference(body.get("reference", "")), key)
    await state.touch(app)
    return JSONResponse(app.public(), 201)


async def list_apps(request: Request) -> Response:
    """All apps by pages, or what changed since a cursor, waiting for a change."""
    state, query = sandbox_of(request), request.query_params
    limit = _limit(query.get("limit"))
    since = query.get("changed_since")
    if since is not None:
        return await _changes(request, state, _revision(state, since, "invalid_cursor"), limit)
    # The cursor is fixed on the first page and travels with the marker, so that what changes meanwhile is listed again.
    begin, cursor = 0, state.cursor(state.revision)
    if "marker" in query:
        last, _, cursor = query["marker"].partition(":")
        _revision(state, cursor, "invalid_marker")
        begin = _decimal(last, "invalid_marker")
    rest = sorted((app for app in _filtered(request, state.live()) if int(app.id) > begin), key=lambda app: int(app.id))
    marker = f"{rest[limit - 1].id}:{cursor}" if len(rest) > limit else None
    return _page(rest[:limit], marker, cursor)


async def _changes(request: Request, state: Sandbox, since: int, limit: int) -> Response:
    wait = _seconds(request.query_params.get("wait"))

    def news() -> list[App]:
        return _filtered(request, state.changed_after(since))

    if wait > 0 and not news():
        try:
            async with asyncio.timeout(wait), state.changed:
                await state.changed.wait_for(lambda: bool(news()) or request.app.state.stopping.is_set())
        except TimeoutError:
            pass
    apps = news()
    later = apps[limit - 1].revision if len(apps) > limit else state.revision
    return _page(apps[:limit], None, state.cursor(later))


def _page(apps: Iterable[App], marker: str | None, cursor: str) -> Response:
    return JSONResponse({"entries": [app.public() for app in apps], "next_marker": marker, "cursor": cursor})


def _filtered(request: Request, apps: Iterable[App]) -> list[App]:
    wanted = {name: request.query_params.get(name) for name in ("reference", "client_id")}
    ours = (app for app in apps if app.enterprise == ENTERPRISE)
    return [app for app in ours if all(value in (None, getattr(app, name)) for name, value in wanted.items())]


def _revision(state: Sandbox, cursor: str, code: str) -> int:
    revision = state.revision_of(cursor)
    if revision is None:
        raise BoxError(400, code, "It is not known; list again")
    return revision


def _decimal(text: str, code: str) -> int:
    if not re.fullmatch("[0-9]{1,18}", text):
        raise BoxError(400, code, "A decimal number was expected")
    return int(text)


def _limit(text: str | None) -> int:
    limit = _decimal(text, "invalid_limit") if text is not None else 100
    if not 1 <= limit <= LARGEST_PAGE:
        raise BoxError(400, "invalid_limit", f"A limit is a number from 1 to {LARGEST_PAGE}")
    return limit


def _seconds(text: str | None) -> float:
    try:
        seconds = float(text or 0)
    except ValueError:
        seconds = math.nan
    if not seconds >= 0:
        raise BoxError(400, "bad_request", "wait is a number of seconds")
    return min(seconds, LONGEST_WAIT_SECONDS)


async def get_app(request: Request) -> Response:
    """One app."""
    return JSONResponse(_app(request).public())


async def change_app(request: Request) -> Response:
    """Give an app another name, or hand it over: another reference, if the app is still what the caller has seen."""
    state, body, app = sandbox_of(request), await json_body(request), _app(request)
    if "name" in body or "reference" not in body:
        rules.check_name(state, body.get("name"), app.id)
    if "reference" in body:
        reference, match = rules.check_reference(body["reference"]), request.headers.get("if-match")
        if match is None:
            raise BoxError(400, "bad_request", "Another reference needs the header If-Match with the app's revision")
        if match != f'"{app.revision}"':
            raise BoxError(412, "precondition_failed", "The app changed; look again")
        await state.hand_over(app, reference)
    if "name" in body:
        await rules.rename(state, app, body["name"])
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
    state, body, app = sandbox_of(request), await json_body(request), _app(request)
    await rules.decide(state, app, body.get("decision"))
    return JSONResponse(app.public())


async def mint_token(request: Request) -> Response:
    """Generate a key."""
    state, body, app, slot = sandbox_of(request), await json_body(request), _app(request), _slot(request)
    value = await rules.generate_key(state, app, slot, body.get("expires_in_days", "missing"))
    return JSONResponse({"token": value, "slot": slot}, 201, {"Cache-Control": "no-store"})


async def revoke_slot(request: Request) -> Response:
    """Revoke the key in a slot, if it is the one that the caller means."""
    app, slot, match = _app(request), _slot(request), request.headers.get("if-match")
    token = app.tokens.get(slot)
    if token is None:
        return Response(status_code=204)
    if match not in (None, "*", f'"{token.fingerprint}"'):
        raise BoxError(412, "precondition_failed", "The slot holds another token")
    await sandbox_of(request).revoke(app, slot)
    return Response(status_code=204)


async def set_cors_domains(request: Request) -> Response:
    """Replace the CORS domains."""
    state, body, app = sandbox_of(request), await json_body(request), _app(request)
    domains = body.get("domains")
    if not isinstance(domains, list):
        raise BoxError(400, "bad_request", "domains is a list of origins")
    await rules.set_cors_domains(state, app, domains)
    return JSONResponse(app.public())


_OF_APP = PREFIX + "/{app_id}"
_TABLE: dict[str, dict[str, Endpoint]] = {
    PREFIX: {"POST": create_app, "GET": list_apps},
    _OF_APP: {"GET": get_app, "PATCH": change_app, "DELETE": delete_app},
    _OF_APP + "/authorization": {"POST": submit_app},
    _OF_APP + "/tokens/{slot}": {"POST": mint_token, "DELETE": revoke_slot},
    _OF_APP + "/cors_domains": {"PUT": set_cors_domains},
}
ROUTES = [
    *(
        route(path, {method: _for_console(endpoint) for method, endpoint in some.items()})
        for path, some in _TABLE.items()
    ),
    route(_OF_APP + "/authorization/decision", {"POST": _for_admin(decide)}),
]
