"""What can become of a call: the machine draws it, box and cluster let it happen."""

import contextlib
import enum
from collections.abc import Callable
from typing import TypeVar

from box_app_operator.errors import OperatorError, TransientError

T = TypeVar("T")


class CrashError(BaseException):
    """The operator is killed here. No handler of the product may catch it."""


class Fate(enum.Enum):
    """What becomes of one call."""

    OK = "ok"
    CRASH_BEFORE = "killed before the effect"
    CRASH_AFTER = "killed after the effect"
    LOST_BEFORE = "no answer, no effect"
    LOST_AFTER = "no answer, but the effect"
    TWICE = "delivered twice"
    LATE = "no answer, and the effect comes later"


class Fates:
    """The fates of the next calls, all well when none are left; and the calls whose effect is still to come."""

    def __init__(self) -> None:
        self.next: list[Fate] = []
        self.late: list[Callable[[], object]] = []

    def meet(self, effect: Callable[[], T], *, reading: bool = False) -> T:
        """Make the call, whatever becomes of it.

        Raises:
            CrashError: the operator is killed.
            TransientError: no answer arrived.
        """
        fate = self.next.pop(0) if self.next else Fate.OK
        match fate:
            case Fate.CRASH_BEFORE:
                raise CrashError
            case Fate.LOST_BEFORE:
                raise _no_answer()
            case Fate.LATE:
                if not reading:
                    self.late.append(effect)
                raise _no_answer()
        result = effect()
        match fate:
            case Fate.CRASH_AFTER:
                raise CrashError
            case Fate.LOST_AFTER:
                raise _no_answer()
            case Fate.TWICE:
                _in_vain(effect)
        return result

    def deliver_late(self) -> None:
        """What was on its way arrives, in whatever order; nobody hears the answers."""
        late, self.late = self.late, []
        for effect in reversed(late):
            _in_vain(effect)


def _in_vain(effect: Callable[[], object]) -> None:
    with contextlib.suppress(OperatorError):
        effect()


def _no_answer() -> TransientError:
    return TransientError("BoxUnavailable", "no answer", uncertain=True)
