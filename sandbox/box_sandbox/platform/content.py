"""The content calls of Box's public API that App Tokens may make.

Sources: Box OpenAPI 2024.0 and the guides named below. Not imitated: the ``fields`` of folders,
``expiring_embed_link``, ``access_token`` as a query parameter, 202 with Retry-After on a download that is not ready,
size and quota limits.
"""

import hashlib
from collections.abc import Iterable
from typing import Any

from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response

from box_sandbox.console.rules import ORIGIN
from box_sandbox.http.answers import REALM, BoxError, InvalidTokenError, bearer, cors_headers, json_body, json_object
from box_sandbox.http.callers import sandbox_of
from box_sandbox.http.routing import Endpoint, route
from box_sandbox.state.model import AccessToken, Account, App, Item, ItemType
from box_sandbox.state.sandbox import Sandbox

READ = {"base_explorer", "base_preview", "base_picker", "item_preview", "item_read", "item_download"}
"""Assumed: Box does not say which scopes allow which call."""
WRITE = {"base_upload", "item_upload"}


def caller(request: Request, needs: Iterable[str] = ()) -> tuple[Sandbox, Account, AccessToken]:
    """Who calls, and whom that acts as. Enforces validity, enablement, CORS and scopes, in this order (assumed)."""
    state = sandbox_of(request)
    token = state.authenticate(bearer(request))
    if token is None:
        raise InvalidTokenError
    app = state.apps[token.app_id]
    if not app.lets_in(token):
        # Observed for an app that is authorized but disabled (Box support 360044193313); the rest is assumed alike.
        challenge = {"WWW-Authenticate": REALM}
        raise BoxError(401, "unauthorized", "Unauthorized - Cannot authorize with this service", headers=challenge)
    _check_origin(request, app)
    if token.scopes is not None and needs and not set(needs) & set(token.scopes):
        raise insufficient_scope()
    return state, state.account_of(token), token


def insufficient_scope() -> BoxError:
    """The token is known, and may not do this.

    Source: box/developer.box.com, common-errors; the header observed in cburnette/boxr#26.
    """
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


def json_answer(request: Request, body: Any, status: int = 200) -> Response:
    """An answer that a page of an allowed origin may see."""
    return JSONResponse(body, status, cors_headers(request))


def _item(account: Account, type_: ItemType, number: str, token: AccessToken) -> Item:
    """The file or folder, if there is one and the token reaches it."""
    item = root_of(account) if (type_, number) == ("folder", "0") else account.items.get(number)
    if item is None or item.type != type_:
        raise BoxError(404, "not_found", "Not Found")
    if not reaches(account, token, item):
        raise insufficient_scope()
    return item


def reaches(account: Account, token: AccessToken, item: Item) -> bool:
    """Is the item what the token was downscoped to, or inside of it? (box/developer.box.com, tokens/downscope)"""
    if token.resource is None:
        return True
    kind, _, wanted = token.resource.rpartition("/")
    while (item.id, f"{item.type}s") != (wanted, kind.rpartition("/")[2]) and item.parent:
        item = account.items.get(item.parent) or root_of(account)
    return (item.id, f"{item.type}s") == (wanted, kind.rpartition("/")[2])


def _folder_body(account: Account, folder: Item) -> dict[str, Any]:
    entries = [mini(item) for item in account.items.values() if item.parent == folder.id]
    return {
        **mini(folder),
        "created_at": folder.created_at.isoformat(timespec="seconds") if folder.parent else None,
        "size": sum(len(item.content) for item in account.items.values() if item.parent == folder.id),
        "parent": mini(account.items.get(folder.parent) or root_of(account)) if folder.parent else None,
        "item_status": "active",
        "item_collection": {"total_count": len(entries), "entries": entries, "offset": 0, "limit": 100},
    }


def _file_body(account: Account, item: Item) -> dict[str, Any]:
    return {
        **mini(item),
        "size": len(item.content),
        "created_at": item.created_at.isoformat(timespec="seconds"),
        "parent": mini(account.items.get(item.parent) or root_of(account)),
        "item_status": "active",
    }


def mini(item: Item) -> dict[str, Any]:
    """An item in short. The root has neither etag nor sequence id (box/box-node-sdk, fixture of folder 0)."""
    versions = {"sequence_id": item.etag, "etag": item.etag} if item.parent else {"sequence_id": None, "etag": None}
    shown = {"type": item.type, "id": item.id, **versions, "name": item.name}
    return {**shown, "sha1": hashlib.sha1(item.content).hexdigest()} if item.type == "file" else shown


def root_of(account: Account) -> Item:
    """The folder 0 of an account."""
    return Item(id="0", type="folder", name="All Files", parent="", created_at=account.created_at)


