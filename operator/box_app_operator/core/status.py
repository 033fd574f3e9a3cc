"""The object's ``status``: what was observed, put into the shape of the schema. Pure."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from box_app_operator.api.remembered import status_of
from box_app_operator.api.spec import RECONCILE_ANNOTATION, ROTATE_ANNOTATION, Body
from box_app_operator.core.plan import Plan
from box_app_operator.model.box import BoxApp, Slot
from box_app_operator.model.conditions import format_time, merge_conditions
from box_app_operator.model.desired import Desired, Retire
from box_app_operator.model.finding import NextStep
from box_app_operator.model.observed import Adoption, Observed
from box_app_operator.modes.registry import RULES
from box_app_operator.tokens.active import Current, current_of
from box_app_operator.tokens.consumers import MAX_POD_NAMES, pods_on_previous
from box_app_operator.tokens.downscoped import downscoped_status
from box_app_operator.tokens.restarts import restarted
from box_app_operator.tokens.rotation import Cause, next_rotation, rotation_waits_until

FROM_BOX = (
    "appID",
    "clientID",
    "consoleURL",
    "authorization",
    "tokens",
    "downscopedTokens",
    "corsDomains",
    "nextSteps",
)
"""Fields that follow Box; they keep their last value while nothing is known of the app."""


def build_status(
    body: Body, desired: Desired, observed: Observed, plan: Plan, now: datetime, *, request_handled: bool = True
) -> dict[str, Any]:
    """The whole status after a completed pass; equal to the old one when nothing changed.

    Args:
        request_handled: was everything done that a request to reconcile asked for? Then it is recorded as handled.
    """
    old = status_of(body)
    conditions = merge_conditions(plan.conditions, old.get("conditions") or (), desired.generation, now)
    seen = observed.known and not desired.suspended and observed.problem is None
    # The status says nothing of an app that the object may not have.
    seen = seen and (observed.adoption is not Adoption.MISSING or observed.claimed_by is not None)
    fields = _of_app(desired, observed, plan, now) if seen else {name: old.get(name) for name in FROM_BOX}
    if desired.deleting and plan.next_steps:
        fields["nextSteps"] = _shown(plan.next_steps)
    annotations = body["metadata"].get("annotations") or {}
    request = annotations.get(RECONCILE_ANNOTATION)
    handled = request if request_handled and not desired.suspended else None
    status = {
        "observedGeneration": desired.generation,
        "conditions": conditions,
        **fields,
        "lastHandledReconcileAt": handled or old.get("lastHandledReconcileAt"),
        "lastHandledRotateAt": _rotated_for(annotations.get(ROTATE_ANNOTATION), desired, observed, now)
        or old.get("lastHandledRotateAt"),
    }
    return {name: value for name, value in status.items() if value is not None}


def _of_app(desired: Desired, observed: Observed, plan: Plan, now: datetime) -> dict[str, Any]:
    if observed.claimed_by:
        # Least of all its client id: whoever shows that has the older claim.
        return {}
    app = observed.app
    return {
        **RULES[observed.mode].describe_app(desired, observed, plan.conditions, now),
        "tokens": _tokens(desired, observed, app, now) if app is not None else None,
        "downscopedTokens": downscoped_status(desired, observed) or None if app is not None else None,
        "nextSteps": _shown(plan.next_steps) or None,
    }


def _shown(steps: tuple[NextStep, ...]) -> list[dict[str, str]]:
    return [{"what": step.what, **({"where": step.where} if step.where else {})} for step in steps]


def _rotated_for(request: str | None, desired: Desired, observed: Observed, now: datetime) -> str | None:
    """The request for a rotation, once the token that fulfils it is in the Secret."""
    current = current_of(desired, observed, now)
    return request if current is not None and current.record.rotate_request == request else None


def _tokens(desired: Desired, observed: Observed, app: BoxApp, now: datetime) -> dict[str, Any] | None:
    """The active token, and the one that was active before for as long as Box has it.

    With the Secret lost, what it held is still shown as long as Box has it, until another takes its place. Forgetting
    a token too early would leave it live for good on an adopted app, where only what the operator remembers as its own
    is revoked; and pods may still hold it.
    """
    current, remembered = current_of(desired, observed, now), observed.remembered
    if current is None:
        lost = {"active": app.slot_of(remembered.active), "retiring": app.slot_of(remembered.retiring)}
        return {role: _token(app, slot) for role, slot in lost.items() if slot is not None} or None
    shown = _active(current)
    if current.other is not None and current.was_published(current.other.fingerprint):
        shown["retiring"] = {**_token(app, current.slot.other), **_used_by(current)}
    return shown


def _active(current: Current) -> dict[str, Any]:
    shown: dict[str, Any] = {"secretName": current.desired.secret.name, "active": _token(current.app, current.slot)}
    moment = next_rotation(current)
    earliest = rotation_waits_until(current, Cause.DATE)
    moment = max(moment, earliest) if moment and earliest else moment
    shown |= {"nextRotationTime": format_time(moment)} if moment else {}
    done = restarted(current)
    return {**shown, "restarted": done} if done else shown


def _used_by(current: Current) -> dict[str, Any]:
    pods = pods_on_previous(current) if current.desired.rotation.retire is Retire.WHEN_UNUSED else None
    return {"usedBy": {"count": len(pods), "pods": list(pods[:MAX_POD_NAMES])}} if pods is not None else {}


def _token(app: BoxApp, slot: Slot) -> dict[str, str]:
    token = app.tokens[slot]
    expiry = {"expiryTime": format_time(token.expires_at)} if token.expires_at else {}
    return {
        "slot": str(slot),
        "fingerprint": token.fingerprint,
        "issuedTime": format_time(token.created_at),
        **expiry,
    }
