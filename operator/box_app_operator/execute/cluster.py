"""Doing, in the cluster and apart from writing Secrets: finalizers, renamed Secrets, restarts."""

from box_app_operator.api.spec import Resource
from box_app_operator.cache.attempts import Memory
from box_app_operator.cache.cluster import Store
from box_app_operator.enterprise.protocols import Links
from box_app_operator.errors import TransientError
from box_app_operator.model.conditions import Reason
from box_app_operator.model.steps import AddFinalizer, DeleteSecret, RemoveFinalizer, RestartWorkload
from box_app_operator.ports import Clock, Cluster


class ClusterExecutor:
    """Performs these steps for one object."""

    def __init__(self, store: Store, cluster: Cluster, memory: Memory, links: Links, clock: Clock) -> None:
        self._store = store
        self._cluster = cluster
        self._memory = memory
        self._links = links
        self._clock = clock

    async def execute(
        self, step: AddFinalizer | RemoveFinalizer | DeleteSecret | RestartWorkload, resource: Resource
    ) -> str:
        """Do it; says for the log what was done."""
        match step:
            case AddFinalizer():
                # The enterprise's own first: without it nothing could be tidied up in Box.
                async with self._links.kept(resource.desired.enterprise):
                    self._store.put_app(await self._cluster.add_finalizer(resource.body))
                return "added the finalizer"
            case RemoveFinalizer():
                return await self._remove_finalizer(resource)
            case DeleteSecret(name, uid):
                await self._cluster.delete_secret(resource.key.namespace, name, uid)
                self._store.drop_secret(resource.key.namespace, name, uid)
                return f"deleted renamed Secret {name}"
            case RestartWorkload():
                return await self._restart(step, resource.key.namespace)

    async def _remove_finalizer(self, resource: Resource) -> str:
        left = await self._cluster.remove_finalizer(resource.body)
        if left is None or not left["metadata"].get("finalizers"):
            self._store.drop_app(resource.key, resource.desired.uid)
        else:
            self._store.put_app(left)
        return "removed the finalizer"

    async def _restart(self, step: RestartWorkload, namespace: str) -> str:
        # Whatever becomes of it, what was seen of the workload is old.
        seen = self._memory.workloads.pop(step.ref, None)
        if seen is None:
            raise TransientError(Reason.NOT_YET_KNOWN, f"{step.ref} must be looked at again")
        restarted = await self._cluster.restart_workload(namespace, seen, step.fingerprint, self._clock.now())
        self._memory.workloads[step.ref] = restarted
        return f"restarted {step.ref} for token {step.fingerprint}"
