"""Looking: from Box and the cluster to ``Observed``. Never writes.

Most looks cost nothing: the listing and the watches know. Box is asked live only where a memory would not do: after
a call whose answer was lost, and about a token that was just minted.
"""

from dataclasses import replace
from datetime import datetime

from box_app_operator.api.enterprise import selects
from box_app_operator.api.remembered import parse_remembered
from box_app_operator.api.spec import Resource
from box_app_operator.cache.attempts import Memory
from box_app_operator.cache.cluster import Store
from box_app_operator.enterprise.protocols import Link, Links
from box_app_operator.model.box import Problem
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import Observed
from box_app_operator.modes.clients import Clients
from box_app_operator.modes.registry import mode_of
from box_app_operator.observe.consumers import Consumers
from box_app_operator.observe.secrets import SecretObserver
from box_app_operator.ports import Clock
from box_app_operator.tokens.active import current_of
from box_app_operator.tokens.rotation import rotation_cause
from box_app_operator.watch.imports import ImportWatch


class Observer:
    """Gathers what one pass needs to know."""

    def __init__(
        self,
        store: Store,
        links: Links,
        secrets: SecretObserver,
        clients: Clients,
        consumers: Consumers,
        imports: ImportWatch,
        clock: Clock,
    ) -> None:
        self._store = store
        self._links = links
        self._secrets = secrets
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
        await self._secrets.read_changed(desired)
        now = self._clock.now()
        seen = Observed(
            secret=self._secrets.see(desired, desired.secret.name, memory.upkeep, now),
            renamed_secrets=self._secrets.renamed(desired),
            pending=memory.pending,
            doubtful=memory.doubtful,
            remembered=parse_remembered(resource.body),
            namespace_is_terminating=self._store.is_terminating(desired.namespace),
            disowned=memory.disowned(now),
            contests=memory.contests(desired.secret_names, now),
            mode=mode_of(desired, has_console=link is None or link.has_console),
        )
        seen = replace(seen, problem=self._problem(desired, link, seen, now))
        if link is None or self._awaits_namespace(desired, link):
            self._imports.release(desired.uid)
            return seen
        client = self._clients[seen.mode]
        seen = await client.observe(desired, seen, link, memory.answers)
        if not seen.known:
            return seen
        self._follow(client.awaited_secret(desired), desired, seen)
        now = self._clock.now()
        seen = self._secrets.with_downscoped(desired, seen, memory.upkeep, now)
        return await self._consumers.look(desired, seen, memory.workloads, now)

    def _follow(self, name: str | None, desired: Desired, seen: Observed) -> None:
        """Follow the Secret in which a person hands something over, while that is waited for."""
        current = current_of(desired, seen, self._clock.now())
        waits = current is None or current.other is not None or rotation_cause(current) is not None
        if name is not None and waits and not desired.deleting:
            self._imports.want(desired.uid, (desired.namespace, name))
        else:
            self._imports.release(desired.uid)

    def _awaits_namespace(self, desired: Desired, link: Link) -> bool:
        """Do the labels of the namespace matter, and did its watch not tell of them yet? It wakes the object."""
        matters = link.selector is not None and not desired.deleting
        return matters and desired.namespace not in self._store.namespaces

    def _problem(self, desired: Desired, link: Link | None, seen: Observed, now: datetime) -> Problem | None:
        if desired.invalid and not (desired.deleting and desired.enterprise):
            return Problem(Reason.INVALID_SPEC, desired.invalid, now, stalled=True)
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
