"""One call to Box: rate limit, time limit, and every foreign error translated.

Nothing here knows what a call means. Messages carry method, path, status, Box's code and request id; never a query
string, a header or a body, because those could hold a token.
"""

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, TypeVar

import httpx
import msgspec
from aiolimiter import AsyncLimiter

from box_app_operator.box.silence import describe_silence
from box_app_operator.errors import TransientError
from box_app_operator.model.conditions import Reason
from box_app_operator.observability.metrics import BOX_REQUESTS, RATE_LIMIT_WAITS, Stopwatch, note_request
from box_app_operator.proxies import Proxy

T = TypeVar("T")

FOREIGN = (httpx.HTTPError, httpx.InvalidURL, OSError, RuntimeError, ValueError)
"""What a call may raise: also a URL that cannot be one, a header that cannot be encoded, a client that was closed."""
MAX_WAIT_SECONDS = 3600.0
"""A Retry-After beyond this is taken for this."""
BURST_SECONDS = 6.0
"""The limiter lets through so many seconds' worth of calls at once; the rest is spread evenly."""


class ErrorBody(msgspec.Struct):
    """Box's error shapes. Source: Box OpenAPI 2024.0, ``ClientError`` and ``OAuth2Error``.

    ``error`` is the code of the latter, and ``error_description`` its text.
    """

    code: str = ""
    message: str = ""
    request_id: str = ""
    error: str = ""
    error_description: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What Box answered, below 500 and not 429. ``what`` names the call for people."""

    what: str
    status: int
    error: ErrorBody
    body: bytes
    headers: Mapping[str, str]

    def decode(self, type_: type[T]) -> T:
        """The body as this type.

        Raises:
            TransientError: the body is something else; the call may have had its effect.
        """
        where = ""
        try:
            return msgspec.json.decode(self.body, type=type_)
        except msgspec.ValidationError as error:
            where = place_of(error)
        except (msgspec.DecodeError, UnicodeDecodeError):
            pass
        # Raised out here, so that it does not even carry msgspec's error along: that may quote the body, which may
        # hold a token.
        message = f"{self.what} answered {self.status} with a body that cannot be read{where}"
        raise TransientError(Reason.BOX_UNAVAILABLE, message, uncertain=True)

    def describe(self) -> str:
        """The answer in words that are safe to show, and the same for the same trouble."""
        return f"{self.what} answered {self.status} {shown(self.error.code or self.error.error)}".rstrip()

    def trouble(
        self,
        reason: Reason = Reason.BOX_UNAVAILABLE,
        *,
        uncertain: bool = False,
        retry_after_seconds: float | None = None,
    ) -> TransientError:
        """The error that it means where it is no answer to what was asked: look again."""
        return TransientError(
            reason, self.describe(), detail=self.detail, uncertain=uncertain, retry_after_seconds=retry_after_seconds
        )

    @property
    def detail(self) -> str:
        """What Box's support asks for."""
        return f"request {shown(self.error.request_id)}" if self.error.request_id else ""


def place_of(error: msgspec.ValidationError) -> str:
    """Where in a body something is wrong, behind a colon; nothing of what stands there.

    A time without a zone is named for what it is: a console that tells its local time would be hours off.
    """
    text = str(error)
    found = re.search(r"at `\$\.([a-z_.]+)`$", text)
    place = found.group(1) if found is not None else "its shape"
    if "timezone" in text:
        return f": {place} has no time zone; write times as in 2026-03-01T12:00:00Z"
    return f": {place} is not as the API describes it"


def shown(text: str) -> str:
    """A word from outside, cut down to what a code or a request id may look like."""
    return re.sub(r"[^A-Za-z0-9_.:-]", "", text)[:64]


