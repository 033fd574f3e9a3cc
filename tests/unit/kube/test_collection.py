"""Lists and watches over HTTP, with an API server that misbehaves: nothing is lost, nothing grows without bound."""

import asyncio
import base64
import contextlib
import json
import tracemalloc
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import replace
from typing import Any

import pytest
from aiohttp import web
from tests.unit.kube.api_server import always, serving

from box_app_operator.errors import ForbiddenError, TransientError
from box_app_operator.kube.api import KubeApi, lines_of
from box_app_operator.kube.collection import (
    MAX_LINE_BYTES,
    Collection,
    ExpiredError,
    KubeSource,
    object_collection,
    secret_collection,
)
from box_app_operator.kube.items import SecretItem

SECRETS = secret_collection("/api/v1/secrets", {"labelSelector": "a=b"})
APPS = object_collection("/apis/boxapps.dev/v1alpha1/namespaces/billing/boxcustomapps")
MEGABYTE = 1 << 20
CHUNK = 1 << 16


def secret(name: str, data: dict[str, str] | None = None, **metadata: Any) -> dict[str, Any]:
    """A Secret as the API server writes it."""
    meta = {"name": name, "namespace": "billing", "uid": f"u-{name}", "resourceVersion": "5", **metadata}
    encoded = {key: base64.b64encode(value.encode()).decode() for key, value in (data or {}).items()}
    return {"kind": "Secret", "apiVersion": "v1", "metadata": meta, **({"data": encoded} if encoded else {})}


def page(items: list[dict[str, Any]] | None, more: str = "") -> web.Response:
    """A page of a list."""
    return web.json_response({"metadata": {"resourceVersion": "9", "continue": more}, "items": items})


def refusal(status: int, **headers: str) -> web.Response:
    """A Status object."""
    body = {"kind": "Status", "code": status, "reason": "Because", "message": "a value may stand here"}
    return web.json_response(
        body, status=status, headers={key.replace("_", "-"): text for key, text in headers.items()}
    )


async def stream(
    request: web.Request, *lines: bytes | memoryview, then: Callable[[], Awaitable[object]] | None = None
) -> Any:
    """Send the lines of a watch."""
    response = web.StreamResponse()
    await response.prepare(request)
    for line in lines:
        await response.write(line)
    if then is not None:
        await then()
    return response


def event(type_: str, body: dict[str, Any]) -> bytes:
    """A line of a watch."""
    return json.dumps({"type": type_, "object": body}).encode() + b"\n"


def metadata_of(body: dict[str, Any]) -> dict[str, Any]:
    """An object as it is told when only its metadata is asked for."""
    return {"kind": "PartialObjectMetadata", "apiVersion": "meta.k8s.io/v1", "metadata": body["metadata"]}


async def listed(api: KubeApi, collection: Collection[Any]) -> list[Any]:
    """Everything that is listed."""
    return [item async for part in KubeSource(api, collection).pages() for item in part.items]


async def test_pages_are_small_and_one_moment() -> None:
    """Fifty at a time, each page behind the one before."""
    asked: list[dict[str, str]] = []

    async def handler(request: web.Request) -> web.Response:
        asked.append(dict(request.query))
        return page([secret("b")]) if "continue" in request.query else page([secret("a", {"k": "v"})], "next")

    async with serving(handler) as api:
        items = await listed(api, SECRETS)
    assert [item.metadata.name for item in items] == ["a", "b"]
    assert items[0].data == {"k": base64.b64encode(b"v").decode()}
    assert asked == [
        {"labelSelector": "a=b", "limit": "50"},
        {"labelSelector": "a=b", "limit": "50", "continue": "next"},
    ]


async def test_an_empty_list_may_be_null() -> None:
    """As the API server writes it where only metadata is asked for."""
    async with serving(always(lambda: page(None))) as api:
        assert await listed(api, SECRETS) == []


