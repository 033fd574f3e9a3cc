"""Looking now and then whether everything that is remembered is still there.

A watch that had to begin anew (410 Gone) tells of everything that is there, and of nothing that went meanwhile. When
etcd was restored from a snapshot, a watch says nothing at all until resource versions have grown past the earlier ones.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable

from box_app_operator.cache.history import contradiction
from box_app_operator.controller.events import Intake
from box_app_operator.errors import TransientError
from box_app_operator.kube.lists import KubeLists, Present
from box_app_operator.model.box import UID

KINDS = ("BoxEnterprise", "BoxCustomApp", "Secret")
OVERDUE = 3
"""So many sweeps late, the process is taken for dead."""

logger = logging.getLogger(__name__)


class RestoredError(Exception):
    """The cluster was put back to an earlier day. What is remembered of it is of days that never were."""


class Sweep:
    """Compares memory and cluster every so often; its beat is the sign that the process is alive."""

    def __init__(
        self, lists: KubeLists, intake: Intake, interval_seconds: float, monotonic: Callable[[], float]
    ) -> None:
        self._lists = lists
        self._intake = intake
        self._interval_seconds = interval_seconds
        self._monotonic = monotonic
        self._beat_at = monotonic()
        self._latest: dict[str, int] = {}
        self._hurried = asyncio.Event()

    def age(self) -> float:
        """Seconds since the last sweep began."""
        return self._monotonic() - self._beat_at

    def alive(self) -> bool:
        """Does the event loop come round? An API server that does not answer is no reason to doubt it."""
        return self.age() < OVERDUE * self._interval_seconds

    def hurry(self) -> None:
        """Do not wait for the next time: the API server was away, and much may have happened."""
        self._hurried.set()

    async def run(self) -> None:
        """Sweep until cancelled.

        Raises:
            RestoredError: the cluster was restored from a backup.
        """
        while True:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._hurried.wait(), self._interval_seconds)
            self._hurried.clear()
            self._beat_at = self._monotonic()
            for kind in KINDS:
                await self._sweep(kind)

    async def _sweep(self, kind: str) -> None:
        known = self._intake.versions(kind)
        try:
            present = await self._lists.present(kind)
            self._check(kind, known, present)
            self._intake.on_relist(kind, present)
        except TransientError as error:
            logger.warning("What was deleted meanwhile is unknown: %s", error)
        except RestoredError:
            raise
        except Exception:
            # A broken sweep is no reason to stop: the watches still tell.
            logger.exception("The sweep over %s failed; this is a bug, please report it", kind)

    def _check(self, kind: str, known: dict[UID, int], present: Present) -> None:
        if not present.resource_version:
            return  # Nothing could be looked into.
        said = contradiction(known, self._latest.get(kind, 0), present.versions, present.resource_version)
        if said is not None:
            raise RestoredError(f"{kind}s: {said}")
        self._latest[kind] = present.resource_version
