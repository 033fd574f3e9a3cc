"""Following the pods of a namespace for as long as a token is phased out in it, and no longer.

Most of the time no pod is looked at: a cluster's pods are many, and what matters of them matters for an hour a month.
"""

import asyncio
import logging
from collections.abc import Callable

from box_app_operator.api.spec import Body
from box_app_operator.errors import TransientError
from box_app_operator.kube.collection import ExpiredError, KubeSource
from box_app_operator.kube.lists import Present
from box_app_operator.kube.pods import view_pod
from box_app_operator.model.box import UID
from box_app_operator.model.observed import PodView
from box_app_operator.watch.reflector import Reflector, Sink

logger = logging.getLogger(__name__)


MAX_WATCHES = 64
"""So many namespaces are followed at once. Beyond that pods are listed at every look, and looks come with the resync:
a thousand rotations at once must not become a thousand connections."""

Pods = dict[UID, PodView]
"""The pods that refer to a Secret and are not over."""


class Followed:
    """The pods of one namespace, followed until ``stop``.

    Attributes:
        wanted_by: the objects that need to know.
    """

    def __init__(
        self, namespace: str, source: KubeSource[Body], backoff: Callable[[int], float], changed: Callable[[], None]
    ) -> None:
        self.wanted_by: set[UID] = set()
        self._namespace = namespace
        self._changed = changed
        self._known = False
        self._pods: Pods = {}
        self._listed: Pods = {}
        sink = Sink(self._on_listed, self._on_relist, self._on_change)
        self._reflector = Reflector(source, sink, backoff, self._report)
        self.task = asyncio.create_task(self._reflector.run(), name=f"pods of {namespace}")

    async def pods(self) -> tuple[PodView, ...] | None:
        """The pods, once they were listed; None while they cannot be known, and when they are not followed any more."""
        await self._reflector.tried.wait()
        return tuple(self._pods.values()) if self._known else None

    def stop(self) -> None:
        """Follow them no longer. Whoever waits for the first list is let go."""
        self.task.cancel()
        self._known = False
        self._reflector.tried.set()

    def _on_listed(self, bodies: list[Body]) -> None:
        for body in bodies:
            _take_in(self._listed, body, gone=False)

    def _on_relist(self, present: Present) -> None:
        # Of a list that broke off something may be left over that is gone by now.
        self._pods = {uid: pod for uid, pod in self._listed.items() if uid in present.uids}
        self._listed, self._known = {}, True
        self._changed()

    def _on_change(self, body: Body, gone: bool) -> None:
        if _take_in(self._pods, body, gone=gone) and self._known:
            self._changed()

    def _report(self, error: TransientError | None) -> None:
        if error is not None:
            # What was known may be over: rather nothing than a pod that is taken for gone, or for alive.
            self._known = False
            logger.warning("The pods of %s are not known: %s", self._namespace, error)
        elif not self._known:
            self._known = True
            self._changed()


def _take_in(pods: Pods, body: Body, *, gone: bool) -> bool:
    """Was it news?"""
    uid, pod = UID(body["metadata"]["uid"]), None if gone else view_pod(body)
    before = pods.pop(uid, None)
    if pod is not None:
        pods[uid] = pod
    return before != pod


class PodWatch:
    """The pods of the namespaces whose pods matter to an app."""

    def __init__(
        self, source: Callable[[str], KubeSource[Body]], backoff: Callable[[int], float], wake: Callable[[UID], None]
    ) -> None:
        """``source`` gives the pods of a namespace; ``wake`` is called for whom pods changed."""
        self._source = source
        self._backoff = backoff
        self._wake = wake
        self._followed: dict[str, Followed] = {}
        self._namespaces: dict[UID, str] = {}

    async def of(self, namespace: str, wanted_by: UID) -> tuple[PodView, ...] | None:
        """The pods of a namespace that refer to Secrets, followed from now on; None while they cannot be known."""
        if namespace not in self._followed and len(self._followed) >= MAX_WATCHES:
            return await self._list_once(namespace)
        followed = self._followed.get(namespace) or self._follow(namespace)
        followed.wanted_by.add(wanted_by)
        self._namespaces[wanted_by] = namespace
        return await followed.pods()

    def _follow(self, namespace: str) -> Followed:
        def changed() -> None:
            for uid in followed.wanted_by:
                self._wake(uid)

        followed = self._followed[namespace] = Followed(namespace, self._source(namespace), self._backoff, changed)
        return followed

    async def _list_once(self, namespace: str) -> tuple[PodView, ...] | None:
        pods: Pods = {}
        try:
            async for page in self._source(namespace).pages():
                for body in page.items:
                    _take_in(pods, body, gone=False)
        except (TransientError, ExpiredError) as error:
            logger.warning("The pods of %s are not known: %s", namespace, error)
            return None
        return tuple(pods.values())

    def release(self, wanted_by: UID) -> None:
        """This object needs to know no longer; with the last one the watch ends."""
        namespace = self._namespaces.pop(wanted_by, None)
        if namespace is None:
            return
        followed = self._followed[namespace]
        followed.wanted_by.discard(wanted_by)
        if not followed.wanted_by:
            self._followed.pop(namespace).stop()

    async def close(self) -> None:
        """Stop following."""
        tasks = [followed.task for followed in self._followed.values()]
        for followed in self._followed.values():
            followed.stop()
        await asyncio.gather(*tasks, return_exceptions=True)
