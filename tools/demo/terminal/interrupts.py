"""Ctrl-C, and its relatives: heard once, at any moment, and never while things are being cleaned up."""

import contextlib
import signal
from collections.abc import Callable, Iterator

from playground.output import STOPPING


@contextlib.contextmanager
def interruptible() -> Iterator[None]:
    """The first signal raises KeyboardInterrupt, whichever it is; later ones change nothing."""

    def stop(*_: object) -> None:
        deafen()
        raise KeyboardInterrupt

    before = {number: signal.getsignal(number) for number in STOPPING}
    for number in STOPPING:
        # Who was started under `nohup` is to outlive its terminal.
        if not (number == signal.SIGHUP and before[number] is signal.SIG_IGN):
            signal.signal(number, stop)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


@contextlib.contextmanager
def interrupt_awaited() -> Iterator[Callable[[], object]]:
    """The first signal is what is waited for, also when it comes before the waiting; yields what waits."""
    awaited = {number for number in STOPPING if signal.getsignal(number) is not signal.SIG_IGN}
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    try:
        yield lambda: signal.sigwait(awaited)
    finally:
        deafen()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, awaited)


def deafen() -> None:
    """From here on everything is cleaned up, and every wait is bounded: there is nothing left to interrupt."""
    for number in STOPPING:
        signal.signal(number, signal.SIG_IGN)
