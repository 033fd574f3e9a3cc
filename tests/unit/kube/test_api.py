"""What the official client does for a request. Whoever updates it sees here what does not hold any more."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from aiohttp import web
from kubernetes.aio.client import Configuration
from tests.unit.kube.api_server import always, serving

from box_app_operator.errors import TransientError
from box_app_operator.kube.api import MERGE_PATCH, Cause, KubeApi, KubeError, KubeUnavailableError

PATH = "/api/v1/namespaces/billing/secrets/a%2Fb"
QUOTED = "a value of the Secret"


async def test_a_request_arrives_as_it_was_written() -> None:
    """No other one goes before it, and no field is dropped: null has a meaning in a patch."""
    arrived: list[tuple[str, str, str, str]] = []

    async def handler(request: web.Request) -> web.StreamResponse:
        content_type, accept = request.headers["Content-Type"], request.headers["Accept"]
        arrived.append((f"{request.method} {request.raw_path}", content_type, accept, await request.text()))
        return web.json_response({"kind": "Secret", "data": None})

    patch = {"metadata": {"uid": "u", "resourceVersion": "5", "annotations": {"old": None}}, "stringData": {}}
    async with serving(handler) as api:
        query = {"fieldManager": "a b&c"}
        answer = await api.request("PATCH", PATH, body=patch, query=query, content_type=MERGE_PATCH, accept="a/b+json")

    assert answer == {"kind": "Secret", "data": None}
    assert arrived == [(f"PATCH {PATH}?fieldManager=a%20b%26c", MERGE_PATCH, "a/b+json", json.dumps(patch))]


async def test_each_request_asks_for_the_token_anew() -> None:
    """The kubelet replaces it, and the one before may be dead at once."""
    tokens, sent = iter(("Bearer first", "Bearer second")), []
    configuration = Configuration(api_key={"BearerToken": "Bearer stale"})

    def refresh(asked: Configuration) -> None:
        asked.api_key["BearerToken"] = next(tokens)

    async def handler(request: web.Request) -> web.StreamResponse:
        sent.append(request.headers["Authorization"])
        return web.json_response({"kind": "Secret"})

    configuration.refresh_api_key_hook = refresh  # type: ignore[assignment]  # declared by its default, None
    async with serving(handler, configuration) as api:
        await api.request("GET", PATH)
        await api.request("GET", PATH)

    assert sent == ["Bearer first", "Bearer second"]


async def test_a_watch_is_handed_on_while_it_lasts() -> None:
    """Line by line, not at its end."""
    taken = asyncio.Event()

    async def handler(request: web.Request) -> web.StreamResponse:
        assert request.query_string == "watch=true"
        response = web.StreamResponse()
        await response.prepare(request)
        await response.write(b'{"type":"ADDED"}\n')
        await taken.wait()
        await response.write(b'{"type":"DELETED"}\n')
        return response

    lines = []
    async with serving(handler) as api, asyncio.timeout(60):
        async for line in api.watch("/api/v1/secrets", {}):
            lines.append(line.text)
            taken.set()

    assert lines == [b'{"type":"ADDED"}', b'{"type":"DELETED"}']


Ask = Callable[[KubeApi], Awaitable[object]]


async def by_request(api: KubeApi) -> object:
    """As one object."""
    return await api.request("GET", PATH)


async def by_reading(api: KubeApi) -> object:
    """As bytes."""
    return await api.read(PATH, query={}, accept="application/json", max_bytes=1000)


async def by_watching(api: KubeApi) -> object:
    """As lines."""
    return [line async for line in api.watch(PATH, {})]


@pytest.mark.parametrize("status", [304, 401, 404, 409, 422, 429, 500, 503])
@pytest.mark.parametrize("ask", [by_request, by_reading, by_watching])
async def test_a_refusal_is_translated_and_carries_nothing_of_the_answer(status: int, ask: Ask) -> None:
    """Whatever way it was asked for: its words may quote a Secret, and stand where nothing prints them."""
    causes = [{"field": "data", "message": QUOTED}]
    body = {"kind": "Status", "reason": "Because", "message": QUOTED, "details": {"causes": causes}}
    answer = always(lambda: web.json_response(body, status=status, headers={"Retry-After": "7"}))
    async with serving(answer) as api:
        with pytest.raises((KubeError, TransientError)) as caught:
            await ask(api)

    error = caught.value
    assert QUOTED not in str(error)
    assert (error.__cause__, error.__context__) == (None, None)
    match error:
        case KubeError():
            assert status in (404, 409, 422)
            assert (error.status, error.reason, error.said) == (status, "Because", QUOTED)
            assert error.causes == (Cause("data", QUOTED),)
        case KubeUnavailableError():
            assert status in (429, 500, 503)
            assert (error.retry_after_seconds, error.said) == (7.0, QUOTED)
        case _:
            assert status in (304, 401)


@pytest.mark.parametrize("body", ["", "<html>Bad Gateway</html>", "[1]", b"\xff"])
async def test_a_refusal_without_a_status_object_is_one_all_the_same(body: str | bytes) -> None:
    """A proxy on the way answers in its own words."""
    async with serving(always(lambda: web.Response(body=body, status=502))) as api:
        with pytest.raises(KubeUnavailableError) as caught:
            await api.request("GET", PATH)
    assert caught.value.said == ""
