"""What one check found: a condition, and the steps that would mend it."""

from __future__ import annotations

from dataclasses import dataclass, replace

from box_app_operator.core.conditions import Condition, Reason, Status, reason_of
from box_app_operator.core.model import Refusal, RefusalKind
from box_app_operator.core.steps import Step


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of one check.

    ``steps`` mend it, in order. ``stalled``: the author of the spec must act.
    """

    condition: Condition
    steps: tuple[Step, ...] = ()
    stalled: bool = False


def good(type_: str, reason: Reason, message: str, *steps: Step) -> Finding:
    """It is as it should be; ``steps`` only tidy up."""
    return Finding(Condition(type_, "True", reason, message), steps)


def mend(type_: str, reason: Reason, message: str, *steps: Step) -> Finding:
    """It is not as it should be, and these steps come next."""
    status: Status = "Unknown" if reason is Reason.NOT_YET_KNOWN else "False"
    return Finding(Condition(type_, status, reason, message), steps)


def wait(type_: str, reason: Reason, message: str) -> Finding:
    """It is not as it should be; time or somebody else will see to it."""
    return Finding(Condition(type_, "False", reason, message))


def unknown(type_: str, message: str, reason: Reason = Reason.NOT_YET_KNOWN) -> Finding:
    """Nothing can be said yet."""
    return Finding(Condition(type_, "Unknown", reason, message))


def stall(type_: str, reason: Reason, message: str) -> Finding:
    """The author of the spec must act."""
    return Finding(Condition(type_, "False", reason, message), stalled=True)


def settle(finding: Finding, refusal: Refusal) -> Finding:
    """The finding after its next step was refused: no more steps, and the refusal's words.

    A passing trouble changes nothing in what was found; only that mending it takes longer is added.
    """
    if finding.condition.status == "True":
        return replace(finding, steps=())
    condition, reason = finding.condition, reason_of(refusal.reason)
    match refusal.kind:
        case RefusalKind.STALLED:
            return stall(condition.type, reason, refusal.message)
        case RefusalKind.AWAITING_HUMAN:
            return wait(condition.type, reason, refusal.message)
        case RefusalKind.TRANSIENT if reason not in (Reason.BOX_UNAVAILABLE, Reason.NOT_YET_KNOWN):
            return wait(condition.type, reason, refusal.message)
        case RefusalKind.TRANSIENT:
            words = f"{condition.message} That must wait: {refusal.message}"
            why = reason if condition.status == "Unknown" else condition.reason
            return replace(finding, steps=(), condition=replace(condition, reason=why, message=words))
