"""What happens to a request on its way: the log of requests, the rate limit, and faults that were ordered."""

import asyncio
import contextlib
import math
import re
import secrets
from collections import defaultdict, deque
from collections.abc import Callable, Iterable
from typing import Annotated, Any, Literal

import msgspec
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from box_sandbox.http.answers import BoxError, OAuthError, bearer, box_error, code_for, oauth_error
from box_sandbox.state.model import digest
from box_sandbox.state.sandbox import Sandbox

Kind = Literal["status", "latency", "cut_before", "cut_after", "garbage", "half_body", "hang", "no_zone"]
WINDOW_SECONDS = 60.0
GARBAGE = b"<html>upstream connect error</html>"
REQUEST_ID = b"box-request-id"
ZONE = re.compile(rb'(T\d\d:\d\d:\d\d(?:\.\d+)?)Z"')


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """A fault for the next ``count`` requests that match, or for all until cleared when ``count`` is null.

    The admin's own calls never match.

    - ``status`` answers instead of the sandbox, with no effect; ``code`` is Box's for that status unless given. Below
      ``/oauth2/`` a code that is given with 400 or 401 has OAuth's shape.
    - ``latency`` waits ``seconds`` and goes on as usual.
    - ``hang`` holds the connection for ``seconds`` and then closes it, with no effect and no answer.
    - ``cut_before`` closes the connection with no effect, ``cut_after`` once the request had its effect.
    - ``garbage`` answers with something else than JSON, and ``half_body`` closes the connection in the middle of the
      answer, each once the request had its effect.
    - ``no_zone`` answers as usual, with times that do not say of which zone they are.
    """

    kind: Kind
    path: str = ""
    method: str | None = None
    count: Annotated[int, msgspec.Meta(ge=1)] | None = 1
    status: Annotated[int, msgspec.Meta(ge=400, le=599)] = 500
    code: str | None = None
    retry_after: Annotated[int, msgspec.Meta(ge=0)] | None = None
    seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.0

    def __post_init__(self) -> None:
        """Refuse a path that could only fail later."""
        try:
            re.compile(self.path)
        except re.error as error:
            raise ValueError(f"path: {error}") from None

    def matches(self, method: str, path: str) -> bool:
        """Is this fault meant for the request? ``path`` is a regular expression that matches from the start."""
        return self.method in (None, method) and re.match(self.path, path) is not None


class CutError(ConnectionError):
    """The connection was closed on purpose."""


