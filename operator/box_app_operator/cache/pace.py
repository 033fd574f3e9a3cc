"""What a process remembers of how soon one token followed another: on a clock that cannot be set. No I/O.

Annotations tell it with the operator's clock, which may be hours off, or be put right at any moment. So they count
once, when a token is first seen; from then on only the seconds that really pass do.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta

from box_app_operator.model.box import Fingerprint
from box_app_operator.model.observed import Pace
from box_app_operator.tokens.rotation import Record

JUMP = timedelta(seconds=5)
"""A clock that moved by more than this was set. By less it only runs a little faster or slower, and what was said with
it stays as it was said: a status is not written anew for that."""

SAME_SECONDS = 1.0
"""Moments this close count as one: two clocks are read one after the other. Then the token that counts more
replacements came later."""


@dataclass(slots=True)
class PaceMemory:
    """The last token of one object that took the place of another.

    ``since`` is when, in seconds of the monotonic clock; ``at`` is the same moment as the operator's clock has it.
    """

    fingerprint: Fingerprint | None = None
    replacements: int = 0
    since: float | None = None
    at: datetime | None = None

    def note(self, record: Record | None, now: datetime, monotonic: float) -> None:
        """A Secret tells of this token.

        A Secret of long ago that was restored records an older token, and changes nothing.
        """
        if record is None or (self.since is not None and record.fingerprint == self.fingerprint):
            return
        # From a future that cannot be: then it is taken for just now.
        age = max(0.0, (now - record.replaced_at).total_seconds())
        since = monotonic - age
        if self.since is not None:
            as_old = abs(since - self.since) <= SAME_SECONDS
            if since < self.since - SAME_SECONDS or (as_old and record.replacements < self.replacements):
                return
        self.fingerprint, self.replacements = record.fingerprint, record.replacements
        self.since, self.at = since, now - timedelta(seconds=age)

    def pace(self, now: datetime, monotonic: float, pause: timedelta) -> Pace:
        """How soon another token may follow."""
        if self.since is None or self.at is None:
            return Pace(pause=pause)
        at = now - timedelta(seconds=monotonic - self.since)
        if abs(at - self.at) > JUMP:
            self.at = at
        return Pace(self.at, self.replacements, pause)
