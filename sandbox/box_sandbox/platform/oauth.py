"""The OAuth endpoints of Box's public API, as far as App Tokens and client credentials go.

Sources: Box OpenAPI 2024.0, and what was observed where Box says nothing. Not imitated: ``box_shared_link`` and
``actor_token``, which are refused, so that no token reaches further than what was asked for.
"""

from datetime import timedelta
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from box_sandbox.http.answers import OAuthError
from box_sandbox.http.callers import sandbox_of
from box_sandbox.http.routing import route
from box_sandbox.platform import client_credentials
from box_sandbox.platform.content import mini, reaches, root_of
from box_sandbox.state.model import AccessToken, Account, Item, digest
from box_sandbox.state.sandbox import Sandbox

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
OTHER_GRANTS = ("authorization_code", "refresh_token", "urn:ietf:params:oauth:grant-type:jwt-bearer")
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"
SCOPES = {
    *("annotation_edit", "annotation_view_all", "annotation_view_self"),
    *("base_explorer", "base_picker", "base_preview", "base_sidebar", "base_upload"),
    *("item_delete", "item_download", "item_preview", "item_read", "item_rename", "item_share", "item_upload"),
}
"""Source: box/developer.box.com, permissions-and-errors/scopes, and Box OpenAPI 2024.0, ``ResourceScope``."""


async def token(request: Request) -> Response:
    """``POST /oauth2/token``: downscoped tokens and tokens for client credentials. App Tokens are never made here."""
    state, form = sandbox_of(request), {name: str(value) for name, value in (await request.form()).items()}
    grant = form.get("grant_type")
    if grant == EXCHANGE:
        shown = _exchange(state, form)
    elif grant == client_credentials.GRANT:
        shown = client_credentials.grant(state, form)
    elif grant in OTHER_GRANTS:
        # Box support 360044193033.
        raise OAuthError("unauthorized_client", client_credentials.WRONG_GRANT)
    else:
        # Observed: maengkom/boxapi#25.
        raise OAuthError("invalid_request", "Invalid grant_type parameter or parameter missing")
    return JSONResponse(shown, headers={"Cache-Control": "no-store"})


def _exchange(state: Sandbox, form: dict[str, str]) -> dict[str, Any]:
    """Token exchange, which makes a downscoped token. Needs no client credentials."""
    if form.get("box_shared_link") or form.get("actor_token"):
        raise OAuthError("invalid_request", "The sandbox knows neither box_shared_link nor actor_token")
    subject = state.authenticate(form.get("subject_token", ""))
    if subject is None:
        # The text was observed (forum.box.com/t/1806), the code is assumed.
        raise OAuthError("invalid_grant", "The subject_token provided is invalid")
    app = state.apps[subject.app_id]
    if not app.lets_in(subject):
        # Observed for other grants (box/boxcli#154), assumed for this one.
        raise OAuthError("unauthorized_client", client_credentials.NOT_AUTHORIZED)
    scopes, resource = _scopes(form, subject), form.get("resource") or subject.resource
    item = _target(state.account_of(subject), subject, resource)
    until = state.now() + timedelta(seconds=state.access_token_seconds)
    value = state.issue(app, "downscoped", until, user=subject.user, scopes=scopes, resource=resource)
    return {
        "access_token": value,
        "expires_in": state.access_token_seconds,
        "token_type": "bearer",
        "restricted_to": [{"scope": scope, "object": mini(item)} for scope in scopes] if item else [],
        "issued_token_type": ACCESS_TOKEN_TYPE,
    }


def _scopes(form: dict[str, str], subject: AccessToken) -> list[str]:
    """The scopes that are asked for, if the subject has them. The texts and the first status are assumed."""
    scopes = form.get("scope", "").split()
    if not scopes or not set(scopes) <= SCOPES:
        raise OAuthError("invalid_scope", "The requested scope is invalid")
    if subject.scopes is not None and not set(scopes) <= set(subject.scopes):
        # Box OpenAPI 2024.0: a subject token that lacks the scopes "will error with 401".
        raise OAuthError("invalid_scope", "The subject_token lacks the requested scope", 401)
    return scopes


def _target(account: Account, subject: AccessToken, resource: str | None) -> Item | None:
    if resource is None:
        return None
    kind, _, number = resource.rpartition("/")
    item = root_of(account) if number == "0" else account.items.get(number)
    if item is None or not kind.endswith(f"/2.0/{item.type}s") or not reaches(account, subject, item):
        # Observed: box/box-node-sdk#168.
        raise OAuthError("invalid_resource", "The target resource is invalid.")
    return item


async def revoke(request: Request) -> Response:
    """``POST /oauth2/revoke``: needs the client's id and secret; an unknown token is an error, unlike RFC 7009.

    How an App Token app, whose page shows no secret, does this at Box is not known: that it cannot is assumed. That a
    token that is expired can be revoked, and that a downscoped one outlives its parent, is assumed too.
    """
    state, form = sandbox_of(request), await request.form()
    client = next((app for app in state.live() if app.client_id == form.get("client_id")), None)
    if client is None:
        # The text was observed (Box support, profile 26704222227), the code is assumed.
        raise OAuthError("invalid_request", "Client id was not found in the headers or body")
    if not client_credentials.knows_secret(client, form.get("client_secret")):
        raise OAuthError("invalid_client", client_credentials.WRONG_CLIENT)
    token = state.tokens.get(digest(str(form.get("token") or "")))
    if token is None or token.revoked:
        # box/boxcli, test/commands/tokens.test.js.
        raise OAuthError("invalid_token", "The supplied token is invalid")
    if token.app_id != client.id:
        # Box community 360049200593.
        raise OAuthError("invalid_request", "The client is invalid")
    await state.revoke_value(token)
    return Response(status_code=200)


ROUTES = [
    route("/oauth2/token", {"POST": token}),
    route("/oauth2/revoke", {"POST": revoke}),
]
