"""Running: logging, the probes, the election, watching and working, and the end of it all. Nothing is decided here."""

from __future__ import annotations

import asyncio
import dataclasses
import gc
import logging
import os
import signal
import socket
import sys
import uuid
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import kopf
from kubernetes.aio.client import ApiClient
from kubernetes.aio.config import ConfigException

from box_app_operator.composition import COMPONENT, Operator, SystemClock
from box_app_operator.config import Settings
from box_app_operator.controller.kopf_watch import KindsGoneError, KopfWatch, WatchEndedError
from box_app_operator.controller.missed_deletions import RestoredError
from box_app_operator.enterprise.usage import finalizer_of
from box_app_operator.errors import TransientError
from box_app_operator.kube.access import NoNamespaceError, configure_access, own_namespace
from box_app_operator.kube.api import KubeApi, KubeError
from box_app_operator.kube.lease import Candidate, Leadership
from box_app_operator.kube.lists import KubeLists
from box_app_operator.observability.logging import configure_logging
from box_app_operator.observability.loop_lag import measure_lag
from box_app_operator.observability.metrics import BUILD, LEADER, REGISTRY
from box_app_operator.observability.probes import AddressError, Probes, serve_health
from box_app_operator.uninstall import Uninstall, prepare_uninstall
from box_app_operator.watch import imports as import_watch
from box_app_operator.watch import pods as pod_watch

MOST_FOLLOWED = 8 + pod_watch.MOST_WATCHES + import_watch.MOST_WATCHES
"""Connections that only wait: they must never keep a write waiting."""
DRAIN_SECONDS = 15.0
"""For passes that are under way when the operator is told to stop: half of the usual grace period of a pod."""

logger = logging.getLogger(__name__)


EXIT_LEASE_LOST = 3
AGAIN = "This process ends, so that the next one lists everything anew"


class NotInstalledError(Exception):
    """The API server does not know the kinds of this operator; without them there is nothing to watch."""


FORESEEN = (
    *(ConfigException, TransientError, AddressError, NoNamespaceError, NotInstalledError),
    *(KindsGoneError, WatchEndedError, RestoredError),
)
"""What keeps the operator from running, and is told in one line."""


def run_operator(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""
    configure_logging(settings.log_format, settings.log_level)
    _spare_the_collector()
    try:
        asyncio.run(_run(settings))
    except FORESEEN as error:
        logger.error(_explain(error))
        return 1
    return 0


def _spare_the_collector() -> None:
    """Keep Python's garbage collector from walking over what stays anyway, again and again while thousands are listed.

    What is remembered of objects has no cycles; those of clients and tasks are few, and are still collected.
    """
    gc.collect()
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


def run_uninstall(wish: Uninstall, kubeconfig: str | None, say: Callable[[str], None]) -> int:
    """See to it that the operator can go; returns the exit code."""

    async def prepare() -> bool:
        access = await configure_access(kubeconfig)
        async with ApiClient(access) as client:
            return await prepare_uninstall(wish, KubeApi(client, via=access.via), COMPONENT, say)

    try:
        return 0 if asyncio.run(prepare()) else 1
    except (*FORESEEN, KubeError) as error:
        say(_explain(error))
        return 1


def _explain(error: Exception) -> str:
    """One line that says what to do."""
    match error:
        case ConfigException():
            return (
                f"No way to Kubernetes: {str(error).rstrip('.')}. Outside of a cluster give --kubeconfig or $KUBECONFIG"
            )
        case TransientError():
            return f"Kubernetes does not answer: {error}"
        case AddressError():
            return f"The probes cannot be served at {error}"
        case NoNamespaceError():
            return "The Lease needs a namespace: outside of a pod give --lease-namespace"
        case WatchEndedError():
            return f"The custom resources cannot be watched any more: {error}. {AGAIN}"
        case RestoredError():
            return f"The cluster was restored from a backup ({error}). {AGAIN}"
        case NotInstalledError() | KindsGoneError():
            return "The CustomResourceDefinitions are missing: kubectl apply -f crds/, or install the chart's"
        case _:
            return f"Kubernetes refused: {error}"


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    _stop_on_signals(stop)
    BUILD.labels(version(COMPONENT), ".".join(map(str, sys.version_info[:3]))).set(1)
    configuration = await configure_access(settings.kubeconfig)
    configuration.connection_pool_maxsize = settings.workers + MOST_FOLLOWED + 2 * len(settings.namespaces)
    async with ApiClient(configuration) as client:
        client.user_agent = f"{COMPONENT}/{version(COMPONENT)}"
        api = KubeApi(client, via=configuration.via)
        lists = KubeLists(api, settings.namespaces)
        if not await lists.is_installed():
            raise NotInstalledError
        probes = Probes()
        async with serve_health(settings.health_host, settings.health_port, probes, REGISTRY) as port:
            logger.info("Probes are on port %d", port)
            leadership = _leadership(settings, api)
            if await _is_our_turn(leadership, stop):
                may_act = leadership.may_act if leadership else lambda: True
                finalizer = finalizer_of(leadership.lease if leadership else None)
                working_api = KubeApi(client, may_act, via=configuration.via)
                operator = Operator(settings, working_api, lists, may_act, finalizer)
                await _work(settings, operator, probes, leadership, stop)
            elif leadership is not None:
                await leadership.resign()


def _leadership(settings: Settings, api: KubeApi) -> Leadership | None:
    if not settings.leader_elect:
        return None
    identity = f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}"
    namespace = settings.lease_namespace or own_namespace()
    candidate = Candidate(namespace, settings.lease_name, identity, settings.lease_duration.total_seconds())
    return Leadership(api, candidate, SystemClock().now, _end_at_once)


