"""Running Kopf: when it may begin, and what it cannot go on after.

Kopf tries refused and lost requests again without an end. What it cannot go on after (its kinds are gone, a watch that
says something unknown) ends the process in good order: a new one lists everything anew.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any
from uuid import uuid4

import kopf

from box_app_operator.controller.handlers import Memo
from box_app_operator.errors import TransientError
from box_app_operator.observability.logging import is_about_api_server

LOOK_AGAIN_SECONDS = 1.0


class WatchEndedError(Exception):
    """Kopf cannot watch any more; the message says what it met."""


class KindsGoneError(Exception):
    """The API server does not know the kinds of this operator any more."""


async def watch(
    registry: kopf.OperatorRegistry,
    memo: Memo,
    is_installed: Callable[[], Awaitable[bool]],
    stop: asyncio.Event,
) -> None:
    """Run Kopf until told to stop, or until it cannot go on. In either case its cleanup handlers have run at the end.

    Args:
        is_installed: does the API server name the kinds?

    Raises:
        KindsGoneError: the kinds were taken away.
        WatchEndedError: Kopf met something that it does not know, or ended by itself.
    """
    if not await _kinds_are_named(is_installed, stop):
        return
    # Without an identity Kopf asks for the user's name, and the user of an image has none. Peering, which it is for, is
    # off.
    identity: Any = f"box-app-operator-{uuid4().hex[:8]}"
    try:
        await kopf.operator(
            registry=registry, memo=memo, identity=identity, standalone=True, clusterwide=True, stop_flag=stop
        )
    except Exception as error:
        if not is_about_api_server(error):
            raise
        raise _translated(error) from None
    if not stop.is_set():
        raise WatchEndedError("it ended by itself")


async def _kinds_are_named(is_installed: Callable[[], Awaitable[bool]], stop: asyncio.Event) -> bool:
    """Wait for it; False when told to stop before.

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
    """A foreign error as one of those that are told in a line."""
    if getattr(error, "status", None) == HTTPStatus.NOT_FOUND:
        return KindsGoneError()
    return WatchEndedError(f"{type(error).__name__}: {getattr(error, 'message', None) or error}")