async def test_secrets_that_are_full_of_data_cost_nothing() -> None:
    """Twenty of a megabyte are told by name, in less than twenty megabytes of memory; their data is not read."""
    full = [secret(f"s-{number}", {"junk": "x" * MEGABYTE}) for number in range(20)]
    whole = json.dumps({"metadata": {"resourceVersion": "9"}, "items": full}).encode()
    small = json.dumps({"metadata": {"resourceVersion": "9"}, "items": [metadata_of(body) for body in full]}).encode()
    assert len(whole) > 20 * MEGABYTE

    async def handler(request: web.Request) -> Any:
        if "PartialObjectMetadataList" in request.headers["Accept"]:
            return web.Response(body=small)
        with contextlib.suppress(ConnectionError):
            # In parts that exist already, so that what is measured is not what the server holds.
            return await stream(request, *(memoryview(whole)[at : at + CHUNK] for at in range(0, len(whole), CHUNK)))

    async with serving(handler) as api:
        tracemalloc.start()
        try:
            items: list[SecretItem] = await listed(api, SECRETS)
            _, peak = tracemalloc.get_traced_memory()
        finally:
            tracemalloc.stop()
    assert peak < 20 * MEGABYTE
    assert [item.metadata.name for item in items] == [body["metadata"]["name"] for body in full]
    assert all(item.data is None for item in items)


async def test_a_page_that_is_too_large_is_asked_for_in_smaller_ones() -> None:
    """Down to single objects, and none is lost."""
    apps = [secret(f"app-{number}", spec="x" * 3 * MEGABYTE) for number in range(4)]
    limits: list[int] = []

    async def handler(request: web.Request) -> web.Response:
        start, limit = int(request.query.get("continue") or 0), int(request.query["limit"])
        limits.append(limit)
        more = str(start + limit) if start + limit < len(apps) else ""
        return page(apps[start : start + limit], more)

    async with serving(handler) as api:
        items = await listed(api, APPS)
    assert [item["metadata"]["name"] for item in items] == [f"app-{number}" for number in range(4)]
    assert min(limits) < 4


@pytest.mark.parametrize(
    ("status", "error"),
    [
        (403, ForbiddenError),
        (404, TransientError),
        (410, ExpiredError),
        (429, TransientError),
        (500, TransientError),
        (504, TransientError),
    ],
)
async def test_refusals_are_told_apart_and_never_quoted(status: int, error: type[Exception]) -> None:
    """The same for a list and for a watch. A message of the API server may hold a value."""
    async with serving(always(lambda: refusal(status, Retry_After="7"))) as api:
        for work in (listed(api, SECRETS), anext(KubeSource(api, SECRETS).changes("5"))):
            with pytest.raises(error) as caught:
                await work
            assert "may stand here" not in str(caught.value)
            if status == 429:
                assert getattr(caught.value, "retry_after_seconds", None) == 7.0


@pytest.mark.parametrize(
    "answer", [b"", b"<html>", b"{}", b'{"items": 5}', b'{"items": [{"metadata": {"name": "x"}}]}']
)
async def test_garbage_is_passing_trouble(answer: bytes) -> None:
    """A proxy may answer instead of the API server."""
    async with serving(always(lambda: web.Response(body=answer))) as api:
        with pytest.raises(TransientError, match="cannot be read"):
            await listed(api, SECRETS)


async def test_a_watch_tells_changes_bookmarks_and_what_went() -> None:
    """Of Secrets the metadata alone."""
    gone = metadata_of(secret("b", resourceVersion="8"))

    async def handler(request: web.Request) -> Any:
        assert "as=PartialObjectMetadata;" in request.headers["Accept"]
        assert (request.query["resourceVersion"], request.query["allowWatchBookmarks"]) == ("5", "true")
        bookmark = {"kind": "PartialObjectMetadata", "metadata": {"resourceVersion": "7", "creationTimestamp": None}}
        first = metadata_of(secret("a", resourceVersion="6"))
        return await stream(request, event("MODIFIED", first), event("BOOKMARK", bookmark), event("DELETED", gone))

    async with serving(handler) as api:
        changes = [change async for change in KubeSource(api, SECRETS).changes("5")]
    assert [(change.resource_version, change.gone) for change in changes] == [("6", False), ("7", False), ("8", True)]
    assert [change.item.metadata.name if change.item else None for change in changes] == ["a", None, "b"]


