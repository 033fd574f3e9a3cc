"""What can happen to a request on its way to the API server, and to which requests it is to happen."""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any

ANY, WATCH = "*", "WATCH"


@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of its own instead of the API server's.

    Attributes:
        status: the HTTP status code.
        body: text as it is, or anything else as JSON; None for the Status object that an API server sends.
        headers: for example ``{"Retry-After": "1"}``.
        after: the API server gets the request first, and does what it asks for.
    """

    status: int
    body: Any = None
    headers: Mapping[str, str] = field(default_factory=dict)
    after: bool = False

    def text(self) -> str:
        """The body as it is sent."""
        if isinstance(self.body, str):
            return self.body
        return json.dumps(status_object(self.status) if self.body is None else self.body)


@dataclass(frozen=True, slots=True)
class Hang:
    """No answer at all, for as long as the client waits. ``after`` as in ``Answer``."""

    after: bool = False


@dataclass(frozen=True, slots=True)
class Cut:
    """The connection breaks without a word. ``after`` as in ``Answer``."""

    after: bool = False


@dataclass(frozen=True, slots=True)
class Events:
    """A watch that tells of these and ends in good order; ``Events()`` ends at once.

    Attributes:
        lines: events as JSON, or text for what is none.
    """

    lines: tuple[Any, ...] = ()

    def text(self) -> str:
        """The stream as it is sent."""
        return "".join(f"{line if isinstance(line, str) else json.dumps(line)}\n" for line in self.lines)


Fault = Answer | Hang | Cut | Events


def status_object(code: int, reason: str | None = None, message: str = "ordered by a test") -> dict[str, Any]:
    """The Status object of a refusal; by default its reason is the standard phrase of the code, without spaces."""
    reason = HTTPStatus(code).phrase.replace(" ", "") if reason is None else reason
    head = {"kind": "Status", "apiVersion": "v1", "metadata": {}, "status": "Failure"}
    return {**head, "message": message, "reason": reason, "code": code}


def expired(code: int = HTTPStatus.GONE) -> Events:
    """What a watch says when the API server forgot what happened since its resource version."""
    return Events(
        (
            {
                "type": "ERROR",
                "object": status_object(code, "Expired", "too old resource version"),
            },
        )
    )


@dataclass(frozen=True, slots=True)
class Seen:
    """A request that came by.

    Attributes:
        method: the HTTP method, or ``WATCH``.
        path: without the query.
        query: the parameters behind it.
        fault: what happened to it; None when it went on to the API server.
    """

    method: str
    path: str
    query: Mapping[str, str]
    fault: Fault | None = None


@dataclass(slots=True)
class Order:
    """A fault, and the requests that it is to happen to.

    Attributes:
        method: an HTTP method, ``WATCH`` for a GET that watches, which no other method includes, or ``*``.
        path: a regular expression that is found in the path, without the query.
        fault: what happens.
        left: to how many more requests; None for all.
        met: to how many it happened.
    """

    method: str
    path: str
    fault: Fault
    left: int | None = 1
    met: int = 0

    def take(self, method: str, path: str) -> bool:
        """Does it happen to this request? Then it counts."""
        if self.left == 0 or not matches(self.method, self.path, method, path):
            return False
        self.met += 1
        self.left = None if self.left is None else self.left - 1
        return True


def matches(wanted_method: str, wanted_path: str, method: str, path: str) -> bool:
    """Is a request one of those that are meant?"""
    return wanted_method in (ANY, method) and re.search(wanted_path, path) is not None
