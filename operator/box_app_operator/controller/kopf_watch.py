"""Running Kopf, which watches BoxEnterprises and, where no namespaces are listed, BoxCustomApps.

Kopf tries refused and lost requests again without an end. What it cannot go on after (its kinds are gone, a watch that
says something unknown) ends the process in good order: a new one lists everything anew.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any

import kopf

from box_app_operator.controller import handlers
from box_app_operator.controller.handlers import Watched
from box_app_operator.errors import TransientError
from box_app_operator.observability.logging import is_about_api_server

LOOK_AGAIN_SECONDS = 1.0


class WatchEndedError(Exception):
    """Kopf cannot watch any more; the message says what it met."""


class KindsGoneError(Exception):
    """The API server does not know the kinds of this operator any more."""


class KopfWatch:
    """Kopf, from ``run`` until ``stop`` is set.

    Attributes:
        failed: gets an exception when Kopf cannot go on. ``run`` waits for ``stop`` also then: at its end Kopf cancels
            whatever task it finds, and what others have begun must be finished before.
    """

    def __init__(
        self,
        watched: Watched,
        is_installed: Callable[[], Awaitable[bool]],
        *,
        apps: bool,
        identity: str,
        stop: asyncio.Event,
    ) -> None:
        """``is_installed`` tells whether the API server names the kinds; ``apps``: are BoxCustomApps watched, too?"""
        self.failed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._watched = watched
        self._is_installed = is_installed
        self._apps = apps
        self._identity: Any = identity
        self._stop = stop

    async def run(self, login: Callable[[], Awaitable[kopf.ConnectionInfo]]) -> None:
        """Watch until told to stop."""
        if not await self._kinds_are_named():
            return
        others = asyncio.all_tasks()
        tasks = await kopf.spawn_tasks(
            registry=self._registry(login),
            settings=_settings(),
            standalone=True,
            clusterwide=True,
            # Without one Kopf asks for the user's name, and the user of an image has none. Peering, which it is for, is
            # off.
            identity=self._identity,
            stop_flag=self._stop,
        )
        done, _ = await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        if not self._stop.is_set():
            self._fail(next((task.exception() for task in done if not task.cancelled() and task.exception()), None))
            await self._stop.wait()
        await kopf.run_tasks(tasks, ignored=others)

    async def _kinds_are_named(self) -> bool:
        """Wait for it; False when told to stop before.

        Kopf asks once which kinds there are, and those of a moment ago may be served and not be named yet.
        """
        while not self._stop.is_set():
            with contextlib.suppress(TransientError):
                if await self._is_installed():
                    return True
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop.wait(), LOOK_AGAIN_SECONDS)
        return False

    def _registry(self, login: Callable[[], Awaitable[kopf.ConnectionInfo]]) -> kopf.OperatorRegistry:
        registry = kopf.OperatorRegistry()

        async def log_in(**_: Any) -> kopf.ConnectionInfo:
            return await login()

        kopf.on.login(id="login", registry=registry)(log_in)
        handlers.register(registry, self._watched, apps=self._apps)
        return registry

    def _fail(self, error: BaseException | None) -> None:
        self.failed.set_exception(_translated(error))


def _settings() -> kopf.OperatorSettings:
    settings = kopf.OperatorSettings()
    handlers.configure(settings)
    return settings


def _translated(error: BaseException | None) -> BaseException:
    """A foreign error as one of those that are told in a line; a bug as it is."""
    if error is None:
        return WatchEndedError("it ended by itself")
    if getattr(error, "status", None) == HTTPStatus.NOT_FOUND:
        return KindsGoneError()
    text = str(getattr(error, "message", None) or error)
    return WatchEndedError(f"{type(error).__name__}: {text}") if is_about_api_server(error) else error
