"""The part of Box's public API that App Tokens touch. Sources: Box OpenAPI 2024.0 and the guides named below."""

from __future__ import annotations

import hashlib
import itertools
import json
from datetime import timedelta
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route

from box_sandbox.answers import REALM, BoxError, InvalidTokenError, OAuthError, bearer, json_body
from box_sandbox.console import ORIGIN, sandbox_of
from box_sandbox.model import AccessToken, App, Item, digest
from box_sandbox.state import Sandbox

EXCHANGE = "urn:ietf:params:oauth:grant-type:token-exchange"
ACCESS_TOKEN_TYPE = "urn:ietf:params:oauth:token-type:access_token"
DOWNSCOPED_SECONDS = 4175
"""As in the sample of box/developer.box.com, authentication/tokens/downscope."""
SCOPES = {
    *("annotation_edit", "annotation_view_all", "annotation_view_self"),
    *("base_explorer", "base_picker", "base_preview", "base_sidebar", "base_upload"),
    *("item_delete", "item_download", "item_preview", "item_read", "item_rename", "item_share", "item_upload"),
}
"""Source: box/developer.box.com, permissions-and-errors/scopes, and Box OpenAPI 2024.0, ``ResourceScope``."""
READ = {"base_explorer", "base_preview", "base_picker", "item_preview", "item_read", "item_download"}

_numbers = itertools.count(300_000_000_001)


def _caller(request: Request, *needs: str) -> tuple[Sandbox, App, AccessToken]:
    """Who calls. Enforces CORS, validity, enablement and scopes, in this order."""
    state = sandbox_of(request)
    token = state.authenticate(bearer(request))
    if token is None:
        raise InvalidTokenError
    app = state.apps[token.app_id]
    if not app.usable:
        # Observed for an app that is authorized but disabled (Box support 360044193313); the rest is assumed alike.
        challenge = {"WWW-Authenticate": REALM}
        raise BoxError(401, "unauthorized", "Unauthorized - Cannot authorize with this service", headers=challenge)
    _check_origin(request, app)
    if token.scopes is not None and needs and not set(needs) & set(token.scopes):
        raise _insufficient_scope()
    return state, app, token


def _insufficient_scope() -> BoxError:
    """Source: box/developer.box.com, common-errors; the header observed in cburnette/boxr#26."""
    text = "The request requires higher privileges than provided by the access token."
    challenge = f'{REALM}, error="insufficient_scope", error_description="{text}"'
    return BoxError(403, "insufficient_scope", text, headers={"WWW-Authenticate": challenge})


def _check_origin(request: Request, app: App) -> None:
    """Enforced only when an Origin is sent; an empty list allows none (box/developer.box.com, security/cors)."""
    origin = request.headers.get("origin")
    if origin is not None and not any(allows(domain, origin) for domain in app.cors_domains):
        text = "Access denied - Did you forget to safelist your origin in the CORS config of your app?"
        raise BoxError(403, "cors_origin_not_whitelisted", text, context={"origin": origin})


def allows(domain: str, origin: str) -> bool:
    """Does a CORS domain allow an origin? That ``*.`` stands for any labels but not the apex is assumed."""
    domain, origin = domain.lower(), origin.lower()
    scheme, _, rest = domain.partition("://")
    if not rest.startswith("*."):
        return domain == origin
    return bool(ORIGIN.fullmatch(origin)) and origin.startswith(f"{scheme}://") and origin.endswith(rest[1:])


def _cors(request: Request, response: Response) -> Response:
    if "origin" in request.headers:
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Vary"] = "Origin"
    return response


async def me(request: Request) -> Response:
    """``GET /users/me``: the service account."""
    _, app, _ = _caller(request)
    user: dict[str, Any] = {
        "type": "user",
        "id": app.service_account_id,
        "name": app.name,
        "login": app.login,
        "created_at": app.created_at.isoformat(timespec="seconds"),
        "modified_at": app.modified_at.isoformat(timespec="seconds"),
        "language": "en",
        "timezone": "America/Los_Angeles",
        "space_amount": 10_737_418_240,
        "space_used": sum(len(item.content) for item in app.items.values()),
        "max_upload_size": 52_428_800,
        "status": "active",
        "job_title": "",
        "phone": "",
        "address": "",
        "avatar_url": "",
    }
    optional = {"enterprise": {"type": "enterprise", "id": "1234567", "name": "Sandbox Enterprise"}}
    fields = request.query_params.get("fields")
    if fields:
        user = {
            name: {**user, **optional}[name] for name in ("type", "id", *fields.split(",")) if name in user | optional
        }
    return _cors(request, JSONResponse(user))


def _item(app: App, type_: str, number: str, token: AccessToken) -> Item:
    item = app.items.get(number)
    if item is None or item.type != type_:
        raise BoxError(404, "not_found", "Not Found")
    if token.resource is not None and not _within(app, item, token.resource):
        raise _insufficient_scope()
    return item


