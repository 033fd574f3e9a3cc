"""The content calls of Box's public API that App Tokens may make.

Sources: Box OpenAPI 2024.0 and the guides named below. Not imitated: the ``fields`` of items, ``expiring_embed_link``,
``access_token`` as a query parameter, 202 with Retry-After on a download that is not ready, size and quota limits.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from box_sandbox.answers import REALM, BoxError, InvalidTokenError, bearer, cors_headers, json_body, json_object
from box_sandbox.console import ORIGIN, sandbox_of
from box_sandbox.model import AccessToken, App, Item, ItemType
from box_sandbox.routing import Endpoint, route
from box_sandbox.state import Sandbox

READ = {"base_explorer", "base_preview", "base_picker", "item_preview", "item_read", "item_download"}
"""Assumed: Box does not say which scopes allow which call."""
WRITE = {"base_upload", "item_upload"}


def _caller(request: Request, needs: Iterable[str] = ()) -> tuple[Sandbox, App, AccessToken]:
    """Who calls. Enforces validity, enablement, CORS and scopes, in this order (assumed)."""
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
    request.state.origin_allowed = origin is not None


def allows(domain: str, origin: str) -> bool:
    """Does a CORS domain allow an origin? That ``*.`` stands for any labels but not the apex is assumed."""
    domain, origin = domain.lower(), origin.lower()
    scheme, _, rest = domain.partition("://")
    if not rest.startswith("*."):
        return domain == origin
    return bool(ORIGIN.fullmatch(origin)) and origin.startswith(f"{scheme}://") and origin.endswith(rest[1:])


def _json(request: Request, body: Any, status: int = 200) -> Response:
    return JSONResponse(body, status, cors_headers(request))


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
        known = user | optional
        user = {name: known[name] for name in ("type", "id", *fields.split(",")) if name in known}
    return _json(request, user)


def _item(app: App, type_: ItemType, number: str, token: AccessToken) -> Item:
    """The file or folder, if there is one and the token reaches it."""
    item = root_of(app) if (type_, number) == ("folder", "0") else app.items.get(number)
    if item is None or item.type != type_:
        raise BoxError(404, "not_found", "Not Found")
    if not reaches(app, token, item):
        raise _insufficient_scope()
    return item


def reaches(app: App, token: AccessToken, item: Item) -> bool:
    """Is the item what the token was downscoped to, or inside of it? (box/developer.box.com, tokens/downscope)"""
    if token.resource is None:
        return True
    kind, _, wanted = token.resource.rpartition("/")
    while (item.id, f"{item.type}s") != (wanted, kind.rpartition("/")[2]) and item.parent:
        item = app.items.get(item.parent) or root_of(app)
    return (item.id, f"{item.type}s") == (wanted, kind.rpartition("/")[2])


def _folder_body(app: App, folder: Item) -> dict[str, Any]:
    entries = [mini(item) for item in app.items.values() if item.parent == folder.id]
    return {
        **mini(folder),
        "created_at": folder.created_at.isoformat(timespec="seconds") if folder.parent else None,
        "size": sum(len(item.content) for item in app.items.values() if item.parent == folder.id),
        "parent": mini(app.items.get(folder.parent) or root_of(app)) if folder.parent else None,
        "item_status": "active",
        "item_collection": {"total_count": len(entries), "entries": entries, "offset": 0, "limit": 100},
    }


def _file_body(app: App, item: Item) -> dict[str, Any]:
    return {
        **mini(item),
        "size": len(item.content),
        "created_at": item.created_at.isoformat(timespec="seconds"),
        "parent": mini(app.items.get(item.parent) or root_of(app)),
        "item_status": "active",
    }


def mini(item: Item) -> dict[str, Any]:
    """An item in short. The root has neither etag nor sequence id (box/box-node-sdk, fixture of folder 0)."""
    versions = {"sequence_id": item.etag, "etag": item.etag} if item.parent else {"sequence_id": None, "etag": None}
    shown = {"type": item.type, "id": item.id, **versions, "name": item.name}
    return {**shown, "sha1": hashlib.sha1(item.content).hexdigest()} if item.type == "file" else shown


def root_of(app: App) -> Item:
    """The folder 0 of the service account."""
    return Item(id="0", type="folder", name="All Files", parent="", created_at=app.created_at)


async def get_folder(request: Request) -> Response:
    """``GET /folders/{id}``; 0 is the root."""
    _, app, token = _caller(request, READ)
    return _json(request, _folder_body(app, _item(app, "folder", request.path_params["item_id"], token)))


async def folder_items(request: Request) -> Response:
    """``GET /folders/{id}/items``."""
    _, app, token = _caller(request, READ)
    folder = _item(app, "folder", request.path_params["item_id"], token)
    return _json(request, _folder_body(app, folder)["item_collection"])


async def create_folder(request: Request) -> Response:
    """``POST /folders``."""
    body = await json_body(request)
    state, app, token = _caller(request, WRITE)
    folder = _new(state, app, token, "folder", body, b"")
    return _json(request, _folder_body(app, folder), 201)


def _new(
    state: Sandbox, app: App, token: AccessToken, type_: ItemType, attributes: dict[str, Any], content: bytes
) -> Item:
    name, parent = attributes.get("name"), attributes.get("parent")
    number = parent.get("id") if isinstance(parent, dict) else None
    if not isinstance(name, str) or not name or not isinstance(number, str):
        raise BoxError(400, "bad_request", "name and parent.id are needed")
    folder = _item(app, "folder", number, token)
    if any(item.name == name and item.parent == folder.id for item in app.items.values()):
        raise BoxError(409, "item_name_in_use", "Item with the same name already exists")
    return state.add_item(app, type_, name, folder.id, content)


async def upload(request: Request) -> Response:
    """``POST /files/content`` on the upload host; ``attributes`` before ``file`` (Box guide uploads/direct/file)."""
    _caller(request, WRITE)
    async with request.form() as form:
        names = [name for name, _ in form.multi_items()]
        file, attributes = form.get("file"), form.get("attributes")
        if names and names[0] == "file":
            raise BoxError(400, "metadata_after_file_contents", "The attributes must come before the file")
        if not isinstance(file, UploadFile) or not isinstance(attributes, str):
            raise BoxError(400, "bad_request", "The parts attributes and file are needed")
        content = await file.read()
    # Asked again: the upload took its time, and the token may be over.
    state, app, token = _caller(request, WRITE)
    item = _new(state, app, token, "file", json_object(attributes), content)
    return _json(request, {"total_count": 1, "entries": [_file_body(app, item)]}, 201)


async def get_file(request: Request) -> Response:
    """``GET /files/{id}``."""
    _, app, token = _caller(request, READ)
    return _json(request, _file_body(app, _item(app, "file", request.path_params["item_id"], token)))


async def file_content(request: Request) -> Response:
    """``GET /files/{id}/content``: 302 to a download address, which does not hold the token (Box OpenAPI 2024.0)."""
    _, app, token = _caller(request, {"item_download"})
    item = _item(app, "file", request.path_params["item_id"], token)
    address = f"{request.base_url}d/{item.id}/{_signature(app, item.id)}/download"
    return RedirectResponse(address, 302, cors_headers(request))


def _signature(app: App, number: str) -> str:
    """What makes a download address one that nobody can guess. That it does not expire is assumed."""
    return hashlib.sha256(f"{app.client_secret}{number}".encode()).hexdigest()[:32]


async def download(request: Request) -> Response:
    """The download host. The address itself is the permission; CORS is not enforced (developer.box.com, downloads)."""
    number, signature = request.path_params["item_id"], request.path_params["signature"]
    for app in sandbox_of(request).live():
        if number in app.items and signature == _signature(app, number):
            return Response(app.items[number].content, media_type="application/octet-stream")
    raise BoxError(404, "not_found", "Not Found")


async def delete_file(request: Request) -> Response:
    """``DELETE /files/{id}``; 412 when ``If-Match`` names another version."""
    state, app, token = _caller(request, {"item_delete"})
    item = _item(app, "file", request.path_params["item_id"], token)
    if request.headers.get("if-match", item.etag) != item.etag:
        raise BoxError(412, "precondition_failed", "The resource has been modified")
    state.remove_item(app, item)
    return Response(status_code=204, headers=cors_headers(request))


async def preflight(_: Request) -> Response:
    """A browser's preflight has no token, so that nothing can be checked (assumed)."""
    allow = {"Access-Control-Allow-Methods": "GET, POST, PUT, DELETE, OPTIONS", "Access-Control-Allow-Headers": "*"}
    return Response(status_code=200, headers={"Access-Control-Allow-Origin": "*", **allow})


_TABLE: dict[str, dict[str, Endpoint]] = {
    "/2.0/users/me": {"GET": me},
    "/2.0/folders": {"POST": create_folder},
    "/2.0/folders/{item_id}": {"GET": get_folder},
    "/2.0/folders/{item_id}/items": {"GET": folder_items},
    "/2.0/files/{item_id}": {"GET": get_file, "DELETE": delete_file},
    "/2.0/files/{item_id}/content": {"GET": file_content},
    "/api/2.0/files/content": {"POST": upload},
}
ROUTES = [
    *(route(path, {**endpoints, "OPTIONS": preflight}) for path, endpoints in _TABLE.items()),
    route("/d/{item_id}/{signature}/download", {"GET": download}),
]
