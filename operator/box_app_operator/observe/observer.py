"""Looking: from Box and the cluster to ``Observed``. Never writes.

Most looks cost nothing: the listing and the watches know. Box is asked live only where a memory would not do: after
a call whose answer was lost, and about a token that was just minted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from box_app_operator.api.enterprise import selects
from box_app_operator.api.remembered import parse_remembered
from box_app_operator.api.spec import Resource
from box_app_operator.cache.attempts import Memory
from box_app_operator.cache.cluster import Store
from box_app_operator.enterprise.protocols import Link, Links
from box_app_operator.errors import ForbiddenError
from box_app_operator.model.box import Problem, SecretView
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import Mode, Observed
from box_app_operator.modes.clients import Clients
from box_app_operator.observe.consumers import Consumers
from box_app_operator.ports import Clock, Cluster, Imports
from box_app_operator.secret.published import has_access_tokens, is_original
from box_app_operator.tokens.active import current_of
from box_app_operator.tokens.downscoped import is_downscoped
from box_app_operator.tokens.rotation import rotation_due

OTHER_AUTHENTICATION = (
    "spec.authentication cannot change: the tokens of this BoxCustomApp are of the other authentication, which is "
    "another app in Box. Set it back, and create another BoxCustomApp for the other authentication."
)


class Observer:
    """Gathers what one pass needs to know."""

    def __init__(
        self,
        store: Store,
        links: Links,
        cluster: Cluster,
        clients: Clients,
        consumers: Consumers,
        imports: Imports,
        clock: Clock,
    ) -> None:
        self._store = store
        self._links = links
        self._cluster = cluster
        self._consumers = consumers
        self._clock = clock
        self._imports = imports
        self._clients = clients

    async def observe(self, resource: Resource, memory: Memory) -> Observed:
        """One look.

        Raises:
            TransientError, AwaitingHumanError: Box had to be asked and did not answer.
        """
        desired = resource.desired
        link = self._links.get(desired.enterprise)
        await self._read_changed_secrets(desired)
        now = self._clock.now()
        seen = Observed(
            secret=self._see_secret(desired, desired.secret.name, memory, now),
            renamed_secrets=self._renamed_secrets(desired),
            pending=memory.pending,
            remembered=parse_remembered(resource.body),
            namespace_is_terminating=self._store.is_terminating(desired.namespace),
            disowned=memory.disowned(now),
            contests=memory.contests(_names_wanted(desired), now),
        )
        seen = replace(seen, problem=self._problem(desired, link, seen, now))
        if link is None or self._awaits_namespace(desired, link):
            self._imports.release(desired.uid)
            return seen
        client = self._clients[_mode_of(desired, seen, link)]
        seen = await client.observe(desired, replace(seen, mode=_mode_of(desired, seen, link)), link, memory)
        if not seen.known:
            return seen
        self._follow(client.awaited_secret(desired), desired, seen)
        now = self._clock.now()
        return await self._consumers.look(desired, self._see_downscoped(desired, seen, memory, now), memory, now)

    def _follow(self, name: str | None, desired: Desired, seen: Observed) -> None:
        """Follow the Secret in which a person hands something over, while that is waited for."""
        current = current_of(desired, seen, self._clock.now())
        waits = current is None or current.other is not None or rotation_due(current)
        if name is not None and waits and not desired.deleting:
            self._imports.want(desired.uid, (desired.namespace, name))
        else:
            self._imports.release(desired.uid)

    def _see_secret(self, desired: Desired, name: str, memory: Memory, now: datetime) -> SecretView | None:
        secret = self._store.secret(desired.namespace, name)
        return memory.upkeep_of(name).overruled(secret, now) if secret is not None else None

    def _see_downscoped(self, desired: Desired, seen: Observed, memory: Memory, now: datetime) -> Observed:
        names = [spec.secret for spec in desired.downscoped]
        ours = [secret for secret in self._store.secrets_of(desired.uid) if is_downscoped(secret)]
        return replace(
            seen,
            downscoped={name: self._see_secret(desired, name, memory, now) for name in names},
            left_over=tuple(secret for secret in ours if secret.name not in names),
        )

    def _renamed_secrets(self, desired: Desired) -> tuple[SecretView, ...]:
        """What was published under other names; not copies of it, although they may carry the owner over."""
        ours = self._store.secrets_of(desired.uid)
        return tuple(secret for secret in ours if secret.name != desired.secret.name and is_original(secret))

    async def refresh_secret(self, desired: Desired) -> None:
        """Replace what is remembered of the Secrets by what is there."""
        await self._read_secrets(desired.namespace, _names_wanted(desired))

    async def _read_changed_secrets(self, desired: Desired) -> None:
        """Read what the watches show without its contents: the Secrets that this object asks for or owns."""
        namespace, names = desired.namespace, {*_names_wanted(desired), *self._store.names_owned(desired.uid)}
        await self._read_secrets(namespace, [name for name in names if self._store.is_unread(namespace, name)])

    async def _read_secrets(self, namespace: str, names: Iterable[str]) -> None:
        for name in names:
            secret = await self._read_secret(namespace, name)
            if secret is None:
                self._store.drop_secret(namespace, name)
            else:
                self._store.put_secret(secret)

    async def _read_secret(self, namespace: str, name: str) -> SecretView | None:
        """A Secret as it is; none where the namespace ends, and has taken the operator's own Role with it by now."""
        try:
            return await self._cluster.read_secret(namespace, name)
        except ForbiddenError:
            if self._store.is_terminating(namespace):
                return None
            raise

    def _awaits_namespace(self, desired: Desired, link: Link) -> bool:
        """Do the labels of the namespace matter, and did its watch not tell of them yet? It wakes the object."""
        matters = link.selector is not None and not desired.deleting
        return matters and not self._store.has_namespace(desired.namespace)

    def _problem(self, desired: Desired, link: Link | None, seen: Observed, now: datetime) -> Problem | None:
        if desired.invalid and not (desired.deleting and desired.enterprise):
            return Problem(Reason.INVALID_SPEC, desired.invalid, now, stalled=True)
        if has_access_tokens(desired, seen) != (desired.grant is not None) and not desired.deleting:
            return Problem(Reason.INVALID_SPEC, OTHER_AUTHENTICATION, now, stalled=True)
        if link is None:
            message = (
                f"There is no BoxEnterprise {desired.enterprise!r}. Create it, or correct spec.enterpriseRef.name."
            )
            return Problem(Reason.ENTERPRISE_NOT_FOUND, message, now, awaited=True)
        if self._awaits_namespace(desired, link):
            return None
        if not desired.deleting and not selects(link.selector, self._store.labels_of(desired.namespace)):
            message = (
                f"BoxEnterprise {desired.enterprise!r} does not allow namespace {desired.namespace!r} "
                "(spec.allowedNamespaces). Ask its owner, or use another enterprise."
            )
            return Problem(Reason.NAMESPACE_NOT_ALLOWED, message, now, stalled=True)
        is_new = not desired.has_finalizer and seen.remembered.app_id is None
        if link.is_deleting and is_new and not desired.deleting:
            message = (
                f"BoxEnterprise {desired.enterprise!r} is being deleted and takes no new apps. "
                "Use another one in spec.enterpriseRef.name, or this one once it was created again."
            )
            return Problem(Reason.ENTERPRISE_NOT_READY, message, now, awaited=True)
        return link.problem


def _names_wanted(desired: Desired) -> list[str]:
    return [desired.secret.name, *(spec.secret for spec in desired.downscoped)]


def _mode_of(desired: Desired, seen: Observed, link: Link) -> Mode:
    """As its tokens say, so that they are ended at its deletion whatever became of the spec."""
    if has_access_tokens(desired, seen):
        return Mode.CLIENT_CREDENTIALS
    return Mode.AUTOMATED if link.has_console else Mode.ASSISTED
