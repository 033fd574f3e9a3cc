"""Where the parts meet: clients, clock, randomness, logging, startup and cleanup. Nothing is decided here."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import signal
import ssl
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import httpx
import kopf
from kubernetes.aio.client import ApiClient
from kubernetes.aio.config import ConfigException

from box_app_operator import handlers, import_watch, pod_watch
from box_app_operator.box.console import HttpConsole
from box_app_operator.box.platform import HttpPlatform
from box_app_operator.box.transport import Gate, Transport
from box_app_operator.config import Settings
from box_app_operator.core.enterprise import Enterprise
from box_app_operator.core.model import UID
from box_app_operator.core.plan import Delays
from box_app_operator.enterprise_link import Clients, LinkNeeds
from box_app_operator.enterprises import Enterprises
from box_app_operator.errors import TransientError
from box_app_operator.health import AddressError, serve_health
from box_app_operator.import_watch import ImportWatch
from box_app_operator.intake import Intake
from box_app_operator.kube.access import configure_access
from box_app_operator.kube.api import KubeApi
from box_app_operator.kube.lists import KubeLists
from box_app_operator.kube.objects import KubeObjects
from box_app_operator.kube.pods import KubePods
from box_app_operator.kube.secrets import KubeSecrets
from box_app_operator.kube.workloads import KubeWorkloads
from box_app_operator.logs import configure_logging
from box_app_operator.pod_watch import PodWatch
from box_app_operator.reconcile import Reconciler
from box_app_operator.store import AppKey, Store
from box_app_operator.sweep import Sweep
from box_app_operator.workqueue import WorkQueue

COMPONENT = "box-app-operator"
MOST_FOLLOWED = 8 + pod_watch.MOST_WATCHES + import_watch.MOST_WATCHES
"""Connections that only wait: they must never keep a write waiting."""
DRAIN_SECONDS = 15.0
"""For passes that are under way when the operator is told to stop: half of the usual grace period of a pod."""

logger = logging.getLogger(__name__)


class NotInstalledError(Exception):
    """The API server does not know the kinds of this operator; without them there is nothing to watch."""


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one place that reads it


class KubeCluster(KubeSecrets, KubeObjects, KubePods, KubeWorkloads):
    """The cluster port: everything over one API client."""

    def __init__(self, api: KubeApi) -> None:
        KubeSecrets.__init__(self, api)
        KubePods.__init__(self, api)
        KubeWorkloads.__init__(self, api)
        KubeObjects.__init__(self, api, COMPONENT)


class Operator:
    """The parts, put together."""

    def __init__(self, settings: Settings, cluster: KubeCluster, lists: KubeLists) -> None:
        store, clock, backoff = Store(), SystemClock(), backoff_of(settings)
        around = LinkNeeds(
            store=store,
            connect=connector(settings),
            credentials=cluster,
            clock=clock,
            backoff=backoff,
            wake=lambda key: self.queue.add(key),
            forgive=lambda key: self.reconciler.forgive(key),
            people_acted=lambda key: self.reconciler.people_acted(key),
            wait_seconds=settings.box_wait.total_seconds(),
        )

        def wake_uid(uid: UID) -> None:
            key = store.key_of(uid)
            if key is not None:
                self.queue.add(key)

        def handed_over(uid: UID) -> None:
            key = store.key_of(uid)
            if key is not None:
                # What was refused may have been refused for what was there before.
                self.reconciler.forgive(key)
                self.queue.add(key)

        self.enterprises = Enterprises(around, cluster, settings.status_pause.total_seconds())
        self.pods = PodWatch(cluster, backoff, wake_uid)
        self.imports = ImportWatch(cluster, backoff, handed_over)
        self.reconciler = Reconciler(
            store,
            self.enterprises,
            cluster,
            self.pods,
            self.imports,
            clock,
            delays=Delays(settings.outage_grace, settings.restart_window),
            status_pause=settings.status_pause,
            backoff=backoff,
            passed=self.enterprises.report,
        )
        self.queue: WorkQueue[AppKey] = WorkQueue(self.reconciler.reconcile, settings.workers)
        self.intake = Intake(store, self.enterprises, self.reconciler, self.queue)
        self.sweep = Sweep(lists, self.intake, settings.sweep_interval.total_seconds(), time.monotonic)


def backoff_of(settings: Settings) -> Callable[[int], float]:
    """Seconds to pause after so many failures in a row: doubling, capped, with jitter."""
    base, cap = settings.backoff_base.total_seconds(), settings.backoff_cap.total_seconds()

    def backoff(failures: int) -> float:
        longest = min(cap, base * 2.0 ** min(failures - 1, 30))
        return longest * random.uniform(0.5, 1.0)

    return backoff


def connector(settings: Settings) -> Any:
    """Builds the clients of an enterprise."""

    @contextlib.asynccontextmanager
    async def connected(
        enterprise: Enterprise, credential: str | None, context: ssl.SSLContext
    ) -> AsyncIterator[Clients]:
        spec = enterprise.spec
        seconds = settings.box_timeout.total_seconds()
        gate = Gate(spec.requests_per_minute, time.monotonic)
        limits = httpx.Limits(max_connections=settings.workers + 2, max_keepalive_connections=settings.workers + 2)
        async with httpx.AsyncClient(verify=context, limits=limits) as client:
            platform = HttpPlatform(Transport(client, spec.platform_url, gate, timeout_seconds=seconds))
            if spec.console_url is None:
                yield Clients(None, platform)
                return
            console = Transport(client, spec.console_url, gate, timeout_seconds=seconds, bearer=credential)
            yield Clients(HttpConsole(console), platform)

    def connect(enterprise: Enterprise, credential: str | None, ca: str | None) -> Any:
        context = ssl.create_default_context()
        if ca is not None:
            context.load_verify_locations(cadata=ca)
        return connected(enterprise, credential, context)

    return connect


def run_operator(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""
    configure_logging(settings.log_format, settings.log_level)
    try:
        asyncio.run(_run(settings))
    except ConfigException as error:
        logger.error("No way to Kubernetes: %s. Outside of a cluster give --kubeconfig or $KUBECONFIG", error)
        return 1
    except TransientError as error:
        logger.error("Kubernetes does not answer: %s", error)
        return 1
    except AddressError as error:
        logger.error("The probes cannot be served at %s", error)
        return 1
    except NotInstalledError:
        logger.error("The CustomResourceDefinitions are missing: kubectl apply -f crds/, or install the chart's")
        return 1
    return 0


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    _stop_on_signals(stop)
    configuration = await configure_access(settings.kubeconfig)
    configuration.connection_pool_maxsize = settings.workers + MOST_FOLLOWED
    async with ApiClient(configuration) as client:
        client.user_agent = f"{COMPONENT}/{version(COMPONENT)}"
        api = KubeApi(client)
        lists = KubeLists(api, settings.namespaces)
        if not await lists.is_installed():
            raise NotInstalledError
        operator = Operator(settings, KubeCluster(api), lists)
        alive, ready = operator.sweep.alive, operator.intake.ready
        health = serve_health(settings.health_host, settings.health_port, alive=alive, ready=ready)
        async with health as port:
            logger.info("Probes are on port %d", port)
            await _serve(settings, operator, stop)


def _stop_on_signals(stop: asyncio.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)


async def _told_to_stop(started: asyncio.Event, stop: asyncio.Event) -> None:
    await started.wait()
    # Kopf has put its own signal handlers in place of ours by now; with those it would stop first, and the passes last.
    _stop_on_signals(stop)
    await stop.wait()


async def _serve(settings: Settings, operator: Operator, stop: asyncio.Event) -> None:
    """Work and watch until told to stop, or until one of them fails.

    The order at the end matters: Kopf takes every task that it finds running for its own, and waits for it.
    """
    started, stop_watching = asyncio.Event(), asyncio.Event()
    work = asyncio.ensure_future(operator.queue.run())
    sweep = asyncio.ensure_future(operator.sweep.run())
    watch = asyncio.ensure_future(_watch(settings, operator, started, stop_watching))
    stopping = asyncio.ensure_future(_told_to_stop(started, stop))
    try:
        done, _ = await asyncio.wait([work, sweep, watch, stopping], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await operator.queue.drain(DRAIN_SECONDS)
        for task in (work, sweep, stopping):
            task.cancel()
        await operator.enterprises.close()
        await operator.pods.close()
        await operator.imports.close()
        await asyncio.gather(work, sweep, stopping, return_exceptions=True)
        stop_watching.set()
        await asyncio.gather(watch, return_exceptions=True)


async def _watch(settings: Settings, operator: Operator, started: asyncio.Event, stop: asyncio.Event) -> None:
    registry, kopf_settings = kopf.OperatorRegistry(), kopf.OperatorSettings()
    handlers.configure(kopf_settings)

    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await log_in(settings)

    kopf.on.login(id="login", registry=registry)(login)
    handlers.register(registry, operator.intake)
    await kopf.operator(
        registry=registry,
        settings=kopf_settings,
        standalone=True,
        clusterwide=not settings.namespaces,
        namespaces=settings.namespaces,
        ready_flag=started,
        stop_flag=stop,
    )


async def log_in(settings: Settings) -> kopf.ConnectionInfo:
    """Kopf's way to Kubernetes, read anew whenever a token ran out; the same as that of the other client."""
    configuration = await configure_access(settings.kubeconfig)
    header = await configuration.get_api_key_with_prefix("BearerToken")
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        token=header.removeprefix("Bearer ") if header else None,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
        proxy_url=configuration.proxy,
    )
