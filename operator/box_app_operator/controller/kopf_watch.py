"""Running Kopf: when it may begin, how it ends, and what it cannot go on after.

Kopf tries refused and lost requests again without an end. What it cannot go on after (its kinds are gone, a watch that
says something unknown) ends the process in good order: a new one lists everything anew.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import replace
from http import HTTPStatus
from pathlib import Path
from typing import Any
from uuid import uuid4

import kopf

from box_app_operator.controller.handlers import Memo
from box_app_operator.errors import TransientError
from box_app_operator.observability.logging import is_about_api_server

LOOK_AGAIN_SECONDS = 1.0
ANSWER_SECONDS = 5.0
KOPFS_CLIENTS = Path(kopf.__file__).parent / "_cogs" / "clients"
"""Where Kopf's requests are written."""


class WatchEndedError(Exception):
    """Kopf cannot watch any more; the message says what it met."""


class KindsGoneError(Exception):
    """The API server does not know the kinds of this operator any more."""


async def watch(
    registry: kopf.OperatorRegistry, memo: Memo, is_installed: Callable[[], Awaitable[bool]], stop: asyncio.Event
) -> None:
    """Run Kopf until it is stopped, or until it cannot go on.

    Kopf calls ``memo.finish`` at its end, whatever that was; only where it was stopped before it has begun it does not.

    Args:
        is_installed: does the API server name the kinds?

    Raises:
        KindsGoneError: the kinds were taken away.
        WatchEndedError: Kopf met something that it does not know, or ended by itself.
    """
    if not await _kinds_are_named(is_installed, stop):
        return
    try:
        await _run_kopf(registry, memo, stop)
    except Exception as error:
        if not is_about_api_server(error):
            raise
        raise _translated(error) from None


async def _run_kopf(registry: kopf.OperatorRegistry, memo: Memo, stop: asyncio.Event) -> None:
    by_itself = False

    async def finish() -> None:
        nonlocal by_itself
        by_itself = not stop.is_set()
        await memo.finish()
        await _await_answers()
        # Kopf leaves a task behind that waits for this, and would wait for that one.
        stop.set()

    # Without an identity Kopf asks for the user's name, and the user of an image has none. Peering, which it is for, is
    # off.
    identity: Any = f"box-app-operator-{uuid4().hex[:8]}"
    await kopf.operator(
        registry=registry,
        memo=replace(memo, finish=finish),
        identity=identity,
        standalone=True,
        clusterwide=True,
        stop_flag=stop,
    )
    if by_itself:
        raise WatchEndedError("it ended by itself")


async def _await_answers() -> None:
    """Wait for what Kopf still asks the API server, before it closes its connections.

    It ends its tasks, and not what they have begun: stopped while it asks which kinds there are, it would cut
    those requests, complain of that, and leave connections open.
    """
    asking = {task for task in asyncio.all_tasks() if _is_request_of_kopf(task)}
    if asking:
        await asyncio.wait(asking, timeout=ANSWER_SECONDS)


def _is_request_of_kopf(task: asyncio.Task[Any]) -> bool:
    code = getattr(task.get_coro(), "cr_code", None)
    return code is not None and Path(code.co_filename).parent == KOPFS_CLIENTS


async def _kinds_are_named(is_installed: Callable[[], Awaitable[bool]], stop: asyncio.Event) -> bool:
    """Wait for it; False when the operator is stopped before.

    Kopf asks once which kinds there are, and those of a moment ago may be served and not be named yet.
    """
    while not stop.is_set():
        with contextlib.suppress(TransientError):
            if await is_installed():
                return True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stop.wait(), LOOK_AGAIN_SECONDS)
    return False


def _translated(error: Exception) -> KindsGoneError | WatchEndedError:
    """A foreign error as one of those that are reported in one line."""
    if getattr(error, "status", None) == HTTPStatus.NOT_FOUND:
        return KindsGoneError()
    return WatchEndedError(f"{type(error).__name__}: {getattr(error, 'message', None) or error}")
