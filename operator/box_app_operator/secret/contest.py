"""What another writer changes back each time in a Secret: said once, put right ever more rarely, and no hindrance."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from box_app_operator.model.box import UID, Refusal, RefusalKind
from box_app_operator.model.conditions import Reason, earliest
from box_app_operator.model.desired import Desired
from box_app_operator.model.finding import Finding, Notice, first_few
from box_app_operator.model.observed import Contest, Observed
from box_app_operator.model.secret import SecretView, read_record
from box_app_operator.secret.contents import Contents, differences

CALM, LONGEST_CALM = timedelta(minutes=10), timedelta(hours=2)
"""For each time that it was changed: after so long without another one the contest has ended."""
EACH_TIME = 3
"""A person may change something once. What is changed so often after it was put right is changed each time."""
RECORDS = "annotations under boxapps.dev/"
Pause = Callable[[int], float]
"""Seconds to wait after so many failures."""


@dataclass(frozen=True, slots=True)
class Change:
    """How often something was changed after it was written, and when that was seen last."""

    count: int
    at: datetime

    @property
    def over_at(self) -> datetime:
        """When it counts no more, if it stops."""
        return self.at + min(self.count * CALM, LONGEST_CALM)

    def pause_until(self, pause: Pause) -> datetime:
        """Until when it waits to be put right again: ever longer, and always shorter than the calm."""
        longest = (self.over_at - self.at) / 2
        return self.at + min(timedelta(seconds=pause(self.count) * self.count), longest)


@dataclass(frozen=True, slots=True)
class Upkeep:
    """What was written into a Secret last, and what of it was changed since. Values only.

    ``uid`` is that of the Secret that was written. ``changes`` are by the names that ``differences`` gives.
    """

    uid: UID | None = None
    written: Contents | None = None
    changes: Mapping[str, Change] = field(default_factory=dict)

    def found(self, there: SecretView, wanted: Contents, now: datetime) -> "Upkeep":
        """The Secret was looked at before it is written: what was put right before is wrong again."""
        if self.written is None:
            return self
        again = {*differences(there, self.written)} & {*differences(there, wanted)}
        return self._counting({name: self._count(name, now) + 1 for name in again}, now)

    def wrote(self, answer: SecretView, wanted: Contents, now: datetime) -> "Upkeep":
        """The Secret was written, and the answer shows it: what is wrong in it was changed on the way."""
        at_once = {name: max(EACH_TIME, self._count(name, now) + 1) for name in differences(answer, wanted)}
        return replace(self._counting(at_once, now), uid=answer.uid, written=wanted)

    def _count(self, name: str, now: datetime) -> int:
        change = self.changes.get(name)
        return change.count if change is not None and now < change.over_at else 0

    def _counting(self, counts: Mapping[str, int], now: datetime) -> "Upkeep":
        kept = {name: change for name, change in self.changes.items() if now < change.over_at}
        return replace(self, changes={**kept, **{name: Change(count, now) for name, count in counts.items()}})

    def contest(self, now: datetime) -> Contest:
        """What is changed back each time."""
        found = {name for name in self.changes if self._count(name, now) >= EACH_TIME}
        until = max((self.changes[name].over_at for name in found), default=now)
        return Contest(tuple(sorted(found)), until)

    def overruled(self, there: SecretView, now: datetime) -> SecretView:
        """The Secret, with what the operator recorded in it where another writer changes that back each time.

        Otherwise an overlap would begin anew at every look, and a request for a rotation would never be fulfilled.
        """
        written, names = self.written, self.contest(now).names
        if written is None or not there.holds(read_record(written.annotations).fingerprint):
            return there
        kept = {key: text for key, text in written.annotations.items() if f"annotation {key}" in names}
        return replace(there, overruled=kept) if kept else there

    def paused_until(self, names: tuple[str, ...], pause: Pause, now: datetime) -> datetime | None:
        """Until when these wait to be put right again; None when one of them was never put right before."""
        if not names or not all(self._count(name, now) for name in names):
            return None
        return min(self.changes[name].pause_until(pause) for name in names)


def with_contests(finding: Finding, desired: Desired, observed: Observed) -> Finding:
    """The finding about tokens, with what another writer changes back each time. It holds nothing up."""
    for secret, contest in observed.contests.items():
        message = _words(desired.namespace, secret, contest.names)
        if message not in finding.condition.message:
            finding = finding.with_addition(message)
        finding = finding.with_notices(Notice(Reason.SECRET_CHANGED_BACK, message))
        finding = replace(finding, look_again_at=earliest((finding.look_again_at, contest.until)))
    return finding


def _words(namespace: str, secret: str, names: tuple[str, ...]) -> str:
    """In the same words for as long as it is about the same: which of its records the operator writes may differ."""
    names = tuple(dict.fromkeys(RECORDS if name.startswith("annotation boxapps.dev/") else name for name in names))
    return (
        f"Secret {secret!r} is reverted each time: {first_few(names)}. The operator restores it less and less "
        "often, and continues with everything else. Look for an admission policy, or for a controller among these: "
        f"kubectl get secret {secret} -n {namespace} -o jsonpath='{{.metadata.managedFields[*].manager}}'"
    )


def paused(desired: Desired, secret: str, names: tuple[str, ...], until: datetime) -> Refusal:
    """Why a Secret is not put right again at once."""
    message = _words(desired.namespace, secret, names)
    return Refusal(RefusalKind.TRANSIENT, Reason.SECRET_CHANGED_BACK, message, until)
