"""Findings that more than one mode has. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from box_app_operator.model.box import ClientID
from box_app_operator.model.conditions import Condition, Reason
from box_app_operator.model.desired import Desired
from box_app_operator.model.finding import ADMIN_APPS, Finding, Task, TaskKind, Who, stall
from box_app_operator.model.observed import Observed
from box_app_operator.model.steps import RemoveFinalizer, Step
from box_app_operator.tokens.downscoped import next_to_revoke


def give_up(desired: Desired) -> str:
    """How to remove the object without Box, as a command to paste."""
    target = f"boxcustomapp {desired.name} -n {desired.namespace}"
    return f"To remove the object and leave Box as it is, run: kubectl annotate {target} boxapps.dev/force-delete=true"


def managed_elsewhere(desired: Desired, owner: str) -> Finding:
    """Another BoxCustomApp, "namespace/name", has the older claim to the app.

    One of another namespace is another tenant's, and its name is not shown.
    """
    known = owner.startswith(f"{desired.namespace}/")
    whose = f"BoxCustomApp {owner}" if known else "a BoxCustomApp of another namespace"
    return stall(
        "Registered",
        Reason.MANAGED_ELSEWHERE,
        f"The Box app with client id {desired.client_id} belongs to {whose}. "
        "Delete one of the two, or give this one another clientID.",
    )


def unless_bad_origin(desired: Desired, finding: Finding) -> Finding:
    """The finding about CORS, unless an earlier schema let an origin through that Box cannot have.

    Everything else goes on: no token waits for it.
    """
    return finding if desired.bad_origin is None else stall("CORSSynced", Reason.ORIGIN_REJECTED, desired.bad_origin)


def deleting(message: str, *steps: Step) -> Finding:
    """The condition ``Ready`` of an object that is being deleted."""
    return Finding(Condition("Ready", "False", Reason.DELETING, message), steps)


def after_own_tokens(finding: Finding, desired: Desired, observed: Observed, now: datetime) -> Finding:
    """Downscoped tokens follow the app's own, where that makes no one wait: they end by themselves."""
    revoke = next_to_revoke(desired, observed, now)
    if revoke is None or finding.steps != (RemoveFinalizer(),):
        return finding
    return replace(finding, steps=(revoke,))


def authorization_task(what: str, client_id: ClientID | None) -> Task:
    """What the Box admin does in the Admin Console."""
    values = (("Client ID", client_id),) if client_id is not None else ()
    return Task(TaskKind.AUTHORIZE, Who.BOX_ADMIN, what, ADMIN_APPS, values)


def authorization_in(conditions: Sequence[Condition]) -> dict[str, str] | None:
    """``status.authorization`` where only the condition tells of it."""
    states: dict[str, str] = {
        Reason.AUTHORIZED: "Authorized",
        Reason.DISABLED: "Disabled",
        Reason.PENDING_APPROVAL: "Pending",
    }
    state = states.get(next(condition for condition in conditions if condition.type == "Authorized").reason)
    return {"state": state} if state else None
