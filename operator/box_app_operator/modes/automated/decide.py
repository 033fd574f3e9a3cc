"""One small check per condition: is it so, and if not, what comes next? Read them like a table, top to bottom."""

from __future__ import annotations

from datetime import datetime

from box_app_operator.api.origins import same_origins
from box_app_operator.model.box import AuthorizationState, BoxApp
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import Desired
from box_app_operator.model.finding import Finding, good, mend, stall, unknown, wait
from box_app_operator.model.observed import Observed
from box_app_operator.model.steps import AddFinalizer, CreateApp, RenameApp, SetCorsDomains, SubmitApp

NOT_REGISTERED = "Waits until the app is registered."


def check_registered(desired: Desired, observed: Observed, _now: datetime) -> Finding:
    """Is there an app in Box that is this object's own, under the right name?"""
    app, type_ = observed.app, "Registered"
    if observed.claimed_by:
        return managed_elsewhere(desired, observed.claimed_by)
    if app is None and desired.client_id:
        return stall(
            type_,
            Reason.APP_NOT_FOUND,
            f"Enterprise {desired.enterprise!r} has no app with client id {desired.client_id}. "
            "Correct spec.clientID, or remove it to register a new app.",
        )
    if not desired.has_finalizer:
        return mend(type_, Reason.NOT_YET_KNOWN, "The app is about to be registered.", AddFinalizer())
    if app is None:
        create = CreateApp(desired.display_name, desired.reference, desired.uid)
        return mend(type_, Reason.NOT_YET_KNOWN, "The app is about to be registered.", create)
    if app.name != desired.display_name:
        rename = RenameApp(app.id, desired.display_name)
        return mend(type_, Reason.NOT_YET_KNOWN, f"The app is about to be renamed from {app.name!r}.", rename)
    if desired.client_id:
        return good(type_, Reason.ADOPTED, f"Adopted the app with client id {app.client_id}.")
    return good(type_, Reason.REGISTERED, f"Registered in Box as app {app.id}.")


def managed_elsewhere(desired: Desired, owner: str) -> Finding:
    """Another BoxCustomApp, "namespace/name", has the older claim to the app.

    One of another namespace is another tenant's, and no name of it is told.
    """
    known = owner.startswith(f"{desired.namespace}/")
    whose = f"BoxCustomApp {owner}" if known else "a BoxCustomApp of another namespace"
    return stall(
        "Registered",
        Reason.MANAGED_ELSEWHERE,
        f"The Box app with client id {desired.client_id} belongs to {whose}. "
        "Delete one of the two, or give this one another clientID.",
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
            return wait(
                type_,
                Reason.DISABLED,
                f"{_called(app)} is authorized but disabled. A Box admin must enable it in the Admin Console.",
            )
        case AuthorizationState.PENDING:
            return wait(
                type_,
                Reason.PENDING_APPROVAL,
                f"Submitted. A Box admin must authorize {_called(app)} in the Admin Console.",
            )
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
        "To submit it again, set the annotation boxapps.dev/reconcile-requested-at to a new value."
    )
    if desired.reconcile_request:
        submit = SubmitApp(app.id, desired.reconcile_request)
        return mend("Authorized", Reason.DECLINED, message, submit)
    return stall("Authorized", Reason.DECLINED, message)


def _submit(desired: Desired, app: BoxApp, reason: Reason, message: str) -> Finding:
    if desired.submit:
        return mend("Authorized", reason, message, SubmitApp(app.id))
    return wait("Authorized", reason, f"{message} spec.authorization.submit is false: submit it in the console.")


def check_cors(desired: Desired, observed: Observed, _now: datetime) -> Finding:
    """Are the app's CORS domains exactly those of the spec?"""
    app, type_ = observed.app, "CORSSynced"
    if app is None:
        return unknown(type_, NOT_REGISTERED)
    if same_origins(app.cors_domains, desired.cors_domains):
        if not desired.cors_domains:
            return good(type_, Reason.NOT_CONFIGURED, "No CORS domains are asked for, and the app has none.")
        return good(
            type_,
            Reason.SYNCED,
            f"The app has exactly the {len(desired.cors_domains)} CORS domain(s) of the spec.",
        )
    change = SetCorsDomains(app.id, desired.cors_domains)
    return mend(type_, Reason.NOT_YET_KNOWN, "The app's CORS domains differ from the spec.", change)


def _called(app: BoxApp) -> str:
    return f"{app.name!r} (client id {app.client_id})"
