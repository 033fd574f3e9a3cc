"""Faults and limits of the sandbox over real connections: what a test orders is what a client sees."""

import time
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import httpx
import pytest
from tests.sandbox.conftest import Loopback, Serve
from tests.sandbox.world import ADMIN, CONSOLE, ManualClock

APPS = "/console/v1/apps"


def create(loopback: Loopback, name: str = "Viewer", **arguments: Any) -> httpx.Response:
    """Register an app over a connection of its own."""
    headers = {"Authorization": f"Bearer {CONSOLE}", "Idempotency-Key": name}
    return httpx.post(loopback.url + APPS, json={"name": name}, headers=headers, timeout=60, **arguments)


def names(loopback: Loopback) -> list[str]:
    """The apps that there are."""
    return [app["name"] for app in loopback.call("GET", APPS)["entries"]]


def ordered(loopback: Loopback) -> list[dict[str, Any]]:
    """The faults that are left."""
    left: list[dict[str, Any]] = loopback.call("GET", "/sandbox/v1/faults")
    return left


@pytest.mark.parametrize(
    ("status", "code"),
    [(401, "unauthorized"), (429, "rate_limit_exceeded"), (500, "internal_server_error"), (503, "unavailable")],
)
def test_status_answers_without_an_effect(loopback: Loopback, status: int, code: str) -> None:
    """The ordered status in Box's shape with Retry-After, once; nothing happened."""
    loopback.order(kind="status", method="POST", status=status, retry_after=3)
    response = create(loopback)

    assert (response.status_code, response.json()["code"], response.headers["retry-after"]) == (status, code, "3")
    assert names(loopback) == []
    assert create(loopback).status_code == 201


def test_latency_only_takes_time(loopback: Loopback) -> None:
    """The answer comes later, and is the usual one."""
    loopback.order(kind="latency", method="POST", seconds=0.2)
    begin = time.monotonic()

    assert create(loopback).status_code == 201
    assert time.monotonic() - begin >= 0.2


def test_hang_gives_no_answer_and_no_effect(loopback: Loopback) -> None:
    """A patient client sees the connection close, an impatient one runs out of time; nothing happened either way."""
    loopback.order(kind="hang", method="POST", seconds=0.1)
    with pytest.raises(httpx.RemoteProtocolError):
        create(loopback)
    loopback.order(kind="hang", method="POST", seconds=60)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(loopback.url + APPS, timeout=0.1)
    assert names(loopback) == []


def test_a_hang_does_not_keep_the_sandbox_from_stopping(serve: Serve) -> None:
    """It stops at once although somebody still hangs."""
    loopback = serve()
    loopback.order(kind="hang", method="POST", seconds=60)
    with pytest.raises(httpx.ReadTimeout):
        httpx.post(loopback.url + APPS, timeout=0.1)
    begin = time.monotonic()
    loopback.stop()
    assert time.monotonic() - begin < 30


@pytest.mark.parametrize(("kind", "effect"), [("cut_before", []), ("cut_after", ["Viewer"])])
def test_cut_closes_the_connection(loopback: Loopback, kind: str, effect: list[str]) -> None:
    """Without a byte of an answer; before the effect or after it."""
    loopback.order(kind=kind, method="POST")
    # Which of the two it is depends on whether the end is seen while the request is written or when it was.
    with pytest.raises((httpx.RemoteProtocolError, httpx.ReadError), match=r"without sending a response|reset by peer"):
        create(loopback)

    assert names(loopback) == effect
    assert create(loopback).status_code == (200 if effect else 201)


def test_half_body_breaks_off_after_the_effect(loopback: Loopback) -> None:
    """Headers, some of the body, and then nothing."""
    loopback.order(kind="half_body", method="POST")
    received = b""
    headers = {"Authorization": f"Bearer {CONSOLE}", "Idempotency-Key": "key"}
    with httpx.stream("POST", loopback.url + APPS, json={"name": "Viewer"}, headers=headers, timeout=60) as response:
        assert response.status_code == 201
        chunks = response.iter_raw()
        received += next(chunks)
        with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
            next(chunks)
    assert 0 < len(received) < int(response.headers["content-length"])
    assert names(loopback) == ["Viewer"]


