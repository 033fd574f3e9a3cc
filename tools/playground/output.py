"""Starting other processes, and waiting for what they say and do, with a bound on every wait."""

import contextlib
import signal
import time
from collections.abc import Callable, Iterator
from typing import TypeVar

from controlplane.process import Process

T = TypeVar("T")
POLL_SECONDS = 0.05
STOPPING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
START_SECONDS = 60.0
BUSY = 6
"""How many times longer than on a machine with nothing else to do a wait may take. No wait here is a measurement."""


@contextlib.contextmanager
def interrupts_held(*signals: signal.Signals) -> Iterator[None]:
    """Hold Ctrl-C back until the end of the block, and keep it away for good from processes that start in it.

    Args:
        signals: what to hold back instead of SIGINT.

    The terminal interrupts every process of its foreground group at once. Whoever started them still needs them
    while cleaning up (the operator, for one, has finalizers to take off), and stops them when it is time. A child
    inherits the mask; and between starting a process and remembering it, it could not be stopped.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, signals or {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def launch(process: Process) -> None:
    """Start a process that Ctrl-C does not reach."""
    with interrupts_held():
        process.start()


def await_line(process: Process, text: str) -> str:
    """The first line of a process's output that holds this text.

    Raises:
        RuntimeError: the process ended.
        TimeoutError: it said nothing of the kind in time.
    """

    def line() -> str | None:
        process.check()
        lines = process.log.read_text(errors="replace").splitlines() if process.log.exists() else []
        return next((line for line in lines if text in line), None)

    return until(line, START_SECONDS, f"{process.name} to say {text!r}")


def until(look: Callable[[], T | None], seconds: float, what: str) -> T:
    """The first answer that is neither None nor False.

    Args:
        seconds: how long it may take on a machine that has nothing else to do; a busy one is given ``BUSY`` times that.

    Raises:
        TimeoutError: none came in time; the message says what was waited for.
    """
    deadline = time.monotonic() + seconds * BUSY
    while True:
        answer = look()
        if answer is not None and answer is not False:
            return answer
        if time.monotonic() > deadline:
            raise TimeoutError(f"waited {seconds * BUSY:.0f} s for {what}")
        time.sleep(POLL_SECONDS)
