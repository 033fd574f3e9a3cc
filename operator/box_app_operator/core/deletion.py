"""What has to happen in Box before an object may go. Pure."""

from datetime import datetime

from box_app_operator.model.desired import DeletionPolicy, Desired
from box_app_operator.model.finding import Finding
from box_app_operator.model.observed import Observed
from box_app_operator.model.steps import RemoveFinalizer
from box_app_operator.modes.common.findings import deleting, give_up
from box_app_operator.modes.common.rules import ModeRules


def check_deletion(desired: Desired, observed: Observed, rules: ModeRules, now: datetime) -> Finding:
    """What is left to do in Box? The answer is the condition ``Ready`` of an object that is being deleted."""
    if not desired.has_finalizer:
        return deleting("Kubernetes is about to remove the object.")
    if desired.force_delete or desired.deletion_policy is DeletionPolicy.RETAIN or _nothing_in_box(observed, rules):
        return deleting("Box is left as it is.", RemoveFinalizer())
    if observed.problem is not None or not observed.known:
        why = observed.problem.message if observed.problem else "The enterprise's apps are not known yet."
        return deleting(describe_wait(desired, why))
    if observed.source is None:
        return deleting("The app no longer exists in Box.", RemoveFinalizer())
    return rules.finish_deletion(desired, observed, now)


def describe_wait(desired: Desired, why: str) -> str:
    """What keeps the object, and how to let it go all the same."""
    waits = f"Box must be cleaned up first ({desired.deletion_policy}). That waits: {why.rstrip('.')}."
    return f"{waits} {give_up(desired)}"


def _nothing_in_box(observed: Observed, rules: ModeRules) -> bool:
    """Nothing was ever made in Box that does not end by itself soon, or what is there belongs to another object."""
    remembered = observed.remembered
    made = remembered.app_id is not None or (remembered.active is not None and not rules.tokens_end_soon)
    never = not made and observed.secret is None and observed.pending is None
    without_enterprise = observed.problem is not None and observed.problem.in_cluster
    return observed.claimed_by is not None or (never and without_enterprise)
