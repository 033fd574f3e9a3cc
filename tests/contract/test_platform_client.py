"""The operator's client for Box's public API against the sandbox: is a token live?"""

from datetime import timedelta
from typing import Any

import pytest
from tests.contract.clients import Clients, refused
from tests.sandbox.world import APPS, Box, ManualClock

from box_app_operator.errors import AwaitingHumanError, TransientError
from box_app_operator.model.platform_view import Identity, Verdict
from box_app_operator.ports import Token


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


FAULTS: list[dict[str, Any]] = [
    {"kind": "status", "path": "/2.0/", "status": status} for status in (400, 403, 405, 409, 500, 503)
]
FAULTS += [{"kind": kind} for kind in ("cut_before", "cut_after", "half_body")]


@pytest.mark.parametrize("fault", FAULTS, ids=str)
async def test_nothing_else_condemns_a_token(open_box: Box, clients: Clients, fault: dict[str, Any]) -> None:
    """TransientError: an answer that is not about the token, or none at all, never says that it is dead."""
    token = Token(await open_box.mint(await open_box.authorized()))
    open_box.order(**fault)

    error = await refused(clients.platform.accepts(token), TransientError, open_box)
    assert (error.reason, error.unreachable) == ("BoxUnavailable", fault["kind"] != "status")
    assert await clients.platform.accepts(token)


async def test_the_proof_is_what_app_tokens_may_call(silent: Box) -> None:
    """Where they may not ask who they are, everything is proven all the same, and nobody asks."""
    platform, app = Clients(silent.client).platform, await silent.authorized()
    token = Token(await silent.mint(app))
    await silent.call("PUT", f"{APPS}/{app['id']}/cors_domains", 200, json={"domains": ["https://a.com"]})

    assert await platform.accepts(token)
    assert await platform.allows_origin(token, "https://a.com")
    assert not await platform.allows_origin(token, "https://b.com")
    assert await platform.prove(Token("M" * 32)) is Verdict.DEAD
    assert {entry["path"] for entry in silent.traffic.log if entry["path"].startswith("/2.0/")} == {"/2.0/files/1"}


@pytest.mark.parametrize("decision", ["disable", "decline"])
async def test_whose_a_token_is(open_box: Box, clients: Clients, decision: str) -> None:
    """The service account tells the app; a dead and a disabled one say nothing."""
    app = await open_box.authorized()
    token = Token(await open_box.mint(app))

    who = await clients.platform.identify(token)

    assert isinstance(who, Identity)
    assert (who.app_id, who.login, who.enterprise_id) == (app["id"], app["service_account"]["login"], "1234567")
    await open_box.decide(app, decision)
    assert await clients.platform.identify(token) is Verdict.DISABLED
    assert await clients.platform.identify(Token("M" * 32)) is Verdict.DEAD


async def test_box_may_not_say_whose_a_token_is(silent: Box) -> None:
    """403 with the challenge of RFC 6750: the token is known, and may not ask."""
    token = Token(await silent.mint(await silent.authorized()))

    assert await Clients(silent.client).platform.identify(token) is Verdict.NARROW


async def test_a_refusal_is_an_answer_to_a_ping(open_box: Box, clients: Clients) -> None:
    """401 means that somebody is there; 503 and a cut do not."""
    await clients.platform.ping()
    for fault in ({"kind": "status", "status": 503}, {"kind": "cut_before"}):
        open_box.order(**fault)
        await refused(clients.platform.ping(), TransientError, open_box)
