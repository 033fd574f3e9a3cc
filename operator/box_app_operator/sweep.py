"""Looking now and then whether everything that is remembered is still there.

A watch that had to begin anew (410 Gone) tells of everything that is there, and of nothing that went meanwhile.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import Protocol

from box_app_operator.errors import TransientError
from box_app_operator.intake import Intake
from box_app_operator.kube.lists import Present

KINDS = ("BoxEnterprise", "BoxCustomApp", "Secret")
OVERDUE = 3
"""So many sweeps late, the process is taken for dead."""

logger = logging.getLogger(__name__)


class Lists(Protocol):
    """What is there."""

    async def present(self, kind: str) -> Present:
        """Everything of this kind that is there."""
        ...


class Sweep:
    """Compares memory and cluster every so often; its beat is the sign that the process is alive."""

    def __init__(self, lists: Lists, intake: Intake, interval_seconds: float, monotonic: Callable[[], float]) -> None:
        self._lists = lists
        self._intake = intake
        self._interval_seconds = interval_seconds
        self._monotonic = monotonic
        self._beat_at = monotonic()

    def age(self) -> float:
        """Seconds since the last sweep began."""
        return self._monotonic() - self._beat_at

    def alive(self) -> bool:
        """Does the event loop come round? An API server that does not answer is no reason to doubt it."""
        return self.age() < OVERDUE * self._interval_seconds

    async def run(self) -> None:
        """Sweep until cancelled."""
        while True:
            await asyncio.sleep(self._interval_seconds)
            self._beat_at = self._monotonic()
            for kind in KINDS:
                try:
                    self._intake.on_relist(kind, await self._lists.present(kind))
                except TransientError as error:
                    logger.warning("Nobody knows what went meanwhile: %s", error)
                except Exception:
                    # A broken sweep is no reason to stop: the watches still tell.
                    logger.exception("The sweep over %s failed; this is a bug, please report it", kind)
