"""When a token is due to be replaced, and how long the previous one stays live. Pure arithmetic on dates.

Sources of a rotation: expiry (``renewBefore``), age (``every``), another ``expiry`` in the spec, and the annotation
``boxapps.dev/rotate-requested-at``.
"""

from __future__ import annotations

import enum
import hashlib
from datetime import datetime, timedelta

from box_app_operator.model.desired import Desired
from box_app_operator.secret.annotations import expiry_text, subject_of
from box_app_operator.tokens.active import Current

CLOCK_TOLERANCE = timedelta(minutes=1)
"""So far clocks of machines differ that are kept right; and so far one is put back at once."""
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
    if desired.rotation.every is not None and desired.grant is None:
        moments.append(token.created_at + (1 - spread) * desired.rotation.every)
    return min(moments, default=None)


def renew_before(current: Current) -> timedelta:
    """How long before its expiry a token is replaced; zero for one that never expires."""
    token = current.token
    if token.expires_at is None:
        return timedelta()
    lifetime = token.expires_at - token.created_at
    if current.desired.grant is not None:
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
    SPEC = "A token of another kind is asked for"
    DATE = "The token is due to be replaced by date"


def rotation_cause(current: Current) -> Cause | None:
    """Why the token in the Secret must be replaced now; None while it need not."""
    desired, record = current.desired, current.record
    if desired.rotate_request and desired.rotate_request != record.rotate_request:
        return Cause.REQUEST
    if not as_asked_for(current):
        return Cause.SPEC
    moment = next_rotation(current)
    due = moment is not None and moment <= current.now
    return Cause.DATE if due or _is_from_the_future(current) else None


def rotation_due(current: Current) -> bool:
    """Must the token in the Secret be replaced now?"""
    return rotation_cause(current) is not None


def _is_from_the_future(current: Current) -> bool:
    """Was an access token dated by a clock that was ahead? Then it expires long before it seems to.

    Its dates are the operator's own; those of App Tokens are Box's, which nothing here depends on.
    """
    return current.desired.grant is not None and current.token.created_at > current.now + CLOCK_TOLERANCE


def rotation_waits_until(current: Current, cause: Cause) -> datetime | None:
    """Until when a rotation waits because another token came into the Secret right before; None when it need not."""
    return current.observed.pace.may_rotate_at(current.now, by_date=cause is Cause.DATE)


def as_asked_for(current: Current) -> bool:
    """Is it of the lifetime that is asked for; with client credentials of these, and for this subject?"""
    desired, record = current.desired, current.record
    if desired.grant is None:
        return record.expiry in (None, expiry_text(desired.token_days))
    return record.subject in (None, subject_of(desired)) and current.client_id == current.app.client_id


def overlap_end(current: Current) -> datetime | None:
    """Until when the previous token stays live whatever happens; None when that is not promised.

    It is not for a token whose value had been lost before: no pod gets it from anywhere any more. And the promise ends
    early enough for the active token to be replaced before it expires: a dead token in the Secret hurts every pod.
    """
    if current.record.rotated_at is None:
        return None
    promised = current.record.rotated_at + current.desired.rotation.overlap
    expires_at = current.token.expires_at
    return promised if expires_at is None else min(promised, expires_at - renew_before(current) / 2)


def retire_deadline(desired: Desired, start: datetime) -> datetime:
    """When waiting for pods to stop using what was replaced at ``start`` ends."""
    return start + max(desired.rotation.retire_deadline, desired.rotation.overlap)
