"""Ctrl-C, and its relatives: heard once, at any moment, and never while things are being cleaned up."""

from __future__ import annotations

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

    before = {each: signal.getsignal(each) for each in STOPPING}
    for each in STOPPING:
        # Who was started under `nohup` is to outlive its terminal.
        if not (each == signal.SIGHUP and before[each] is signal.SIG_IGN):
            signal.signal(each, stop)
    try:
        yield
    finally:
        for each, handler in before.items():
            signal.signal(each, handler)


@contextlib.contextmanager
def interrupt_awaited() -> Iterator[Callable[[], object]]:
    """The first signal is what is waited for, also when it comes before the waiting; yields what waits."""
    awaited = {each for each in STOPPING if signal.getsignal(each) is not signal.SIG_IGN}
    signal.pthread_sigmask(signal.SIG_BLOCK, awaited)
    try:
        yield lambda: signal.sigwait(awaited)
    finally:
        deafen()
        signal.pthread_sigmask(signal.SIG_UNBLOCK, awaited)


def deafen() -> None:
    """From here on everything is cleaned up, and every wait is bounded: there is nothing left to interrupt."""
    for each in STOPPING:
        signal.signal(each, signal.SIG_IGN)