def _within(app: App, item: Item, resource: str) -> bool:
    wanted = resource.rsplit("/", 1)[1]
    while item.id != wanted and item.parent in app.items:
        item = app.items[item.parent]
    return item.id == wanted


def _folder_body(app: App, folder: Item) -> dict[str, Any]:
    entries = [_mini(item) for item in app.items.values() if item.parent == folder.id]
    return {
        **_mini(folder),
        "created_at": folder.created_at.isoformat(timespec="seconds"),
        "size": sum(len(item.content) for item in app.items.values() if item.parent == folder.id),
        "parent": {"type": "folder", "id": folder.parent, "name": "All Files"} if folder.id != "0" else None,
        "item_status": "active",
        "item_collection": {"total_count": len(entries), "entries": entries, "offset": 0, "limit": 100},
    }


def _file_body(item: Item) -> dict[str, Any]:
    return {
        **_mini(item),
        "size": len(item.content),
        "created_at": item.created_at.isoformat(timespec="seconds"),
        "parent": {"type": "folder", "id": item.parent, "name": ""},
        "item_status": "active",
    }


def _mini(item: Item) -> dict[str, Any]:
    mini = {"type": item.type, "id": item.id, "sequence_id": "0", "etag": item.etag, "name": item.name}
    return {**mini, "sha1": hashlib.sha1(item.content).hexdigest()} if item.type == "file" else mini


def _root(app: App) -> Item:
    return Item(id="0", type="folder", name="All Files", parent="", created_at=app.created_at)


async def get_folder(request: Request) -> Response:
    """``GET /folders/{id}``; 0 is the root."""
    _, app, token = _caller(request, *READ)
    number = request.path_params["item_id"]
    folder = _root(app) if number == "0" else _item(app, "folder", number, token)
    return _cors(request, JSONResponse(_folder_body(app, folder)))


async def folder_items(request: Request) -> Response:
    """``GET /folders/{id}/items``."""
    _, app, token = _caller(request, *READ)
    number = request.path_params["item_id"]
    folder = _root(app) if number == "0" else _item(app, "folder", number, token)
    return _cors(request, JSONResponse(_folder_body(app, folder)["item_collection"]))


async def create_folder(request: Request) -> Response:
    """``POST /folders``."""
    state, app, _ = _caller(request, "item_upload", "base_upload")
    body = await json_body(request)
    return _cors(request, JSONResponse(_folder_body(app, _new(state, app, "folder", body, b"")), 201))


def _new(state: Sandbox, app: App, type_: Any, attributes: dict[str, Any], content: bytes) -> Item:
    name, parent = attributes.get("name"), (attributes.get("parent") or {}).get("id")
    if not isinstance(name, str) or not name or not isinstance(parent, str):
        raise BoxError(400, "bad_request", "name and parent.id are needed")
    if parent != "0" and parent not in app.items:
        raise BoxError(404, "not_found", "Not Found")
    if any(item.name == name and item.parent == parent for item in app.items.values()):
        raise BoxError(409, "item_name_in_use", "Item with the same name already exists")
    item = Item(str(next(_numbers)), type_, name, parent, state.now(), content)
    state.add_item(app, item)
    return item


async def upload(request: Request) -> Response:
    """``POST /files/content`` on the upload host; ``attributes`` before ``file`` (Box guide uploads/direct/file)."""
    state, app, _ = _caller(request, "item_upload", "base_upload")
    async with request.form() as form:
        names = [name for name, _ in form.multi_items()]
        file, attributes = form.get("file"), form.get("attributes")
        if names and names[0] == "file":
            raise BoxError(400, "metadata_after_file_contents", "The attributes must come before the file")
        if not isinstance(file, UploadFile) or not isinstance(attributes, str):
            raise BoxError(400, "bad_request", "The parts attributes and file are needed")
        item = _new(state, app, "file", json.loads(attributes), await file.read())
    return _cors(request, JSONResponse({"total_count": 1, "entries": [_file_body(item)]}, 201))


async def get_file(request: Request) -> Response:
    """``GET /files/{id}``."""
    _, app, token = _caller(request, *READ)
    return _cors(request, JSONResponse(_file_body(_item(app, "file", request.path_params["item_id"], token))))


async def file_content(request: Request) -> Response:
    """``GET /files/{id}/content``: 302 to a download address."""
    _, app, token = _caller(request, "item_download")
    item = _item(app, "file", request.path_params["item_id"], token)
    signature = hashlib.sha256(f"{app.client_secret}{item.id}".encode()).hexdigest()[:32]
    return _cors(request, RedirectResponse(str(request.url_for("download", item_id=item.id, signature=signature)), 302))


