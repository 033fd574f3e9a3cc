"""The parts, put together: clients, clock, randomness. Nothing is decided here, and nothing runs yet."""

import contextlib
import os
import random
import ssl
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Any

import httpx

from box_app_operator.api.enterprise import Enterprise
from box_app_operator.box.console import HttpConsole
from box_app_operator.box.platform import HttpPlatform
from box_app_operator.box.transport import Gate, Transport
from box_app_operator.cache.cluster import Store
from box_app_operator.config import Settings
from box_app_operator.controller.events import Intake
from box_app_operator.controller.missed_deletions import Sweep
from box_app_operator.controller.reconciler import Reconciler
from box_app_operator.controller.workqueue import WorkQueue
from box_app_operator.core.plan import Delays
from box_app_operator.enterprise.clients import Clients
from box_app_operator.enterprise.connection import LinkDependencies
from box_app_operator.enterprise.registry import Enterprises
from box_app_operator.kube.api import KubeApi
from box_app_operator.kube.lists import KubeLists
from box_app_operator.kube.objects import KubeObjects
from box_app_operator.kube.pods import KubePods
from box_app_operator.kube.secrets import KubeSecrets
from box_app_operator.kube.workloads import KubeWorkloads
from box_app_operator.model.box import UID
from box_app_operator.model.desired import AppKey
from box_app_operator.observability.gauges import Gauges
from box_app_operator.proxies import Proxy, read_proxies
from box_app_operator.watch.imports import ImportWatch
from box_app_operator.watch.pods import PodWatch
from box_app_operator.watch.sources import make_reflector
from box_app_operator.watch.supervision import Watches

COMPONENT = "box-app-operator"
ENTERPRISE_GRACE = timedelta(seconds=2)
"""Between two objects that were applied together, and two watches that tell of them."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one place that reads it

    def monotonic(self) -> float:
        """Seconds since this machine was started."""
        return time.monotonic()


class KubeCluster(KubeSecrets, KubeObjects, KubePods, KubeWorkloads):
    """The cluster port: everything over one API client."""

    def __init__(self, api: KubeApi) -> None:
        KubeObjects.__init__(self, api, COMPONENT)


class Operator:
    """The parts, put together."""

    def __init__(
        self, settings: Settings, api: KubeApi, lists: KubeLists, is_leader: Callable[[], bool], finalizer: str
    ) -> None:
        """``finalizer`` is what this installation puts on BoxEnterprises."""
        self._store = store = Store(settings.cluster_id, settings.namespaces)
        self.lists = lists
        cluster = KubeCluster(api)
        clock, backoff = SystemClock(), backoff_of(settings)
        deps = LinkDependencies(
            store=store,
            connect=connector(settings, is_leader),
            credentials=cluster,
            clock=clock,
            backoff=backoff,
            wake=lambda key: self.intake.wake(key),
            clear_refusals=lambda key: self.reconciler.clear_refusals(key),
            clear_human_refusals=lambda key: self.reconciler.clear_human_refusals(key),
            name_freed=self._name_freed,
            wait_seconds=settings.box_wait.total_seconds(),
        )

        self.enterprises = Enterprises(deps, cluster, settings.status_pause.total_seconds(), finalizer)
        self.pods = PodWatch(cluster.pods_of, backoff, self._wake)
        self.imports = ImportWatch(cluster, backoff, self._handed_over)
        self.reconciler = Reconciler(
            store,
            self.enterprises,
            cluster,
            self.pods,
            self.imports,
            clock,
            delays=Delays(settings.outage_grace, settings.restart_window, ENTERPRISE_GRACE, settings.rotation_pause),
            status_pause=settings.status_pause,
            backoff=backoff,
            passed=self.enterprises.report,
        )
        self.queue: WorkQueue[AppKey] = WorkQueue(self.reconciler.reconcile, settings.workers)
        self.intake = Intake(
            store, self.enterprises, self.reconciler, self.queue, clock, lambda name: self.watches.poke(name)
        )
        self.sweep = Sweep(lists, self.intake, settings.sweep_interval.total_seconds(), time.monotonic)
        make = partial(make_reflector, api, self.intake.sinks, backoff)
        start, begin, recovered = self.intake.start, self.intake.begin, self.sweep.hurry
        self.watches = Watches(make, settings.namespaces, store, start, begin, recovered)
        self.gauges = self._gauges(settings, clock)

    def _gauges(self, settings: Settings, clock: SystemClock) -> Gauges:
        return Gauges(
            self._store.apps,
            self.enterprises.links,
            clock,
            sweep_age=self.sweep.age,
            queue_length=self.queue.__len__,
            per_app=settings.metrics_per_app,
        )

    def _wake(self, uid: UID) -> None:
        key = self._store.key_of(uid)
        if key is not None:
            self.intake.wake(key)

    def _name_freed(self, name: str) -> None:
        """Names are unique across all of Box: objects of every enterprise may wait for it."""
        for key in self._store.keys_named(name):
            if self.reconciler.free_name(key):
                self.intake.wake(key)

    def _handed_over(self, uid: UID) -> None:
        key = self._store.key_of(uid)
        if key is not None:
            # What was refused may have been refused for what was there before.
            self.reconciler.clear_refusals(key)
            self.intake.wake(key)


def backoff_of(settings: Settings) -> Callable[[int], float]:
    """Seconds to pause after so many failures in a row: doubling, capped, with jitter."""
    base, cap = settings.backoff_base.total_seconds(), settings.backoff_cap.total_seconds()

    def backoff(failures: int) -> float:
        longest = min(cap, base * 2.0 ** min(failures - 1, 30))
        return longest * random.uniform(0.5, 1.0)

    return backoff


def _client(context: ssl.SSLContext, limits: httpx.Limits, via: Proxy | None) -> httpx.AsyncClient:
    # Without trust_env: httpx has rules of its own for the environment's proxies, and would read ~/.netrc.
    return httpx.AsyncClient(verify=context, limits=limits, trust_env=False, proxy=via.url if via else None)


def connector(settings: Settings, is_leader: Callable[[], bool]) -> Any:
    """Builds the clients of an enterprise."""

    proxies = read_proxies(os.environ)

    @contextlib.asynccontextmanager
    async def connected(
        enterprise: Enterprise, credential: str | None, context: ssl.SSLContext
    ) -> AsyncIterator[Clients]:
        spec = enterprise.spec
        seconds = settings.box_timeout.total_seconds()
        gate = Gate(spec.requests_per_minute, time.monotonic, is_leader)
        limits = httpx.Limits(max_connections=settings.workers + 2, max_keepalive_connections=settings.workers + 2)
        async with contextlib.AsyncExitStack() as stack:
            clients: dict[Proxy | None, httpx.AsyncClient] = {}

            async def transport(url: str, api: str, bearer: str | None = None) -> Transport:
                via = proxies.for_url(url)
                if via not in clients:
                    client = _client(context, limits, via)
                    clients[via] = await stack.enter_async_context(client)
                return Transport(clients[via], url, gate, api=api, timeout_seconds=seconds, bearer=bearer, via=via)

            platform = HttpPlatform(await transport(spec.platform_url, "platform"))
            if spec.console_url is None:
                yield Clients(None, platform)
                return
            yield Clients(HttpConsole(await transport(spec.console_url, "console", credential)), platform)

    def connect(enterprise: Enterprise, credential: str | None, ca: str | None) -> Any:
        context = ssl.create_default_context()
        if ca is not None:
            context.load_verify_locations(cadata=ca)
        return connected(enterprise, credential, context)

    return connect
