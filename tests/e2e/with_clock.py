"""The operator with a clock that a test sets: ``python with_clock.py FILE run ...``.

FILE holds the seconds that the operator's clock is ahead of this machine's, negative when it is behind. Nothing but the
one place that reads the time is changed.
"""

from __future__ import annotations

import sys
from datetime import datetime, timedelta
from pathlib import Path

from box_app_operator import assembly
from box_app_operator.cli import main

OFFSET = Path(sys.argv.pop(1))


class ShiftedClock(assembly.SystemClock):
    """This machine's clock, shifted."""

    def now(self) -> datetime:
        """The time, as the test has it."""
        return super().now() + timedelta(seconds=float(OFFSET.read_text()))


assembly.SystemClock = ShiftedClock  # type: ignore[misc]
main()
