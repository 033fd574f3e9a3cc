"""The facets of an app that uses the Client Credentials Grant: Box itself says whether the admin authorized it."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

from box_app_operator.model.box import Fingerprint, IssuedToken, UnlistedTokens, known_token
from box_app_operator.model.conditions import Condition, Reason, format_time
from box_app_operator.model.desired import Desired
from box_app_operator.model.finding import (
    CONSOLE,
    Finding,
    Notice,
    Task,
    TaskKind,
    Who,
    good,
    lacking,
    mend,
    unknown,
    wait,
)
from box_app_operator.model.observed import Observed
from box_app_operator.model.steps import AddFinalizer, ObtainAccessToken, RemoveFinalizer, RevokeToken, Step
from box_app_operator.modes.common.findings import after_own_tokens, authorization_in, authorization_task, deleting
from box_app_operator.tokens.active import Current, current_of
from box_app_operator.tokens.policy import check_tokens
from box_app_operator.tokens.refused import NEXT, Published, Refused, expired, rejected


def check_registered(desired: Desired, observed: Observed, now: datetime) -> Finding:
    """Did Box give out a token for these credentials?"""
    type_ = "Registered"
    if not desired.has_finalizer:
        return mend(type_, Reason.NOT_YET_KNOWN, "The operator is about to add its finalizer.", AddFinalizer())
    current = current_of(desired, observed, now)
    if current is None and not observed.platform_view.unauthorized:
        return unknown(type_, "Box confirms the app when it gives out its first token.")
    client_id = current.client_id if current is not None else _source_of(observed).client_id
    return good(type_, Reason.ADOPTED, f"Box knows the client id {client_id}.")


def _source_of(observed: Observed) -> UnlistedTokens:
    """What was found of the tokens, be it none."""
    return observed.unlisted or UnlistedTokens(None, (), follows_spec=False)


def check_authorized(desired: Desired, observed: Observed, now: datetime) -> Finding:
    """Did the enterprise admin authorize the app?"""
    type_ = "Authorized"
    if observed.platform_view.unauthorized:
        what = f"A Box admin must authorize the app with client id {_source_of(observed).client_id}."
        admin = authorization_task(what, _source_of(observed).client_id)
        return replace(wait(type_, Reason.PENDING_APPROVAL, what), tasks=(admin,))
    if current_of(desired, observed, now) is None:
        return unknown(type_, "Box says so when it gives out the first token.")
    return good(type_, Reason.AUTHORIZED, "Box gives out tokens for the app.")


def check_cors(desired: Desired, _observed: Observed, _now: datetime) -> Finding:
    """Access tokens of this grant are for servers: origins are not looked at."""
    if desired.cors_domains:
        message = (
            "With authentication ClientCredentials the operator does not manage CORS domains. Set them in the "
            "Developer Console."
        )
        return good("CORSSynced", Reason.NOT_CONFIGURED, message)
    return good("CORSSynced", Reason.NOT_CONFIGURED, "The spec lists no CORS domains.")


def _named(finding: Finding, current: Current | None) -> Finding:
    """Says whose the token is, as long as it is not that of the credentials."""
    if current is None or current.client_id == current.source.client_id:
        return finding
    return finding.with_addition(
        f"It belongs to client id {current.client_id}; one of client id {current.source.client_id} takes its place."
    )


class ClientCredentialsRules:
    """Box gives out access tokens for the credentials, and says by that whether the admin authorized the app."""

    sees_whole_app, tokens_end_soon = False, True

    def check_app(self, desired: Desired, observed: Observed, now: datetime) -> tuple[Finding, ...]:
        """None of it needs a step of its own."""
        checks = (check_registered, check_authorized, check_cors)
        return tuple(check(desired, observed, now) for check in checks)

    def check_tokens(self, desired: Desired, observed: Observed, now: datetime, restart_window: timedelta) -> Finding:
        """The rules for tokens; Box is not asked while credentials are missing."""
        current, trouble = current_of(desired, observed, now), observed.platform_view.trouble
        finding = _named(check_tokens(desired, observed, now, restart_window, self), current)
        if trouble is None or not finding.steps or observed.platform_view.can_revoke:
            return finding
        due = current.token.expires_at if current is not None else None
        task = (Task(TaskKind.PROVIDE_CREDENTIALS, Who.APP_TEAM, trouble, CONSOLE, due=due),)
        if finding.condition.status == "True" or not isinstance(finding.steps[0], ObtainAccessToken):
            left = tuple(step for step in finding.steps if not isinstance(step, ObtainAccessToken | RevokeToken))
            found = replace(finding, steps=left, tasks=task).with_addition(trouble)
            return lacking(found, Reason.AWAITING_TOKEN) if found.condition.status == "True" else found
        return replace(wait("TokenReady", Reason.AWAITING_TOKEN, trouble), tasks=task)

    def obtain(self, desired: Desired, observed: Observed) -> tuple[Step, ...]:
        """As often as one is needed."""
        return (ObtainAccessToken(),)

    def revoke(self, observed: Observed, token: Fingerprint) -> tuple[Step, ...]:
        """By its value."""
        return (RevokeToken(token),)

    def check_refused(self, published: Published, observed: Observed, now: datetime) -> Refused | None:
        """Box lists none and is not asked about any. What it says of an app, it says of that of the credentials."""
        secret, record, source = published.secret, published.secret.record, published.source
        if record.expires_at is not None and record.expires_at <= now:
            return expired(secret, record.expires_at)
        if published.token in observed.platform_view.ended:
            return rejected(secret, ": it was revoked")
        token = known_token(source, published.token)
        its_own = token is not None and token.client_id == source.client_id
        return replace(rejected(secret), later=NEXT) if observed.platform_view.unauthorized and its_own else None

    def finish_deletion(self, desired: Desired, observed: Observed, now: datetime) -> Finding:
        """An access token is revoked with the credentials that it was obtained with. Any other ends by itself, soon."""
        return after_own_tokens(_end_tokens(observed, now), desired, observed, now)

    def describe_app(
        self, desired: Desired, observed: Observed, conditions: Sequence[Condition], now: datetime
    ) -> dict[str, Any]:
        """Whose the active token is; without one, whose the next one will be. The app's id is not known."""
        current = current_of(desired, observed, now)
        client_id = current.client_id if current is not None else _source_of(observed).client_id
        return {"clientID": client_id, "authorization": authorization_in(conditions)}


def _end_tokens(observed: Observed, now: datetime) -> Finding:
    source = _source_of(observed)
    live = [token for token in source.issued if token.is_live(now)]
    for token in live:
        if observed.platform_view.can_revoke and token.client_id == source.client_id:
            finding = deleting("Access tokens are being revoked.", RevokeToken(token.fingerprint))
            return replace(finding, look_again_at=token.expires_at)
    finding = deleting("Box accepts no access token any more that could be revoked.", RemoveFinalizer())
    return replace(finding, notices=tuple(_left_to_expire(observed, source, token) for token in live))


def _left_to_expire(observed: Observed, source: UnlistedTokens, token: IssuedToken) -> Notice:
    why = f"the credentials are those of client id {source.client_id} now"
    end = f" at {format_time(token.expires_at)}" if token.expires_at is not None else ""
    message = (
        f"Access token {token.fingerprint} ends by itself{end}: only the credentials of client id {token.client_id} "
        f"could revoke it, and {why if observed.platform_view.can_revoke else 'they are gone'}."
    )
    return Notice(Reason.LEFT_TO_EXPIRE, message)
