"""Single Secrets are watched by name, with pauses that grow while a watch does not live."""

import asyncio
from collections.abc import AsyncIterator, Callable
from typing import Any

import pytest
from tests.fakes.link import rest, until

from box_app_operator.api.enterprise import SecretKeyRef
from box_app_operator.errors import AwaitingHumanError, OperatorError, TransientError
from box_app_operator.model.box import UID
from box_app_operator.watch import imports as import_watch
from box_app_operator.watch import secrets as secret_watch
from box_app_operator.watch.imports import ImportWatch
from box_app_operator.watch.secrets import follow_secret

NAME = ("billing", "keys")
REFUSED = AwaitingHumanError("CredentialMissing", "it lacks the right")
BUSY = TransientError("KubernetesUnavailable", "429", retry_after_seconds=3600.0)


@pytest.fixture(autouse=True)
def slow_machines_are_welcome(monkeypatch: pytest.MonkeyPatch) -> None:
    """No watch of these tests counts as one that lived for a while, however long it took."""
    monkeypatch.setattr(secret_watch, "SOUND_SECONDS", 3600.0)


class FakeSecrets:
    """Watches whose events a test gives: an error breaks the watch, None ends it, anything else is news."""

    def __init__(self, *events: Any) -> None:
        self.events: asyncio.Queue[Any] = asyncio.Queue()
        self.watched: list[tuple[str, str]] = []
        self.open = 0
        for event in events:
            self.events.put_nowait(event)

    async def read_value(self, ref: SecretKeyRef) -> str | None:
        """There is none."""
        return None

    async def watch_secret(self, namespace: str, name: str) -> AsyncIterator[None]:
        """One watch."""
        self.watched.append((namespace, name))
        self.open += 1
        try:
            while (event := await self.events.get()) is not None:
                if isinstance(event, Exception):
                    raise event
                yield
        finally:
            self.open -= 1


class Follower:
    """Follows one Secret, and what came of it."""

    def __init__(self, secrets: FakeSecrets, error: OperatorError | None = None) -> None:
        self.changes, self.pauses = 0, list[int]()
        self._error = error
        self._task = asyncio.create_task(follow_secret(secrets, NAME, self._backoff, self._changed))

    def _backoff(self, failures: int) -> float:
        self.pauses.append(failures)
        return 0.0

    async def _changed(self) -> None:
        self.changes += 1
        if self._error is not None:
            raise self._error

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let it run until this holds, and end it."""
        try:
            await until(condition)
        finally:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)


BROKEN = TransientError("KubernetesUnavailable", "cut")


@pytest.mark.parametrize("end", [None, BROKEN])
async def test_pauses_grow_although_every_watch_tells_what_is_there(end: Any) -> None:
    """A watch begins with what is there. That it could begin does not mean that it works."""
    follower = Follower(FakeSecrets("there", end, "there", end, "there", end))
    await follower.until(lambda: len(follower.pauses) == 3)

    assert follower.pauses == [1, 2, 3]
    assert follower.changes == 3


async def test_a_watch_that_lived_begins_anew_after_a_short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """Every few minutes the API server ends one."""
    monkeypatch.setattr(secret_watch, "SOUND_SECONDS", 0.0)
    follower = Follower(FakeSecrets(None, None, BROKEN))
    await follower.until(lambda: len(follower.pauses) == 3)

    assert follower.pauses == [1, 1, 1]


async def test_a_pause_that_the_api_server_asks_for_is_kept() -> None:
    """429 with Retry-After."""
    secrets = FakeSecrets(BUSY, None, None)
    follower = Follower(secrets)
    await follower.until(lambda: len(follower.pauses) == 1)
    await rest()

    assert len(secrets.watched) == 1


@pytest.mark.parametrize("error", [REFUSED, BROKEN])
async def test_a_credential_that_cannot_be_read_is_no_bug(
    error: OperatorError, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever looks at the Secret has a message of its own; it is looked at again."""
    follower = Follower(FakeSecrets("there", "there"), error)
    await follower.until(lambda: follower.changes == 2)

    assert "bug" not in caplog.text
    assert [record for record in caplog.records if record.exc_info] == []


async def test_a_bug_is_told_and_ends_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """With a traceback."""
    follower = Follower(FakeSecrets(ZeroDivisionError(), "there"))
    await follower.until(lambda: follower.changes == 1)

    assert "this is a bug" in caplog.text


async def test_an_object_watches_one_secret_until_it_is_released(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another name replaces the one before; beyond so many no Secret is watched."""
    monkeypatch.setattr(import_watch, "MAX_WATCHES", 1)
    secrets, woken = FakeSecrets(), list[UID]()
    watch = ImportWatch(secrets, lambda _: 0.0, woken.append)

    watch.want(UID("a"), NAME)
    watch.want(UID("a"), NAME)
    await rest()
    watch.want(UID("a"), ("billing", "others"))
    watch.want(UID("b"), NAME)
    await rest()
    assert secrets.watched == [NAME, ("billing", "others")]
    assert secrets.open == 1

    secrets.events.put_nowait("news")
    await rest()
    assert woken == [UID("a")]
    watch.release(UID("a"))
    await rest()
    assert secrets.open == 0
    await watch.close()
