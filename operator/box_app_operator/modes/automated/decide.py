"""The mode Automated: one small check per condition. Read them like a table, top to bottom. Pure."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from box_app_operator.api.origins import same_origins
from box_app_operator.model import steps
from box_app_operator.model.box import AuthorizationState, BoxApp, Fingerprint, Reference, Slot
from box_app_operator.model.conditions import Condition, Reason, format_time
from box_app_operator.model.desired import DeletionPolicy, Desired
from box_app_operator.model.finding import Finding, Task, TaskKind, Who, app_page, good, mend, stall, unknown, wait
from box_app_operator.model.observed import Observed
from box_app_operator.model.steps import Step
from box_app_operator.modes.common.findings import authorization_task, deleting, managed_elsewhere, unless_bad_origin
from box_app_operator.secret.published import to_be_ended
from box_app_operator.tokens.policy import check_tokens
from box_app_operator.tokens.refused import Published, Refused, expired, rejected

NOT_REGISTERED = "Waiting for the app to be registered."


def check_registered(desired: Desired, observed: Observed, _now: datetime) -> Finding:
    """Is there an app in Box that is this object's own, under the right name?"""
    app, type_ = observed.app, "Registered"
    if observed.claimed_by:
        return _managed_elsewhere(desired, observed.claimed_by)
    if app is None and observed.claim is None and desired.client_id:
        return stall(
            type_,
            Reason.APP_NOT_FOUND,
            f"Enterprise {desired.enterprise!r} has no app with client id {desired.client_id}. "
            "Correct spec.clientID, or remove it to register a new app.",
        )
    if not desired.has_finalizer:
        return mend(type_, Reason.NOT_YET_KNOWN, "The app is about to be registered.", steps.AddFinalizer())
    if app is None and observed.claim is not None:
        return mend(type_, Reason.NOT_YET_KNOWN, "The app is about to be taken over.", observed.claim)
    if app is None:
        return mend(type_, Reason.NOT_YET_KNOWN, "The app is about to be registered.", _create(desired, observed))
    if app.name != desired.display_name:
        rename = steps.RenameApp(app.id, desired.display_name)
        return mend(type_, Reason.NOT_YET_KNOWN, f"The app is about to be renamed from {app.name!r}.", rename)
    # An earlier version wrote less into the reference: that is brought up to date.
    update = (observed.claim,) if observed.claim is not None else ()
    if desired.client_id:
        return good(type_, Reason.ADOPTED, f"Adopted the app with client id {app.client_id}.", *update)
    return good(type_, Reason.REGISTERED, f"Registered in Box as app {app.id}.", *update)


def _create(desired: Desired, observed: Observed) -> steps.CreateApp:
    assert observed.claimant is not None
    return steps.CreateApp(desired.display_name, str(Reference(observed.claimant, adopted=False)), desired.uid)


def _managed_elsewhere(desired: Desired, owner: str) -> Finding:
    """By a living object of this namespace; or this object had the app, and another one took it over."""
    if "/" in owner:
        return managed_elsewhere(desired, owner)
    request = f"kubectl annotate boxcustomapp {desired.name} -n {desired.namespace} --overwrite "
    return stall(
        "Registered",
        Reason.MANAGED_ELSEWHERE,
        f"The Box app of this BoxCustomApp was taken over by another one, in {owner}. Delete this one; its tokens are "
        f"left to the new owner. To take the app back, get the right to it and run: {request}"
        'boxapps.dev/claim-requested-at="$(date -u +%FT%TZ)"',
    )


def check_authorized(desired: Desired, observed: Observed, _now: datetime) -> Finding:
    """Did the enterprise admin authorize the app?"""
    app, type_ = observed.app, "Authorized"
    if app is None:
        return unknown(type_, NOT_REGISTERED)
    match app.authorization.state:
        case AuthorizationState.AUTHORIZED if app.authorization.enabled:
            return good(type_, Reason.AUTHORIZED, "The Box admin authorized the app.")
        case AuthorizationState.AUTHORIZED:
            message = f"{_called(app)} is authorized but disabled. A Box admin must enable it in the Admin Console."
            task = authorization_task(f"A Box admin must enable {_called(app)}.", app.client_id)
            return replace(wait(type_, Reason.DISABLED, message), tasks=(task,))
        case AuthorizationState.PENDING:
            message = f"Submitted. A Box admin must authorize {_called(app)} in the Admin Console."
            task = authorization_task(f"A Box admin must authorize {_called(app)}.", app.client_id)
            return replace(wait(type_, Reason.PENDING_APPROVAL, message), tasks=(task,))
        case AuthorizationState.DECLINED:
            return _declined(desired, app)
        case AuthorizationState.NOT_SUBMITTED:
            return _submit(desired, app, Reason.NOT_SUBMITTED, "The app has not been submitted to the Box admin.")
        case AuthorizationState.REAUTHORIZATION_REQUIRED:
            message = "The app changed, and the Box admin must authorize it again."
            return _submit(desired, app, Reason.REAUTHORIZATION_REQUIRED, message)


def _declined(desired: Desired, app: BoxApp) -> Finding:
    message = (
        f"A Box admin declined {_called(app)}. Ask them why; they can still authorize it in the Admin Console. "
        f"To submit it again, run: kubectl annotate boxcustomapp {desired.name} -n {desired.namespace} --overwrite "
        'boxapps.dev/reconcile-requested-at="$(date -u +%FT%TZ)"'
    )
    if desired.reconcile_request:
        submit = steps.SubmitApp(app.id, desired.reconcile_request)
        return mend("Authorized", Reason.DECLINED, message, submit)
    return stall("Authorized", Reason.DECLINED, message)


