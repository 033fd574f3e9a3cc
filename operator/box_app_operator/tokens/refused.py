"""The published token where it is known that Box refuses it: pods get 401 now, and that comes before anything else.

Decides nothing about what is done. What is not known is not claimed: of a value that was written into the Secret by
hand, or of an access token, which Box does not list, before it expires.
"""

from dataclasses import dataclass
from datetime import datetime

from box_app_operator.model.box import Fingerprint, TokenSource
from box_app_operator.model.conditions import Condition, Reason, format_time
from box_app_operator.model.desired import Desired
from box_app_operator.model.finding import Finding
from box_app_operator.model.observed import Observed
from box_app_operator.model.secret import SecretView
from box_app_operator.secret.published import owns_secret

KEPT = "The Secret keeps the token, which works again once the app is authorized and enabled."
NEXT = "Another token follows once the app is authorized and enabled."
REASONS = frozenset({Reason.TOKEN_REJECTED, Reason.TOKEN_EXPIRED})
"""Why TokenReady is False while Box refuses what pods have."""


@dataclass(frozen=True, slots=True)
class Refused:
    """Box refuses the published token. ``message`` is what TokenReady says first, ``later`` what follows in time."""

    reason: Reason
    message: str
    later: str = KEPT


@dataclass(frozen=True, slots=True)
class Published:
    """What stands under the token's key of the object's own Secret, ``token``."""

    secret: SecretView
    token: Fingerprint
    source: TokenSource


def published_of(desired: Desired, observed: Observed) -> Published | None:
    """What pods have; None while that is nothing, or no app is known."""
    secret, source = observed.secret, observed.source
    if secret is None or source is None or not owns_secret(desired, observed):
        return None
    token = secret.fingerprints.get(desired.secret.keys.token)
    return Published(secret, token, source) if token is not None else None


def rejected(secret: SecretView, why: str = "") -> Refused:
    """Box refuses the token in this Secret."""
    return Refused(Reason.TOKEN_REJECTED, f"Pods get 401: Box refuses the token in Secret {secret.name!r}{why}.")


def expired(secret: SecretView, at: datetime) -> Refused:
    """The token in this Secret expired then."""
    message = f"Pods get 401: the token in Secret {secret.name!r} expired at {format_time(at)}."
    return Refused(Reason.TOKEN_EXPIRED, message)


def with_refusal(finding: Finding, refused: Refused | None, authorized: Condition) -> Finding:
    """The finding about tokens, with what pods see before all that is said of what comes next.

    Args:
        authorized: the condition of that type. Where it is False it says why Box refuses the token, and who can help.
    """
    if refused is None or (refused.reason, finding.condition.reason) == (Reason.TOKEN_EXPIRED, Reason.ROTATION_LIMITED):
        # One token after another that has expired when it comes: then a clock is off, and Box may accept them all.
        return finding
    found, denied = finding.condition, authorized.status == "False"
    sentences = [refused.message, *([authorized.message] if denied else [])]
    if found.status == "True":
        sentences.append(refused.later)
    else:
        # What waits for the admin alone is said by Authorized already.
        admin_alone = denied and found.reason in (authorized.reason, Reason.AWAITING_AUTHORIZATION)
        sentences.append(NEXT if admin_alone else found.message)
    # A conflict is known by its reason as something that must be looked for.
    reason = found.reason if found.reason in (Reason.SECRET_CONFLICT, Reason.TOKEN_REJECTED) else refused.reason
    return finding.with_message(" ".join(sentences), reason=reason, status="False")


def is_refused(finding: Finding) -> bool:
    """Do pods get 401, or is there nothing but tokens that Box does not accept?"""
    return finding.condition.status == "False" and finding.condition.reason in REASONS
