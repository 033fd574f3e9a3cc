"""All enterprises: one link per BoxEnterprise, and the status that each BoxEnterprise shows."""

from __future__ import annotations

import asyncio
import logging
from typing import Any, Protocol

from box_app_operator.core.conditions import Condition, Reason, merge_conditions
from box_app_operator.core.enterprise import Enterprise
from box_app_operator.core.model import UID
from box_app_operator.core.remembered import shown_conditions, status_of
from box_app_operator.core.spec import Body
from box_app_operator.enterprise_link import EnterpriseLink, LinkNeeds
from box_app_operator.errors import TransientError

logger = logging.getLogger(__name__)


class StatusWriter(Protocol):
    """Writes the status of a BoxEnterprise."""

    async def write_status(self, body: Body, status: dict[str, Any]) -> Body | None:
        """Replace the status."""
        ...


class Enterprises:
    """All links, and the status of their BoxEnterprises."""

    def __init__(self, around: LinkNeeds, writer: StatusWriter, status_pause_seconds: float) -> None:
        self._around = around
        self._writer = writer
        self._pause_seconds = status_pause_seconds
        self._links: dict[str, EnterpriseLink] = {}
        self._tasks: dict[str, asyncio.Task[None]] = {}
        self._bodies: dict[str, Body] = {}
        self._reports: dict[str, asyncio.TimerHandle] = {}
        self._writing: set[asyncio.Task[None]] = set()

    def get(self, name: str) -> EnterpriseLink | None:
        """The link of the BoxEnterprise of this name."""
        return self._links.get(name)

    def links(self) -> list[EnterpriseLink]:
        """All links."""
        return list(self._links.values())

    def put(self, enterprise: Enterprise, body: Body) -> None:
        """A BoxEnterprise appeared or changed."""
        self._bodies[enterprise.name] = body
        link = self._links.get(enterprise.name)
        if link is None:
            link = EnterpriseLink(enterprise, self._around, lambda: self.report(enterprise.name, 0.0))
            self._links[enterprise.name] = link
            self._tasks[enterprise.name] = asyncio.ensure_future(link.run())
            link.wake_all()
        elif (enterprise.uid, enterprise.spec, enterprise.generation) != (
            link.enterprise.uid,
            link.enterprise.spec,
            link.enterprise.generation,
        ):
            link.change(enterprise)

    def drop(self, name: str, uid: UID) -> None:
        """A BoxEnterprise is gone: its apps stay as they are and say so. A later one of that name is another one."""
        link = self._links.get(name)
        if link is None or link.enterprise.uid != uid:
            return
        del self._links[name]
        self._bodies.pop(name, None)
        self._tasks.pop(name).cancel()
        link.wake_all()

    def bodies(self) -> list[Body]:
        """All BoxEnterprises."""
        return list(self._bodies.values())

    def report(self, name: str, pause_seconds: float | None = None) -> None:
        """Have the status written, if it changed, at most every so often."""
        if name not in self._links or (name in self._reports and pause_seconds is None):
            return
        if name in self._reports:
            self._reports.pop(name).cancel()
        pause = self._pause_seconds if pause_seconds is None else pause_seconds
        self._reports[name] = asyncio.get_running_loop().call_later(pause, self._start_writing, name)

    def _start_writing(self, name: str) -> None:
        self._reports.pop(name, None)
        task = asyncio.ensure_future(self._write(name))
        self._writing.add(task)
        task.add_done_callback(self._writing.discard)

    async def _write(self, name: str) -> None:
        link, body = self._links.get(name), self._bodies.get(name)
        if link is None or body is None or link.health.condition is None:
            return
        status = self._status(link, body, link.health.condition)
        if status == body.get("status"):
            return
        try:
            written = await self._writer.write_status(body, status)
        except TransientError as error:
            logger.warning("BoxEnterprise %s: its status could not be written: %s", name, error.message)
            self.report(name)
            return
        if written is not None:
            self._bodies[name] = written

    def _status(self, link: EnterpriseLink, body: Body, ready: Condition) -> dict[str, Any]:
        # Of the spec that was tried: nothing is known yet of one that has just come.
        generation = link.health.tried_generation or link.enterprise.generation
        conditions = [ready]
        if ready.status != "True" and link.problem is not None and link.problem.reason == Reason.ENTERPRISE_NOT_READY:
            conditions.append(Condition("Stalled", "True", ready.reason, ready.message))
        old = status_of(body).get("conditions") or ()
        merged = merge_conditions(conditions, old, generation, self._around.clock.now())
        store = self._around.store
        states = [_is_ready(store.app(key)) for key in store.keys_of_enterprise(link.enterprise.name)]
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


def _is_ready(body: Body | None) -> bool:
    return body is not None and any(item[:2] == ("Ready", "True") for item in shown_conditions(body))
