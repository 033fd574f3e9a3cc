"""One of several replicas works, the others stand by: an election through a Lease.

The official client brings the election; the lock is our own, because the client's has no limit on how long a request
may take, and a leader that is cut off must know in time that it is none any more.
"""

import asyncio
import json
import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any

from kubernetes.aio.client.exceptions import ApiException
from kubernetes.aio.leaderelection.electionconfig import Config
from kubernetes.aio.leaderelection.leaderelection import LeaderElection
from kubernetes.aio.leaderelection.leaderelectionrecord import LeaderElectionRecord
from kubernetes.aio.leaderelection.resourcelock.baselock import BaseLock

from box_app_operator.errors import KUBERNETES_UNAVAILABLE, TransientError
from box_app_operator.kube.api import MERGE_PATCH, Json, KubeApi, KubeError

logger = logging.getLogger(__name__)

# It reports every failed try as an error, some with a traceback; the lock says what matters.
logging.getLogger("kubernetes.aio.leaderelection").setLevel(logging.CRITICAL)


@dataclass(frozen=True, slots=True)
class Candidate:
    """Who stands for which Lease, and for how long it counts without being renewed."""

    namespace: str
    name: str
    identity: str
    lease_seconds: float

    @property
    def deadline_seconds(self) -> float:
        """A leader that could not renew for so long stops; well before another one may begin."""
        return self.lease_seconds * 2 / 3

    @property
    def retry_seconds(self) -> float:
        """Between two tries to take or renew; no request may take longer, either."""
        return self.lease_seconds / 6


class Leadership:
    """Whether this process may act. ``lost`` is called once it may no more, and is not expected to return."""

    def __init__(
        self, api: KubeApi, candidate: Candidate, now: Callable[[], datetime], lost: Callable[[str], None]
    ) -> None:
        self._lock = LeaseLock(api, candidate, now, self._renewed, self._taken)
        self._candidate = candidate
        self._lost = lost
        self._began = asyncio.Event()
        self._until = float("-inf")
        self._timer: asyncio.TimerHandle | None = None
        self._election: asyncio.Task[None] | None = None

    @property
    def lease(self) -> str:
        """The Lease that the replicas of an installation share, as ``namespace/name``."""
        return f"{self._candidate.namespace}/{self._candidate.name}"

    def is_leader(self) -> bool:
        """Is the Lease ours for certain? Also right after the process was frozen for a while."""
        return asyncio.get_running_loop().time() < self._until

    async def acquire(self) -> None:
        """Stand by until this process is the leader; from then on the Lease is renewed in the background."""
        candidate = self._candidate
        config = Config(
            self._lock,
            lease_duration=candidate.lease_seconds,
            renew_deadline=candidate.deadline_seconds,
            retry_period=candidate.retry_seconds,
            onstarted_leading=self._lead,
            onstopped_leading=self._stopped,
        )
        self._election = asyncio.ensure_future(LeaderElection(config).run())
        began = asyncio.ensure_future(self._began.wait())
        try:
            await asyncio.wait([self._election, began], return_when=asyncio.FIRST_COMPLETED)
            if self._election.done():
                self._election.result()
        finally:
            began.cancel()

    async def release(self) -> None:
        """Give the Lease back, so that another process need not wait for its end. Does nothing on standby."""
        if self._timer is not None:
            self._timer.cancel()
        if self._election is not None:
            self._election.cancel()
            await asyncio.gather(self._election, return_exceptions=True)
        if self._began.is_set():
            await self._lock.release()

    async def _lead(self) -> None:
        self._began.set()

    async def _stopped(self) -> None:
        self._lost("it could not be renewed")

    def _renewed(self, asked_at: float) -> None:
        loop = asyncio.get_running_loop()
        self._until = asked_at + self._candidate.deadline_seconds
        if self._timer is not None:
            self._timer.cancel()
        self._timer = loop.call_at(self._until, self._lost, "it could not be renewed")

    def _taken(self, holder: str) -> None:
        if self._began.is_set():
            self._until = float("-inf")
            self._lost(f"{holder or 'no process'} holds it now")


