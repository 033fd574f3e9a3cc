"""The HTTP side: paths, verbs and watches."""

import asyncio
import json
import secrets
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import yaml
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse
from starlette.routing import Route

from kube_sandbox.audit import AuditLog
from kube_sandbox.kinds import openapi
from kube_sandbox.kinds.registry import Kind, Registry, Target
from kube_sandbox.kinds.tables import table
from kube_sandbox.objects.patches import APPLY_PATCH, apply_patch
from kube_sandbox.objects.selectors import Match, parse_selectors
from kube_sandbox.objects.store import Change, Object, Objects, now
from kube_sandbox.status import StatusError

VERSION = {"major": "1", "minor": "34", "gitVersion": "v1.34.0+embedded", "platform": "linux/amd64"}
BOOKMARK_SECONDS = 30.0
SCOPE_PARTS = 2
METADATA_OF_ONE = {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1"}
METADATA_OF_MANY = {"kind": "PartialObjectMetadataList", "apiVersion": "meta.k8s.io/v1"}


class Api:
    """The API server."""

    def __init__(self, admin_token: str, audit: AuditLog | None = None) -> None:
        self.registry = Registry()
        self.objects = Objects(self.registry)
        self.stopping = asyncio.Event()
        self._users = {admin_token: "admin"}
        self._audit = audit

    async def handle(self, request: Request) -> Response:
        """Any request."""
        path = request.url.path.rstrip("/")
        if path in ("/healthz", "/readyz", "/livez"):
            return PlainTextResponse("ok")
        began = now()
        user = self._user(request)
        target: Target | None = None
        try:
            if user is None:
                raise StatusError(401, "Unauthorized")
            static = self._discovery(path)
            if static is not None:
                return JSONResponse(static)
            target = self._target(path)
            response = await self._serve(request, target)
        except StatusError as error:
            response = JSONResponse(error.body(), error.code)
        if self._audit is not None:
            self._audit.note(request, user, target, response, began)
        return response

    def _user(self, request: Request) -> str | None:
        """Who calls. A caller without a name is the admin: kubectl never sends a token over plain HTTP."""
        header = request.headers.get("authorization")
        return self._users.get(header.partition(" ")[2]) if header else "admin"

    def _discovery(self, path: str) -> Any:
        if path.startswith(openapi.PREFIX):
            return openapi.openapi(self.registry, path)
        if path == "/version":
            return VERSION
        if path == "/api":
            return {"kind": "APIVersions", "versions": ["v1"]}
        if path == "/apis":
            return self.registry.groups()
        parts = path.strip("/").split("/")
        if parts[0] == "apis" and len(parts) == SCOPE_PARTS:
            groups = self.registry.groups()["groups"]
            return next(
                ({"kind": "APIGroup", "apiVersion": "v1", **group} for group in groups if group["name"] == parts[1]),
                None,
            )
        if parts[0] == "apis" and len(parts) == SCOPE_PARTS + 1:
            return self.registry.resources(parts[1], parts[2])
        return self.registry.resources("", "v1") if path == "/api/v1" else None

    def _target(self, path: str) -> Target:
        parts = path.strip("/").split("/")
        group, version, rest = (
            ("", "v1", parts[2:])
            if parts[0] == "api"
            else (parts[1] if parts[1:] else "", parts[2] if parts[2:] else "", parts[3:])
        )
        namespace = ""
        if len(rest) > SCOPE_PARTS and rest[0] == "namespaces":
            namespace, rest = rest[1], rest[2:]
        kind = self.registry.find(group, version, rest[0]) if rest else None
        if kind is None:
            raise StatusError(404, "the server could not find the requested resource")
        return Target(kind, namespace, rest[1] if rest[1:] else "", rest[2] if rest[2:] else "")

    async def _serve(self, request: Request, target: Target) -> Response:
        if target.sub == "token" and request.method == "POST":
            return self._issue_token(target)
        if target.sub not in ("", "status"):
            raise StatusError(404, "the server could not find the requested resource")
        if not target.name:
            return await self._serve_collection(request, target)
        return await self._serve_object(request, target)

    async def _serve_collection(self, request: Request, target: Target) -> Response:
        query = request.query_params
        match = parse_selectors(query.get("labelSelector"), query.get("fieldSelector"))
        if request.method == "GET" and query.get("watch") in ("true", "1"):
            return self._watch(request, target, match)
        if request.method == "GET":
            return self._list(request, target, match)
        if request.method == "POST":
            body = await self._body(request)
            self._check_fields(request, target.kind, body)
            return JSONResponse(self.objects.create(target.kind, body, target.namespace, "dryRun" in query), 201)
        if request.method == "DELETE":
            for body in list(filter(match, self.objects.all_of(target.kind, target.namespace))):
                self.objects.delete(target.kind, body)
            return JSONResponse({"kind": "Status", "apiVersion": "v1", "status": "Success"})
        raise StatusError(405, "the server does not allow this method on the requested resource")

    async def _serve_object(self, request: Request, target: Target) -> Response:
        kind, objects = target.kind, self.objects
        if request.method == "PATCH" and request.headers.get("content-type") == APPLY_PATCH:
            return await self._apply(request, target)
        current = objects.get(kind, target.namespace, target.name)
        if request.method == "GET":
            return JSONResponse(
                table(kind, [current], objects.version) if _wants_table(request) else _shown(request, current)
            )
        if request.method == "DELETE":
            _check_preconditions(await self._body(request), current)
            return JSONResponse(objects.delete(kind, current))
        if request.method == "PUT":
            new = await self._body(request)
        elif request.method == "PATCH":
            new = apply_patch(current, await request.body(), request.headers.get("content-type", ""))
        else:
            raise StatusError(405, "the server does not allow this method on the requested resource")
        self._check_fields(request, kind, new)
        changed = objects.replace(
            kind, target.namespace, new, current, target.sub == "status", "dryRun" in request.query_params
        )
        return JSONResponse(changed)

    async def _apply(self, request: Request, target: Target) -> Response:
        """Server-side apply without field ownership: a merge, or a creation."""
        if "fieldManager" not in request.query_params:
            raise StatusError(422, "fieldManager is required for apply patch")
        content = await request.body()
        try:
            current = self.objects.get(target.kind, target.namespace, target.name)
        except StatusError:
            body = yaml.safe_load(content)
            return JSONResponse(self.objects.create(target.kind, body, target.namespace), 201)
        new = apply_patch(current, content, APPLY_PATCH)
        return JSONResponse(self.objects.replace(target.kind, target.namespace, new, current, target.sub == "status"))

    async def _body(self, request: Request) -> Object:
        if "protobuf" in request.headers.get("content-type", ""):
            raise StatusError(415, "this API server speaks JSON and YAML only: use `kubectl apply -f`")
        content = await request.body() or b"{}"
        try:
            body = json.loads(content) if content.startswith(b"{") else yaml.safe_load(content)
        except (ValueError, yaml.YAMLError):
            body = None
        if not isinstance(body, dict):
            raise StatusError(400, "the body of the request is not an object")
        return body

    def _check_fields(self, request: Request, kind: Kind, body: Object) -> None:
        """``fieldValidation=Strict`` names unknown fields, which are pruned otherwise."""
        if kind.schema is None or request.query_params.get("fieldValidation") != "Strict":
            return
        unknown = kind.schema.prune(json.loads(json.dumps(body)))
        if unknown:
            text = ", ".join(f'unknown field "{field}"' for field in unknown)
            raise StatusError(
                400, f"{kind.name} in version {kind.version!r} cannot be handled: strict decoding error: {text}"
            )

    def _issue_token(self, target: Target) -> Response:
        self.objects.get(target.kind, target.namespace, target.name)
        token = secrets.token_urlsafe(24)
        self._users[token] = f"system:serviceaccount:{target.namespace}:{target.name}"
        body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "metadata": {}, "spec": {}}
        return JSONResponse({**body, "status": {"token": token, "expirationTimestamp": "2099-01-01T00:00:00Z"}}, 201)

    # Lists and watches

    def _list(self, request: Request, target: Target, match: Match) -> Response:
        kind, query = target.kind, request.query_params
        items = list(filter(match, self.objects.all_of(kind, target.namespace)))
        limit, skip = int(query.get("limit") or 0), int(query.get("continue") or 0)
        metadata = {"resourceVersion": str(self.objects.version)}
        if limit and len(items) > skip + limit:
            metadata |= {"continue": str(skip + limit), "remainingItemCount": str(len(items) - skip - limit)}
        page = items[skip : skip + limit] if limit else items[skip:]
        if _wants_table(request):
            return JSONResponse({**table(kind, page, self.objects.version), "metadata": metadata})
        metadata.pop("remainingItemCount", None)
        if _wants_metadata(request):
            # An empty list is null, as with the real one.
            shown = [_shown(request, body) for body in page]
            return JSONResponse({**METADATA_OF_MANY, "metadata": metadata, "items": shown or None})
        return JSONResponse(
            {"kind": f"{kind.name}List", "apiVersion": kind.api_version, "metadata": metadata, "items": page}
        )

    def _watch(self, request: Request, target: Target, match: Match) -> Response:
        query = request.query_params
        if query.get("sendInitialEvents") == "true":
            # Clients fall back to a list and a watch, as with API servers that cannot stream lists.
            raise StatusError(
                422, "sendInitialEvents is forbidden for watch unless the WatchList feature gate is enabled"
            )
        since = int(query.get("resourceVersion") or 0)
        if since and self.objects.history and since < self.objects.history[0].version - 1:
            raise StatusError(410, f"too old resource version: {since} ({self.objects.version})")
        stream = self._events(request, target, match, since, float(query.get("timeoutSeconds") or 1800))
        return StreamingResponse(stream, media_type="application/json")

    async def _events(
        self, request: Request, target: Target, match: Match, since: int, seconds: float
    ) -> AsyncIterator[bytes]:
        deadline, tabular, first = time.monotonic() + seconds, _wants_table(request), True
        bookmarks = request.query_params.get("allowWatchBookmarks") == "true" and not tabular

        def line(type_: str, body: Object) -> bytes:
            nonlocal first
            shown = table(target.kind, [body], self.objects.version, header=first) if tabular else _shown(request, body)
            first = False
            return json.dumps({"type": type_, "object": shown}).encode() + b"\n"

        if not since:
            since = self.objects.version
            for body in filter(match, list(self.objects.all_of(target.kind, target.namespace))):
                yield line("ADDED", body)
        while not self.stopping.is_set():
            changed = self.objects.changed
            for change in [change for change in self.objects.history if change.version > since]:
                type_ = _type_for(change, target, match)
                if type_:
                    yield line(type_, _as_sent(type_, change))
            since = self.objects.version
            left = deadline - time.monotonic()
            if left <= 0:
                return
            if not await self._wait(changed, min(left, BOOKMARK_SECONDS)) and bookmarks:
                yield line("BOOKMARK", self._bookmark(target.kind))

    async def _wait(self, changed: asyncio.Event, seconds: float) -> bool:
        waits = [asyncio.ensure_future(event.wait()) for event in (changed, self.stopping)]
        try:
            done, _ = await asyncio.wait(waits, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
            return bool(done)
        finally:
            for wait in waits:
                wait.cancel()

    def _bookmark(self, kind: Kind) -> Object:
        metadata = {"resourceVersion": str(self.objects.version)}
        return {"kind": kind.name, "apiVersion": kind.api_version, "metadata": metadata}


def _type_for(change: Change, target: Target, match: Match) -> str | None:
    """The watch event of a change, for a watcher who sees only what its selectors match."""
    namespace = change.body["metadata"].get("namespace", "")
    same = (change.kind.group, change.kind.plural) == (target.kind.group, target.kind.plural)
    if not same or target.namespace not in ("", namespace):
        return None
    matched = change.before is not None and match(change.before)
    matches = change.type != "DELETED" and match(change.body)
    return {(True, False): "DELETED", (False, True): "ADDED", (True, True): "MODIFIED"}.get((matched, matches))


def _as_sent(type_: str, change: Change) -> Object:
    """What leaves a selector is sent as it last was within it. Source: k8s.io/apiserver, storage/cacher."""
    if type_ != "DELETED" or change.type == "DELETED" or change.before is None:
        return change.body
    version = {"resourceVersion": change.body["metadata"]["resourceVersion"]}
    return {**change.before, "metadata": {**change.before["metadata"], **version}}


def _check_preconditions(options: Object, current: Object) -> None:
    for name, value in (options.get("preconditions") or {}).items():
        if current["metadata"].get(name) != value:
            raise StatusError(409, f"Precondition failed: {name} in precondition: {value}")


def _wants_metadata(request: Request) -> bool:
    return "as=PartialObjectMetadata" in request.headers.get("accept", "")


def _shown(request: Request, body: Object) -> Object:
    """The object, or only its metadata, with the name first, as the real API server writes it."""
    if not _wants_metadata(request):
        return body
    meta = body["metadata"]
    first = {name: meta[name] for name in ("name", "namespace", "uid", "resourceVersion") if name in meta}
    return {**METADATA_OF_ONE, "metadata": {**first, **meta}}


def _wants_table(request: Request) -> bool:
    return "as=Table" in request.headers.get("accept", "")


def create_app(admin_token: str, audit_log: Path | None = None) -> Starlette:
    """The API server as an ASGI application; ``app.state.api`` is its state."""
    api = Api(admin_token, AuditLog(audit_log) if audit_log else None)
    methods = ["GET", "POST", "PUT", "PATCH", "DELETE"]
    app = Starlette(routes=[Route("/{path:path}", api.handle, methods=methods)])
    app.state.api = api
    return app
