"""The operator's Box clients, led to a sandbox, and a look for secrets in whatever they raise."""

import traceback
from collections.abc import Awaitable, Iterator
from typing import Any, TypeVar

import httpx
import pytest
from tests.sandbox.world import CONSOLE, URL, Box

from box_app_operator.box.console import HttpConsole
from box_app_operator.box.platform import HttpPlatform
from box_app_operator.box.transport import Gate, Transport
from box_app_operator.errors import OperatorError

E = TypeVar("E", bound=OperatorError)
MANY = 60_000
"""Calls a minute that no test comes near to."""


class Monotonic:
    """A clock for the gate."""

    def __init__(self) -> None:
        self.seconds = 1000.0

    def __call__(self) -> float:
        """The seconds."""
        return self.seconds


class Clients:
    """Console and platform under one gate, as for one enterprise."""

    def __init__(
        self, client: httpx.AsyncClient, url: str = URL, credential: str = CONSOLE, timeout_seconds: float = 5.0
    ) -> None:
        self.monotonic = Monotonic()
        gate = Gate(MANY, self.monotonic)
        self.console = HttpConsole(
            Transport(client, url, gate, api="console", timeout_seconds=timeout_seconds, bearer=credential)
        )
        self.platform = HttpPlatform(Transport(client, url, gate, api="platform", timeout_seconds=timeout_seconds))


def answering(status: int, content: bytes | str = b"", headers: dict[str, str] | None = None) -> Clients:
    """Clients of somebody who answers everything in the same way."""
    answer = httpx.MockTransport(lambda _: httpx.Response(status, content=content, headers=headers))
    return Clients(httpx.AsyncClient(transport=answer))


async def refused(call: Awaitable[object], kind: type[E], box: Box | None = None) -> E:
    """The error that a call raises: exactly of this kind, and without any secret that the box knows."""
    with pytest.raises(OperatorError) as caught:
        await call
    error = caught.value
    assert type(error) is kind
    check_secrets(error, secrets_of(box) if box is not None else {CONSOLE})
    assert isinstance(error, kind)
    return error


def secrets_of(box: Box) -> set[str]:
    """The credential, and every token that the box ever issued."""
    return {CONSOLE, *(value for value, _ in box.sandbox.issued)}


def check_secrets(error: BaseException, secrets: set[str]) -> None:
    """Nothing that anybody could print of the error, or of the errors behind it, holds a secret."""
    for each in _chain(error):
        shown: list[Any] = [str(each), repr(each), each.args, vars(each), traceback.format_exception(each)]
        for secret in secrets:
            assert secret not in str(shown), f"{type(each).__name__} holds a secret"


def _chain(error: BaseException | None) -> Iterator[BaseException]:
    seen: list[BaseException] = []
    waiting = [error]
    while waiting:
        each = waiting.pop()
        if each is not None and each not in seen:
            seen.append(each)
            waiting += [each.__cause__, each.__context__]
    yield from seen
