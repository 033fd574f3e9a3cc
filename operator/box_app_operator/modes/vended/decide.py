"""The facets of an app whose tokens a vendor gives out: of the app itself nothing is known but that it works."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from box_app_operator.model.box import Fingerprint, known_token
from box_app_operator.model.conditions import Condition, Reason
from box_app_operator.model.desired import Desired
from box_app_operator.model.finding import Finding, good, mend, unknown
from box_app_operator.model.observed import Observed
from box_app_operator.model.steps import AddFinalizer, ObtainAccessToken, RemoveFinalizer, RevokeToken, Step
from box_app_operator.modes.common.findings import after_own_tokens, authorization_in, deleting
from box_app_operator.secret.annotations import FINGERPRINT
from box_app_operator.tokens.active import current_of
from box_app_operator.tokens.policy import check_tokens
from box_app_operator.tokens.refused import Published, Refused, expired, rejected


def check_registered(desired: Desired, observed: Observed) -> Finding:
    """Does the vendor give out tokens of the account?"""
    type_ = "Registered"
    if not desired.has_finalizer:
        return mend(type_, Reason.NOT_YET_KNOWN, "The operator is about to add its finalizer.", AddFinalizer())
    if observed.unlisted is None or not observed.unlisted.issued:
        return unknown(type_, "The vendor confirms the account when it gives out the first token.")
    return good(type_, Reason.ADOPTED, f"The vendor knows the account {desired.account!r}.")


def check_authorized(desired: Desired, observed: Observed, now: datetime) -> Finding:
    """Does Box accept what the vendor gives out?"""
    type_ = "Authorized"
    if current_of(desired, observed, now) is None:
        return unknown(type_, "Box says so when it accepts the first token.")
    return good(type_, Reason.AUTHORIZED, "Box accepts the tokens of the account.")


def check_cors() -> Finding:
    """The vendor's app is not looked at."""
    message = "With authentication Vended the operator does not manage CORS domains."
    return good("CORSSynced", Reason.NOT_CONFIGURED, message)


class VendedRules:
    """The vendor lists all tokens that live, and ends those that it is asked to end."""

    sees_whole_app, tokens_end_soon = False, True

    def check_app(self, desired: Desired, observed: Observed, now: datetime) -> tuple[Finding, ...]:
        """None of it needs a step of its own."""
        return check_registered(desired, observed), check_authorized(desired, observed, now), check_cors()

    def check_tokens(self, desired: Desired, observed: Observed, now: datetime, restart_window: timedelta) -> Finding:
        """The rules as they are."""
        return check_tokens(desired, observed, now, restart_window, self)

    def obtain(self, desired: Desired, observed: Observed) -> tuple[Step, ...]:  # noqa: ARG002 - see TokenSteps
        """As often as one is needed."""
        return (ObtainAccessToken(),)

    def revoke(self, observed: Observed, token: Fingerprint) -> tuple[Step, ...]:  # noqa: ARG002 - see TokenSteps
        """By its fingerprint."""
        return (RevokeToken(token),)

    def check_refused(self, published: Published, observed: Observed, now: datetime) -> Refused | None:  # noqa: ARG002 - see ModeRules
        """The vendor's list tells. Of a value that was written into the Secret by hand nothing is known."""
        secret, token = published.secret, known_token(published.source, published.token)
        if token is None and published.token != secret.effective_annotations.get(FINGERPRINT):
            return None
        if token is not None and token.is_live(now):
            return None
        expires_at = token.expires_at if token is not None else published.record.expires_at
        if expires_at is not None and expires_at <= now:
            return expired(secret, expires_at)
        return rejected(secret, ": the vendor does not list it any more")

    def finish_deletion(self, desired: Desired, observed: Observed, now: datetime) -> Finding:
        """Every token that lives is revoked."""
        return after_own_tokens(_end_tokens(observed), desired, observed, now)

    def describe_app(
        self,
        desired: Desired,  # noqa: ARG002 - see ModeRules
        observed: Observed,  # noqa: ARG002 - likewise
        conditions: Sequence[Condition],
        now: datetime,  # noqa: ARG002 - likewise
    ) -> dict[str, Any]:
        """Which app it is the vendor does not say."""
        return {"authorization": authorization_in(conditions)}


def _end_tokens(observed: Observed) -> Finding:
    """Whatever the operator's clock says of them."""
    issued = observed.unlisted.issued if observed.unlisted is not None else ()
    if issued:
        return deleting("Tokens are being revoked.", *(RevokeToken(token.fingerprint) for token in issued))
    return deleting("The vendor lists no token any more.", RemoveFinalizer())
