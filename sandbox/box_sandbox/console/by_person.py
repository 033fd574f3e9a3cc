"""``/sandbox/v1/apps`` and ``/sandbox/v1/users``: what people do by hand in Box, where Box has no API for it.

A person in the Developer Console creates an app, submits it, generates and revokes keys, fills in the CORS domains and
reads the client secret; an admin decides. Works without a Console API, too. An app is addressed by its id, its name or
its client id.
"""

import re
from datetime import timedelta
from typing import Any, get_args

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from box_sandbox.console import rules
from box_sandbox.http.answers import BoxError, json_body
from box_sandbox.http.callers import only_admin, sandbox_of
from box_sandbox.http.routing import Endpoint, route
from box_sandbox.state.model import ENTERPRISE, App, AppKind, Slot
from box_sandbox.state.sandbox import Sandbox

PREFIX = "/sandbox/v1/apps"
NO_STORE = {"Cache-Control": "no-store"}
DEVELOPER_MINUTES = 60
"""Source: box/developer.box.com, authentication/tokens/developer-tokens."""


async def _subject(request: Request) -> tuple[Sandbox, App, dict[str, Any]]:
    """The state, the app that is meant, and the body."""
    state, body = sandbox_of(request), await json_body(request)
    app = state.find(request.path_params["app"])
    if app is None:
        raise BoxError(404, "app_not_found", "There is no such app")
    return state, app, body


def _held(request: Request, app: App) -> Slot:
    """The slot that is meant, which must hold a key."""
    slot = rules.check_slot(request.path_params["slot"])
    if slot not in app.tokens:
        raise BoxError(404, "not_found", "The slot is empty")
    return slot


def _enterprise(body: dict[str, Any]) -> str:
    enterprise = body.get("enterprise_id", ENTERPRISE)
    if not isinstance(enterprise, str) or not re.fullmatch("[0-9]{1,18}", enterprise):
        raise BoxError(400, "bad_request", "An enterprise id is a decimal number as a text")
    return enterprise


# The Developer Console


async def create_app(request: Request) -> Response:
    """*Create New App*: its name and how it authenticates, which cannot be changed later.

    ``user_access`` stands for the settings "App + Enterprise Access" and "Generate User Access Tokens", which let an
    app with client credentials act as any user (box/developer.box.com, authentication/client-credentials). They are off
    unless asked for.
    """
    state, body = sandbox_of(request), await json_body(request)
    kind, user_access = body.get("kind", "app_token"), body.get("user_access", False)
    if kind not in get_args(AppKind) or not isinstance(user_access, bool):
        raise BoxError(400, "bad_request", f"kind is one of {', '.join(get_args(AppKind))}, user_access true or false")
    if user_access and kind != "client_credentials":
        raise BoxError(400, "bad_request", "Only an app with client credentials may act as users")
    name, enterprise = rules.check_name(state, body.get("name")), _enterprise(body)
    app = state.create(name, kind=kind, enterprise=enterprise, user_access=user_access)
    await state.touch(app)
    return JSONResponse(app.controlled(), 201)


async def list_apps(request: Request) -> Response:
    """All apps, of all enterprises."""
    apps = sorted(sandbox_of(request).live(), key=lambda app: int(app.id))
    return JSONResponse({"entries": [app.controlled() for app in apps]})


async def get_app(request: Request) -> Response:
    """One app."""
    _, app, _ = await _subject(request)
    return JSONResponse(app.controlled())


async def rename_app(request: Request) -> Response:
    """Give an app another name."""
    state, app, body = await _subject(request)
    await rules.rename(state, app, body.get("name"))
    return JSONResponse(app.controlled())


async def delete_app(request: Request) -> Response:
    """Delete an app."""
    state, app, _ = await _subject(request)
    await state.delete(app)
    return Response(status_code=204)


async def submit(request: Request) -> Response:
    """*Review and Submit*."""
    state, app, _ = await _subject(request)
    await state.submit(app)
    return JSONResponse(app.controlled(), 202)


async def decide(request: Request) -> Response:
    """What the admin decides in the Admin Console, whether the app was submitted or not."""
    state, app, body = await _subject(request)
    await rules.decide(state, app, body.get("decision"))
    return JSONResponse(app.controlled())


