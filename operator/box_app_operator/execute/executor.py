"""Doing: one step, one call. The only writer; every step is safe to repeat."""

from __future__ import annotations

from dataclasses import replace

from box_app_operator.api.spec import Body, Resource, enterprise_of
from box_app_operator.cache.apps import Listing
from box_app_operator.cache.attempts import Memory
from box_app_operator.cache.cluster import AppKey, Store
from box_app_operator.enterprise.protocols import Link, Links
from box_app_operator.errors import FewerRightsError, TransientError
from box_app_operator.execute.secret import SecretExecutor
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import Observed
from box_app_operator.model.steps import (
    AddFinalizer,
    CreateApp,
    DeleteApp,
    DeleteSecret,
    MintToken,
    ProveToken,
    PublishSecret,
    RefreshDownscoped,
    RemoveFinalizer,
    RenameApp,
    RestartWorkload,
    RevokeDownscoped,
    RevokeSlot,
    SetCorsDomains,
    Step,
    SubmitApp,
)
from box_app_operator.modes.clients import Clients
from box_app_operator.modes.common.client import ModeClient
from box_app_operator.ports import Clock, Cluster, Console, Platform

IN_CLUSTER = (AddFinalizer, RemoveFinalizer, PublishSecret, DeleteSecret, RestartWorkload)
"""Steps that do not need Box."""


class Executor:
    """Performs the steps of one pass for one object."""

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
        self._links = links
        self._clock = clock
        self._store = store
        self._cluster = cluster
        self._memory = memory
        self._link = link
        self._clients = clients

    async def execute(self, step: Step, resource: Resource, observed: Observed) -> str:
        """Do it, and say in a few words for the log what was done.

        Raises:
            OperatorError: it was not done, or it is not known whether it was.
        """
        if isinstance(step, AddFinalizer | RemoveFinalizer):
            return await self._finalizer(step, resource.body)
        if isinstance(step, PublishSecret):
            return await self._secrets.publish(step, resource, observed)
        if isinstance(step, RefreshDownscoped):
            return await self._secrets.refresh(step, resource, observed, self._platform)
        if isinstance(step, DeleteSecret | RestartWorkload):
            return await self._tidy(step, resource.desired.namespace)
        if isinstance(step, RevokeDownscoped):
            client, link = self._mode_client(observed)
            return await client.revoke_downscoped(step, resource.desired, link, self._memory)
        if isinstance(step, MintToken | ProveToken | RevokeSlot):
            return await self._token_step(step, resource.desired, observed)
        return await self._app_step(step)

    async def _finalizer(self, step: AddFinalizer | RemoveFinalizer, body: Body) -> str:
        if isinstance(step, AddFinalizer):
            # The enterprise's own first: without it nothing could be tidied up in Box.
            async with self._links.kept(enterprise_of(body)):
                self._store.put_app(await self._cluster.add_finalizer(body))
            return "added the finalizer"
        left = await self._cluster.remove_finalizer(body)
        if left is None or not left["metadata"].get("finalizers"):
            meta = body["metadata"]
            self._store.drop_app(AppKey(meta["namespace"], meta["name"]), meta["uid"])
        else:
            self._store.put_app(left)
        return "removed the finalizer"

    async def _app_step(self, step: CreateApp | RenameApp | SetCorsDomains | SubmitApp | DeleteApp) -> str:
        console, listing = self._console, self._listing
        match step:
            case CreateApp(name, reference, key):
                app = await console.create_app(name, reference, key)
                listing.restore(app)
                return f"registered app {app.id}"
            case RenameApp(app_id, name):
                listing.update(await console.rename_app(app_id, name))
                return f"renamed app {app_id}"
            case SetCorsDomains(app_id, domains):
                listing.update(await console.set_cors_domains(app_id, domains))
                return f"set {len(domains)} CORS domains of app {app_id}"
            case SubmitApp(app_id):
                listing.update(await console.submit_app(app_id))
                return f"submitted app {app_id} to the Box admin"
            case DeleteApp(app_id):
                await console.delete_app(app_id)
                listing.drop(app_id)
                return f"deleted app {app_id}"

    async def _token_step(self, step: MintToken | ProveToken | RevokeSlot, desired: Desired, observed: Observed) -> str:
        if isinstance(step, ProveToken):
            return await self._prove(step.fingerprint)
        client, link = self._mode_client(observed)
        if isinstance(step, MintToken):
            return await client.obtain_token(step, desired, link, self._memory)
        return await client.revoke_token(step, desired, observed, link, self._memory)

    def _mode_client(self, observed: Observed) -> tuple[ModeClient, Link]:
        if self._link is None:
            raise TransientError(Reason.BOX_UNAVAILABLE, "The enterprise is gone")
        return self._clients[observed.mode], self._link

    async def _prove(self, fingerprint: str) -> str:
        pending, token = self._memory.pending, self._memory.token
        if pending is None or token is None:
            raise TransientError(Reason.AWAITING_TOKEN, f"Token {fingerprint} is no longer pending")
        try:
            proven = await self._platform.accepts(token)
        except FewerRightsError:
            if self._memory.granted is None:
                raise
            # An access token may do what the app's scopes say, which need not be to read files.
            proven = True
        self._memory.pending = replace(pending, proven=proven)
        return f"token {fingerprint} is {'accepted' if proven else 'rejected'} by Box"

    async def _tidy(self, step: DeleteSecret | RestartWorkload, namespace: str) -> str:
        match step:
            case DeleteSecret(name, uid):
                await self._cluster.delete_secret(namespace, name, uid)
                self._store.drop_secret(namespace, name, uid)
                return f"deleted renamed Secret {name}"
            case RestartWorkload(ref, fingerprint):
                # Whatever becomes of it, what was seen of the workload is out of date.
                seen = self._memory.workloads.pop(ref, None)
                if seen is None:
                    raise TransientError(Reason.NOT_YET_KNOWN, f"{ref} must be looked at again")
                now = self._clock.now()
                restarted = await self._cluster.restart_workload(namespace, seen, fingerprint, now)
                self._memory.workloads[ref] = restarted
                return f"restarted {ref} for token {fingerprint}"

    @property
    def _secrets(self) -> SecretExecutor:
        return SecretExecutor(self._store, self._cluster, self._memory, self._clock)

    @property
    def _listing(self) -> Listing:
        if self._link is None:
            raise TransientError(Reason.BOX_UNAVAILABLE, "The enterprise is gone")
        return self._link.listing

    @property
    def _console(self) -> Console:
        if self._link is None or self._link.console is None:
            raise TransientError(Reason.BOX_UNAVAILABLE, "There is no connection to the console")
        return self._link.console

    @property
    def _platform(self) -> Platform:
        if self._link is None or self._link.platform is None:
            raise TransientError(Reason.BOX_UNAVAILABLE, "There is no connection to Box")
        return self._link.platform
