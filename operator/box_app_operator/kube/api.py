"""One request to the Kubernetes API, as JSON in and out, with foreign errors translated.

The official client brings configuration, TLS, credentials and the way to send something; its generated models are left
aside, because objects pass through here as plain JSON.
"""

import json
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple

import aiohttp
from kubernetes.aio.client import ApiClient
from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.dynamic import DynamicClient

from box_app_operator.errors import KUBERNETES_UNAVAILABLE, ForbiddenError, TransientError
from box_app_operator.proxies import Proxy

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"
STRATEGIC_MERGE_PATCH = "application/strategic-merge-patch+json"

Json = dict[str, Any]

SILENCE_SECONDS = 330.0
"""Every watch asks the API server to end it after 300 s. More silence than that is that of a dead connection."""
PREFIX_BYTES = 4096
"""What is kept of a line that is too long: enough for the name, which the API server writes first."""

FOREIGN = (ApiException, aiohttp.ClientError, TimeoutError, OSError)
"""What the official client raises: a refusal, and several kinds of silence."""


class TooLargeError(Exception):
    """An answer is larger than what the caller takes."""


class Line(NamedTuple):
    """A line of a watch. When it is not ``whole``, ``text`` is its beginning only."""

    text: bytes
    whole: bool


class Cause(NamedTuple):
    """Why an object is refused. ``field`` is a path in it, empty where the whole object is meant."""

    field: str
    message: str


class KubeError(Exception):
    """The API server refused. ``reason`` is the Status object's, for example ``Conflict``.

    ``said`` is its message, with ``causes``. They are not part of this error's own words: for a Secret they could quote
    a value. See ``kube.refusals``.
    """

    def __init__(self, what: str, status: int, reason: str, said: str = "", causes: tuple[Cause, ...] = ()) -> None:
        super().__init__(f"{what} answered {status} {reason}".rstrip())
        self.status = status
        self.reason = reason
        self.said = said
        self.causes = causes


def translated(error: KubeError) -> TransientError:
    """A refusal, for those who only try again; without a right that may be granted any moment."""
    refused = ForbiddenError if error.status == HTTPStatus.FORBIDDEN else TransientError
    return refused(KUBERNETES_UNAVAILABLE, str(error))


class KubeUnavailableError(TransientError):
    """429 or 5xx. ``said`` is the Status object's message, as in ``KubeError``."""

    def __init__(self, message: str, retry_after_seconds: float | None, said: str) -> None:
        super().__init__(KUBERNETES_UNAVAILABLE, message, retry_after_seconds=retry_after_seconds, uncertain=True)
        self.said = said


class KubeApi:
    """Requests to one API server."""

    TIMEOUT_SECONDS = 30.0

    def __init__(
        self, client: ApiClient, is_leader: Callable[[], bool] = lambda: True, *, via: Proxy | None = None
    ) -> None:
        """``is_leader`` tells whether this process may change anything, ``via`` is the proxy that the client uses."""
        # Only paths are asked for. Awaited, it would look for every resource of the cluster first, and keep a file.
        self._client = DynamicClient(client)  # type: ignore[no-untyped-call]  # has no types
        self._is_leader = is_leader
        self._via = via

    async def request(
        self,
        method: str,
        path: str,
        *,
        body: Any = None,
        query: Mapping[str, str] | None = None,
        content_type: str = "application/json",
        accept: str = "application/json",
    ) -> Json:
        """Make a request and return the object in the answer.

        Raises:
            KubeError: the API server refused (4xx).
            TransientError: no answer, or 401, 429 or 5xx, or another process may be at work by now.
        """
        what = f"{method} {path}"
        if method != "GET" and not self._is_leader():
            raise TransientError(KUBERNETES_UNAVAILABLE, f"{what}: this process is not the leader any more")
        headers = {"Accept": accept, "Content-Type": content_type}
        return _object(what, await self._answer(method, path, headers, query, body))

    async def read(self, path: str, *, query: Mapping[str, str], accept: str, max_bytes: int) -> bytes:
        """The body of an answer as it came, for a decoder that picks out what it needs.

        Raises:
            KubeError: the API server refused (4xx).
            TransientError: no answer, or 429 or 5xx.
            TooLargeError: the body has more than ``max_bytes``; the rest of it is not read.
        """
        return await self._answer("GET", path, {"Accept": accept}, query, max_bytes=max_bytes)

    async def _answer(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        query: Mapping[str, str] | None,
        body: Any = None,
        max_bytes: int | None = None,
    ) -> bytes:
        try:
            # Left early, the connection is closed instead of being read to its end.
            async with await self._send(method, path, headers, query, body, self.TIMEOUT_SECONDS) as response:
                return await _capped(response.content, max_bytes)
        except FOREIGN as error:
            translated = self._translated(f"{method} {path}", error)
        # Raised out here, so that it does not even carry the foreign error along: that may hold the request, the
        # password of a proxy, and an answer that quotes a Secret.
        raise translated

    async def _send(
        self,
        method: str,
        path: str,
        headers: Mapping[str, str],
        query: Mapping[str, str] | None,
        body: Any,
        timeout: float | aiohttp.ClientTimeout,  # noqa: ASYNC109 - it is aiohttp's, which also bounds silence
    ) -> aiohttp.ClientResponse:
        """An answer that grants what was asked for, with its body yet to be read."""
        if not {".", ".."}.isdisjoint(path.split("/")):
            # Such a segment leads elsewhere: no object of Kubernetes is called so.
            raise KubeError(f"{method} {path}", HTTPStatus.NOT_FOUND, "NotFound")
        response: aiohttp.ClientResponse = await self._client.request(
            method,
            path,
            body=body,
            query_params=list((query or {}).items()),
            header_params=dict(headers),
            content_type=headers.get("Content-Type"),
            serialize=False,
            _request_timeout=timeout,
        )
        return response

    async def watch(
        self,
        path: str,
        query: Mapping[str, str],
        *,
        accept: str = "application/json",
        max_line_bytes: int | None = None,
        silence_seconds: float = SILENCE_SECONDS,
    ) -> AsyncIterator[Line]:
        """Lines of a watch, each a watch event, until the server ends the stream.

        Args:
            max_line_bytes: of a longer line only the beginning is handed on; None for lines of any length.
            silence_seconds: so long without a byte, and the connection is taken for dead.

        Raises:
            KubeError: the API server refused.
            TransientError: the connection failed or fell silent, or the server answered 429 or 5xx.
        """
        timeout = aiohttp.ClientTimeout(total=3600.0, sock_connect=self.TIMEOUT_SECONDS, sock_read=silence_seconds)
        try:
            asked = {**query, "watch": "true"}
            async with await self._send("GET", path, {"Accept": accept}, asked, None, timeout) as response:
                async for line in lines_of(response.content.iter_any(), max_line_bytes):
                    yield line
            return
        except FOREIGN as error:
            translated = self._translated(f"WATCH {path}", error)
        raise translated

    def _translated(self, what: str, error: Exception) -> Exception:
        if isinstance(error, ApiException):
            return _refusal(what, error)
        return TransientError(KUBERNETES_UNAVAILABLE, f"{what}: no answer ({self._trouble(error)})", uncertain=True)

    def _trouble(self, error: Exception) -> str:
        """What kind of trouble it is; where a proxy is in between, with what names it."""
        kind = type(error).__name__
        match error:
            case aiohttp.ClientHttpProxyError():
                # The proxy's own words and headers are left out.
                return f"{self._via}, which answers {error.status} and lets nothing through"
            case aiohttp.ClientProxyConnectionError():
                return f"{self._via}, which does not answer"
            case _:
                return kind if self._via is None else f"{kind}; {self._via}"


