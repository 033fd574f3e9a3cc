"""Telling: the object's status, one log line and at most one Event per change of ``Ready``, and one for each step that
an audit trail needs."""

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from box_app_operator.api.remembered import status_of
from box_app_operator.api.spec import Body, Resource
from box_app_operator.cache.attempts import Memory
from box_app_operator.cache.cluster import Store
from box_app_operator.core.plan import Plan
from box_app_operator.core.status import build_status
from box_app_operator.model.conditions import Condition, Reason, parse_conditions, parse_time
from box_app_operator.model.finding import Notice
from box_app_operator.model.observed import Observed
from box_app_operator.observability.metrics import AUTHORIZATION_WAITS, AppLog
from box_app_operator.ports import Clock, Cluster

logger = logging.getLogger(__name__)

WARNED = frozenset(
    {
        Reason.DECLINED,
        Reason.DISABLED,
        Reason.TOKEN_REJECTED,
        Reason.TOKEN_EXPIRED,
        Reason.SLOTS_OCCUPIED,
        Reason.ROTATION_LIMITED,
        Reason.BOX_UNAVAILABLE,
        Reason.ENTERPRISE_NOT_FOUND,
        Reason.ENTERPRISE_NOT_READY,
    }
)
"""Reasons of ``Ready`` that deserve a Warning although the author's spec is not at fault."""


class Reporter:
    """Writes what a pass found, if it is anything new."""

    def __init__(self, store: Store, cluster: Cluster, clock: Clock, pause: timedelta) -> None:
        self._store = store
        self._cluster = cluster
        self._clock = clock
        self._pause = pause

    async def report(self, resource: Resource, observed: Observed, decided: Plan, memory: Memory) -> datetime | None:
        """Write the status, if it changed.

        Returns when to come back, because what changed was not worth a write yet; None otherwise.
        """
        body, now = resource.body, self._clock.now()
        before = status_of(body)
        done = observed.known and observed.problem is None and not memory.in_trouble
        status = build_status(body, resource.desired, observed, decided, now, request_handled=done)
        if status == body.get("status"):
            await self._emit(body, memory.take_records())
            return None
        last = memory.used_by_written_at
        if last is not None and now < last + self._pause and _without_counts(status) == _without_counts(before):
            # A rollout of a hundred pods is not a hundred writes.
            return last + self._pause
        written = await self._cluster.write_status(body, status)
        if written is not None:
            memory.used_by_written_at = now
            self._store.put_app(written)
            _measure_authorization(before, status, now)
            await self._announce(written, before, decided)
            await self._emit(written, [*memory.take_records(), *memory.unwritten()])
            memory.mark_written(decided.notices)
        return None

    async def bid_farewell(self, body: Body, memory: Memory) -> None:
        """The object was deleted: write the Events that are not written yet, for there is no later."""
        meta = body["metadata"]
        for notice in memory.unwritten():
            logger.warning("%s/%s: %s", meta["namespace"], meta["name"], notice.message)
        await self._emit(body, [*memory.take_records(), *memory.unwritten()])
        memory.mark_written(())

    async def _emit(self, body: Body, notices: Iterable[Notice]) -> None:
        for notice in notices:
            await self._cluster.emit_event(
                body, warning=notice.warning, reason=notice.reason, message=notice.message, now=self._clock.now()
            )

    async def _announce(self, body: Body, before: Mapping[str, Any], decided: Plan) -> None:
        was = parse_conditions(before).get("Ready")
        ready = next(condition for condition in decided.conditions if condition.type == "Ready")
        if was is not None and (was.status, was.reason) == (ready.status, ready.reason):
            return
        log = AppLog(logger, body["metadata"]["namespace"], body["metadata"]["name"])
        log.info("Ready is %s, %s: %s", ready.status, ready.reason, ready.message, extra={"reason": ready.reason})
        warning = _deserves_warning(ready, decided)
        if ready.status == "True" or warning or ready.reason == Reason.SUSPENDED:
            await self._emit(body, [Notice(Reason(ready.reason), ready.message, warning=warning)])


def _measure_authorization(before: Mapping[str, Any], after: Mapping[str, Any], now: datetime) -> None:
    """Note how long the Box admin took, at the moment when the authorization is first reported."""
    authorization = after.get("authorization") or {}
    submitted = parse_time(authorization.get("submittedTime"))
    was, is_now = ((status.get("authorization") or {}).get("state") for status in (before, after))
    if submitted is not None and is_now == "Authorized" and was in (None, "NotSubmitted", "Pending"):
        decided = parse_time(authorization.get("decidedTime")) or now
        AUTHORIZATION_WAITS.observe(max(0.0, (decided - submitted).total_seconds()))


def _deserves_warning(ready: Condition, decided: Plan) -> bool:
    stalled = any(condition.type == "Stalled" for condition in decided.conditions)
    return ready.status != "True" and (stalled or ready.reason in WARNED)


def _without_counts(status: Mapping[str, Any]) -> dict[str, Any]:
    """The status without the count of pods that may hold the previous token."""
    tokens = status.get("tokens") or {}
    retiring = {key: value for key, value in (tokens.get("retiring") or {}).items() if key != "usedBy"}
    return {**status, "tokens": {**tokens, "retiring": retiring}}
