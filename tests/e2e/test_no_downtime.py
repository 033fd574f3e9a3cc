"""Whoever reads the Secret and uses what it holds never notices a rotation, and neither who holds on to it a while."""

import itertools
import sys
import threading
import time
from dataclasses import dataclass, field
from typing import Any

import httpx
from tests.e2e.conftest import AUTO_APPROVE
from tests.e2e.grants import at_work
from tests.e2e.pace import stretched
from tests.e2e.rotating import annotate
from tests.e2e.story import values

from playground import Playground
from playground.output import until
from playground.play import GROUP, condition

PLANES = ("embedded", "real")
"""Which namespaces are watched makes no difference to what is counted here."""
BOX_FLAGS = AUTO_APPROVE
APPS = 50
NAMES = tuple(f"app-{number:02}" for number in range(APPS))
OVERLAP_SECONDS = 6
"""Long enough for the client to come round to each app well within half of it, on a machine with nothing else to do."""
PAUSE_SECONDS = 0.02
FEWEST_CALLS, FEWEST_AGAIN, FEWEST_OUTLIVED = 500, 200, 20


@dataclass
class Client:
    """Reads the Secrets in turn, uses what it read at once, and once more when it comes round again.

    Attributes:
        seen: the different tokens that it read, by app, in order.
        wrong: what it must not have met.
        calls: how many calls to Box it made with a token that it had just read.
        again: how many with one that it had held on to, for less than half the overlap.
        outlived: how many of those with one that had been replaced in the Secret meanwhile.
    """

    play: Playground
    ns: str
    overlap_seconds: int
    stop: threading.Event = field(default_factory=threading.Event)
    seen: dict[str, list[str]] = field(default_factory=lambda: {name: [] for name in NAMES})
    wrong: list[str] = field(default_factory=list)
    calls: int = 0
    again: int = 0
    outlived: int = 0
    _held: dict[str, tuple[str, float]] = field(default_factory=dict)

    def run(self) -> None:
        """Go on until stopped."""
        with httpx.Client(base_url=self.play.box.url, timeout=120.0) as box:
            due = time.monotonic()
            for name in itertools.cycle(NAMES):
                if self.stop.wait(max(0.0, due - time.monotonic())):
                    return
                due = max(due, time.monotonic()) + PAUSE_SECONDS
                self._turn(box, name)

    def await_seen(self, count: int) -> None:
        """Wait until it read so many different tokens of every app."""
        until(lambda: all(len(found) >= count for found in self.seen.values()), 30, f"{count} tokens of each app")

    def _turn(self, box: httpx.Client, name: str) -> None:
        began, token = time.monotonic(), self._read(name)
        if token is None:
            return
        self.calls += 1
        status = _use(box, token)
        if status != httpx.codes.OK:
            self.wrong.append(f"{name}: {status} {time.monotonic() - began:.3f} s after its token was read")
        if name in self._held:
            self._use_again(box, name, token)
        self._held[name] = token, began
        if token not in self.seen[name]:
            self.seen[name].append(token)

    def _read(self, name: str) -> str | None:
        secret = self.play.secret(self.ns, f"{name}-box-token")
        token = values(secret).get("BOX_APP_TOKEN") if secret is not None else None
        if not token:
            self.wrong.append(f"{name}: the Secret is missing, or has no token")
        return token

    def _use_again(self, box: httpx.Client, name: str, newest: str) -> None:
        """With a token that was read before: it may be any age when it is used, and only a young one must work."""
        token, read_at = self._held[name]
        status = _use(box, token)
        age = time.monotonic() - read_at
        if age >= self.overlap_seconds / 2:
            return
        self.again += 1
        self.outlived += token != newest
        if status != httpx.codes.OK:
            self.wrong.append(f"{name}: {status} for a token that was read {age:.3f} s ago")


def _use(box: httpx.Client, token: str) -> int:
    return box.get("/2.0/users/me", headers={"Authorization": f"Bearer {token}"}).status_code


def test_no_client_notices_that_fifty_apps_rotate_twice(play: Playground, ns: str) -> None:
    """Not one 401 and not one missing Secret, neither when a token is replaced nor when the old one is revoked."""
    began, overlap = time.monotonic(), stretched(OVERLAP_SECONDS)
    for name in NAMES:
        play.app(ns, name, tokens={"rotation": {"overlap": f"{overlap}s", "retire": "WhenUnused"}})
    active = [await_all(play, ns, None)]
    client = Client(play, ns, overlap)

    with at_work(client):
        client.await_seen(1)
        for request in ("first", "second"):
            for name in NAMES:
                annotate(play, ns, name, "rotate-requested-at", request)
            active.append(await_all(play, ns, request))
            client.await_seen(len(active))
        await_old_ones_revoked(play, active[-1])
        until(lambda: client.calls >= FEWEST_CALLS, 30, f"{FEWEST_CALLS} calls")

    assert all(len({each[name] for each in active}) == 3 for name in NAMES), "not every token was replaced twice"
    assert {len(found) for found in client.seen.values()} == {3}
    assert client.again >= FEWEST_AGAIN
    assert client.outlived >= FEWEST_OUTLIVED
    sys.stdout.write(
        f"\n{client.calls} calls with what was just read, {client.again} with what was read before, {client.outlived} "
        f"of them with a token that had been replaced; {time.monotonic() - began:.0f} s\n"
    )


def await_all(play: Playground, ns: str, request: str | None) -> dict[str, str]:
    """Wait until every app is Ready and has handled this request; returns the fingerprints of the active tokens."""

    def look() -> dict[str, str] | None:
        items = play.cluster.get(f"{GROUP}/namespaces/{ns}/boxcustomapps")["items"]
        done = [item for item in items if _is_done(item, request)]
        found = {item["metadata"]["name"]: item["status"]["tokens"]["active"]["fingerprint"] for item in done}
        return found if len(found) == APPS else None

    return until(look, 60, f"{APPS} apps to be Ready, and to have handled {request}")


def _is_done(item: dict[str, Any], request: str | None) -> bool:
    ready = (condition(item, "Ready") or {}).get("status") == "True"
    return ready and item["status"].get("lastHandledRotateAt") == request


def await_old_ones_revoked(play: Playground, active: dict[str, str]) -> None:
    """Wait until the active tokens are the only ones that Box accepts."""
    wanted = sorted(active.values())

    def look() -> bool:
        return sorted(entry["fingerprint"] for entry in play.box.issued_tokens() if entry["live"]) == wanted

    until(look, 60, "the tokens that were replaced to be revoked")