def test_times_without_a_zone_are_otherwise_as_usual(loopback: Loopback) -> None:
    """As a console tells them that knows its local time only."""
    usual = create(loopback).json()
    loopback.order(kind="no_zone")
    told = create(loopback).json()

    assert usual["created_at"].endswith("Z")
    assert told == {**usual, **{name: usual[name].removesuffix("Z") for name in ("created_at", "modified_at")}}


def test_the_clock_of_box_can_be_off(serve: Serve) -> None:
    """What Box dates, and what is over for Box, follow its own clock."""
    loopback = serve(clock_offset_seconds=-7200)
    app = create(loopback).json()
    loopback.call("PUT", "/sandbox/v1/clock", 204, json={"offset_seconds": 0})
    first, second = (datetime.fromisoformat(made["created_at"]) for made in (app, create(loopback, "Second").json()))
    assert timedelta(hours=2) <= second - first < timedelta(hours=3)
    token = loopback.mint(loopback.authorized_app("Third"))
    headers = {"Authorization": f"Bearer {token}"}

    assert httpx.get(loopback.url + "/2.0/users/me", headers=headers).status_code == 200
    loopback.call("PUT", "/sandbox/v1/clock", 204, json={"offset_seconds": 31 * 86400})
    assert httpx.get(loopback.url + "/2.0/users/me", headers=headers).status_code == 401


def test_garbage_comes_after_the_effect(loopback: Loopback) -> None:
    """A page of HTML with the usual status, also in place of an answer that would have no body."""
    loopback.order(kind="garbage", method="POST")
    response = create(loopback)
    assert (response.status_code, response.headers["content-type"]) == (201, "text/html")
    with pytest.raises(ValueError, match="Expecting value"):
        response.json()
    assert names(loopback) == ["Viewer"]

    loopback.order(kind="garbage", method="DELETE")
    app = loopback.call("GET", APPS)["entries"][0]
    headers = {"Authorization": f"Bearer {CONSOLE}"}
    deleted = httpx.delete(f"{loopback.url}{APPS}/{app['id']}", headers=headers)
    assert (deleted.status_code, deleted.text[:6]) == (200, "<html>")
    assert names(loopback) == []


def test_faults_are_for_the_requests_that_they_name(loopback: Loopback) -> None:
    """Method and path, so often, and for ever when there is no count; never for the admin, who orders them."""
    loopback.call("PUT", "/sandbox/v1/faults", json=[
        {"kind": "status", "method": "POST", "path": APPS + "$", "count": 2},
        {"kind": "status", "path": "/2.0/", "count": None, "status": 503},
    ])  # fmt: skip
    assert names(loopback) == []
    assert [create(loopback).status_code for _ in range(3)] == [500, 500, 201]
    for _ in range(3):
        assert httpx.get(loopback.url + "/2.0/users/me").status_code == 503
    assert [fault["path"] for fault in ordered(loopback)] == ["/2.0/"]
    loopback.call("DELETE", "/sandbox/v1/faults")
    assert httpx.get(loopback.url + "/2.0/users/me").status_code == 401


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"{}",
        b"\xff",
        b'[{"kind": "earthquake"}]',
        b'[{"kind": "status", "path": "("}]',
        b'[{"kind": "status", "count": 0}]',
        b'[{"kind": "status", "status": 99}]',
        b'[{"kind": "latency", "seconds": -1}]',
        b'[{"kind": "status", "colour": "red"}]',
    ],
)
def test_a_fault_that_cannot_be_is_refused(loopback: Loopback, body: bytes) -> None:
    """400, and what was ordered before stays."""
    loopback.order(kind="latency")
    loopback.call("PUT", "/sandbox/v1/faults", 400, content=body)
    assert len(ordered(loopback)) == 1


