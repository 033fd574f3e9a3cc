"""What one check found: a condition, and the steps that would mend it."""

import enum
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime

from box_app_operator.model.box import AppID, Refusal, RefusalKind
from box_app_operator.model.conditions import Condition, Reason, Status, reason_of
from box_app_operator.model.steps import Step

CONSOLE = "https://app.box.com/developers/console"
"""The Developer Console. Source: box/developer.box.com."""
ADMIN_APPS = "https://app.box.com/master/platform-apps"
"""The Platform Apps Manager of the Admin Console; observed in public repositories, not promised by Box."""


@dataclass(frozen=True, slots=True)
class Notice:
    """Something that people should hear of once, as an Event, besides what the conditions say."""

    reason: Reason
    message: str
    warning: bool = True


class TaskKind(enum.StrEnum):
    """What kind of thing a person should do."""

    CREATE_APP = "CreateApp"
    SET_CLIENT_ID = "SetClientID"
    SET_CORS_DOMAINS = "SetCORSDomains"
    SUBMIT = "Submit"
    AUTHORIZE = "Authorize"
    PROVIDE_CREDENTIALS = "ProvideCredentials"
    GENERATE_KEY = "GenerateKey"
    REVOKE_KEY = "RevokeKey"
    DELETE_APP = "DeleteApp"


class Who(enum.StrEnum):
    """Who should do it."""

    APP_TEAM = "AppTeam"
    BOX_ADMIN = "BoxAdmin"


@dataclass(frozen=True, slots=True)
class Task:
    """Something that only a person can do.

    ``what`` is a sentence for people, ``where`` a URL or a place. ``values`` are what to paste or to choose, by the
    name of the field. ``due`` is when waiting for it does harm, ``problem`` why the last try was refused.
    """

    kind: TaskKind
    who: Who
    what: str
    where: str | None = None
    values: tuple[tuple[str, str], ...] = ()
    due: datetime | None = None
    problem: str | None = None


MAX_NAMES = 5
"""So many names are listed in one sentence."""


def first_few(names: Iterable[str]) -> str:
    """The first few of these names, for a sentence."""
    known = list(names)
    more = f" and {len(known) - MAX_NAMES} more" if len(known) > MAX_NAMES else ""
    return ", ".join(known[:MAX_NAMES]) + more


def app_page(app_id: AppID) -> str:
    """An app's page in the Developer Console. Source: box/developer.box.com, pages/platform/user-types."""
    return f"{CONSOLE}/app/{app_id}"


@dataclass(frozen=True, slots=True)
class Finding:
    """The answer of one check.

    ``steps`` mend it, in order. ``stalled``: the author of the spec must act. ``look_again_at`` is when time alone
    changes the answer. ``lacks``, of a condition that is True: what the spec asks for and could not be done all the
    same, as the condition Stalled or Reconciling.
    """

    condition: Condition
    steps: tuple[Step, ...] = ()
    stalled: bool = False
    notices: tuple[Notice, ...] = ()
    look_again_at: datetime | None = None
    tasks: tuple[Task, ...] = ()
    lacks: Condition | None = None

    def with_message(self, message: str, *, reason: str | None = None, status: Status | None = None) -> "Finding":
        """The same with another message; None leaves reason and status as they are."""
        found = self.condition
        changed = replace(found, message=message, reason=reason or found.reason, status=status or found.status)
        return replace(self, condition=changed)

    def with_notices(self, *notices: Notice) -> "Finding":
        """The same with more Events."""
        return replace(self, notices=(*self.notices, *notices))

    def with_addition(self, sentence: str, *, reason: str | None = None) -> "Finding":
        """The same with a sentence behind its message."""
        return self.with_message(f"{self.condition.message} {sentence}", reason=reason)


def good(type_: str, reason: Reason, message: str, *steps: Step) -> Finding:
    """It is as it should be; ``steps`` only tidy up."""
    return Finding(Condition(type_, "True", reason, message), steps)


