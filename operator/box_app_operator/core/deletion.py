"""What has to happen in Box before an object may go."""

from __future__ import annotations

from dataclasses import replace

from box_app_operator.core.by_hand import page_of
from box_app_operator.core.conditions import Condition, Reason
from box_app_operator.core.desired import DeletionPolicy, Desired
from box_app_operator.core.finding import Finding, NextStep
from box_app_operator.core.hand import Way
from box_app_operator.core.model import BoxApp
from box_app_operator.core.observed import Observed
from box_app_operator.core.published import own_fingerprints
from box_app_operator.core.steps import DeleteApp, RemoveFinalizer, RevokeSlot, Step

GIVE_UP = 'To leave Box as it is and let the object go, set the annotation boxapps.dev/force-delete to "true".'


def check_deletion(desired: Desired, observed: Observed) -> Finding:
    """What is left to do in Box? The answer is the condition ``Ready`` of an object that goes."""
    if not desired.has_finalizer:
        return _deleting("Kubernetes is about to remove the object.")
    if desired.force_delete or desired.deletion_policy is DeletionPolicy.RETAIN or _nothing_in_box(observed):
        return _deleting("Box is left as it is.", RemoveFinalizer())
    if observed.problem is not None or not observed.known:
        why = observed.problem.message if observed.problem else "The enterprise's apps are not known yet."
        return _deleting(describe_wait(desired, why))
    if observed.app is None:
        return _deleting("The app is gone from Box.", RemoveFinalizer())
    if observed.way is not Way.CONSOLE:
        return _without_console(desired, observed, observed.app)
    return _deleting(f"Box is being tidied up ({desired.deletion_policy}).", _next(desired, observed, observed.app))


def describe_wait(desired: Desired, why: str) -> str:
    """What keeps the object, and how to let it go all the same."""
    return f"Box must be tidied up first ({desired.deletion_policy}), and that waits: {why.rstrip('.')}. {GIVE_UP}"


def _deleting(message: str, *steps: Step) -> Finding:
    return Finding(Condition("Ready", "False", Reason.DELETING, message), steps)


def _without_console(desired: Desired, observed: Observed, app: BoxApp) -> Finding:
    """Tokens are revoked where Box's public API allows it; else a person is asked, and what they did is proven."""
    slot, token = next(iter(app.tokens.items()), (None, None))
    if slot is None or token is None:
        return _deleting("Box accepts none of the app's tokens any more.", RemoveFinalizer())
    if observed.way is Way.GRANT and not observed.hand.can_revoke:
        return _deleting("The client credentials are gone; the access token ends by itself.", RemoveFinalizer())
    deletes = desired.deletion_policy is DeletionPolicy.DELETE and observed.way is Way.BY_HAND
    if observed.hand.can_revoke and not deletes:
        return _deleting("Tokens are being revoked.", RevokeSlot(app.id, slot, token.fingerprint))
    what = f"Press Revoke for the {slot.capitalize()} Access Token."
    if deletes:
        what = f"Delete the app {app.name!r} (client id {app.client_id}) in the Developer Console."
    finding = _deleting(f"{what} The object goes once Box accepts the token no longer. {GIVE_UP}")
    return replace(finding, next_steps=(NextStep(what, page_of(observed)),))


def _nothing_in_box(observed: Observed) -> bool:
    """Nothing was ever made in Box, or what is there belongs to another object."""
    never = observed.remembered.app_id is None and observed.secret is None and observed.held is None
    without_enterprise = observed.problem is not None and observed.problem.stalled
    return observed.claimed_by is not None or (never and without_enterprise)


def _next(desired: Desired, observed: Observed, app: BoxApp) -> Step:
    if desired.deletion_policy is DeletionPolicy.DELETE:
        return DeleteApp(app.id)
    for slot, token in app.tokens.items():
        if desired.client_id is None or token.fingerprint in own_fingerprints(desired, observed):
            return RevokeSlot(app.id, slot, token.fingerprint)
    return RemoveFinalizer()