class LeaseLock(BaseLock):
    """The Lease, as the election wants it: whether a call worked, and no exceptions."""

    def __init__(
        self,
        api: KubeApi,
        candidate: Candidate,
        now: Callable[[], datetime],
        renewed: Callable[[float], None],
        taken: Callable[[str], None],
    ) -> None:
        super().__init__(candidate.name, candidate.namespace, candidate.identity)
        self._api = api
        self._candidate = candidate
        self._now = now
        self._renewed = renewed
        self._taken = taken
        self._collection = f"/apis/coordination.k8s.io/v1/namespaces/{candidate.namespace}/leases"
        self._lease: Json = {}
        self._holder: str | None = None

    async def get(self, name: str, namespace: str) -> tuple[bool, Any]:  # noqa: ARG002 - the election's signature
        """Whether the Lease is there, and its record, or why not."""
        try:
            self._lease = await self._ask("GET", f"{self._collection}/{name}")
        except (KubeError, TransientError) as error:
            if isinstance(error, KubeError) and error.status == HTTPStatus.NOT_FOUND:
                absent = ApiException(status=error.status, reason=error.reason)
                absent.body = json.dumps({"code": error.status})
                return False, absent
            self._complain(error)
            return False, error
        self._look(self._lease.get("spec") or {})
        return True, _record(self._lease.get("spec") or {})

    async def create(
        self,
        name: str,
        namespace: str,
        election_record: LeaderElectionRecord,  # noqa: ARG002 - as above; its times are local and without a zone
    ) -> bool:
        """Make the Lease, in our name. Tells whether that worked."""
        lease = {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"name": name, "namespace": namespace},
            "spec": self._spec({}),
        }
        return await self._write("POST", self._collection, lease)

    async def update(
        self,
        name: str,
        namespace: str,  # noqa: ARG002 - as above
        updated_record: LeaderElectionRecord,  # noqa: ARG002 - as above
    ) -> bool:
        """Write the Lease in our name, unless it changed since it was read. Tells whether that worked."""
        lease = {**self._lease, "spec": self._spec(self._lease.get("spec") or {})}
        return await self._write("PUT", f"{self._collection}/{name}", lease)

    async def release(self) -> None:
        """Release the Lease, if it is still as we wrote it."""
        meta = {"resourceVersion": (self._lease.get("metadata") or {}).get("resourceVersion")}
        spec = {"holderIdentity": "", "leaseDurationSeconds": 1, "renewTime": _micro(self._now())}
        path = f"{self._collection}/{self.name}"
        try:
            await self._ask("PATCH", path, {"metadata": meta, "spec": spec}, MERGE_PATCH)
            logger.info("Released Lease %s/%s", self.namespace, self.name)
        except (KubeError, TransientError) as error:
            logger.warning("Lease %s/%s was not released: %s", self.namespace, self.name, error)

    async def _write(self, method: str, path: str, lease: Json) -> bool:
        asked_at = asyncio.get_running_loop().time()
        try:
            self._lease = await self._ask(method, path, lease)
        except (KubeError, TransientError) as error:
            self._complain(error)
            return False
        if self._holder != self.identity:
            logger.info("Acquired Lease %s/%s as %s", self.namespace, self.name, self.identity)
        self._holder = self.identity
        self._renewed(asked_at)
        return True

    async def _ask(self, method: str, path: str, body: Json | None = None, content: str = "application/json") -> Json:
        try:
            async with asyncio.timeout(self._candidate.retry_seconds):
                return await self._api.request(method, path, body=body, content_type=content)
        except TimeoutError:
            raise TransientError(KUBERNETES_UNAVAILABLE, f"{method} {path}: no answer in time") from None

    def _look(self, spec: Json) -> None:
        """Say whom we wait for, once per holder; notice that another process took what was ours."""
        holder = str(spec.get("holderIdentity") or "")
        if self._holder == self.identity and holder != self.identity:
            self._taken(holder)
        if holder not in (self._holder, self.identity):
            logger.info("Standing by: Lease %s/%s is held by %s", self.namespace, self.name, holder or "no process")
        if holder != self.identity:
            self._holder = holder

    def _complain(self, error: Exception) -> None:
        logger.warning("Lease %s/%s: %s", self.namespace, self.name, error)

    def _spec(self, before: Json) -> Json:
        now, ours = _micro(self._now()), before.get("holderIdentity") == self.identity
        return {
            **before,
            "holderIdentity": self.identity,
            "leaseDurationSeconds": max(1, round(self._candidate.lease_seconds)),
            "acquireTime": before.get("acquireTime", now) if ours else now,
            "renewTime": now,
            "leaseTransitions": int(before.get("leaseTransitions") or 0) + (bool(before) and not ours),
        }


def _record(spec: Json) -> LeaderElectionRecord:
    """What the election compares. Without a holder it takes the Lease at once."""
    duration = spec.get("leaseDurationSeconds")
    return LeaderElectionRecord(
        spec.get("holderIdentity") or None,
        str(duration) if duration else None,
        spec.get("acquireTime"),
        spec.get("renewTime"),
    )


def _micro(moment: datetime) -> str:
    """Kubernetes' MicroTime."""
    return moment.strftime("%Y-%m-%dT%H:%M:%S.%fZ")
