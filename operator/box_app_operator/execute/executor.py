"""Doing: one step, one call. The only writer; every step is safe to repeat."""

from __future__ import annotations

from dataclasses import replace

from box_app_operator.api.spec import Body, enterprise_of, parse_desired
from box_app_operator.cache.apps import Listing
from box_app_operator.cache.attempts import Memory
from box_app_operator.cache.cluster import AppKey, Store
from box_app_operator.enterprise.protocols import Link, Links
from box_app_operator.errors import FewerRightsError, TransientError
from box_app_operator.execute.public import PublicExecutor
from box_app_operator.execute.secret import SecretExecutor
from box_app_operator.model.box import HeldToken
from box_app_operator.model.conditions import Reason
from box_app_operator.model.observed import Mode, Observed
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
from box_app_operator.ports import Clock, Cluster, Console, Platform

IN_CLUSTER = (AddFinalizer, RemoveFinalizer, PublishSecret, DeleteSecret, RestartWorkload)
"""Steps that do not need Box."""


class Executor:
    """Performs the steps of one pass for one object."""

    def __init__(
        self, store: Store, cluster: Cluster, memory: Memory, links: Links, link: Link | None, clock: Clock
    ) -> None:
        """``link`` is that of the object's enterprise, None when there is none."""
        self._links = links
        self._clock = clock
        self._store = store
        self._cluster = cluster
        self._memory = memory
        self._link = link

    async def execute(self, step: Step, body: Body, observed: Observed) -> str:
        """Do it, and say in a few words for the log what was done.

        Raises:
            OperatorError: it was not done, or nobody knows whether it was.
        """
        if isinstance(step, AddFinalizer | RemoveFinalizer):
            return await self._finalizer(step, body)
        if isinstance(step, PublishSecret):
            return await self._secrets.publish(step, body, observed)
        if isinstance(step, RefreshDownscoped):
            return await self._secrets.refresh(step, body, observed, self._platform)
        if isinstance(step, DeleteSecret | RestartWorkload):
            return await self._tidy(step, body["metadata"]["namespace"])
        if isinstance(step, RevokeDownscoped):
            return await self._public.revoke_downscoped(step, parse_desired(body), observed)
        if isinstance(step, MintToken | ProveToken | RevokeSlot):
            return await self._token_step(step, body, observed)
        return await self._app_step(step)

    async def _finalizer(self, step: AddFinalizer | RemoveFinalizer, body: Body) -> str:
        if isinstance(step, AddFinalizer):
            # The enterprise's own first: without it nothing could be tidied up in Box.
            async with self._links.held(enterprise_of(body)):
                self._store.put_app(await self._cluster.add_finalizer(body))
            return "took the object into care"
        left = await self._cluster.remove_finalizer(body)
        if left is None or not left["metadata"].get("finalizers"):
            meta = body["metadata"]
            self._store.drop_app(AppKey(meta["namespace"], meta["name"]), meta["uid"])
        else:
            self._store.put_app(left)
        return "let the object go"

    async def _app_step(self, step: CreateApp | RenameApp | SetCorsDomains | SubmitApp | DeleteApp) -> str:
        console, listing = self._console, self._listing
        match step:
            case CreateApp(name, reference, key):
                app = await console.create_app(name, reference, key)
                listing.find_again(app)
                return f"registered app {app.id}"
            case RenameApp(app_id, name):
                listing.fold(await console.rename_app(app_id, name))
                return f"renamed app {app_id}"
            case SetCorsDomains(app_id, domains):
                listing.fold(await console.set_cors_domains(app_id, domains))
                return f"set {len(domains)} CORS domains of app {app_id}"
            case SubmitApp(app_id):
                listing.fold(await console.submit_app(app_id))
                return f"submitted app {app_id} to the Box admin"
            case DeleteApp(app_id):
                await console.delete_app(app_id)
                listing.drop(app_id)
                return f"deleted app {app_id}"

    async def _token_step(self, step: MintToken | ProveToken | RevokeSlot, body: Body, observed: Observed) -> str:
        if not isinstance(step, ProveToken) and observed.mode is not Mode.AUTOMATED:
            if isinstance(step, MintToken):
                return await self._public.mint(step, parse_desired(body))
            return await self._public.revoke(step, parse_desired(body), observed)
        match step:
            case MintToken(app_id, slot, days):
                token = await self._console.mint_token(app_id, slot, days)
                self._memory.hold(HeldToken(slot, token.fingerprint, days=days), token)
                return f"generated token {token.fingerprint} in the {slot} slot of app {app_id}"
            case ProveToken(fingerprint):
                return await self._prove(fingerprint)
            case RevokeSlot(app_id, slot, fingerprint):
                await self._console.revoke_slot(app_id, slot, fingerprint)
                self._forget_slot(step)
                return f"revoked token {fingerprint} in the {slot} slot of app {app_id}"

    async def _prove(self, fingerprint: str) -> str:
        held, token = self._memory.held, self._memory.token
        if held is None or token is None:
            raise TransientError(Reason.AWAITING_TOKEN, f"Token {fingerprint} is not held any more")
        try:
            proven = await self._platform.accepts(token)
        except FewerRightsError:
            if self._memory.granted is None:
                raise
            # An access token may do what the app's scopes say, which need not be to read files.
            proven = True
        self._memory.held = replace(held, proven=proven)
        return f"token {fingerprint} is {'accepted' if proven else 'rejected'} by Box"

    def _forget_slot(self, step: RevokeSlot) -> None:
        """The console answers a revocation with nothing: note it until the listing tells of it."""
        app = self._listing.by_id(step.app_id)
        if app is not None:
            left = {slot: token for slot, token in app.tokens.items() if slot is not step.slot}
            self._listing.assume(replace(app, tokens=left))
        if self._memory.held is not None and self._memory.held.fingerprint == step.fingerprint:
            self._memory.let_go()

    async def _tidy(self, step: DeleteSecret | RestartWorkload, namespace: str) -> str:
        match step:
            case DeleteSecret(name, uid):
                await self._cluster.delete_secret(namespace, name, uid)
                self._store.drop_secret(namespace, name, uid)
                return f"deleted Secret {name} of a former name"
            case RestartWorkload(ref, fingerprint):
                # Whatever becomes of it, what was seen of the workload is over.
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
    def _public(self) -> PublicExecutor:
        return PublicExecutor(self._cluster, self._memory, self._platform, self._clock)

    @property
    def _listing(self) -> Listing:
        if self._link is None:
            raise TransientError(Reason.BOX_UNAVAILABLE, "The enterprise is gone")
        return self._link.listing

    @property
    def _console(self) -> Console:
        if self._link is None or self._link.console is None:
            raise TransientError(Reason.BOX_UNAVAILABLE, "There is no way to the console")
        return self._link.console

    @property
    def _platform(self) -> Platform:
        if self._link is None or self._link.platform is None:
            raise TransientError(Reason.BOX_UNAVAILABLE, "There is no way to Box")
        return self._link.platform
