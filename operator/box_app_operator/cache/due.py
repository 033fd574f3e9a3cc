"""Which object to look at first, when there are many. Pure."""

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from box_app_operator.api.spec import RECONCILE_ANNOTATION, ROTATE_ANNOTATION, Body, Resource
from box_app_operator.model.conditions import format_time

NEVER = "9999-12-31T23:59:59Z"


def due_first(apps: Iterable[Resource], now: datetime) -> list[Resource]:
    """The objects, the one whose next work is due soonest first.

    A token that is overdue comes before what is unsettled, because it has an end; what is settled comes last.
    """
    moment = format_time(now)
    return sorted(apps, key=lambda app: _due_at(app.body, moment))


def _due_at(body: Body, now: str) -> str:
    """When there is something to do next, in RFC 3339 with Z, which compares as text."""
    try:
        dates = [NEVER, *_dates(body.get("status") or {})]
        return min(*dates, now) if _is_unsettled(body) else min(dates)
    except (AttributeError, KeyError, TypeError):
        # Whatever a status may hold: it is looked at with all that is unsettled.
        return now


def _dates(status: Body) -> list[str]:
    tokens = status.get("tokens") or {}
    active, downscoped = tokens.get("active") or {}, status.get("downscopedTokens") or ()
    found: list[Any] = [tokens.get("nextRotationTime"), active.get("expiryTime")]
    found += [token.get("expiryTime") for token in downscoped]
    return [str(date) for date in found if date]


def _is_unsettled(body: Body) -> bool:
    meta, status = body["metadata"], body.get("status") or {}
    annotations = meta.get("annotations") or {}
    ready = any(item["type"] == "Ready" and item["status"] == "True" for item in status.get("conditions") or ())
    return (
        not ready
        or "deletionTimestamp" in meta
        or status.get("observedGeneration") != meta.get("generation")
        or annotations.get(RECONCILE_ANNOTATION) != status.get("lastHandledReconcileAt")
        or annotations.get(ROTATE_ANNOTATION) != status.get("lastHandledRotateAt")
    )
