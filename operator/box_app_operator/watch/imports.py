"""Watching the Secrets in which people hand over keys and credentials, each by its name, while one is waited for.

At rest none is watched: an app whose token is in order waits for no person.
"""

import asyncio
from collections.abc import Callable

from box_app_operator.kube.secrets import KubeSecrets
from box_app_operator.model.box import UID
from box_app_operator.watch.secrets import follow_secret

MAX_WATCHES = 64
"""So many Secrets are watched at once; what waits beyond that is noticed at the next resync."""

Name = tuple[str, str]
"""Namespace and name of a Secret."""


class ImportWatch:
    """Wakes an object whenever the Secret that it waits for may have changed."""

    def __init__(self, credentials: KubeSecrets, backoff: Callable[[int], float], wake: Callable[[UID], None]) -> None:
        self._credentials = credentials
        self._backoff = backoff
        self._wake = wake
        self._tasks: dict[UID, tuple[Name, asyncio.Task[None]]] = {}

    def want(self, wanted_by: UID, name: Name) -> None:
        """Watch this Secret for this object, and no other any more."""
        watched = self._tasks.get(wanted_by)
        if watched is not None and watched[0] == name:
            return
        self.release(wanted_by)
        if len(self._tasks) >= MAX_WATCHES:
            return
        task = asyncio.create_task(self._follow(wanted_by, name), name=f"Secret {name[0]}/{name[1]}")
        self._tasks[wanted_by] = (name, task)

    def release(self, wanted_by: UID) -> None:
        """This object waits for nothing any more."""
        watched = self._tasks.pop(wanted_by, None)
        if watched is not None:
            watched[1].cancel()

    async def close(self) -> None:
        """Stop watching."""
        tasks = [task for _, task in self._tasks.values()]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    async def _follow(self, wanted_by: UID, name: Name) -> None:
        async def changed() -> None:
            self._wake(wanted_by)

        await follow_secret(self._credentials, name, self._backoff, changed)
