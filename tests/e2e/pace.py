"""How crowded this machine is at the moment, for the few tests whose subject is time."""

import math
import time

WORK_SECONDS = 0.1


def crowding() -> float:
    """How many times longer some work takes now than it would if nothing else ran: 1.0 on an idle machine."""
    began, worked = time.monotonic(), time.process_time()
    while time.process_time() - worked < WORK_SECONDS:
        pass
    return max(1.0, (time.monotonic() - began) / WORK_SECONDS)


def stretched(seconds: int) -> int:
    """A span of whole seconds, longer by as much as the machine is crowded: for lives and overlaps that tests await."""
    return math.ceil(seconds * crowding())
