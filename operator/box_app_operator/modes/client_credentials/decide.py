"""The facets of an app that uses the Client Credentials Grant: Box itself says whether the admin authorized it."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta

from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import Desired
from box_app_operator.model.finding import Finding, NextStep, good, lacking, mend, unknown, wait
from box_app_operator.model.observed import Observed
from box_app_operator.model.places import ADMIN_APPS, CONSOLE
from box_app_operator.model.steps import AddFinalizer, MintToken, RevokeSlot
from box_app_operator.tokens.active import Current, current_of
from box_app_operator.tokens.policy import check_tokens


def check_registered_by_grant(desired: Desired, observed: Observed, now: datetime) -> Finding:
    """Did Box give out a token for these credentials?"""
    type_ = "Registered"
    if not desired.has_finalizer:
        return mend(type_, Reason.NOT_YET_KNOWN, "The app is about to be taken into care.", AddFinalizer())
    current = current_of(desired, observed, now)
    if current is None and not observed.hand.unauthorized:
        return unknown(type_, "Box confirms the app when it gives out its first token.")
    client_id = current.client_id if current is not None else _client_of(observed)
    return good(type_, Reason.ADOPTED, f"Box knows the client id {client_id}.")


def _client_of(observed: Observed) -> str:
    """Whom the credentials are of."""
    return observed.app.client_id if observed.app is not None else ""


def check_authorized_by_grant(desired: Desired, observed: Observed, now: datetime) -> Finding:
    """Did the enterprise admin authorize the app?"""
    type_ = "Authorized"
    if observed.hand.unauthorized:
        what = f"A Box admin must authorize the app with client id {_client_of(observed)}."
        admin = NextStep(what, ADMIN_APPS)
        return replace(wait(type_, Reason.PENDING_APPROVAL, admin.what), next_steps=(admin,))
    if current_of(desired, observed, now) is None:
        return unknown(type_, "Box says so when it gives out the first token.")
    return good(type_, Reason.AUTHORIZED, "Box gives out tokens for the app.")


def check_cors_by_grant(desired: Desired, _observed: Observed, _now: datetime) -> Finding:
    """Access tokens of this grant are for servers: origins are not looked at."""
    if desired.cors_domains:
        message = "CORS domains are not looked at with authentication ClientCredentials; keep them in the console."
        return good("CORSSynced", Reason.NOT_CONFIGURED, message)
    return good("CORSSynced", Reason.NOT_CONFIGURED, "No CORS domains are asked for.")


def check_tokens_by_grant(desired: Desired, observed: Observed, now: datetime, restart_window: timedelta) -> Finding:
    """The rules for tokens; Box is not asked while credentials are missing."""
    finding = _named(check_tokens(desired, observed, now, restart_window), current_of(desired, observed, now))
    if observed.hand.trouble is None or not finding.steps or observed.hand.can_revoke:
        return finding
    task = (NextStep(observed.hand.trouble, CONSOLE),)
    if finding.condition.status == "True" or not isinstance(finding.steps[0], MintToken):
        steps = tuple(step for step in finding.steps if not isinstance(step, MintToken | RevokeSlot))
        found = replace(finding, steps=steps, next_steps=task).with_addition(observed.hand.trouble)
        return lacking(found, Reason.AWAITING_TOKEN) if found.condition.status == "True" else found
    return replace(wait("TokenReady", Reason.AWAITING_TOKEN, observed.hand.trouble), next_steps=task)


def _named(finding: Finding, current: Current | None) -> Finding:
    """Says whose the token is, as long as it is not that of the credentials."""
    if current is None or current.client_id == current.app.client_id:
        return finding
    return finding.with_addition(
        f"It belongs to client id {current.client_id}; one of client id {current.app.client_id} takes its place."
    )