async def test_a_watch_of_a_forgotten_version_says_so_in_its_stream() -> None:
    """The API server answers 200 and then an ERROR event."""

    async def handler(request: web.Request) -> Any:
        return await stream(request, event("ERROR", {"kind": "Status", "code": 410, "reason": "Expired"}))

    async with serving(handler) as api:
        with pytest.raises(ExpiredError):
            await anext(KubeSource(api, SECRETS).changes("5"))


async def test_a_watch_that_falls_silent_is_given_up() -> None:
    """A connection may die without a word."""
    released = asyncio.Event()

    async def handler(request: web.Request) -> Any:
        return await stream(request, event("ADDED", metadata_of(secret("a"))), then=released.wait)

    async with serving(handler) as api:
        changes = KubeSource(api, replace(SECRETS, silence_seconds=0.2)).changes("5")
        assert (await anext(changes)).item is not None
        with pytest.raises(TransientError):
            await anext(changes)
        released.set()


@pytest.mark.parametrize("type_", ["MODIFIED", "DELETED"])
async def test_a_line_that_is_too_long_is_looked_up_by_name(type_: str) -> None:
    """Annotations of a quarter of a megabyte are not parsed; what the object is now is asked for."""
    big = metadata_of(secret("big", resourceVersion="6", annotations={"junk": "x" * 2 * MAX_LINE_BYTES}))
    asked: list[str] = []

    async def handler(request: web.Request) -> Any:
        if "watch" in request.query:
            return await stream(request, event(type_, big), event("ADDED", metadata_of(secret("next"))))
        asked.append(request.path)
        return web.json_response(big)

    async with serving(handler) as api:
        first, second = [change async for change in KubeSource(api, SECRETS).changes("5")]
    assert first.item is not None
    assert (first.item.metadata.name, first.item.metadata.uid) == ("big", "u-big")
    assert (first.resource_version, first.gone) == ("6", type_ == "DELETED")
    assert asked == ([] if type_ == "DELETED" else ["/api/v1/namespaces/billing/secrets/big"])
    assert second.item is not None
    assert second.item.metadata.name == "next"


async def test_what_is_gone_by_the_time_that_it_is_looked_up_is_gone() -> None:
    """404 is an answer."""
    big = metadata_of(secret("big", resourceVersion="6", annotations={"junk": "x" * 2 * MAX_LINE_BYTES}))

    async def handler(request: web.Request) -> Any:
        return await stream(request, event("MODIFIED", big)) if "watch" in request.query else refusal(404)

    async with serving(handler) as api:
        change = await anext(KubeSource(api, SECRETS).changes("5"))
    assert change.gone


@pytest.mark.parametrize("size", [1, 3, 7, 1000])
async def test_lines_are_whole_however_they_are_cut(size: int) -> None:
    """Chunks end anywhere; of a line that is too long only the beginning is kept."""
    text = b'{"a":1}\n\n{"b":"' + b"x" * 500 + b'"}\n{"c":3}\n{"cut'

    async def chunks() -> AsyncIterator[bytes]:
        for start in range(0, len(text), size):
            yield text[start : start + size]

    lines = [line async for line in lines_of(chunks(), 100)]
    assert [line.whole for line in lines] == [True, False, True]
    assert (lines[0].text, lines[2].text) == (b'{"a":1}', b'{"c":3}')
    assert lines[1].text.startswith(b'{"b":"xxx')


@pytest.mark.parametrize("text", ["", "<html>welcome</html>", "[]", "null", "{}"])
async def test_an_answer_that_holds_no_object_is_none(text: str) -> None:
    """Whoever answered 200 was no API server: it may heal, and what was asked for may have happened."""
    async with serving(always(lambda: web.Response(text=text))) as api:
        with pytest.raises(TransientError) as caught:
            await api.request("GET", "/apis/boxapps.dev/v1alpha1")
    assert caught.value.uncertain
