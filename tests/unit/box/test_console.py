"""The Console API's client: what it asks for, and what it makes of answers that no console gives."""

from urllib.parse import quote

import httpx
import pytest
from tests.contract.clients import MANY, Monotonic, answering, check_secrets, refused
from tests.contract.test_console_client import CALLS, NOBODY, PRIMARY, READ, Call, every_call
from tests.sandbox.world import CONSOLE, URL

from box_app_operator.box.console import APPS, HttpConsole
from box_app_operator.box.transport import Gate, Transport
from box_app_operator.errors import AwaitingHumanError, OperatorError, TransientError
from box_app_operator.model.box import AppID


@pytest.mark.parametrize("id_", ["../4", "4?x=y", "4#x", "4/tokens"])
async def test_an_id_is_one_segment_of_the_path(id_: str) -> None:
    """Whatever the console listed."""
    paths: list[bytes] = []
    transport = httpx.MockTransport(lambda request: paths.append(request.url.raw_path) or httpx.Response(404))
    async with httpx.AsyncClient(transport=transport) as client:
        gate = Gate(MANY, Monotonic())
        await HttpConsole(Transport(client, URL, gate, api="console", timeout_seconds=5)).delete_app(AppID(id_))

    assert paths == [f"{APPS}/{quote(id_, safe='')}".encode()]


OTHER_BODIES = [
    *(b"", b"null", b"[]", b"{}", b"\xff\xfe", b"{", b'"\\ud800"', b"[" * 20_000),
    *(b'{"entries": 7}', b'{"id": 7}', b'{"code": 7}', b'{"code": null}', b"<html>"),
]


@pytest.mark.parametrize("name", READ)
async def test_a_body_of_another_make_heals(name: str) -> None:
    """TransientError for whatever is not as described, and never anything else."""
    for body in OTHER_BODIES:
        await refused(CALLS[name](answering(200, body), NOBODY), TransientError)


@every_call
@pytest.mark.parametrize("status", [302, 400, 401, 403, 404, 405, 409, 410, 412, 418, 429, 500])
async def test_an_error_of_another_make_is_still_one_of_ours(call: Call, status: int) -> None:
    """Whatever a proxy on the way answers: one of the three errors, or what the call means by that status."""
    headers = {"Retry-After": "soon", "Location": "http://elsewhere"}
    for body in OTHER_BODIES:
        error: BaseException | None = None
        try:
            await call(answering(status, body, headers), NOBODY)
        except OperatorError as caught:
            error = caught

        if error is None:
            assert status in (400, 404, 410)
        else:
            check_secrets(error, {CONSOLE})
            assert isinstance(error, AwaitingHumanError) == (status in (401, 403))


async def test_a_token_in_the_wrong_place_is_not_told() -> None:
    """Nothing that is raised quotes a body, wherever the token stands in it."""
    value = "T" * 32
    for body in (
        f'{{"token": "x", "slot": "{value}"}}',
        f'{{"token": ["{value}"]}}',
        f'{{"{value}": 1}}',
        f'"{value}"',
    ):
        with pytest.raises(TransientError) as caught:
            await answering(201, body).console.mint_token(NOBODY, PRIMARY, 30)
        check_secrets(caught.value, {value})


@pytest.mark.parametrize(
    ("body", "said"),
    [
        ('{"token": 7}', ": token is not as the API describes it"),
        ("[]", ": its shape is not as the API describes it"),
        ("{", ""),
    ],
)
async def test_an_answer_that_cannot_be_read_says_where(body: str, said: str) -> None:
    """And never what stands there, which could be a token."""
    error = await refused(answering(201, body).console.mint_token(NOBODY, PRIMARY, 30), TransientError)
    assert error.message == f"POST {APPS}/404/tokens/primary answered 201 with a body that cannot be read{said}"
