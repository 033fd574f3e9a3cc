"""What is said in a log, and how loudly."""

import io
import logging
from collections.abc import Iterator

import aiohttp
import pytest

from box_app_operator.observability.logging import CUT_OFF, InOneLine


@pytest.fixture
def out() -> Iterator[io.StringIO]:
    """What a handler with the operator's filter writes."""
    text = io.StringIO()
    handler = logging.StreamHandler(text)
    handler.addFilter(InOneLine())
    handler.setFormatter(logging.Formatter("%(levelname)s %(message)s"))
    logging.getLogger().addHandler(handler)
    yield text
    logging.getLogger().removeHandler(handler)


def fail(logger: str, error: Exception, words: str = "Watcher has failed") -> None:
    """A library says that something failed, as Kopf does."""
    try:
        raise error
    except type(error):
        logging.getLogger(logger).exception(words)


@pytest.mark.parametrize(
    "error", [aiohttp.ClientPayloadError("half"), TimeoutError(), ConnectionResetError(), RuntimeError(CUT_OFF)]
)
def test_what_kopf_met_at_the_api_server_is_one_line(out: io.StringIO, error: Exception) -> None:
    """Where in Kopf's code it met it helps nobody."""
    fail("kopf._core.reactor.orchestration", error)

    assert out.getvalue() == "WARNING Watcher has failed\n"


def test_tries_of_kopf_are_no_errors(out: io.StringIO) -> None:
    """It tries again."""
    logging.getLogger("kopf._cogs.clients.watching").error("Request attempt #1 failed; will retry")

    assert out.getvalue() == "WARNING Request attempt #1 failed; will retry\n"


TASK = "Task exception was never retrieved\nfuture: <Task finished coro=<guard() done, defined at {}/aiotasks.py:64>>"


def test_the_second_of_two_watches_that_failed_is_one_line(out: io.StringIO) -> None:
    """Kopf looks at one of them, and asyncio tells of the other; but only Kopf's are meant."""
    fail("asyncio", ConnectionResetError(), TASK.format("/lib/kopf/_cogs/aiokits"))
    assert out.getvalue() == "WARNING Task exception was never retrieved: ConnectionResetError()\n"

    fail("asyncio", ConnectionResetError(), TASK.format("/lib/box_app_operator/watch"))
    assert out.getvalue().splitlines()[1] == "ERROR Task exception was never retrieved"


@pytest.mark.parametrize(
    ("logger", "error"),
    [
        ("kopf._core.reactor.queueing", ZeroDivisionError()),
        ("kopf._core.reactor.queueing", RuntimeError()),
        ("box_app_operator.controller.missed_deletions", ConnectionResetError()),
        ("kopfschmerz", ConnectionResetError()),
    ],
)
def test_bugs_keep_their_traceback(out: io.StringIO, logger: str, error: Exception) -> None:
    """And so does everything that others than Kopf say."""
    fail(logger, error)

    assert out.getvalue().startswith("ERROR Watcher has failed\nTraceback")
