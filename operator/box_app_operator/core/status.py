"""The object's ``status``: what was observed, put into the shape of the schema. Pure."""

from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any

from box_app_operator.api.remembered import status_of
from box_app_operator.api.spec import CLAIM_ANNOTATION, RECONCILE_ANNOTATION, ROTATE_ANNOTATION, Body
from box_app_operator.core.plan import Plan
from box_app_operator.model.box import Fingerprint, TokenSource, known_token
from box_app_operator.model.conditions import format_time, merge_conditions
from box_app_operator.model.desired import Desired, Retire
from box_app_operator.model.finding import MAX_NAMES, Task
from box_app_operator.model.observed import Observed, RememberedStatus
from box_app_operator.modes.registry import RULES
from box_app_operator.tokens.active import Current, current_of
from box_app_operator.tokens.consumers import pods_on_previous
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
    "claimUID",
)
"""Fields that follow Box; they keep their last value while nothing is known of the app."""


def build_status(
    body: Body, desired: Desired, observed: Observed, plan: Plan, now: datetime, *, request_handled: bool = True
) -> dict[str, Any]:
    """The whole status after a completed pass; equal to the old one when nothing changed.

    Args:
        request_handled: was everything done that a request to reconcile asked for? Then it is recorded as handled.
    """
    old, current = status_of(body), current_of(desired, observed, now)
    conditions = merge_conditions(plan.conditions, old.get("conditions") or (), desired.generation, now)
    seen = observed.known and not desired.suspended and observed.problem is None
    # What a restored status records of an app is needed once the app is the object's own.
    seen = seen and (observed.claim is None or observed.app is not None)
    fields = _of_app(desired, observed, current, plan, now) if seen else {name: old.get(name) for name in FROM_BOX}
    if seen and observed.claimed_by is not None and "claimUID" in old:
        # By these it is known that the object had the app, and which one it was.
        fields |= {name: old.get(name) for name in ("appID", "claimUID")}
    if plan.tasks and (seen or desired.deleting):
        fields["nextSteps"] = _shown(plan.tasks, old.get("nextSteps") or (), now)
    annotations = body["metadata"].get("annotations") or {}
    request = annotations.get(RECONCILE_ANNOTATION)
    handled = request if request_handled and not desired.suspended else None
    status = {
        "observedGeneration": desired.generation,
        "conditions": conditions,
        **fields,
        "lastHandledReconcileAt": handled or old.get("lastHandledReconcileAt"),
        "lastHandledRotateAt": _rotated_for(annotations.get(ROTATE_ANNOTATION), current)
        or old.get("lastHandledRotateAt"),
        "lastHandledClaimAt": (annotations.get(CLAIM_ANNOTATION) if _is_claimed(observed) else None)
        or old.get("lastHandledClaimAt"),
    }
    return {name: value for name, value in status.items() if value is not None}


def _is_claimed(observed: Observed) -> bool:
    """Is there an app that is this object's own?"""
    return observed.app is not None and observed.claimed_by is None


def _of_app(desired: Desired, observed: Observed, current: Current | None, plan: Plan, now: datetime) -> dict[str, Any]:
    if observed.claimed_by:
        # Least of all its client id: whoever shows that has the older claim.
        return {}
    source = observed.source
    return {
        **RULES[observed.mode].describe_app(desired, observed, plan.conditions, now),
        "tokens": _tokens(observed.remembered, current, source) if source is not None else None,
        "downscopedTokens": downscoped_status(desired, observed) or None if source is not None else None,
    }


def _shown(tasks: Iterable[Task], old: Iterable[Mapping[str, Any]], now: datetime) -> list[dict[str, Any]]:
    """The tasks, each with the time since when it is open."""
    since = {(task.get("kind"), task["what"]): task.get("since") for task in old}
    return [_task(task, since.get((task.kind, task.what)) or format_time(now)) for task in tasks]


def _task(task: Task, since: str) -> dict[str, Any]:
    fields = {
        "kind": str(task.kind),
        "who": str(task.who),
        "what": task.what,
        "where": task.where,
        "values": [{"name": name, "value": value} for name, value in task.values] or None,
        "since": since,
        "due": format_time(task.due) if task.due is not None else None,
        "problem": task.problem,
    }
    return {name: value for name, value in fields.items() if value is not None}


def _rotated_for(request: str | None, current: Current | None) -> str | None:
    """The request for a rotation, once the token that fulfils it is in the Secret."""
    return request if current is not None and current.record.rotate_request == request else None


def _tokens(remembered: RememberedStatus, current: Current | None, source: TokenSource) -> dict[str, Any] | None:
    """The active token, and the one that was active before for as long as Box has it.

    With the Secret lost, what it held is still shown as long as Box has it, until another takes its place. Forgetting
    a token too early would leave it live for good on an adopted app, where only what the operator remembers as its own
    is revoked; and pods may still hold it.
    """
    if current is None:
        lost = {"active": _token(source, remembered.active), "retiring": _token(source, remembered.retiring)}
        return {role: token for role, token in lost.items() if token} or None
    shown = _active(current)
    if current.other is not None and current.was_published(current.other.fingerprint):
        shown["retiring"] = {**_token(source, current.other.fingerprint), **_used_by(current)}
    return shown


def _active(current: Current) -> dict[str, Any]:
    shown: dict[str, Any] = {
        "secretName": current.desired.secret.name,
        "active": _token(current.source, current.fingerprint),
    }
    moment = next_rotation(current)
    earliest = rotation_waits_until(current, Cause.DATE)
    moment = max(moment, earliest) if moment and earliest else moment
    shown |= {"nextRotationTime": format_time(moment)} if moment else {}
    done = restarted(current)
    return {**shown, "restarted": done} if done else shown


def _used_by(current: Current) -> dict[str, Any]:
    pods = pods_on_previous(current) if current.desired.rotation.retire is Retire.WHEN_UNUSED else None
    return {"usedBy": {"count": len(pods), "pods": list(pods[:MAX_NAMES])}} if pods is not None else {}


def _token(source: TokenSource, fingerprint: Fingerprint | None) -> dict[str, str]:
    """A token that is known; nothing of another."""
    token, slot = known_token(source, fingerprint), source.slot_of(fingerprint)
    if token is None:
        return {}
    expiry = {"expiryTime": format_time(token.expires_at)} if token.expires_at else {}
    return {
        **({"slot": str(slot)} if slot is not None else {}),
        "fingerprint": token.fingerprint,
        "issuedTime": format_time(token.created_at),
        **expiry,
    }
