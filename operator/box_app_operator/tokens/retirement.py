"""How the previous token is phased out: live for the overlap, then until nothing uses it any more, then revoked."""

from dataclasses import dataclass
from datetime import datetime

from box_app_operator.model.conditions import Reason, format_time
from box_app_operator.model.desired import Retire
from box_app_operator.model.finding import Notice, first_few
from box_app_operator.model.secret import SecretView
from box_app_operator.tokens.active import Current
from box_app_operator.tokens.consumers import pods_on_previous, pods_referring_to, volumes_fresh_at
from box_app_operator.tokens.rotation import overlap_end, retire_deadline

PREVIOUS = "the previous token"
AT_MOST_TWO = "at most two tokens live at a time"
"""Why a rotation waits also where tokens take no slots."""


@dataclass(frozen=True, slots=True)
class Retirement:
    """Is the wait over? If not, ``message`` says until when; at ``look_again_at`` time alone changes the answer."""

    over: bool
    message: str = ""
    look_again_at: datetime | None = None
    notices: tuple[Notice, ...] = ()


def check_retirement(current: Current, *, hurry: bool) -> Retirement:
    """May the previous token be revoked?

    Args:
        hurry: its slot is needed for the next rotation, which waits for the overlap and for nothing else.
    """
    end = overlap_end(current)
    deadline = retire_deadline(current.desired, current.replaced_at)
    message = f"The previous token stays live {_spans(current, end, deadline)}."
    if end is not None and current.now < end:
        waits = (
            f" The next rotation is due. It waits until {format_time(end)}, because "
            f"{f'it needs the slot of {PREVIOUS}' if _has_slot(current) else AT_MOST_TWO}."
        )
        return Retirement(False, message + waits if hurry else message, end)
    if current.desired.rotation.retire is Retire.AFTER_OVERLAP:
        return Retirement(True)
    pods = pods_on_previous(current)
    if pods == ():
        return Retirement(True)
    if hurry:
        needs = "needs its slot" if _has_slot(current) else f"is due, and {AT_MOST_TWO}"
        return _cut_off(PREVIOUS, f"the next rotation {needs}", pods)
    return _wait(PREVIOUS, message, pods, deadline, current)


def _has_slot(current: Current) -> bool:
    """Does the previous token stand in a slot of the console?"""
    return current.other is not None and current.source.slot_of(current.other.fingerprint) is not None


def check_renamed(current: Current, renamed_secret: SecretView) -> Retirement:
    """May a renamed Secret be deleted, whose place the present one took?"""
    # Not since the last publication: access tokens are published twice an hour.
    start = current.record.moved_at or current.published_at
    end, deadline = start + current.desired.rotation.overlap, retire_deadline(current.desired, start)
    message = f"The renamed Secret {renamed_secret.name!r} stays {_spans(current, end, deadline)}."
    if current.now < end:
        return Retirement(False, message, end)
    if current.desired.rotation.retire is Retire.AFTER_OVERLAP:
        return Retirement(True)
    pods = pods_referring_to(current.observed, renamed_secret.name)
    return (
        Retirement(True) if pods == () else _wait(f"Secret {renamed_secret.name!r}", message, pods, deadline, current)
    )


def _wait(what: str, message: str, pods: tuple[str, ...] | None, deadline: datetime, current: Current) -> Retirement:
    if current.now >= deadline:
        return _cut_off(what, "spec.tokens.rotation.retireDeadline has passed", pods)
    fresh_at = volumes_fresh_at(current)
    return Retirement(False, message, min(deadline, fresh_at) if fresh_at is not None else deadline)


def _cut_off(what: str, why: str, pods: tuple[str, ...] | None) -> Retirement:
    used = (
        f"these running pods may still use it: {first_few(pods)}" if pods else "it is not known which pods still use it"
    )
    ends = "revokes" if what == PREVIOUS else "deletes"
    message = f"The operator {ends} {what} now: {why}, and {used}."
    return Retirement(True, notices=(Notice(Reason.RETIRED_IN_USE, message),))


def _spans(current: Current, end: datetime | None, deadline: datetime) -> str:
    spans = [f"until {format_time(end)}"] if end is not None else []
    if current.desired.rotation.retire is Retire.WHEN_UNUSED:
        spans.append(f"while running pods may use it, at most until {format_time(deadline)}")
    return ", and after that ".join(spans)
