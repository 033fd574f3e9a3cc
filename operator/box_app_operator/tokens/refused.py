"""The published token where it is known that Box refuses it: pods get 401 now, and that comes before anything else.

Decides nothing about what is done. What nobody knows is not claimed: of a value that somebody wrote into the Secret by
hand, or of an access token, which Box does not list, before its time is over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime

from box_app_operator.model.box import BoxApp, Fingerprint, SecretView
from box_app_operator.model.conditions import Condition, Reason, format_time
from box_app_operator.model.desired import Desired
from box_app_operator.model.finding import Finding
from box_app_operator.model.hand import Verdict, Way
from box_app_operator.model.observed import Observed
from box_app_operator.secret.annotations import FINGERPRINT, Publication, publication_of
from box_app_operator.secret.published import owns_secret

KEPT = "The Secret keeps the token, which works again once the app is authorized and enabled."
NEXT = "Another token follows once the app is authorized and enabled."
REASONS = frozenset({Reason.TOKEN_REJECTED, Reason.TOKEN_EXPIRED})
"""Why TokenReady is False while Box refuses what pods have."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Box refuses the published token. ``words`` are what TokenReady says first, ``later`` what comes of it in time."""

    reason: Reason
    words: str
    later: str = KEPT


def refused_of(desired: Desired, observed: Observed, now: datetime) -> Refused | None:
    """Does Box refuse the token in the Secret? None also where nobody can know."""
    secret, app = observed.secret, observed.app
    if secret is None or app is None or not owns_secret(desired, observed):
        return None
    token = secret.fingerprints.get(desired.secret.keys.token)
    if token is None:
        return None
    told = publication_of(secret)
    match observed.way:
        case Way.CONSOLE:
            return _in_console(secret, told, token, app, now)
        case Way.BY_HAND:
            return _by_hand(secret, observed, app)
        case Way.GRANT:
            return _access_token(secret, told, token, observed, app, now)


def _in_console(
    secret: SecretView, told: Publication, token: Fingerprint, app: BoxApp, now: datetime
) -> Refused | None:
    slot = app.slot_of(token)
    if slot is None and token != secret.notes.get(FINGERPRINT):
        return None
    if slot is not None and app.tokens[slot].is_live(now):
        return None if app.is_usable else _rejected(secret)
    expires_at = app.tokens[slot].expires_at if slot is not None else told.expires_at
    if expires_at is not None and expires_at <= now:
        return _expired(secret, expires_at)
    return _rejected(secret, ": it is in no slot of the app any more")


def _by_hand(secret: SecretView, observed: Observed, app: BoxApp) -> Refused | None:
    if observed.hand.published is Verdict.DEAD:
        return _rejected(secret, ": it was revoked, or has expired")
    # What another key showed since may be newer.
    return _rejected(secret) if observed.hand.published is Verdict.DISABLED and not app.is_usable else None


def _access_token(
    secret: SecretView, told: Publication, token: Fingerprint, observed: Observed, app: BoxApp, now: datetime
) -> Refused | None:
    """Box lists none and is not asked about any. What it says of an app, it says of the app of the credentials."""
    if told.expires_at is not None and told.expires_at <= now:
        return _expired(secret, told.expires_at)
    if token in observed.hand.ended:
        return _rejected(secret, ": it was revoked")
    slot = app.slot_of(token)
    its_own = slot is not None and app.client_of(slot) == app.client_id
    return replace(_rejected(secret), later=NEXT) if observed.hand.unauthorized and its_own else None


def _rejected(secret: SecretView, why: str = "") -> Refused:
    return Refused(Reason.TOKEN_REJECTED, f"Pods get 401: Box refuses the token in Secret {secret.name!r}{why}.")


def _expired(secret: SecretView, at: datetime) -> Refused:
    words = f"Pods get 401: the token in Secret {secret.name!r} expired at {format_time(at)}."
    return Refused(Reason.TOKEN_EXPIRED, words)


def with_refusal(finding: Finding, refused: Refused | None, authorized: Condition) -> Finding:
    """The finding about tokens, with what pods see before all that is said of what comes next.

    Args:
        authorized: the condition of that type. Where it is False it says why Box refuses the token, and who can help.
    """
    if refused is None or (refused.reason, finding.condition.reason) == (Reason.TOKEN_EXPIRED, Reason.ROTATION_LIMITED):
        # One token after another that is over when it comes: then a clock is off, and Box may accept them all.
        return finding
    found, denied = finding.condition, authorized.status == "False"
    words = [refused.words, *([authorized.message] if denied else [])]
    if found.status == "True":
        words.append(refused.later)
    else:
        # What waits for the admin alone is said by Authorized already.
        admin_alone = denied and found.reason in (authorized.reason, Reason.AWAITING_AUTHORIZATION)
        words.append(NEXT if admin_alone else found.message)
    # A conflict is known by its reason as something that must be looked for.
    reason = found.reason if found.reason in (Reason.SECRET_CONFLICT, Reason.TOKEN_REJECTED) else refused.reason
    return finding.with_message(" ".join(words), reason=reason, status="False")


def is_refused(finding: Finding) -> bool:
    """Do pods get 401, or is there nothing but tokens that Box does not accept?"""
    return finding.condition.status == "False" and finding.condition.reason in REASONS
