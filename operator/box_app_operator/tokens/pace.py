"""How soon one token may follow another, whatever the clocks say and whoever takes tokens away. Pure.

A clock that is hours off, a console that tells its local time, a user who deletes the Secret or revokes its token
again and again: each makes a token look due or lost as soon as it is there. What is counted are tokens that took the
place of others in the Secret, so that the first one never waits.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from box_app_operator.model.box import Fingerprint, SecretView
from box_app_operator.model.conditions import Previous, Reason, format_time
from box_app_operator.model.finding import Finding, Notice, wait
from box_app_operator.model.pace import MAX_REPLACEMENTS, Pace
from box_app_operator.secret.annotations import FINGERPRINT, token_record_of


@dataclass(frozen=True, slots=True)
class Record:
    """What is recorded of the last token that took the place of another. ``replaced_at`` is by the operator's clock."""

    fingerprint: Fingerprint
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
    record, fingerprint = token_record_of(secret), secret.effective_annotations.get(FINGERPRINT)
    is_first = record.previous is None and not record.replacements
    if fingerprint is None or record.published_at is None or is_first:
        return None
    return Record(Fingerprint(fingerprint), record.published_at, record.replacements)


def last_replacement_in_status(
    previous: Previous, active: Fingerprint | None, issued_at: datetime | None, now: datetime
) -> Record | None:
    """What the status tells when the Secret is gone, with all that it said: that the limit was reached.

    Args:
        previous: the conditions of the status.
        active: the token that it calls active, which was issued then; None when it names none.
    """
    ready = previous.get("TokenReady")
    if ready is None or ready.reason != Reason.ROTATION_LIMITED:
        return None
    return Record(active or Fingerprint(""), issued_at or now, MAX_REPLACEMENTS)


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