def test_the_rate_limit_is_per_caller_and_slides(serve: Serve, clock: ManualClock) -> None:
    """429 with Retry-After beyond the limit; others are not affected; when the time is over calls pass again."""
    loopback = serve(requests_per_minute=3)
    url, headers = loopback.url + APPS, {"Authorization": f"Bearer {CONSOLE}"}
    assert [httpx.get(url, headers=headers).status_code for _ in range(3)] == [200] * 3
    clock.pass_by(timedelta(seconds=20))

    refused = httpx.get(url, headers=headers)
    assert (refused.status_code, refused.headers["retry-after"]) == (429, "40")
    assert refused.json()["code"] == "rate_limit_exceeded"
    assert httpx.get(url, headers={"Authorization": f"Bearer {ADMIN}"}).status_code == 200
    clock.pass_by(timedelta(seconds=40))
    assert httpx.get(url, headers=headers).status_code == 200


def test_the_log_holds_paths_only(loopback: Loopback) -> None:
    """Who called what with which result; never a query, a header or a body."""
    token = loopback.mint(loopback.authorized_app("Viewer"))
    httpx.get(loopback.url + "/2.0/users/me?fields=secret-field", headers={"Authorization": f"Bearer {token}"})

    log = loopback.call("GET", "/sandbox/v1/requests")
    last = log["entries"][-1]
    assert (last["method"], last["path"], last["status"]) == ("GET", "/2.0/users/me", 200)
    assert not any(secret in str(log) for secret in (token, "secret-field", ADMIN, CONSOLE))
    assert loopback.call("GET", f"/sandbox/v1/requests?since={log['next']}")["entries"] == []


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("GET", "/sandbox/v1/requests?since=abc", None),
        ("GET", "/sandbox/v1/requests?since=²", None),
        ("PUT", "/sandbox/v1/console-token", {}),
        ("PUT", "/sandbox/v1/console-token", {"token": 7}),
        ("PUT", "/sandbox/v1/taken-names", {}),
        ("PUT", "/sandbox/v1/taken-names", {"names": "Viewer"}),
    ],
)
def test_the_controls_refuse_what_they_cannot_read(loopback: Loopback, method: str, path: str, body: Any) -> None:
    """400, never 500."""
    loopback.call(method, path, 400, **({"json": body} if body is not None else {}))


def test_the_controls_are_the_admins(loopback: Loopback) -> None:
    """401 for the console's credential; and token values are not told unless the sandbox was started so."""
    headers = {"Authorization": f"Bearer {CONSOLE}"}
    for path in ("faults", "requests", "issued-tokens"):
        assert httpx.get(f"{loopback.url}/sandbox/v1/{path}", headers=headers).status_code == 401
    loopback.call("GET", "/sandbox/v1/issued-tokens", 403)


def test_issued_tokens_tell_which_are_live(serve: Serve, a_month: Callable[[], None]) -> None:
    """Every token ever issued, with its fate."""
    loopback = serve(reveal_issued_tokens=True)
    app = loopback.authorized_app("Viewer")
    first, second = loopback.mint(app), loopback.mint(app, "secondary", None)
    a_month()
    entries = loopback.call("GET", "/sandbox/v1/issued-tokens")["entries"]
    assert [(each["token"], each["live"]) for each in entries] == [(first, False), (second, True)]


def test_a_changed_credential_is_the_only_one(loopback: Loopback) -> None:
    """The old console credential is refused from then on."""
    loopback.call("PUT", "/sandbox/v1/console-token", 204, json={"token": "new-one"})
    for token, status in ((CONSOLE, 401), ("new-one", 200)):
        assert httpx.get(loopback.url + APPS, headers={"Authorization": f"Bearer {token}"}).status_code == status
