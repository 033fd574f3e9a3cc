"""Doing: one step, one call. The only writer; every step is safe to repeat."""

from box_app_operator.api.spec import Resource
from box_app_operator.cache.attempts import Memory
from box_app_operator.cache.cluster import Store
from box_app_operator.enterprise.protocols import Link, Links
from box_app_operator.errors import TransientError
from box_app_operator.execute.app import change_app
from box_app_operator.execute.cluster import ClusterExecutor
from box_app_operator.execute.secret import SecretExecutor
from box_app_operator.execute.token import change_token
from box_app_operator.model import steps
from box_app_operator.model.conditions import Reason
from box_app_operator.model.observed import Observed
from box_app_operator.model.steps import Step
from box_app_operator.modes.clients import Clients
from box_app_operator.modes.common.access import console_of, platform_of
from box_app_operator.ports import Clock, Cluster

IN_CLUSTER = (steps.AddFinalizer, steps.RemoveFinalizer, steps.PublishSecret, steps.DeleteSecret, steps.RestartWorkload)
"""Steps that do not need Box."""


class Executor:
    """Performs the steps of one pass for one object: each kind in a file of its own."""

    def __init__(
        self,
        store: Store,
        cluster: Cluster,
        clients: Clients,
        memory: Memory,
        links: Links,
        link: Link | None,
        clock: Clock,
    ) -> None:
        """``link`` is that of the object's enterprise, None when there is none."""
        self._memory = memory
        self._link = link
        self._clients = clients
        self._cluster = cluster
        self._secrets = SecretExecutor(store, cluster, memory, clock)
        self._in_cluster = ClusterExecutor(store, cluster, memory, links, clock)

    async def execute(self, step: Step, resource: Resource, observed: Observed) -> str:
        """Do it, and say in a few words for the log what was done.

        Raises:
            OperatorError: it was not done, or it is not known whether it was.
        """
        match step:
            case steps.PublishSecret():
                return await self._secrets.publish(step, resource, observed)
            case steps.AddFinalizer() | steps.RemoveFinalizer() | steps.DeleteSecret() | steps.RestartWorkload():
                return await self._in_cluster.execute(step, resource)
        if self._link is None:
            raise TransientError(Reason.BOX_UNAVAILABLE, "The enterprise is gone")
        match step:
            case steps.RefreshDownscoped():
                return await self._secrets.refresh(step, resource, observed, platform_of(self._link))
            case steps.CreateApp() | steps.ClaimApp() | steps.RenameApp() | steps.DeleteApp():
                return await change_app(step, console_of(self._link), self._link.listing)
            case steps.SetCorsDomains() | steps.SubmitApp():
                return await change_app(step, console_of(self._link), self._link.listing)
            case _:
                client = self._clients[observed.mode]
                return await change_token(
                    step, resource.desired, observed, client, self._cluster, self._link, self._memory
                )