class Transport:
    """Calls to one base URL under one rate limit."""

    def __init__(
        self,
        client: httpx.AsyncClient,
        base_url: str,
        gate: "Gate",
        *,
        api: str,
        timeout_seconds: float,
        bearer: str | None = None,
        via: Proxy | None = None,
    ) -> None:
        """``via`` is the proxy that the client uses on the way to this base URL."""
        self._client = client
        self._via = via
        self._api = api
        self._base_url = base_url.rstrip("/")
        self._gate = gate
        self._timeout_seconds = timeout_seconds
        self._bearer = bearer

    async def call(
        self,
        method: str,
        path: str,
        *,
        query: Mapping[str, str] | None = None,
        json: Any = None,
        form: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        bearer: str | None = None,
        extra_seconds: float = 0.0,
    ) -> Answer:
        """Make one call.

        Args:
            bearer: a token for this call instead of the transport's own.
            extra_seconds: how much longer than usual the answer may take.

        Raises:
            TransientError: no answer, 429, 5xx, or a gate that is closed after a 429.
        """
        what = f"{method} {path}"
        await self._gate.enter(what)
        token = bearer or self._bearer
        auth = {"Authorization": f"Bearer {token}"} if token else {}
        endpoint, watch, status = endpoint_of(path) + ("?wait" if extra_seconds else ""), Stopwatch(), "none"
        try:
            response = await self._client.request(
                method,
                self._base_url + path,
                params=query,
                json=json,
                data=form,
                headers={**(headers or {}), **auth},
                timeout=httpx.Timeout(self._timeout_seconds, read=self._timeout_seconds + extra_seconds),
            )
        except FOREIGN as error:
            trouble = describe_silence(error, self._base_url, self._via)
        else:
            status = str(response.status_code)
            return self._judge(_answer(what, response))
        finally:
            BOX_REQUESTS.labels(self._api, method, endpoint, status).observe(watch.seconds)
        # Raised out here, so that it does not even carry the foreign error along: that may hold the request's headers.
        raise TransientError(Reason.BOX_UNAVAILABLE, f"{what}: {trouble}.", uncertain=True, unreachable=True)

    def _judge(self, answer: Answer) -> Answer:
        if answer.status == httpx.codes.TOO_MANY_REQUESTS:
            raise answer.trouble(retry_after_seconds=self._gate.close(_retry_after(answer.headers)))
        if answer.status >= httpx.codes.INTERNAL_SERVER_ERROR or answer.status < httpx.codes.OK:
            # A write may land after a 503. Source: box/developer.box.com, common-errors.
            raise answer.trouble(retry_after_seconds=_retry_after(answer.headers), uncertain=True)
        return answer


def endpoint_of(path: str) -> str:
    """The path with its variable parts named instead: of the endpoints there are few, of the paths many.

    >>> endpoint_of("/console/v1/apps/123/tokens/primary")
    '/console/v1/apps/{id}/tokens/{slot}'
    """
    named = re.sub(r"/apps/[^/]+", "/apps/{id}", path, count=1)
    return re.sub(r"/\{id\}/tokens/[^/]+", "/{id}/tokens/{slot}", named)


def _answer(what: str, response: httpx.Response) -> Answer:
    note_request(shown(response.headers.get("box-request-id", "")))
    error = ErrorBody()
    if response.is_error:
        try:
            error = msgspec.json.decode(response.content, type=ErrorBody)
        except (msgspec.DecodeError, UnicodeDecodeError):
            error = ErrorBody(request_id=response.headers.get("box-request-id", ""))
    return Answer(what, response.status_code, error, response.content, response.headers)


def _retry_after(headers: Mapping[str, str]) -> float | None:
    text = headers.get("retry-after", "")
    return min(float(text), MAX_WAIT_SECONDS) if text.isascii() and text.isdigit() else None


class Gate:
    """The ceiling on calls for one enterprise, and its closing after a 429.

    A closed gate answers at once with TransientError instead of holding the caller, so that the wait is seen in
    backoff and never as a pass that hangs.
    """

    DEFAULT_CLOSED_SECONDS = 5.0

    def __init__(
        self, requests_per_minute: int, monotonic: Callable[[], float], is_leader: Callable[[], bool] = lambda: True
    ) -> None:
        burst = max(1.0, requests_per_minute * BURST_SECONDS / 60)
        self._limiter = AsyncLimiter(burst, BURST_SECONDS if burst > 1.0 else 60 / requests_per_minute)
        self._monotonic = monotonic
        self._is_leader = is_leader
        self._opens_at = 0.0

    async def enter(self, what: str) -> None:
        """Wait for a turn.

        Raises:
            TransientError: Box asked for a pause that is not over, or another process may be at work by now.
        """
        self._check_open(what)
        watch = Stopwatch()
        await self._limiter.acquire()
        RATE_LIMIT_WAITS.observe(watch.seconds)
        # Box may have asked for a pause while this call waited for its turn.
        self._check_open(what)
        if not self._is_leader():
            raise TransientError(Reason.BOX_UNAVAILABLE, "This process is not the leader any more", detail=what)

    def _check_open(self, what: str) -> None:
        left = self._opens_at - self._monotonic()
        if left > 0:
            message, detail = "Box asked for a pause (429)", f"{what} waits {left:.0f} s"
            raise TransientError(Reason.BOX_UNAVAILABLE, message, detail=detail, retry_after_seconds=left)

    def close(self, seconds: float | None) -> float:
        """Let no call through for so long; returns the seconds."""
        pause = seconds if seconds is not None else self.DEFAULT_CLOSED_SECONDS
        self._opens_at = max(self._opens_at, self._monotonic() + pause)
        return pause
