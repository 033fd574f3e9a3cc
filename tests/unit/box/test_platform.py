"""The client of Box's public API: what it asks for, and what it makes of each answer."""

from typing import Any

import msgspec
import pytest
from tests.contract import clients
from tests.contract.clients import refused

from box_app_operator.box.platform import HttpPlatform
from box_app_operator.errors import AwaitingHumanError, FewerRightsError, OperatorError, StalledError, TransientError
from box_app_operator.model.desired import ClientGrant
from box_app_operator.model.platform_view import Verdict
from box_app_operator.ports import Token


def answering(status: int, *content_and_headers: Any) -> HttpPlatform:
    """The client of somebody who answers everything in the same way."""
    return clients.answering(status, *content_and_headers).platform


TOKEN, SECRET, SUBJECT = Token("t" * 32), Token("s" * 32), ClientGrant("creds", "user", "7")
WAITS = "This app is not authorized by the enterprise"
REFUSALS: dict[str, tuple[str, str, type[OperatorError], str]] = {
    "unknown client": ("invalid_client", "", StalledError, "TokenRejected"),
    "not authorized": ("unauthorized_client", WAITS, AwaitingHumanError, "PendingApproval"),
    "another word": ("tomorrow", "", TransientError, "BoxUnavailable"),
}


@pytest.mark.parametrize("name", REFUSALS)
async def test_who_must_act_when_box_gives_out_no_token(name: str) -> None:
    """For a grant and for an exchange alike. To revoke, only a token that has ended may be unknown."""
    code, text, kind, reason = REFUSALS[name]
    body = {"error": code, "error_description": text}
    platform = answering(400, msgspec.json.encode(body))
    for call in (platform.grant("c", SECRET, SUBJECT), platform.exchange(TOKEN, ("a",), "r")):
        assert (await refused(call, kind)).reason == reason
    assert (await refused(platform.revoke(TOKEN, "c", SECRET), StalledError)).reason == "TokenRejected"
    await answering(400, b'{"error": "invalid_token"}').revoke(TOKEN, "c", SECRET)


def of_box(code: str, message: str = "") -> bytes:
    """An error in Box's shape."""
    return msgspec.json.encode({"type": "error", "code": code, "message": message})


DISABLED = "Unauthorized - Cannot authorize with this service"
BEARER = 'Bearer realm="Service"'
ANSWERS = {
    "not-found": (404, of_box("not_found"), "", Verdict.LIVE),
    "in-the-trash": (404, of_box("trashed"), "", Verdict.LIVE),
    "found": (200, b'{"type": "file", "id": "1", "etag": "0"}', "", Verdict.LIVE),
    "dead": (401, b"", f'{BEARER}, error="invalid_token"', Verdict.DEAD),
    "dead-with-a-body": (401, of_box("invalid_token"), "", Verdict.DEAD),
    "dead-by-the-challenge": (401, of_box("unauthorized"), f'{BEARER}, error="invalid_token"', Verdict.DEAD),
    "disabled": (401, of_box("unauthorized", DISABLED), BEARER, Verdict.DISABLED),
    "disabled-with-403": (403, of_box("forbidden", DISABLED), "", Verdict.DISABLED),
    "deactivated": (401, of_box("unauthorized", "Unauthorized - User has been deactivated"), "", Verdict.DISABLED),
    "narrow": (403, of_box("insufficient_scope"), "", Verdict.NARROW),
    "narrow-by-the-challenge": (403, b"", f'{BEARER}, error="insufficient_scope"', Verdict.NARROW),
    "no-permission": (403, of_box("access_denied_insufficient_permissions"), "", Verdict.NARROW),
}
"""Status, body and challenge, and what the proof makes of them."""


@pytest.mark.parametrize("name", ANSWERS)
async def test_what_the_proof_makes_of_an_answer(name: str) -> None:
    """404 is the answer of a live token: hardly anybody has the file 1."""
    status, body, challenge, verdict = ANSWERS[name]

    assert await answering(status, body, {"WWW-Authenticate": challenge}).prove(Token("T" * 32)) is verdict


PAGE = b"<html>log in first</html>"


@pytest.mark.parametrize(
    ("status", "body", "headers"),
    [
        (401, PAGE, {"WWW-Authenticate": 'Basic realm="proxy"'}),
        (403, PAGE, {}),
        (404, PAGE, {}),
        (404, b"", {}),
        (200, PAGE, {}),
        (200, b'{"type": "user", "id": "1"}', {}),
        (204, b"", {}),
        (302, b"", {"Location": "https://login.example"}),
        (403, of_box("access_from_location_blocked"), {}),
        (403, of_box("forbidden_by_policy"), {}),
    ],
)
async def test_an_answer_of_somebody_else_says_nothing_of_a_token(
    status: int, body: bytes, headers: dict[str, str]
) -> None:
    """A proxy on the way, or a rule of the network, has the same numbers: TransientError."""
    platform = answering(status, body, headers)
    for question in (platform.prove, platform.accepts):
        error = await refused(question(Token("T" * 32)), TransientError)
        assert error.reason == "BoxUnavailable"


async def test_a_token_with_fewer_rights_is_neither_accepted_nor_dead() -> None:
    """A person must look at the app: FewerRightsError."""
    error = await refused(answering(403, of_box("insufficient_scope")).accepts(Token("T" * 32)), FewerRightsError)
    assert error.reason == "TokenRejected"
    assert "scopes" in error.message


async def test_a_refusal_that_does_not_say_why_is_asked_again() -> None:
    """No person is asked for anything: where there is a console endpoint it knows what is disabled."""
    await refused(answering(401, of_box("unauthorized")).accepts(Token("T" * 32)), TransientError)


@pytest.mark.parametrize("allowed", [True, False])
async def test_an_origin_is_judged_although_the_token_may_read_nothing(allowed: bool) -> None:
    """By the header that a browser goes by."""
    headers = {"Access-Control-Allow-Origin": "*"} if allowed else {}
    platform = answering(403, of_box("insufficient_scope"), headers)
    assert await platform.allows_origin(Token("T" * 32), "https://a.com") is allowed


@pytest.mark.parametrize("status", [401, 403, 404])
async def test_a_page_of_a_proxy_says_nothing_of_an_origin(status: int) -> None:
    """Neither allowed nor refused: TransientError."""
    await refused(answering(status, PAGE).allows_origin(Token("T" * 32), "https://a.com"), TransientError)


@pytest.mark.parametrize(
    ("status", "code"), [(400, "not_found"), (404, "not_found"), (405, "not_found"), (401, "unauthorized")]
)
async def test_box_may_not_say_whose_a_token_is(status: int, code: str) -> None:
    """Nothing is made of it: neither that it is dead nor that it is disabled."""
    assert await answering(status, of_box(code)).identify(Token("T" * 32)) is None
