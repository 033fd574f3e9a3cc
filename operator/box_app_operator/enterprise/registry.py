"""All enterprises: one link per BoxEnterprise, the finalizer that it has while apps use it, and the status it shows."""

import asyncio
import contextlib
import logging
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

from box_app_operator.api.enterprise import Enterprise, selects
from box_app_operator.api.remembered import shown_conditions, status_of
from box_app_operator.api.spec import FINALIZER, Body, Resource, finalizers_of
from box_app_operator.enterprise import usage
from box_app_operator.enterprise.connection import EnterpriseLink, LinkDependencies
from box_app_operator.errors import TransientError
from box_app_operator.kube.objects import KubeObjects
from box_app_operator.model.box import UID
from box_app_operator.model.conditions import Condition, Reason, merge_conditions

logger = logging.getLogger(__name__)


class Enterprises:
    """All links, and the finalizers and the status of their BoxEnterprises."""

    def __init__(
        self, deps: LinkDependencies, writer: KubeObjects, status_pause_seconds: float, finalizer: str = FINALIZER
    ) -> None:
        """``finalizer`` is that of this installation, see ``core.usage.finalizer_of``."""
        self._deps = deps
        self._writer = writer
        self._pause_seconds = status_pause_seconds
        self._finalizer = finalizer
        self._links: dict[str, EnterpriseLink] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._bodies: dict[str, Body] = {}
        self._reports: dict[str, asyncio.TimerHandle] = {}
        self._writing: set[asyncio.Task[None]] = set()
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._coming: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()

    def get(self, name: str) -> EnterpriseLink | None:
        """The link of the BoxEnterprise of this name."""
        return self._links.get(name)

    def name_in_box(self, app: Resource) -> str:
        """The name that the app of a BoxCustomApp has in Box; empty when it is not known to have one."""
        link, client_id = self._links.get(app.desired.enterprise), status_of(app.body).get("clientID")
        if link is None:
            return ""
        found = link.listing.by_uid(app.desired.uid) or (client_id and link.listing.by_client(client_id))
        return found.name if found else ""

    def links(self) -> list[EnterpriseLink]:
        """All links."""
        return list(self._links.values())

    def put(self, enterprise: Enterprise, body: Body) -> None:
        """A BoxEnterprise appeared or changed."""
        link = self._links.get(enterprise.name)
        if link is None:
            link = EnterpriseLink(enterprise, self._deps, lambda: self.report(enterprise.name, 0.0))
            self._links[enterprise.name] = link
            self._tasks[enterprise.name] = asyncio.ensure_future(link.run())
            link.wake_all()
        elif (enterprise.uid, enterprise.spec, enterprise.generation) != (
            link.enterprise.uid,
            link.enterprise.spec,
            link.enterprise.generation,
        ):
            link.change(enterprise)
        self.keep(body)

    def keep(self, body: Body) -> None:
        """Take in a BoxEnterprise as it is now, also one whose spec cannot be read: it can be deleted all the same."""
        meta = body["metadata"]
        name, known = meta["name"], self._bodies.get(meta["name"])
        if known is not None and int(known["metadata"]["resourceVersion"]) > int(meta["resourceVersion"]):
            return
        self._bodies[name] = body
        link = self._links.get(name)
        if link is not None and link.is_deleting != usage.is_deleting(body):
            link.is_deleting = usage.is_deleting(body)
            link.wake_all()
        if usage.is_deleting(body) and (known is None or _matters(known) != _matters(body)):
            self.report(name, 0.0)

    def drop(self, name: str, uid: UID) -> None:
        """A BoxEnterprise is gone: its apps stay as they are and say so. A later one of that name is another one."""
        body = self._bodies.get(name)
        if body is None or body["metadata"]["uid"] != uid:
            return
        del self._bodies[name]
        link = self._links.pop(name, None)
        if link is not None:
            self._tasks.pop(name).cancel()
            link.wake_all()

    def bodies(self) -> list[Body]:
        """All BoxEnterprises."""
        return list(self._bodies.values())

    # The finalizer

    @contextlib.asynccontextmanager
    async def kept(self, name: str) -> AsyncIterator[None]:
        """Meanwhile the BoxEnterprise has the finalizer: an app gets its own only then, and counts from then on.

        Raises:
            TransientError: it could not be had, or the BoxEnterprise is gone or about to be: look again.
        """
        self._coming[name] += 1
        try:
            await self._set_pending(name)
            yield
        finally:
            self._coming[name] -= 1

    async def _set_pending(self, name: str) -> None:
        async with self._locks[name]:
            body = self._bodies.get(name)
            if body is not None and self._finalizer in finalizers_of(body):
                return
            if body is None or usage.is_deleting(body):
                raise TransientError(Reason.NOT_YET_KNOWN, f"BoxEnterprise {name!r} is gone, or about to be")
            await self._set_finalizers(body, [*finalizers_of(body), self._finalizer])

    async def _settle_finalizer(self, name: str, body: Body) -> None:
        """Have the finalizer there exactly while apps need it."""
        needed = any(self._uses(name)) or self._coming[name] > 0
        wanted = usage.wanted_finalizers(body, self._finalizer, needed=needed)
        if wanted != finalizers_of(body):
            await self._set_finalizers(body, wanted)

    async def _set_finalizers(self, body: Body, finalizers: list[str]) -> None:
        written = await self._writer.set_finalizers(body, finalizers)
        logger.info("BoxEnterprise %s: finalizers: %s", body["metadata"]["name"], ", ".join(finalizers) or "none")
        if written is not None:
            self._keep_written(written)

    def _keep_written(self, body: Body) -> None:
        if body["metadata"]["name"] in self._bodies:
            # Otherwise it is gone since, and that was heard before this answer.
            self.keep(body)

    def _uses(self, name: str) -> Iterator[Resource]:
        """The apps that need the BoxEnterprise."""
        store, link = self._deps.store, self._links.get(name)
        selector = link.selector if link is not None else None
        for app in store.apps_of_enterprise(name):
            if usage.uses_enterprise(app.body, allowed=selects(selector, store.labels_of(app.desired.namespace))):
                yield app

    def app_gone(self, name: str) -> None:
        """An app of this BoxEnterprise went: it may be free to be deleted, and whoever does so is not kept waiting."""
        self.report(name, None if any(self._uses(name)) else 0.0)

    # The status

    def report(self, name: str, pause_seconds: float | None = None) -> None:
        """Have finalizer and status written, if they changed, at most every so often."""
        body = self._bodies.get(name)
        if body is None or (name in self._reports and pause_seconds is None):
            return
        if name in self._reports:
            self._reports.pop(name).cancel()
        # Whoever deleted it waits.
        usual = 0.0 if usage.is_deleting(body) else self._pause_seconds
        pause = usual if pause_seconds is None else pause_seconds
        self._reports[name] = asyncio.get_running_loop().call_later(pause, self._start_writing, name)

    def _start_writing(self, name: str) -> None:
        self._reports.pop(name, None)
        task = asyncio.ensure_future(self._write(name))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, name: str) -> None:
        async with self._locks[name]:
            # Neither keeps the other from being written.
            done = [await self._try(write, name) for write in (self._settle_finalizer, self._write_status)]
        self._failures[name] = 0 if all(done) else self._failures[name] + 1
        if self._failures[name] and name not in self._reports:
            self.report(name, self._deps.backoff(self._failures[name]))

    async def _try(self, write: Callable[[str, Body], Awaitable[None]], name: str) -> bool:
        body = self._bodies.get(name)
        try:
            if body is not None:
                await write(name, body)
        except TransientError as error:
            logger.warning("BoxEnterprise %s: it could not be written: %s", name, error.message)
            return False
        return True

    async def _write_status(self, name: str, body: Body) -> None:
        link = self._links.get(name)
        ready = self._ready(body, link)
        status = self._status(body, link, ready) if ready is not None else body.get("status")
        if status is not None and status != body.get("status"):
            written = await self._writer.write_status(body, status)
            if written is not None:
                self._keep_written(written)

    def _ready(self, body: Body, link: EnterpriseLink | None) -> Condition | None:
        """What the BoxEnterprise says; None when there is nothing to say.

        While nothing is known, when another installation holds it and says so, and when the last finalizer went.
        """
        health = link.health.condition if link is not None else None
        if not usage.is_deleting(body):
            return health
        name, finalizers = body["metadata"]["name"], finalizers_of(body)
        count = sum(1 for _ in self._uses(name))
        if not count and (not finalizers or any(usage.is_operators(finalizer) for finalizer in finalizers)):
            return None
        return usage.deleting_condition(name, count, finalizers, health)

    def _status(self, body: Body, link: EnterpriseLink | None, ready: Condition) -> dict[str, Any]:
        generation, stalled = body["metadata"].get("generation"), False
        if link is not None:
            # Of the spec that was tried: nothing is known yet of one that has just come.
            generation = link.health.tried_generation or link.enterprise.generation
            stalled = link.health.stalled and not usage.is_deleting(body)
        conditions = [ready]
        if ready.status != "True":
            conditions.append(Condition("Stalled" if stalled else "Reconciling", "True", ready.reason, ready.message))
        old = status_of(body).get("conditions") or ()
        merged = merge_conditions(conditions, old, generation, self._deps.clock.now())
        states = [_is_ready(app.body) for app in self._deps.store.apps_of_enterprise(body["metadata"]["name"])]
        return {
            "observedGeneration": generation,
            "conditions": merged,
            "apps": {"total": len(states), "ready": sum(states)},
        }

    async def close(self) -> None:
        """Stop following."""
        for timer in self._reports.values():
            timer.cancel()
        for task in (*self._tasks.values(), *self._writing):
            task.cancel()
        await asyncio.gather(*self._tasks.values(), *self._writing, return_exceptions=True)


def _matters(body: Body) -> tuple[bool, bool, list[str]]:
    """What a deletion depends on. Not the status: two installations would answer each other for ever."""
    return usage.is_deleting(body), usage.is_forced(body), finalizers_of(body)


def _is_ready(app: Body) -> bool:
    return any(item[:2] == ("Ready", "True") for item in shown_conditions(app))
