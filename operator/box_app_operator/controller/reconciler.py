"""Bringing objects to what their specs ask for: one pass at a time, then the report, then when to look again.

Level-triggered: the same pass serves creation, change, restart, resync, a changed Secret and a changed Box app.
"""

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from box_app_operator.api.spec import Resource
from box_app_operator.cache.attempts import Memory
from box_app_operator.cache.cluster import Store
from box_app_operator.controller.reconcile_pass import Pass, PassDependencies, in_conflict
from box_app_operator.controller.status_writer import Reporter
from box_app_operator.core.plan import Delays, Plan
from box_app_operator.enterprise.protocols import Links
from box_app_operator.errors import OperatorError, StalledError, TransientError
from box_app_operator.execute.executor import Executor
from box_app_operator.model.box import UID
from box_app_operator.model.conditions import Reason, earliest
from box_app_operator.model.desired import AppKey
from box_app_operator.modes.clients import make_clients
from box_app_operator.observability.metrics import RECONCILES, AppLog, Stopwatch
from box_app_operator.observe.consumers import Consumers
from box_app_operator.observe.observer import Observer
from box_app_operator.observe.secrets import SecretObserver
from box_app_operator.ports import Clock, Cluster
from box_app_operator.watch.imports import ImportWatch
from box_app_operator.watch.pods import PodWatch

logger = logging.getLogger(__name__)


class Reconciler:
    """Brings one object at a time to what its spec asks for."""

    def __init__(
        self,
        store: Store,
        links: Links,
        cluster: Cluster,
        pods: PodWatch,
        imports: ImportWatch,
        clock: Clock,
        *,
        delays: Delays,
        status_pause: timedelta,
        backoff: Callable[[int], float],
        passed: Callable[[str], None],
    ) -> None:
        self._store = store
        self._links = links
        self._cluster = cluster
        self._clock = clock
        self._backoff = backoff
        self._passed = passed
        self._pods = pods
        self._imports = imports
        self._reporter = Reporter(store, cluster, clock, status_pause)
        self._clients = make_clients(store, cluster, clock)
        consumers = Consumers(store, cluster, pods, delays.restart)
        secrets = SecretObserver(store, cluster)
        observer = Observer(store, links, secrets, self._clients, consumers, imports, clock)
        self._delays = delays
        self._deps = PassDependencies(store, observer, secrets, clock, backoff, delays)
        self._memories: dict[UID, Memory] = {}

    def forget(self, uid: UID) -> None:
        """The object is gone for good."""
        self._memories.pop(uid, None)
        self._pods.release(uid)
        self._imports.release(uid)

    def clear_refusals(self, key: AppKey) -> None:
        """Let every refused step be tried again: a resync, or the enterprise changed."""
        self._memory_of(key).clear_refusals()

    def free_name(self, key: AppKey) -> bool:
        """The name that the object wants became free in Box. Tells whether a refused step waits for that."""
        return self._memory_of(key).free_name()

    def clear_human_refusals(self, key: AppKey) -> None:
        """Let steps that waited for a person at Box be tried again: something changed there."""
        self._memory_of(key).clear_human_refusals()

    def _memory_of(self, key: AppKey) -> Memory:
        """What is remembered of an object; nothing, before the first pass over it."""
        app = self._store.apps.get(key)
        return self._memories.get(app.desired.uid, Memory()) if app is not None else Memory()

    async def reconcile(self, key: AppKey) -> float | None:
        """One pass over one object.

        Returns the seconds after which to look again, None when only a change matters.
        """
        resource = self._store.apps.get(key)
        if resource is None:
            return None
        uid, watch = resource.desired.uid, Stopwatch()
        memory = self._memories.setdefault(uid, Memory())
        try:
            again, result = await self._pass(resource, memory)
        except OperatorError as error:
            again, result = self._put_off(key, memory, error), _result_of_error(error)
        except Exception:
            memory.failures += 1
            AppLog(logger, *key).exception("this is a bug; please report it")
            again, result = self._backoff(memory.failures), "bug"
        RECONCILES.labels(result).observe(watch.seconds)
        if self._store.key_of(uid) is None:
            # It went in the middle of the pass, which may have asked for watches after it was forgotten.
            self.forget(uid)
        return again

    async def _pass(self, resource: Resource, memory: Memory) -> tuple[float | None, str]:
        """Seconds after which to look again, and how the pass ended."""
        desired = resource.desired
        link = self._links.get(desired.enterprise)
        if link is not None and not link.probed and link.problem is None:
            return None, "waiting"  # The link wakes its apps as soon as it knows something.
        early = self._too_early(memory, missing=link is None and not desired.deleting)
        if early is not None:
            return early, "waiting"
        memory.renew(desired)
        executor = Executor(self._store, self._cluster, self._clients, memory, self._links, link, self._clock)
        work = Pass(resource, memory, link, executor, self._deps)
        observed, decided = await work.run()
        report_at = None
        if self._store.key_of(desired.uid) is None:
            await self._reporter.bid_farewell(resource.body, memory)
        elif decided.complete:
            report_at = await self._reporter.report(work.resource, observed, decided, memory)
        self._passed(desired.enterprise)
        return self._look_again(memory, decided, report_at), _result_of(decided, memory)

    def _too_early(self, memory: Memory, *, missing: bool) -> float | None:
        """Seconds for which an object does not say yet that its BoxEnterprise is missing; None when it may."""
        if not missing:
            memory.without_enterprise_since = None
            return None
        now = self._clock.now()
        since = memory.without_enterprise_since = memory.without_enterprise_since or now
        left = (since + self._delays.enterprise - now).total_seconds()
        return left if left > 0 else None

    def _put_off(self, key: AppKey, memory: Memory, error: OperatorError) -> float | None:
        log = AppLog(logger, *key)
        if isinstance(error, StalledError):
            log.warning("%s", error)
            return None
        level = logging.WARNING if isinstance(error, TransientError) else logging.INFO
        log.log(level, "%s", error)
        app = self._store.apps.get(key)
        link = self._links.get(app.desired.enterprise) if app is not None else None
        if error.reason == Reason.CREDENTIAL_REJECTED and link is not None:
            link.reconnect()
        memory.failures += 1
        asked = error.retry_after_seconds if isinstance(error, TransientError) else None
        return max(asked or 0.0, self._backoff(memory.failures))

    def _look_again(self, memory: Memory, decided: Plan, report_at: datetime | None) -> float | None:
        if in_conflict(decided):
            memory.failures += 1
            return self._backoff(memory.failures)
        if not memory.in_trouble:
            memory.failures = 0
        moment = earliest((memory.retry_at, decided.look_again_at, report_at))
        return max(0.0, (moment - self._clock.now()).total_seconds()) if moment is not None else None


def _result_of(decided: Plan, memory: Memory) -> str:
    """How a pass ended that came to its end."""
    states = {condition.type: condition.status for condition in decided.conditions}
    if "Stalled" in states:
        return "stalled"
    if memory.in_trouble:
        return "transient"
    return "settled" if states.get("Ready", "True") == "True" else "waiting"


def _result_of_error(error: OperatorError) -> str:
    """How a pass ended that an error ended."""
    if isinstance(error, StalledError):
        return "stalled"
    return "transient" if isinstance(error, TransientError) else "waiting"
