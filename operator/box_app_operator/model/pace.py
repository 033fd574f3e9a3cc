"""How soon one token may follow another: when the last one did, on a clock that cannot be set. Values only."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

PAUSE = timedelta(minutes=10)
"""Between two rotations by date, and between two replacements of lost tokens after the first three."""
MAX_REPLACEMENTS = 3
"""So many lost tokens in a row are replaced at once."""
ON_REQUEST = 10
"""On request a rotation comes after a part of the pause: once a minute."""
QUIET = 3
"""So many pauses without a new token, and lost ones count from the beginning again."""


@dataclass(frozen=True, slots=True)
class Pace:
    """When a token last took the place of another, on a clock that cannot be set; None when that is long ago or
    unknown.

    ``replacements`` is how many lost tokens were replaced in a row until then. ``pause`` is from the configuration.
    """

    replaced_at: datetime | None = None
    replacements: int = 0
    pause: timedelta = PAUSE

    def may_rotate_at(self, now: datetime, *, by_date: bool) -> datetime | None:
        """Until when the next rotation waits; None when it need not."""
        return self._later(now, self.pause if by_date else self.pause / ON_REQUEST)

    def may_replace_at(self, now: datetime) -> datetime | None:
        """Until when the replacement of a lost token waits; None when it need not."""
        return self._later(now, self.pause) if self.replacements >= MAX_REPLACEMENTS else None

    def replacements_after(self, now: datetime, *, lost: bool) -> int:
        """How many it were in a row, once another token took the place of the last one, which was lost or not."""
        quiet = self.replaced_at is None or now >= self.replaced_at + QUIET * self.pause
        return min((0 if quiet else self.replacements) + lost, MAX_REPLACEMENTS)

    def _later(self, now: datetime, span: timedelta) -> datetime | None:
        until = self.replaced_at + span if self.replaced_at is not None else now
        return until if until > now else None
