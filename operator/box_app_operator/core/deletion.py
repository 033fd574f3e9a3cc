"""What has to happen in Box before an object may go."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from box_app_operator.model.box import BoxApp, Slot
from box_app_operator.model.conditions import Condition, Reason, format_time
from box_app_operator.model.desired import DeletionPolicy, Desired
from box_app_operator.model.finding import Finding, NextStep, Notice
from box_app_operator.model.hand import Way
from box_app_operator.model.observed import Observed
from box_app_operator.model.steps import DeleteApp, RemoveFinalizer, RevokeSlot, Step
from box_app_operator.modes.assisted.decide import page_of
from box_app_operator.secret.published import own_fingerprints
from box_app_operator.tokens.downscoped import next_to_revoke

GIVE_UP = 'To leave Box as it is and let the object go, set the annotation boxapps.dev/force-delete to "true".'


def check_deletion(desired: Desired, observed: Observed, now: datetime) -> Finding:
    """What is left to do in Box? The answer is the condition ``Ready`` of an object that goes."""
    if not desired.has_finalizer:
        return _deleting("Kubernetes is about to remove the object.")
    if desired.force_delete or desired.deletion_policy is DeletionPolicy.RETAIN or _nothing_in_box(desired, observed):
        return _deleting("Box is left as it is.", RemoveFinalizer())
    if observed.problem is not None or not observed.known:
        why = observed.problem.message if observed.problem else "The enterprise's apps are not known yet."
        return _deleting(describe_wait(desired, why))
    if observed.app is None:
        return _deleting("The app is gone from Box.", RemoveFinalizer())
    if observed.way is not Way.CONSOLE:
        return _without_console(desired, observed, observed.app, now)
    policy = policy_of(desired, observed)
    return _deleting(f"Box is being tidied up ({policy}).", _next(desired, observed, observed.app))


def describe_wait(desired: Desired, why: str) -> str:
    """What keeps the object, and how to let it go all the same."""
    return f"Box must be tidied up first ({desired.deletion_policy}), and that waits: {why.rstrip('.')}. {GIVE_UP}"


def _deleting(message: str, *steps: Step) -> Finding:
    return Finding(Condition("Ready", "False", Reason.DELETING, message), steps)


def _without_console(desired: Desired, observed: Observed, app: BoxApp, now: datetime) -> Finding:
    """The app's own tokens first. Downscoped ones follow where that costs nobody a wait: they end by themselves."""
    by_hand = observed.way is Way.BY_HAND
    finding = _by_hand(desired, observed, app) if by_hand else _by_grant(observed, app, now)
    revoke = next_to_revoke(desired, observed, now)
    if revoke is None or finding.steps != (RemoveFinalizer(),):
        return finding
    return replace(finding, steps=(revoke,))


def _by_grant(observed: Observed, app: BoxApp, now: datetime) -> Finding:
    """An access token is revoked with the credentials that it was obtained with. Any other ends by itself, soon."""
    live = {slot: each for slot, each in app.tokens.items() if each.is_live(now)}
    for slot, token in live.items():
        if observed.hand.can_revoke and app.client_of(slot) == app.client_id:
            finding = _deleting("Access tokens are being revoked.", RevokeSlot(app.id, slot, token.fingerprint))
            return replace(finding, look_again_at=token.expires_at)
    finding = _deleting("Box accepts no access token any more that could be revoked.", RemoveFinalizer())
    return replace(finding, notices=tuple(_left_to_expire(observed, app, slot) for slot in live))


def _left_to_expire(observed: Observed, app: BoxApp, slot: Slot) -> Notice:
    token, client_id = app.tokens[slot], app.client_of(slot)
    why = f"the credentials are those of client id {app.client_id} now" if observed.hand.can_revoke else "they are gone"
    end = f" at {format_time(token.expires_at)}" if token.expires_at is not None else ""
    message = (
        f"Access token {token.fingerprint} ends by itself{end}: only the credentials of client id {client_id} could "
        f"revoke it, and {why}."
    )
    return Notice(Reason.LEFT_TO_EXPIRE, message)


def _by_hand(desired: Desired, observed: Observed, app: BoxApp) -> Finding:
    """Tokens are revoked where Box's public API allows it; else a person is asked, and what they did is proven."""
    slot, token = next(iter(app.tokens.items()), (None, None))
    if slot is None or token is None:
        return _deleting("Box accepts none of the app's tokens any more.", RemoveFinalizer())
    deletes = desired.deletion_policy is DeletionPolicy.DELETE
    if observed.hand.can_revoke and not deletes:
        return _deleting("Tokens are being revoked.", RevokeSlot(app.id, slot, token.fingerprint))
    what = f"Press Revoke for the {slot.capitalize()} Access Token."
    if deletes:
        what = f"Delete the app {app.name!r} (client id {app.client_id}) in the Developer Console."
    finding = _deleting(f"{what} The object goes once Box accepts the token no longer. {GIVE_UP}")
    return replace(finding, next_steps=(NextStep(what, page_of(observed)),))


def _nothing_in_box(desired: Desired, observed: Observed) -> bool:
    """Nothing was ever made in Box that does not end by itself soon, or what is there belongs to another object."""
    remembered = observed.remembered
    made = remembered.app_id is not None or (remembered.active is not None and desired.grant is None)
    never = not made and observed.secret is None and observed.held is None
    without_enterprise = observed.problem is not None and observed.problem.in_cluster
    return observed.claimed_by is not None or (never and without_enterprise)


def policy_of(desired: Desired, observed: Observed) -> DeletionPolicy:
    """What really happens in Box. An adopted app is deleted only if the owner of the enterprise allowed that."""
    deletes = desired.deletion_policy is DeletionPolicy.DELETE
    return DeletionPolicy.REVOKE_TOKENS if deletes and not observed.adoption.may_delete else desired.deletion_policy


def _next(desired: Desired, observed: Observed, app: BoxApp) -> Step:
    if policy_of(desired, observed) is DeletionPolicy.DELETE:
        return DeleteApp(app.id)
    for slot, token in app.tokens.items():
        if desired.client_id is None or token.fingerprint in own_fingerprints(desired, observed):
            return RevokeSlot(app.id, slot, token.fingerprint)
    return RemoveFinalizer()