class Traffic:
    """The middleware around the whole sandbox."""

    def __init__(self, app: ASGIApp, sandbox: Sandbox, abort: Callable[[Scope], bool]) -> None:
        self._app = app
        self._sandbox = sandbox
        self._abort = abort
        self.faults: list[Fault] = []
        self.log: list[dict[str, Any]] = []
        self._calls: defaultdict[str, deque[float]] = defaultdict(deque)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass a request on, unless something was ordered for it."""
        if scope["type"] != "http" or scope["path"].startswith("/sandbox/"):
            await self._app(scope, receive, send)
            return
        caller = self._caller(scope)
        entry = self._note(scope, caller)

        async def noted(message: Message) -> None:
            if message["type"] == "http.response.start":
                entry["status"] = message["status"]
                message = _identified(message)
                entry["request_id"] = dict(message["headers"])[REQUEST_ID].decode()
            await send(message)

        await self._pass_on(scope, receive, noted, caller)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send, caller: str) -> None:
        # Never the admin's own calls: with those the trouble is ordered and watched.
        fault = self._next_fault(scope["method"], scope["path"]) if caller != "admin" else None
        if fault is not None and fault.kind == "latency":
            await _rest(scope, fault.seconds)
        elif fault is not None:
            await self._spoil(fault, scope, receive, send)
            return
        wait = self._over_limit(caller)
        if wait is not None:
            await _refuse(scope, receive, send, 429, "rate_limit_exceeded", wait)
            return
        await self._app(scope, receive, send)

    def _caller(self, scope: Scope) -> str:
        value = bearer(Request(scope))
        if value == self._sandbox.console_token:
            return "console"
        if value == self._sandbox.config.admin_token:
            return "admin"
        token = self._sandbox.tokens.get(digest(value))
        return token.app_id if token is not None else "anonymous"

    def _note(self, scope: Scope, caller: str) -> dict[str, Any]:
        at = self._sandbox.now().isoformat()
        entry = {"n": len(self.log), "method": scope["method"], "path": scope["path"], "caller": caller, "at": at}
        self.log.append(entry)
        return entry

    def _next_fault(self, method: str, path: str) -> Fault | None:
        fault = next((fault for fault in self.faults if fault.matches(method, path)), None)
        if fault is not None and fault.count is not None:
            fault.count -= 1
            self.faults = [fault for fault in self.faults if fault.count != 0]
        return fault

    def _over_limit(self, caller: str) -> int | None:
        """Box: 1000 requests a minute and user, 429 with retry-after (box/developer.box.com, rate-limits).

        That the minute slides, and that the console has a limit of the same kind, is assumed.
        """
        calls, now = self._calls[caller], self._sandbox.config.now().timestamp()
        while calls and calls[0] <= now - WINDOW_SECONDS:
            calls.popleft()
        if len(calls) >= self._sandbox.config.requests_per_minute:
            return max(1, math.ceil(calls[0] + WINDOW_SECONDS - now))
        calls.append(now)
        return None

    async def _spoil(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.kind == "status":
            await _refuse_as_ordered(fault, scope, receive, send)
            return
        if fault.kind == "hang":
            await _rest(scope, fault.seconds)
        messages: list[Message] = []

        async def keep(message: Message) -> None:
            messages.append(message)

        if fault.kind not in ("cut_before", "hang"):
            await self._app(scope, receive, keep)
        if fault.kind == "garbage":
            await _send_garbage(messages, send)
            return
        body = b"".join(message.get("body", b"") for message in messages[1:])
        if fault.kind == "no_zone":
            await _send_without_zones(messages[0], body, send)
            return
        if fault.kind == "half_body":
            await send(messages[0])
            await send({"type": "http.response.body", "body": body[: len(body) // 2], "more_body": True})
            await asyncio.sleep(0)
        if not self._abort(scope):
            raise CutError


def _identified(message: Message) -> Message:
    """Every answer of Box has a request id in its header (seen at Box; box/box-node-sdk, src/util/errors.ts)."""
    if any(name.lower() == REQUEST_ID for name, _ in message["headers"]):
        return message
    return {**message, "headers": [*message["headers"], (REQUEST_ID, secrets.token_hex(8).encode())]}


async def _rest(scope: Scope, seconds: float) -> None:
    """Wait so long, or until the sandbox stops."""
    with contextlib.suppress(TimeoutError):
        await asyncio.wait_for(scope["app"].state.stopping.wait(), seconds)


async def _send_garbage(messages: Iterable[Message], send: Send) -> None:
    start = dict(next(iter(messages)))
    if start["status"] == 204:
        # That answer could not carry a body.
        start["status"] = 200
    headers = [(b"content-type", b"text/html"), (b"content-length", str(len(GARBAGE)).encode())]
    await send({**start, "headers": headers})
    await send({"type": "http.response.body", "body": GARBAGE})


async def _send_without_zones(start: Message, body: bytes, send: Send) -> None:
    body = ZONE.sub(rb'\1"', body)
    kept = [(name, value) for name, value in start["headers"] if name.lower() != b"content-length"]
    await send({**start, "headers": [*kept, (b"content-length", str(len(body)).encode())]})
    await send({"type": "http.response.body", "body": body})


async def _refuse_as_ordered(fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
    if fault.code and fault.status in (400, 401) and scope["path"].startswith("/oauth2/"):
        error = OAuthError(fault.code, "Ordered by a test", fault.status)
        await oauth_error(Request(scope), error)(scope, receive, send)
        return
    await _refuse(scope, receive, send, fault.status, fault.code or code_for(fault.status), fault.retry_after)


async def _refuse(scope: Scope, receive: Receive, send: Send, status: int, code: str, retry_after: int | None) -> None:
    headers = {"retry-after": str(retry_after)} if retry_after is not None else None
    text = "Request rate limit exceeded, please try again later" if status == 429 else "Ordered by a test"
    response = box_error(Request(scope), BoxError(status, code, text, headers=headers))
    await response(scope, receive, send)
