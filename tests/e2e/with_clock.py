"""The operator with a clock that a test sets: ``python with_clock.py set|passes FILE run ...``.

FILE holds the seconds that the operator's clock is ahead of this machine's, negative when it is behind: somebody
``set`` it, or the time really ``passes`` as it says. Nothing but the one place that reads the time is changed.
"""

import sys
from datetime import datetime, timedelta
from pathlib import Path

from box_app_operator import composition as assembly
from box_app_operator.cli import main

PASSES = sys.argv.pop(1) == "passes"
OFFSET = Path(sys.argv.pop(1))


class ShiftedClock(assembly.SystemClock):
    """This machine's clock, shifted."""

    def now(self) -> datetime:
        """The time, as the test has it."""
        return super().now() + timedelta(seconds=float(OFFSET.read_text()))

    def monotonic(self) -> float:
        """Seconds that really passed."""
        return super().monotonic() + (float(OFFSET.read_text()) if PASSES else 0.0)


assembly.SystemClock = ShiftedClock  # type: ignore[misc]
main()
