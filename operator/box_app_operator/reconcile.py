"""The loop: observe, plan, execute, until nothing is left to do; then report.

Level-triggered: the same pass serves creation, change, restart, resync, a changed Secret and a changed Box app.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from box_app_operator.core.conditions import Condition, Reason, parse_conditions
from box_app_operator.core.model import UID, Desired, HeldToken, Observed, Refusal, RefusalKind, Slot
from box_app_operator.core.plan import Plan, plan
from box_app_operator.core.spec import Body, parse_desired
from box_app_operator.core.status import build_status
from box_app_operator.core.steps import TOKEN_STEPS, MintToken, ProveToken, Step
from box_app_operator.errors import AwaitingHumanError, OperatorError, StalledError, TransientError
from box_app_operator.execute import IN_CLUSTER, Executor
from box_app_operator.links import Links
from box_app_operator.memory import Memory
from box_app_operator.observe import Observer
from box_app_operator.ports import Clock, Cluster
from box_app_operator.store import AppKey, Store

logger = logging.getLogger(__name__)

MOST_STEPS = 40
"""More steps than any pass can need: beyond it something contradicts itself, and the pass ends until later."""

WARNED = frozenset(
    {
        Reason.DECLINED,
        Reason.DISABLED,
        Reason.TOKEN_REJECTED,
        Reason.SLOTS_OCCUPIED,
        Reason.BOX_UNAVAILABLE,
        Reason.ENTERPRISE_NOT_READY,
    }
)
"""Reasons of ``Ready`` that deserve a Warning although the author's spec is not at fault."""


@dataclass(slots=True)
class _Trouble:
    """What went wrong in one pass and will pass by itself."""

    refusals: dict[Step, Refusal] = field(default_factory=dict)
    retry_after_seconds: float = 0.0
    unreachable: str | None = None

    def note(self, step: Step, error: TransientError) -> None:
        self.refusals[step] = Refusal(RefusalKind.TRANSIENT, error.reason, error.message)
        self.retry_after_seconds = max(self.retry_after_seconds, error.retry_after_seconds or 0.0)
        if error.unreachable:
            self.unreachable = error.message


