"""Looking at what uses a token: running pods, and the workloads that are to be restarted. Only where it matters."""

import logging
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta

from box_app_operator.cache.cluster import Store
from box_app_operator.errors import TransientError
from box_app_operator.model.desired import Desired, Retire, WorkloadRef
from box_app_operator.model.observed import Observed, WorkloadView
from box_app_operator.ports import Cluster
from box_app_operator.tokens.active import Current, current_of
from box_app_operator.tokens.restarts import concerned, restart_at
from box_app_operator.watch.pods import PodWatch

Workloads = Mapping[WorkloadRef, WorkloadView]

logger = logging.getLogger(__name__)


class Consumers:
    """Adds to an observation what it tells of the consumers of the previous token."""

    def __init__(self, store: Store, cluster: Cluster, pods: PodWatch, restart_window: timedelta) -> None:
        self._store = store
        self._cluster = cluster
        self._pods = pods
        self._restart_window = restart_window

    async def look(self, desired: Desired, seen: Observed, known: Workloads, now: datetime) -> Observed:
        """Pods while a token or a Secret is phased out; workloads, unless ``known``, while some may be restarted."""
        current = current_of(desired, seen, now)
        if current is None or desired.deleting or desired.suspended:
            self._pods.release(desired.uid)
            return seen
        if current.other is None and not seen.renamed_secrets:
            self._pods.release(desired.uid)
        elif desired.rotation.retire is Retire.WHEN_UNUSED:
            seen = replace(seen, pods=await self._pods.of(desired.namespace, desired.uid))
        return await self._look_at_workloads(current, seen, known) if desired.rotation.restart else seen

    async def _look_at_workloads(self, current: Current, seen: Observed, known: Workloads) -> Observed:
        namespace, refs = current.desired.namespace, concerned(current)
        shared = frozenset(ref for ref in refs if len(self._store.keys_restarting(namespace, ref)) > 1)
        seen = replace(seen, shared=shared)
        current = replace(current, observed=seen)
        found = {ref: known[ref] for ref in refs if ref in known}
        for ref in refs:
            if restart_at(ref, current, self._restart_window) <= current.now and ref not in found:
                view = await self._read(namespace, ref)
                found |= {ref: view} if view is not None else {}
        return replace(seen, workloads=found)

    async def _read(self, namespace: str, ref: WorkloadRef) -> WorkloadView | None:
        try:
            return await self._cluster.read_workload(namespace, ref)
        except TransientError as error:
            logger.warning("%s in %s cannot be looked at: %s", ref, namespace, error)
            return None