def _end_at_once(why: str) -> None:
    """Leave everything as it is: the successor finds it so, as after any crash, and nothing may happen beside it."""
    logger.error("Lost the Lease: %s. This process ends at once, so that its successor works alone", why)
    logging.shutdown()
    os._exit(EXIT_LEASE_LOST)


async def _is_our_turn(leadership: Leadership | None, stop: asyncio.Event) -> bool:
    """Stand by; False when told to stop before the turn came."""
    if leadership is None:
        return True
    stopped, won = asyncio.ensure_future(stop.wait()), asyncio.ensure_future(leadership.win())
    try:
        await asyncio.wait([stopped, won], return_when=asyncio.FIRST_COMPLETED)
        if won.done():
            won.result()
        return won.done() and not stop.is_set()
    finally:
        stopped.cancel()
        won.cancel()
        await asyncio.gather(stopped, won, return_exceptions=True)


async def _work(
    settings: Settings, operator: Operator, probes: Probes, leadership: Leadership | None, stop: asyncio.Event
) -> None:
    probes.follow(alive=operator.sweep.alive, ready=operator.watches.started.is_set)
    REGISTRY.register(operator.gauges)
    LEADER.set(1)
    await _serve(settings, operator, leadership, stop)


def _stop_on_signals(stop: asyncio.Event) -> None:
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    # Kopf would put handlers of its own in their place. With those it would stop first, perhaps in the middle of its
    # first requests, and the passes last.
    loop.add_signal_handler = lambda *_: None  # type: ignore[method-assign]


