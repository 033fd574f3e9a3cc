"""One request to the Kubernetes API, as JSON in and out, with foreign errors translated.

The official client brings configuration, TLS and credentials; its generated models are left aside, because objects
pass through here as plain JSON.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable, Mapping
from http import HTTPStatus
from typing import Any

import aiohttp
from kubernetes.aio.client import ApiClient

from box_app_operator.errors import TransientError

JSON_PATCH = "application/json-patch+json"
MERGE_PATCH = "application/merge-patch+json"

Json = dict[str, Any]


class KubeError(Exception):
    """The API server refused. ``reason`` is the Status object's, for example ``Conflict``.

    Its message is not kept: for a Secret it could quote a value.
    """

    def __init__(self, what: str, status: int, reason: str) -> None:
        super().__init__(f"{what} answered {status} {reason}".rstrip())
        self.status = status
        self.reason = reason


class KubeApi:
    """Requests to one API server."""

    TIMEOUT_SECONDS = 30.0

    def __init__(self, client: ApiClient, may_act: Callable[[], bool] = lambda: True) -> None:
        """``may_act`` tells whether this process may change anything."""
        self._client = client
        self._may_act = may_act

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
            TransientError: nobody answered, or 401, 429 or 5xx, or another process may be at work by now.
        """
        what = f"{method} {path}"
        if method != "GET" and not self._may_act():
            raise TransientError("KubernetesUnavailable", f"{what}: this process is not the leader any more")
        try:
            headers = {"Accept": accept, "Content-Type": content_type}
            response = await self._send(method, path, body, query, headers, self.TIMEOUT_SECONDS)
            payload = await response.read()
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            # Suppressed on purpose: the exception may hold the request.
            raise TransientError(
                "KubernetesUnavailable", f"{what}: no answer ({type(error).__name__})", uncertain=True
            ) from None
        return _object(what, response.status, payload)

    async def _send(
        self,
        method: str,
        path: str,
        body: Any,
        query: Mapping[str, str] | None,
        headers: Mapping[str, str],
        seconds: float,
    ) -> Any:
        if not {".", ".."}.isdisjoint(path.split("/")):
            # Such a segment leads elsewhere: no object of Kubernetes is called so.
            raise KubeError(f"{method} {path}", HTTPStatus.NOT_FOUND, "NotFound")
        _, url, sent_headers, sent, _ = await self._client.param_serialize(
            method,
            path,
            query_params=list((query or {}).items()),
            header_params=dict(headers),
            body=body,
            auth_settings=["BearerToken"],
        )
        return await self._client.call_api(method, url, sent_headers, sent, _request_timeout=seconds)

    async def watch(self, path: str, query: Mapping[str, str]) -> AsyncIterator[Json]:
        """Watch events until the server ends the stream.

        Raises:
            KubeError: the API server refused.
            TransientError: the connection failed.
        """
        what = f"WATCH {path}"
        try:
            headers = {"Accept": "application/json"}
            response = await self._send("GET", path, None, {**query, "watch": "true"}, headers, 3600.0)
            if response.status >= HTTPStatus.BAD_REQUEST:
                _object(what, response.status, await response.read())
            async with response.response as stream:
                async for line in _lines(stream.content):
                    yield json.loads(line)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            raise TransientError("KubernetesUnavailable", f"{what}: {type(error).__name__}") from None


async def _lines(stream: aiohttp.StreamReader) -> AsyncIterator[bytes]:
    """Lines of any length: a Secret of a megabyte is one line, and aiohttp's own reader gives up far below that."""
    rest = b""
    async for chunk in stream.iter_any():
        *lines, rest = (rest + chunk).split(b"\n")
        for line in lines:
            if line.strip():
                yield line


def _object(what: str, status: int, payload: bytes) -> Json:
    try:
        body = json.loads(payload or b"{}")
    except ValueError:
        body = {}
    if status < HTTPStatus.BAD_REQUEST and isinstance(body, dict):
        return body
    if status == HTTPStatus.UNAUTHORIZED:
        # The kubelet brings another token in time; and an API server that has just started may know none yet.
        raise TransientError("KubernetesUnavailable", f"{what} answered 401: the credentials are not valid")
    if status == HTTPStatus.TOO_MANY_REQUESTS or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        raise TransientError("KubernetesUnavailable", f"{what} answered {status}", uncertain=True)
    raise KubeError(what, status, str(body.get("reason", "")) if isinstance(body, dict) else "")
