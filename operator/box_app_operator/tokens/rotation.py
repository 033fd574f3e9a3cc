"""When a token is due to be replaced, how soon one may follow another, and how long the previous one stays live. Pure.

Sources of a rotation: expiry (``renewBefore``), age (``every``), another ``expiry`` in the spec, and the annotation
``boxapps.dev/rotate-requested-at``.

A clock that is hours off, a console that tells its local time, a user who deletes the Secret or revokes its token
again and again: each makes a token look due or lost as soon as it is there. What is counted are tokens that took the
place of others in the Secret, so that the first one never waits.
"""

import enum
import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from box_app_operator.model.box import Fingerprint
from box_app_operator.model.conditions import Previous, Reason, format_time
from box_app_operator.model.desired import Desired
from box_app_operator.model.finding import Finding, Notice, wait
from box_app_operator.model.observed import MAX_REPLACEMENTS, Pace, RememberedStatus
from box_app_operator.model.secret import SecretView
from box_app_operator.secret.annotations import expiry_text
from box_app_operator.tokens.active import Current, is_from_the_future

JITTER = 0.1
"""The last part of every wait over which rotations are spread, so that a thousand apps that were created together do
not rotate together."""


def next_rotation(current: Current) -> datetime | None:
    """When age or expiry make the next rotation due; None for a token that may stay for ever."""
    desired, token = current.desired, current.token
    spread = JITTER * _share(desired.uid)
    moments = []
    if token.expires_at is not None:
        before, lifetime = renew_before(current), token.expires_at - token.created_at
        # Never more than a part of the time until then, so that a token is not due as soon as it is there.
        moments.append(token.expires_at - before - spread * min(before, lifetime - before))
    if desired.rotation.every is not None and current.source.follows_spec:
        moments.append(token.created_at + (1 - spread) * desired.rotation.every)
    return min(moments, default=None)


def renew_before(current: Current) -> timedelta:
    """How long before its expiry a token is replaced; zero for one that never expires."""
    token = current.token
    if token.expires_at is None:
        return timedelta()
    lifetime = token.expires_at - token.created_at
    if not current.source.follows_spec:
        # Access tokens live for an hour: the spans of the spec are meant for App Tokens.
        return lifetime / 2
    wanted = current.desired.rotation.renew_before
    return min(wanted, lifetime) if wanted is not None else lifetime / 6


def _share(uid: str) -> float:
    """A number from 0 to 1 that is always the same for the same object."""
    return int.from_bytes(hashlib.sha256(uid.encode()).digest()[:4]) / 2**32


class Cause(enum.Enum):
    """Why a token is to be replaced."""

    REQUEST = "A rotation was requested"
    TAKEOVER = "The token was published for another BoxCustomApp"
    SPEC = "A token of another kind is asked for"
    DATE = "The token is due to be replaced by date"


def rotation_cause(current: Current) -> Cause | None:
    """Why the token in the Secret must be replaced now; None while it need not."""
    desired, record = current.desired, current.record
    if desired.rotate_request and desired.rotate_request != record.rotate_request:
        return Cause.REQUEST
    if _was_taken_over(current):
        return Cause.TAKEOVER
    if not as_asked_for(current):
        return Cause.SPEC
    moment = next_rotation(current)
    due = moment is not None and moment <= current.now
    return Cause.DATE if due or _is_dated_ahead(current) else None


def _was_taken_over(current: Current) -> bool:
    """Did an earlier life of the object, or another one, publish the token? Then others may have it by now."""
    return current.observed.app is not None and current.record.published_for not in (None, current.desired.uid)


def _is_dated_ahead(current: Current) -> bool:
    """Was an access token dated by a clock that was ahead? The dates of App Tokens are Box's own."""
    return not current.source.follows_spec and is_from_the_future(current.token.created_at, current.now)


def rotation_waits_until(current: Current, cause: Cause) -> datetime | None:
    """Until when a rotation waits because another token came into the Secret right before; None when it need not."""
    return current.observed.pace.may_rotate_at(current.now, by_date=cause is Cause.DATE)