async def _serve(settings: Settings, operator: Operator, leadership: Leadership | None, stop: asyncio.Event) -> None:
    """Work and watch until told to stop, or until one of them fails.

    The order at the end matters: Kopf takes every task that it finds running for its own, and waits for it.
    """
    stop_watching = asyncio.Event()
    kopf_watch = KopfWatch(
        operator.intake,
        operator.lists.is_installed,
        apps=not settings.namespaces,
        identity=f"{COMPONENT}-{uuid.uuid4().hex[:8]}",
        stop=stop_watching,
    )
    watches = asyncio.ensure_future(operator.watches.run())
    work = asyncio.ensure_future(operator.queue.run())
    sweep = asyncio.ensure_future(operator.sweep.run())
    lag = asyncio.ensure_future(measure_lag())
    watch = asyncio.ensure_future(_watch(settings, operator, kopf_watch, stop_watching))
    stopping = asyncio.ensure_future(stop.wait())
    ours = [watches, work, sweep, lag, stopping]
    try:
        ends: list[asyncio.Future[Any]] = [*ours, watch, kopf_watch.failed]
        done, _ = await asyncio.wait(ends, return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await operator.queue.drain(DRAIN_SECONDS)
        for task in ours:
            task.cancel()
        await operator.enterprises.close()
        await operator.pods.close()
        await operator.imports.close()
        await asyncio.gather(*ours, return_exceptions=True)
        if leadership is not None:
            await leadership.resign()
        # Told to stop while it still asks what kinds there are, Kopf complains that it got no answer; and asyncio of
        # the watches that it leaves half open.
        for name in ("kopf", "asyncio"):
            logging.getLogger(name).setLevel(logging.CRITICAL)
        stop_watching.set()
        await asyncio.gather(watch, return_exceptions=True)


async def _first(one: asyncio.Event, other: asyncio.Event) -> asyncio.Event:
    """The first of two events to happen."""
    waits = {asyncio.ensure_future(event.wait()): event for event in (one, other)}
    try:
        done, _ = await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        return waits[done.pop()]
    finally:
        for wait in waits:
            wait.cancel()


async def _watch(settings: Settings, operator: Operator, kopf_watch: KopfWatch, stop: asyncio.Event) -> None:
    logins = Logins(settings)
    await logins.prepare()
    if await _first(operator.watches.started, stop) is not stop:
        await kopf_watch.run(logins.log_in)


class Logins:
    """Kopf's logins. It asks for one more whenever it was refused (401), and ends for good when it gets the same again.

    So none is the same. What was refused may be accepted later: a token that the kubelet is about to replace, or any
    one by an API server that has just started.
    """

    PAUSE_SECONDS = 5.0

    def __init__(self, settings: Settings) -> None:
        self._settings = settings
        self._first: kopf.ConnectionInfo | None = None
        self._last: kopf.ConnectionInfo | None = None

    async def prepare(self) -> None:
        """Read the credentials before Kopf asks for them: when it does, the files may be gone for a moment.

        Raises:
            ConfigException: there are none.
        """
        self._first = await log_in(self._settings)

    async def log_in(self) -> kopf.ConnectionInfo:
        """The credentials of this moment; those that were refused only after a pause."""
        last = self._last
        info = await self._read() if last is None else await self._await_another(last)
        self._last = dataclasses.replace(info, priority=last.priority + 1 if last else 0)
        return self._last

    async def _await_another(self, last: kopf.ConnectionInfo) -> kopf.ConnectionInfo:
        deadline = asyncio.get_running_loop().time() + self.PAUSE_SECONDS
        info = await self._read(last)
        if info.token == last.token:
            logger.warning("Kubernetes does not accept the credentials (401); trying until they are, or others come")
        while info.token == last.token and asyncio.get_running_loop().time() < deadline:
            await asyncio.sleep(self.PAUSE_SECONDS / 10)
            info = await self._read(last)
        return info

    async def _read(self, otherwise: kopf.ConnectionInfo | None = None) -> kopf.ConnectionInfo:
        try:
            return await log_in(self._settings)
        except ConfigException:
            known = otherwise or self._first
            if known is None:
                raise
            return known


async def log_in(settings: Settings) -> kopf.ConnectionInfo:
    """Kopf's way to Kubernetes, as the files say it now; the same as that of the other client."""
    configuration = await configure_access(settings.kubeconfig)
    header = await configuration.get_api_key_with_prefix("BearerToken")
    return kopf.ConnectionInfo(
        server=configuration.host,
        ca_path=configuration.ssl_ca_cert,
        insecure=not configuration.verify_ssl,
        token=_without_scheme(header) if header else None,
        certificate_path=configuration.cert_file,
        private_key_path=configuration.key_file,
        proxy_url=configuration.proxy,
    )


def _without_scheme(header: str) -> str:
    """The bare token: Kopf writes the scheme itself. In a pod the official client spells it in lower case."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else header
