"""The operator's client for Box's public API against the sandbox: is a token live?"""

from __future__ import annotations

from datetime import timedelta

import pytest

from box_app_operator.errors import AwaitingHumanError, TransientError
from box_app_operator.ports import Token

from .clients import Clients, answering, check_secrets, refused
from .world import APPS, Box, ManualClock


async def test_a_live_token_is_accepted(open_box: Box, clients: Clients) -> None:
    """True, for both slots at once."""
    app = await open_box.authorized()
    for slot in ("primary", "secondary"):
        assert await clients.platform.accepts(Token(await open_box.mint(app, slot)))


async def test_a_dead_token_is_not_accepted(open_box: Box, clients: Clients, clock: ManualClock) -> None:
    """False for a made-up, a revoked and an expired one, and for those of a deleted app."""
    app = await open_box.authorized()
    revoked = Token(await open_box.mint(app))
    await open_box.call("DELETE", f"{APPS}/{app['id']}/tokens/primary", 204)
    expired, deleted = Token(await open_box.mint(app)), Token(await open_box.mint(app, "secondary", None))

    assert not await clients.platform.accepts(Token("M" * 32))
    assert not await clients.platform.accepts(revoked)
    assert await clients.platform.accepts(expired)
    clock.pass_by(timedelta(days=30))
    assert not await clients.platform.accepts(expired)
    assert await clients.platform.accepts(deleted)
    await open_box.call("DELETE", f"{APPS}/{app['id']}", 204)
    assert not await clients.platform.accepts(deleted)


@pytest.mark.parametrize("decision", ["disable", "decline", "require_reauthorization"])
async def test_a_token_that_may_not_work_awaits_a_human(open_box: Box, clients: Clients, decision: str) -> None:
    """AwaitingHumanError with Disabled: the token is not dead, and works again afterwards."""
    app = await open_box.authorized()
    token = Token(await open_box.mint(app))
    await open_box.decide(app, decision)

    error = await refused(clients.platform.accepts(token), AwaitingHumanError, open_box)
    assert error.reason == "Disabled"
    await open_box.decide(app)
    assert await clients.platform.accepts(token)


@pytest.mark.parametrize("status", [403, 404, 409, 500, 503])
async def test_nothing_else_condemns_a_token(open_box: Box, clients: Clients, status: int) -> None:
    """TransientError: an answer that is not about the token never says that it is dead."""
    token = Token(await open_box.mint(await open_box.authorized()))
    open_box.order(kind="status", path="/2.0/", status=status)

    error = await refused(clients.platform.accepts(token), TransientError, open_box)
    assert error.reason == "BoxUnavailable"
    assert await clients.platform.accepts(token)


@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "half_body"])
async def test_a_broken_connection_does_not_condemn_a_token(open_box: Box, clients: Clients, kind: str) -> None:
    """TransientError: nobody answered."""
    token = Token(await open_box.mint(await open_box.authorized()))
    open_box.order(kind=kind)

    error = await refused(clients.platform.accepts(token), TransientError, open_box)
    assert error.unreachable


async def test_a_page_of_a_proxy_does_not_condemn_a_token() -> None:
    """401 with a body that is not Box's is from somebody on the way: TransientError."""
    headers = {"Content-Type": "text/html", "WWW-Authenticate": 'Basic realm="proxy"'}
    clients = answering(401, b"<html>log in first</html>", headers)
    with pytest.raises(TransientError):
        await clients.platform.accepts(Token("T" * 32))


async def test_a_refusal_without_a_body_condemns_a_token() -> None:
    """401 without a body, and 401 with Box's ``invalid_token``, are what Box says of a dead token."""
    challenge = {"WWW-Authenticate": 'Bearer realm="Service", error="invalid_token"'}
    for body in (b"", b'{"type": "error", "status": 401, "code": "invalid_token"}'):
        assert not await answering(401, body, challenge).platform.accepts(Token("T" * 32))


async def test_a_refusal_is_an_answer_to_a_ping(open_box: Box, clients: Clients) -> None:
    """401 means that somebody is there; 503 and a cut do not."""
    await clients.platform.ping()
    for fault in ({"kind": "status", "status": 503}, {"kind": "cut_before"}):
        open_box.order(**fault)
        await refused(clients.platform.ping(), TransientError, open_box)


async def test_a_token_does_not_print() -> None:
    """Neither its text nor its representation, and it is not pickled."""
    token = Token("T" * 32)
    check_secrets(ValueError(token, f"{token} {token!r} {[token]}"), {"T" * 32})
    with pytest.raises(TypeError):
        token.__reduce__()