async def download(request: Request) -> Response:
    """The download host. The address itself is the permission."""
    number, signature = request.path_params["item_id"], request.path_params["signature"]
    for app in sandbox_of(request).live():
        expected = hashlib.sha256(f"{app.client_secret}{number}".encode()).hexdigest()[:32]
        if number in app.items and signature == expected:
            return Response(app.items[number].content, media_type="application/octet-stream")
    raise BoxError(404, "not_found", "Not Found")


async def delete_file(request: Request) -> Response:
    """``DELETE /files/{id}``; 412 when ``If-Match`` names another version."""
    state, app, token = _caller(request, "item_delete")
    item = _item(app, "file", request.path_params["item_id"], token)
    if request.headers.get("if-match", item.etag) != item.etag:
        raise BoxError(412, "precondition_failed", "The resource has been modified")
    state.remove_item(app, item)
    return _cors(request, Response(status_code=204))


async def token(request: Request) -> Response:
    """``POST /oauth2/token``: token exchange, which makes a downscoped token. Other grants are not for App Tokens."""
    state, form = sandbox_of(request), await request.form()
    if form.get("grant_type") != EXCHANGE:
        raise OAuthError("unauthorized_client", "The grant type is unauthorized for this client_id")
    subject = state.authenticate(str(form.get("subject_token") or ""))
    if subject is None:
        # The text was observed (forum.box.com/t/1806), the code is assumed.
        raise OAuthError("invalid_grant", "The subject_token provided is invalid")
    scopes = str(form.get("scope") or "").split()
    if not scopes or not set(scopes) <= SCOPES:
        raise OAuthError("invalid_scope", "The requested scope is invalid")
    app, resource = state.apps[subject.app_id], _resource(form.get("resource"))
    item = _target(app, resource)
    expires_at = state.now() + timedelta(seconds=DOWNSCOPED_SECONDS)
    value = state.issue(app, None, expires_at, scopes, resource)
    restricted = [{"scope": scope, "object": _mini(item)} for scope in scopes] if item else []
    return JSONResponse(
        {
            "access_token": value,
            "expires_in": DOWNSCOPED_SECONDS,
            "token_type": "bearer",
            "restricted_to": restricted,
            "issued_token_type": ACCESS_TOKEN_TYPE,
        }
    )


def _resource(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _target(app: App, resource: str | None) -> Item | None:
    if resource is None:
        return None
    kind, _, number = resource.rpartition("/")
    item = _root(app) if number == "0" else app.items.get(number)
    if item is None or not kind.endswith(f"/2.0/{item.type}s"):
        # Observed: box/box-node-sdk#168.
        raise OAuthError("invalid_resource", "The target resource is invalid.")
    return item


async def revoke(request: Request) -> Response:
    """``POST /oauth2/revoke``: needs the client's id and secret; an unknown token is an error, unlike RFC 7009."""
    state, form = sandbox_of(request), await request.form()
    client = next((app for app in state.live() if app.client_id == form.get("client_id")), None)
    if client is None:
        raise OAuthError("invalid_request", "Client id was not found in the headers or body")
    if form.get("client_secret") != client.client_secret:
        raise OAuthError("invalid_client", "The client credentials are invalid")
    token = state.tokens.get(digest(str(form.get("token") or "")))
    if token is None or token.revoked:
        raise OAuthError("invalid_token", "The supplied token is invalid")
    if token.app_id != client.id:
        raise OAuthError("invalid_request", "The client is invalid")
    await state.revoke_value(token)
    return Response(status_code=200)


async def preflight(_: Request) -> Response:
    """A browser's preflight has no token, so that nothing can be checked (assumed)."""
    allow = {"Access-Control-Allow-Methods": "GET, POST, PUT, DELETE, OPTIONS", "Access-Control-Allow-Headers": "*"}
    return Response(status_code=200, headers={"Access-Control-Allow-Origin": "*", **allow})


ROUTES = [
    Route("/2.0/users/me", me, methods=["GET"]),
    Route("/2.0/folders", create_folder, methods=["POST"]),
    Route("/2.0/folders/{item_id}", get_folder, methods=["GET"]),
    Route("/2.0/folders/{item_id}/items", folder_items, methods=["GET"]),
    Route("/2.0/files/{item_id}", get_file, methods=["GET"]),
    Route("/2.0/files/{item_id}", delete_file, methods=["DELETE"]),
    Route("/2.0/files/{item_id}/content", file_content, methods=["GET"]),
    Route("/d/{item_id}/{signature}/download", download, methods=["GET"], name="download"),
    Route("/api/2.0/files/content", upload, methods=["POST"]),
    Route("/oauth2/token", token, methods=["POST"]),
    Route("/oauth2/revoke", revoke, methods=["POST"]),
    Route("/2.0/{path:path}", preflight, methods=["OPTIONS"]),
]
