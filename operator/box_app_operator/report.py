"""Telling: the object's status, one log line and at most one Event per change of ``Ready``."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from typing import Any

from box_app_operator.core.conditions import Condition, Reason, parse_conditions
from box_app_operator.core.model import Observed
from box_app_operator.core.plan import Plan
from box_app_operator.core.spec import Body, parse_desired
from box_app_operator.core.status import build_status
from box_app_operator.ports import Clock, Cluster
from box_app_operator.store import Store

logger = logging.getLogger(__name__)

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


class Reporter:
    """Writes what a pass found, if it is anything new."""

    def __init__(self, store: Store, cluster: Cluster, clock: Clock) -> None:
        self._store = store
        self._cluster = cluster
        self._clock = clock

    async def report(self, body: Body, observed: Observed, decided: Plan, *, request_handled: bool) -> None:
        """Write the status, if it changed.

        Args:
            request_handled: was everything done that a wish to reconcile asked for? Then it is recorded as handled.
        """
        before = body.get("status") or {}
        status = build_status(
            body, parse_desired(body), observed, decided, self._clock.now(), request_handled=request_handled
        )
        if status == before:
            return
        written = await self._cluster.write_status(body, status)
        if written is not None:
            self._store.put_app(written)
            await self._announce(written, before, decided)

    async def _announce(self, body: Body, before: Mapping[str, Any], decided: Plan) -> None:
        was = parse_conditions(before).get("Ready")
        ready = next(condition for condition in decided.conditions if condition.type == "Ready")
        if was is not None and (was.status, was.reason) == (ready.status, ready.reason):
            return
        name = f"{body['metadata']['namespace']}/{body['metadata']['name']}"
        logger.info("%s: Ready is %s, %s: %s", name, ready.status, ready.reason, ready.message)
        warning = _deserves_warning(ready, decided)
        if ready.status == "True" or warning:
            await self._cluster.emit_event(
                body, warning=warning, reason=ready.reason, message=ready.message, now=self._clock.now()
            )


def _deserves_warning(ready: Condition, decided: Plan) -> bool:
    stalled = any(condition.type == "Stalled" for condition in decided.conditions)
    return ready.status != "True" and (stalled or ready.reason in WARNED)