def mend(type_: str, reason: Reason, message: str, *steps: Step) -> Finding:
    """It is not as it should be, and these steps come next."""
    status: Status = "Unknown" if reason is Reason.NOT_YET_KNOWN else "False"
    return Finding(Condition(type_, status, reason, message), steps)


def wait(type_: str, reason: Reason, message: str) -> Finding:
    """It is not as it should be; time or a person will see to it."""
    return Finding(Condition(type_, "False", reason, message))


def unknown(type_: str, message: str, reason: Reason = Reason.NOT_YET_KNOWN) -> Finding:
    """Nothing can be said yet."""
    return Finding(Condition(type_, "Unknown", reason, message))


def stall(type_: str, reason: Reason, message: str) -> Finding:
    """The author of the spec must act."""
    return Finding(Condition(type_, "False", reason, message), stalled=True)


PASSING = frozenset({Reason.BOX_UNAVAILABLE, Reason.NOT_YET_KNOWN, Reason.SECRET_CHANGED_BACK})
"""Reasons of a refusal that say nothing of what was to be done, only that it takes longer."""


def settle(finding: Finding, refusals: Mapping[Step, Refusal]) -> Finding:
    """The finding without the steps that were refused, and with the refusal's words."""
    refused = [refusals[step] for step in finding.steps if step in refusals]
    if finding.condition.status == "True":
        settled = _settle_good(finding, refusals, refused)
    else:
        first = next((refusals[step] for step in finding.steps[:1] if step in refusals), None)
        settled = _settle_bad(finding, first) if first else finding
    # Time does not change an admission policy: an Event says at once what the policy says.
    said = [refusal.message for refusal in refused if refusal.reason == Reason.SECRET_REFUSED]
    return settled.with_notices(*(Notice(Reason.SECRET_REFUSED, message) for message in said))


def _settle_good(finding: Finding, refusals: Mapping[Step, Refusal], refused: list[Refusal]) -> Finding:
    """What is good stays good, and what else there is to do goes on; only what must wait is said.

    But what the spec asks for and Kubernetes cannot take is not as it should be, whatever the Secret holds meanwhile.
    """
    steps = tuple(step for step in finding.steps if step not in refusals)
    impossible = next((refusal for refusal in refused if refusal.reason == Reason.INVALID_SPEC), None)
    if impossible is not None:
        found = replace(finding, steps=steps, stalled=True)
        return found.with_message(impossible.message, reason=Reason.INVALID_SPEC, status="False")
    # What is changed back each time is said beside this, in the same words for as long as that goes on.
    waits = [refusal for refusal in refused if refusal.reason != Reason.SECRET_CHANGED_BACK]
    if not waits:
        return replace(finding, steps=steps)
    stalled = [refusal for refusal in waits if refusal.kind is RefusalKind.STALLED]
    first = next(iter(stalled), waits[0])
    found = replace(finding, steps=steps).with_addition(f"The next step must wait: {first.message}")
    return lacking(found, reason_of(first.reason), stalled=bool(stalled))


def lacking(finding: Finding, reason: Reason, *, stalled: bool = False) -> Finding:
    """What is good stays good, and yet the spec asks for more; the condition's message says for what."""
    if finding.lacks is not None and not stalled:
        return finding
    type_ = "Stalled" if stalled else "Reconciling"
    return replace(finding, lacks=Condition(type_, "True", reason, finding.condition.message))


def _settle_bad(finding: Finding, refusal: Refusal) -> Finding:
    """A passing trouble changes nothing in what was found; only that mending it takes longer is added."""
    condition, reason = finding.condition, reason_of(refusal.reason)
    match refusal.kind:
        case RefusalKind.STALLED:
            return stall(condition.type, reason, refusal.message)
        case RefusalKind.AWAITING_HUMAN:
            return wait(condition.type, reason, refusal.message)
        case RefusalKind.TRANSIENT if reason not in PASSING:
            return wait(condition.type, reason, refusal.message)
        case RefusalKind.TRANSIENT:
            why = reason if condition.status == "Unknown" else None
            return replace(finding, steps=()).with_addition(f"That must wait: {refusal.message}", reason=why)