async def generate_key(request: Request) -> Response:
    """*Generate Key*: the value, this once."""
    state, app, body = await _subject(request)
    slot = rules.check_slot(request.path_params["slot"])
    value = await rules.generate_key(state, app, slot, body.get("expires_in_days", "missing"))
    return JSONResponse({"token": value, "slot": slot}, 201, NO_STORE)


async def revoke_key(request: Request) -> Response:
    """*Revoke*."""
    state, app, _ = await _subject(request)
    await state.revoke(app, _held(request, app))
    return Response(status_code=204)


async def expire_key(request: Request) -> Response:
    """Let the key in a slot expire now. Box has no such call."""
    state, app, _ = await _subject(request)
    await state.expire(app, _held(request, app))
    return JSONResponse(app.controlled())


async def set_cors_domains(request: Request) -> Response:
    """The field "CORS Domains": origins with commas between them (box/developer.box.com, security/cors).

    The console's own example has a space after the comma. That nothing between two commas is refused is assumed.
    """
    state, app, body = await _subject(request)
    text = body.get("domains")
    if not isinstance(text, str):
        raise BoxError(400, "bad_request", "domains is a text with commas")
    await rules.set_cors_domains(state, app, [part.strip() for part in text.split(",")] if text.strip() else [])
    return JSONResponse(app.controlled())


async def client_secret(request: Request) -> Response:
    """The client secret, which the page of an App Token app does not show (Box community 360049151174)."""
    _, app, _ = await _subject(request)
    if not app.client_secret:
        raise BoxError(404, "not_found", "An App Token app has no client secret")
    return JSONResponse({"client_secret": app.client_secret}, headers=NO_STORE)


async def new_client_secret(request: Request) -> Response:
    """A new client secret; the old one ends at once (assumed).

    An App Token app gets one, too, so that a test can revoke its tokens at ``/oauth2/revoke``. How such an
    app does that at Box is not known, and the console has nothing of the kind.
    """
    state, app, _ = await _subject(request)
    return JSONResponse({"client_secret": state.new_secret(app)}, 201, NO_STORE)


async def developer_token(request: Request) -> Response:
    """*Generate Developer Token*: it acts as the person at the console (authentication/tokens/developer-tokens)."""
    state, app, _ = await _subject(request)
    until = state.now() + timedelta(minutes=DEVELOPER_MINUTES)
    value = state.issue(app, "developer", until, user=state.developer_of(app.enterprise).id)
    return JSONResponse({"token": value, "expires_at": until.isoformat()}, 201, NO_STORE)


# The Admin Console


async def create_user(request: Request) -> Response:
    """A managed user, whom an app with client credentials may act as."""
    state, body = sandbox_of(request), await json_body(request)
    login, enterprise = body.get("login"), _enterprise(body)
    name = body.get("name", login)
    if not isinstance(login, str) or "@" not in login or not isinstance(name, str) or not name:
        raise BoxError(400, "bad_request", "login is an email address, name a text")
    if any(user.login.lower() == login.lower() for user in state.users.values()):
        raise BoxError(409, "conflict", "There is a user with this login")
    return JSONResponse(state.add_user(login, name, enterprise).public(), 201)


async def list_users(request: Request) -> Response:
    """All managed users, of all enterprises."""
    return JSONResponse({"entries": [user.public() for user in sandbox_of(request).users.values()]})


_OF_APP = PREFIX + "/{app}"
_TABLE: dict[str, dict[str, Endpoint]] = {
    PREFIX: {"POST": create_app, "GET": list_apps},
    _OF_APP: {"GET": get_app, "PATCH": rename_app, "DELETE": delete_app},
    _OF_APP + "/authorization": {"POST": submit},
    _OF_APP + "/authorization/decision": {"POST": decide},
    _OF_APP + "/tokens/{slot}": {"POST": generate_key, "DELETE": revoke_key},
    _OF_APP + "/tokens/{slot}/expire": {"POST": expire_key},
    _OF_APP + "/cors-domains": {"PUT": set_cors_domains},
    _OF_APP + "/client-secret": {"GET": client_secret, "POST": new_client_secret},
    _OF_APP + "/developer-token": {"POST": developer_token},
    "/sandbox/v1/users": {"POST": create_user, "GET": list_users},
}
ROUTES = [
    route(path, {method: only_admin(endpoint) for method, endpoint in endpoints.items()})
    for path, endpoints in _TABLE.items()
]