def _submit(desired: Desired, app: BoxApp, reason: Reason, message: str) -> Finding:
    if desired.submit:
        return mend("Authorized", reason, message, steps.SubmitApp(app.id))
    waiting = wait(
        "Authorized", reason, f"{message} spec.authorization.submit is false: submit the app in the Developer Console."
    )
    what = f"The app team must submit {_called(app)} to the Box admin."
    task = Task(TaskKind.SUBMIT, Who.APP_TEAM, what, app_page(app.id))
    return replace(waiting, tasks=(task,))


def check_cors(desired: Desired, observed: Observed, _now: datetime) -> Finding:
    """Are the app's CORS domains exactly those of the spec?"""
    app, type_ = observed.app, "CORSSynced"
    if app is None:
        return unknown(type_, NOT_REGISTERED)
    if same_origins(app.cors_domains, desired.cors_domains):
        if not desired.cors_domains:
            return good(type_, Reason.NOT_CONFIGURED, "The spec lists no CORS domains, and the app has none.")
        return good(
            type_,
            Reason.SYNCED,
            f"The app has exactly the {len(desired.cors_domains)} CORS domain(s) of the spec.",
        )
    change = steps.SetCorsDomains(app.id, desired.cors_domains)
    return mend(type_, Reason.NOT_YET_KNOWN, "The app's CORS domains differ from the spec.", change)


def _called(app: BoxApp) -> str:
    return f"{app.name!r} (client id {app.client_id})"


class AutomatedRules:
    """Box tells everything of an app, and the console endpoint performs every step."""

    sees_whole_app, tokens_end_soon = True, False

    def check_app(self, desired: Desired, observed: Observed, now: datetime) -> tuple[Finding, ...]:
        """CORS comes before submission, so that the admin sees the app as it will be."""
        cors = unless_bad_origin(desired, check_cors(desired, observed, now))
        return check_registered(desired, observed, now), cors, check_authorized(desired, observed, now)

    def check_tokens(self, desired: Desired, observed: Observed, now: datetime, restart_window: timedelta) -> Finding:
        """The rules as they are."""
        return check_tokens(desired, observed, now, restart_window, self)

    def obtain(self, desired: Desired, observed: Observed) -> tuple[Step, ...]:
        """In a free slot."""
        assert observed.app is not None
        free = next((slot for slot in Slot if slot not in observed.app.tokens), None)
        return (steps.MintToken(observed.app.id, free, desired.token_days),) if free is not None else ()

    def revoke(self, observed: Observed, token: Fingerprint) -> tuple[Step, ...]:
        """By its slot."""
        assert observed.app is not None
        slot = observed.app.slot_of(token)
        return (steps.RevokeSlot(observed.app.id, slot, token),) if slot is not None else ()

    def check_refused(self, published: Published, observed: Observed, now: datetime) -> Refused | None:
        """The slots tell."""
        secret, app, token = published.secret, observed.app, published.token
        assert app is not None
        slot = app.slot_of(token)
        if slot is None and token != secret.record.fingerprint:
            return None
        if slot is not None and app.tokens[slot].is_live(now):
            return None if app.is_usable else rejected(secret)
        expires_at = app.tokens[slot].expires_at if slot is not None else published.secret.record.expires_at
        if expires_at is not None and expires_at <= now:
            return expired(secret, expires_at)
        return rejected(secret, ": it is in no slot of the app any more")

    def finish_deletion(self, desired: Desired, observed: Observed, now: datetime) -> Finding:
        """The app, or its tokens."""
        assert observed.app is not None
        policy = policy_of(desired, observed)
        return deleting(f"Box is being cleaned up ({policy}).", _next_to_delete(desired, observed, observed.app))

    def describe_app(
        self, desired: Desired, observed: Observed, conditions: Sequence[Condition], now: datetime
    ) -> dict[str, Any]:
        """As Box tells it."""
        app = observed.app
        if app is None:
            return {}
        return {
            "appID": app.id,
            "claimUID": desired.uid,
            "clientID": app.client_id,
            "consoleURL": app_page(app.id),
            "authorization": _authorization(app),
            "corsDomains": list(app.cors_domains) or None,
        }


def policy_of(desired: Desired, observed: Observed) -> DeletionPolicy:
    """What really happens in Box. An adopted app is deleted only if the owner of the enterprise allowed that."""
    deletes = desired.deletion_policy is DeletionPolicy.DELETE
    return DeletionPolicy.REVOKE_TOKENS if deletes and not observed.adoption.may_delete else desired.deletion_policy


def _next_to_delete(desired: Desired, observed: Observed, app: BoxApp) -> Step:
    if policy_of(desired, observed) is DeletionPolicy.DELETE:
        return steps.DeleteApp(app.id)
    for slot, token in app.tokens.items():
        if app.was_created or token.fingerprint in to_be_ended(desired, observed):
            return steps.RevokeSlot(app.id, slot, token.fingerprint)
    return steps.RemoveFinalizer()


def _authorization(app: BoxApp) -> dict[str, str]:
    states = {
        AuthorizationState.NOT_SUBMITTED: "NotSubmitted",
        AuthorizationState.PENDING: "Pending",
        AuthorizationState.AUTHORIZED: "Authorized" if app.authorization.enabled else "Disabled",
        AuthorizationState.DECLINED: "Declined",
        AuthorizationState.REAUTHORIZATION_REQUIRED: "ReauthorizationRequired",
    }
    times = {"submittedTime": app.authorization.submitted_at, "decidedTime": app.authorization.decided_at}
    return {
        "state": states[app.authorization.state],
        **{name: format_time(moment) for name, moment in times.items() if moment is not None},
    }