class KubePart:
    """Some of what is asked of an API server."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api


async def lines_of(chunks: AsyncIterator[bytes], max_bytes: int | None) -> AsyncIterator[Line]:
    """Lines that are not blank. aiohttp's own reader gives up far below the megabyte that an object can have."""
    parts: list[bytes] = []
    size = 0
    async for chunk in chunks:
        *ends, rest = chunk.split(b"\n")
        for end in ends:
            line = _line(parts, end, size, max_bytes)
            parts, size = [], 0
            if line.text.strip():
                yield line
        size += len(rest)
        # Behind the limit only the beginning matters, so that what is still to come is not kept.
        if max_bytes is None or size - len(rest) <= max_bytes:
            parts.append(rest)


def _line(parts: list[bytes], end: bytes, size: int, max_bytes: int | None) -> Line:
    whole = max_bytes is None or size + len(end) <= max_bytes
    text = b"".join((*parts, end)) if whole else b"".join((*parts, end))[:PREFIX_BYTES]
    return Line(text, whole)


async def _capped(content: aiohttp.StreamReader, max_bytes: int | None) -> bytes:
    if max_bytes is None:
        return await content.read()
    parts, size = [], 0
    async for chunk in content.iter_any():
        size += len(chunk)
        if size > max_bytes:
            raise TooLargeError
        parts.append(chunk)
    return b"".join(parts)


def _object(what: str, payload: bytes) -> Json:
    body = _parsed(payload)
    if not body:
        raise _no_object(what)
    return body


def _no_object(what: str) -> TransientError:
    """The answer is not from an API server: from a proxy in front of it, perhaps."""
    return TransientError(KUBERNETES_UNAVAILABLE, f"{what} was answered without an object", uncertain=True)


def _parsed(payload: bytes | str) -> Json:
    try:
        body = json.loads(payload)
    except ValueError:
        return {}
    return body if isinstance(body, dict) else {}


def _refusal(what: str, error: ApiException) -> Exception:
    """What an answer means that grants nothing. It should hold a Status object."""
    status, status_object = int(error.status), _parsed(error.body or "")
    said = str(status_object.get("message", ""))
    if status < HTTPStatus.BAD_REQUEST:
        return _no_object(what)
    if status == HTTPStatus.UNAUTHORIZED:
        # The kubelet brings another token in time; and an API server that has just started may know none yet.
        return TransientError(KUBERNETES_UNAVAILABLE, f"{what} answered 401: the credentials are not valid")
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        after = str((error.headers or {}).get("Retry-After", ""))
        seconds = float(after) if after.isascii() and after.isdigit() else None
        return KubeUnavailableError(f"{what} answered {status}", seconds, said)
    return KubeError(what, status, str(status_object.get("reason", "")), said, _causes(status_object))


def _causes(status: Json) -> tuple[Cause, ...]:
    details = status.get("details")
    causes = details.get("causes") if isinstance(details, dict) else None
    return tuple(
        Cause(str(cause.get("field") or ""), str(cause.get("message") or ""))
        for cause in causes or ()
        if isinstance(cause, dict)
    )