class Reconciler:
    """Brings one object at a time to what its spec asks for."""

    def __init__(
        self,
        store: Store,
        links: Links,
        cluster: Cluster,
        clock: Clock,
        *,
        outage_grace: timedelta,
        backoff: Callable[[int], float],
        passed: Callable[[str], None],
    ) -> None:
        self._store = store
        self._links = links
        self._cluster = cluster
        self._clock = clock
        self._observer = Observer(store, links, cluster, clock)
        self._outage_grace = outage_grace
        self._backoff = backoff
        self._passed = passed
        self._memories: dict[UID, Memory] = {}

    def forget(self, uid: UID) -> None:
        """The object is gone for good."""
        self._memories.pop(uid, None)

    def forgive(self, key: AppKey) -> None:
        """Let refused steps be tried again: a resync, or the enterprise changed."""
        body = self._store.app(key)
        memory = self._memories.get(body["metadata"]["uid"]) if body is not None else None
        if memory is not None:
            memory.refusals.clear()

    async def reconcile(self, key: AppKey) -> float | None:
        """One pass over one object.

        Returns the seconds after which to look again, None when only a change matters.
        """
        body = self._store.app(key)
        if body is None:
            return None
        memory = self._memories.setdefault(body["metadata"]["uid"], Memory())
        try:
            desired = parse_desired(body)
            link = self._links.get(desired.enterprise)
            if link is not None and not link.settled and link.problem is None:
                return None  # The link wakes its apps as soon as it knows something.
            return await self._pass(key, desired, memory)
        except TransientError as error:
            memory.failures += 1
            logger.warning("%s: %s", key, error.message)
            return max(error.retry_after_seconds or 0.0, self._backoff(memory.failures))
        except OperatorError as error:
            logger.info("%s: %s", key, error.message)
            return None
        except Exception:
            memory.failures += 1
            logger.exception("%s: this is a bug; please report it", key)
            return self._backoff(memory.failures)

    async def _pass(self, key: AppKey, desired: Desired, memory: Memory) -> float | None:
        _renew(memory, desired)
        trouble = _Trouble()
        observed, decided = await self._work(key, desired, memory, trouble)
        body = self._store.app(key)
        if body is not None and body["metadata"]["uid"] == desired.uid and decided.complete:
            await self._report(body, desired, observed, decided)
        self._passed(desired.enterprise)
        return self._look_again(memory, trouble, decided)

    async def _work(self, key: AppKey, desired: Desired, memory: Memory, trouble: _Trouble) -> tuple[Observed, Plan]:
        """Observe, plan and execute until no steps are left."""
        fresh = False
        executor = Executor(self._store, self._cluster, desired, memory, self._links.get(desired.enterprise))
        for _ in range(MOST_STEPS):
            body = self._store.app(key)
            if body is None or body["metadata"]["uid"] != desired.uid:
                return Observed(), Plan((), (), complete=False)
            desired = parse_desired(body)
            observed = await self._observer.observe(desired, body, memory)
            decided = self._plan(desired, observed, body, memory, trouble)
            if not fresh and _rests_on_secret(decided):
                await self._observer.refresh_secret(desired)
                fresh = True
                continue
            if not decided.steps:
                return observed, decided
            step = decided.steps[0]
            await self._try(executor, step, body, observed, memory, trouble)
        raise TransientError("AwaitingToken", f"not settled after {MOST_STEPS} steps, the next is {step}")

    def _plan(self, desired: Desired, observed: Observed, body: Body, memory: Memory, trouble: _Trouble) -> Plan:
        return plan(
            desired,
            observed,
            self._clock.now(),
            previous=parse_conditions(body.get("status") or {}),
            refusals={**memory.refusals, **trouble.refusals},
            outage_grace=self._outage_grace,
        )

    async def _try(
        self,
        executor: Executor,
        step: Step,
        body: Body,
        observed: Observed,
        memory: Memory,
        trouble: _Trouble,
    ) -> None:
        key = AppKey(body["metadata"]["namespace"], body["metadata"]["name"])
        if trouble.unreachable is not None and not isinstance(step, IN_CLUSTER):
            trouble.refusals[step] = Refusal(RefusalKind.TRANSIENT, Reason.BOX_UNAVAILABLE, trouble.unreachable)
            return
        try:
            logger.info("%s: %s", key, await executor.execute(step, body, observed))
        except TransientError as error:
            logger.warning("%s: %s", key, error.message)
            memory.doubtful |= error.uncertain and not isinstance(step, IN_CLUSTER)
            trouble.note(step, error)
        except AwaitingHumanError as error:
            self._refuse(key, step, error, RefusalKind.AWAITING_HUMAN, memory, trouble, body)
        except StalledError as error:
            self._refuse(key, step, error, RefusalKind.STALLED, memory, trouble, body)
        if isinstance(step, ProveToken):
            _beware(memory.held, observed, trouble)

    def _refuse(
        self,
        key: AppKey,
        step: Step,
        error: OperatorError,
        kind: RefusalKind,
        memory: Memory,
        trouble: _Trouble,
        body: Body,
    ) -> None:
        logger.info("%s: %s", key, error.message)
        if error.reason == Reason.CREDENTIAL_REJECTED:
            # The enterprise's matter, not this object's: its link finds out, and this pass is repeated.
            link = self._links.get(parse_desired(body).enterprise)
            if link is not None:
                link.suspect()
            trouble.note(step, TransientError(Reason.BOX_UNAVAILABLE, error.message))
            return
        memory.refusals[step] = Refusal(kind, error.reason, error.message)

    async def _report(self, body: Body, desired: Desired, observed: Observed, decided: Plan) -> None:
        now = self._clock.now()
        before = body.get("status") or {}
        status = build_status(body, desired, observed, decided, now)
        if status == before:
            return
        written = await self._cluster.write_status(body, status)
        if written is None:
            return
        self._store.put_app(written)
        await self._announce(written, before, decided)

    async def _announce(self, body: Body, before: dict[str, Any], decided: Plan) -> None:
        """One log line and at most one Event per change of ``Ready``."""
        was = parse_conditions(before).get("Ready")
        ready = next(condition for condition in decided.conditions if condition.type == "Ready")
        if was is not None and (was.status, was.reason) == (ready.status, ready.reason):
            return
        meta = body["metadata"]
        logger.info(
            "%s/%s: Ready is %s, %s: %s",
            meta["namespace"],
            meta["name"],
            ready.status,
            ready.reason,
            ready.message,
        )
        warning = _deserves_warning(ready, decided)
        if ready.status == "True" or warning:
            await self._cluster.emit_event(
                body, warning=warning, reason=ready.reason, message=ready.message, now=self._clock.now()
            )

    def _look_again(self, memory: Memory, trouble: _Trouble, decided: Plan) -> float | None:
        if trouble.refusals:
            memory.failures += 1
            return max(trouble.retry_after_seconds, self._backoff(memory.failures))
        if _in_conflict(decided):
            # Only Secrets with our label are watched: that a foreign one went shows only when it is looked for.
            memory.failures += 1
            return self._backoff(memory.failures)
        memory.failures = 0
        if decided.look_again_at is None:
            return None
        return max(0.0, (decided.look_again_at - self._clock.now()).total_seconds())


def _in_conflict(decided: Plan) -> bool:
    return any(condition.reason == Reason.SECRET_CONFLICT for condition in decided.conditions)


def _rests_on_secret(decided: Plan) -> bool:
    """Does what comes next depend on the Secret, so that a memory of it is not good enough?"""
    return isinstance(next(iter(decided.steps), None), TOKEN_STEPS) or _in_conflict(decided)


def _renew(memory: Memory, desired: Desired) -> None:
    """A new spec, or a new wish to reconcile, makes refused steps worth another try."""
    if (memory.generation, memory.request) != (desired.generation, desired.reconcile_request):
        memory.refusals.clear()
        memory.generation, memory.request = desired.generation, desired.reconcile_request


def _beware(held: HeldToken | None, observed: Observed, trouble: _Trouble) -> None:
    """After a rejected token no other is generated in the same pass: that would go round in circles."""
    if held is None or held.proven is not False or observed.app is None:
        return
    refusal = Refusal(RefusalKind.TRANSIENT, Reason.TOKEN_REJECTED, "Box rejected the token that it generated.")
    for slot in Slot:
        for days in (None, 30, 60):
            trouble.refusals[MintToken(observed.app.id, slot, days)] = refusal


def _deserves_warning(ready: Condition, decided: Plan) -> bool:
    stalled = any(condition.type == "Stalled" for condition in decided.conditions)
    return ready.status != "True" and (stalled or ready.reason in WARNED)