async def get_folder(request: Request) -> Response:
    """``GET /folders/{id}``; 0 is the root."""
    _, account, token = caller(request, READ)
    return json_answer(request, _folder_body(account, _item(account, "folder", request.path_params["item_id"], token)))


async def folder_items(request: Request) -> Response:
    """``GET /folders/{id}/items``."""
    _, account, token = caller(request, READ)
    folder = _item(account, "folder", request.path_params["item_id"], token)
    return json_answer(request, _folder_body(account, folder)["item_collection"])


async def create_folder(request: Request) -> Response:
    """``POST /folders``."""
    body = await json_body(request)
    state, account, token = caller(request, WRITE)
    folder = _new(state, account, token, "folder", body, b"")
    return json_answer(request, _folder_body(account, folder), 201)


def _new(
    state: Sandbox, account: Account, token: AccessToken, type_: ItemType, attributes: dict[str, Any], content: bytes
) -> Item:
    name, parent = attributes.get("name"), attributes.get("parent")
    number = parent.get("id") if isinstance(parent, dict) else None
    if not isinstance(name, str) or not name or not isinstance(number, str):
        raise BoxError(400, "bad_request", "name and parent.id are needed")
    folder = _item(account, "folder", number, token)
    if any(item.name == name and item.parent == folder.id for item in account.items.values()):
        raise BoxError(409, "item_name_in_use", "Item with the same name already exists")
    return state.add_item(account, type_, name, folder.id, content)


async def upload(request: Request) -> Response:
    """``POST /files/content`` on the upload host; ``attributes`` before ``file`` (Box guide uploads/direct/file)."""
    caller(request, WRITE)
    async with request.form() as form:
        names = [name for name, _ in form.multi_items()]
        file, attributes = form.get("file"), form.get("attributes")
        if names and names[0] == "file":
            raise BoxError(400, "metadata_after_file_contents", "The attributes must come before the file")
        if not isinstance(file, UploadFile) or not isinstance(attributes, str):
            raise BoxError(400, "bad_request", "The parts attributes and file are needed")
        content = await file.read()
    # Asked again: the upload took its time, and the token may be over.
    state, account, token = caller(request, WRITE)
    item = _new(state, account, token, "file", json_object(attributes), content)
    return json_answer(request, {"total_count": 1, "entries": [_file_body(account, item)]}, 201)


async def get_file(request: Request) -> Response:
    """``GET /files/{id}``: 404 for one that is not there and for one of another account (Box OpenAPI 2024.0).

    ``fields`` gives those beside type, id and etag; unknown ones are left out.
    """
    _, account, token = caller(request, READ)
    body = _file_body(account, _item(account, "file", request.path_params["item_id"], token))
    fields = request.query_params.get("fields")
    if fields:
        body = {name: body[name] for name in ("type", "id", "etag", *fields.split(",")) if name in body}
    return json_answer(request, body)


async def file_content(request: Request) -> Response:
    """``GET /files/{id}/content``: 302 to a download address, which does not hold the token (Box OpenAPI 2024.0)."""
    _, account, token = caller(request, {"item_download"})
    item = _item(account, "file", request.path_params["item_id"], token)
    address = f"{request.base_url}d/{item.id}/{_signature(account, item.id)}/download"
    return RedirectResponse(address, 302, cors_headers(request))


def _signature(account: Account, number: str) -> str:
    """What makes a download address one that cannot be guessed. That it does not expire is assumed."""
    return hashlib.sha256(f"{account.salt}{number}".encode()).hexdigest()[:32]


async def download(request: Request) -> Response:
    """The download host. The address itself is the permission; CORS is not enforced (developer.box.com, downloads)."""
    number, signature = request.path_params["item_id"], request.path_params["signature"]
    for account in sandbox_of(request).accounts():
        if number in account.items and signature == _signature(account, number):
            return Response(account.items[number].content, media_type="application/octet-stream")
    raise BoxError(404, "not_found", "Not Found")


async def delete_file(request: Request) -> Response:
    """``DELETE /files/{id}``; 412 when ``If-Match`` names another version."""
    state, account, token = caller(request, {"item_delete"})
    item = _item(account, "file", request.path_params["item_id"], token)
    if request.headers.get("if-match", item.etag) != item.etag:
        raise BoxError(412, "precondition_failed", "The resource has been modified")
    state.remove_item(account, item)
    return Response(status_code=204, headers=cors_headers(request))


async def preflight(_: Request) -> Response:
    """A browser's preflight has no token, so that nothing can be checked (assumed)."""
    allow = {"Access-Control-Allow-Methods": "GET, POST, PUT, DELETE, OPTIONS", "Access-Control-Allow-Headers": "*"}
    return Response(status_code=200, headers={"Access-Control-Allow-Origin": "*", **allow})


_TABLE: dict[str, dict[str, Endpoint]] = {
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