def as_asked_for(current: Current) -> bool:
    """Is it of the lifetime that is asked for, of this client, and for this subject?"""
    desired, record = current.desired, current.record
    as_long = record.expiry in (None, expiry_text(desired.token_days))
    return as_long and record.subject in (None, desired.subject) and current.client_id == current.source.client_id


def overlap_end(current: Current) -> datetime | None:
    """Until when the previous token stays live whatever happens; None when that is not promised.

    It is not for a token whose value had been lost before: no pod gets it from anywhere any more. And the promise ends
    early enough for the active token to be replaced before it expires: a dead token in the Secret hurts every pod.
    """
    began, overlap, expires_at = current.record.rotated_at, current.desired.rotation.overlap, current.token.expires_at
    if began is None:
        return None
    if expires_at is None:
        return began + overlap
    reserve = renew_before(current) / 2
    # The spec cannot ask for an overlap of App Tokens that outlasts the time until the next rotation. Where Box decides
    # how long a token lives, that may be half an hour.
    longest = overlap if current.source.follows_spec else min(overlap, reserve)
    return min(began + longest, expires_at - reserve)


def retire_deadline(desired: Desired, start: datetime) -> datetime:
    """When waiting for pods to stop using what was replaced at ``start`` ends."""
    return start + max(desired.rotation.retire_deadline, desired.rotation.overlap)


@dataclass(frozen=True, slots=True)
class Record:
    """What is recorded of the last token that took the place of another. ``replaced_at`` is by the operator's clock.

    ``fingerprint`` is None where it is not known which one that was.
    """

    fingerprint: Fingerprint | None
    replaced_at: datetime
    replacements: int = 0


def last_replacement(secrets: Iterable[SecretView], now: datetime) -> Record | None:
    """What the annotations of an object's own Secrets tell of the youngest token; None for the first of all.

    A date to come, written by a clock that was ahead, is not later than one that has passed.
    """

    def rank(record: Record) -> tuple[bool, datetime, int]:
        return record.replaced_at <= now, record.replaced_at, record.replacements

    return max((record for secret in secrets if (record := _record(secret)) is not None), key=rank, default=None)


def _record(secret: SecretView) -> Record | None:
    record = secret.record
    is_first = record.previous is None and not record.replacements
    if record.fingerprint is None or record.published_at is None or is_first:
        return None
    return Record(record.fingerprint, record.published_at, record.replacements)


def last_replacement_in_status(previous: Previous, remembered: RememberedStatus, now: datetime) -> Record | None:
    """What the status tells when the Secret is gone, with all that it said: that the limit was reached.

    Args:
        previous: the conditions of the status.
    """
    ready = previous.get("TokenReady")
    if ready is None or ready.reason != Reason.ROTATION_LIMITED:
        return None
    return Record(remembered.active, remembered.issued_at or now, MAX_REPLACEMENTS)


def check_replacement(pace: Pace, secret_name: str, now: datetime) -> Finding | None:
    """Must the next token wait, because others got lost right before? None when it need not."""
    until = pace.may_replace_at(now)
    if until is None:
        return None
    message = (
        f"Tokens were lost again and again. The next one is generated at {format_time(until)}, at most one in "
        f"{span_text(pace.pause)}. Find out who deletes or changes Secret {secret_name!r}, or revokes the app's "
        "tokens. A clock that is off by the lifetime of a token has the same effect."
    )
    finding = wait("TokenReady", Reason.ROTATION_LIMITED, message)
    return Finding(finding.condition, look_again_at=until)


def rotation_notice(pause: timedelta) -> Notice:
    """What people should hear of a date that makes tokens due as soon as they are there."""
    message = (
        f"The token is due to be replaced, although it replaced another one less than {span_text(pause)} ago. The "
        "rotation waits until then. Either spec.tokens.rotation asks for more rotations, or a clock is off: that of "
        "the operator, of the console endpoint or of Box."
    )
    return Notice(Reason.ROTATION_LIMITED, message)


def span_text(span: timedelta) -> str:
    """A span as the configuration writes it, roughly."""
    seconds = span.total_seconds()
    return f"{seconds / 60:g}m" if seconds >= 60 else f"{seconds:g}s"
