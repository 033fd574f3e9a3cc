"""Running: start, elect, serve, stop. Nothing is decided here."""

import asyncio
import gc
import logging
import os
import signal
import socket
import sys
import uuid
from collections.abc import Callable, Coroutine
from functools import partial
from importlib.metadata import version
from typing import Any, TypeVarTuple

from kubernetes.aio.client import ApiClient

from box_app_operator.composition import COMPONENT, Operator, SystemClock
from box_app_operator.config import Settings
from box_app_operator.controller.handlers import LISTED_NAMESPACES, WHOLE_CLUSTER, Memo
from box_app_operator.controller.kopf_login import Logins
from box_app_operator.controller.kopf_watch import KindsGoneError, WatchEndedError, watch
from box_app_operator.controller.missed_deletions import RestoredError
from box_app_operator.enterprise.usage import finalizer_of
from box_app_operator.errors import TransientError
from box_app_operator.kube.access import ConfigException, NoNamespaceError, configure_access, own_namespace
from box_app_operator.kube.api import KubeApi, KubeError
from box_app_operator.kube.lease import Candidate, Leadership
from box_app_operator.kube.lists import KubeLists
from box_app_operator.observability.logging import configure_logging
from box_app_operator.observability.metrics import BUILD, LEADER, REGISTRY, measure_lag
from box_app_operator.observability.probes import AddressError, Probes, serve_health
from box_app_operator.uninstall import Uninstall, prepare_uninstall
from box_app_operator.watch import imports as import_watch
from box_app_operator.watch import pods as pod_watch

MAX_FOLLOWED = 8 + pod_watch.MAX_WATCHES + import_watch.MAX_WATCHES
"""Connections that only wait: they must never keep a write waiting."""
DRAIN_SECONDS = 15.0
"""For passes that are under way when the operator is stopped: half of the usual grace period of a pod."""

EXIT_LEASE_LOST = 3
AGAIN = "This process exits, so that the next one lists everything again"
OUTSIDE = "Outside a cluster, set --kubeconfig or KUBECONFIG"

Args = TypeVarTuple("Args")

logger = logging.getLogger(__name__)


class NotInstalledError(Exception):
    """The API server does not know the kinds of this operator; without them there is nothing to watch."""


FORESEEN = (
    *(ConfigException, TransientError, AddressError, NoNamespaceError, NotInstalledError),
    *(KindsGoneError, WatchEndedError, RestoredError),
)
"""What keeps the operator from running, and is reported in one line."""


def run_operator(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""
    configure_logging(settings.log_format, settings.log_level)
    _spare_the_collector()
    try:
        with asyncio.Runner(loop_factory=Loop) as runner:
            runner.run(_run(settings))
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


def run_uninstall(request: Uninstall, kubeconfig: str | None, say: Callable[[str], None]) -> int:
    """See to it that the operator can go; returns the exit code."""

    async def prepare() -> bool:
        access = await configure_access(kubeconfig)
        async with ApiClient(access) as client:
            return await prepare_uninstall(request, KubeApi(client, via=access.via), COMPONENT, say)

    try:
        return 0 if asyncio.run(prepare()) else 1
    except (*FORESEEN, KubeError) as error:
        say(_explain(error))
        return 1


def _explain(error: Exception) -> str:
    """One line that says what to do."""
    match error:
        case ConfigException():
            return f"No way to Kubernetes: {str(error).rstrip('.')}. {OUTSIDE}"
        case TransientError():
            return f"Kubernetes does not answer: {error}"
        case AddressError():
            return f"The probes cannot be served at {error}"
        case NoNamespaceError():
            return "The Lease needs a namespace. Outside a pod, set --lease-namespace"
        case WatchEndedError():
            return f"The custom resources cannot be watched any more: {error}. {AGAIN}"
        case RestoredError():
            return f"The cluster was restored from a backup ({error}). {AGAIN}"
        case NotInstalledError() | KindsGoneError():
            return (
                "The CustomResourceDefinitions are missing. Run: kubectl apply -f crds/, or install those of the chart"
            )
        case _:
            return f"Kubernetes refused: {error}"


async def _run(settings: Settings) -> None:
    """Start: connect, make sure of what must be there, answer probes."""
    stop = asyncio.Event()
    _stop_on_signals(stop)
    BUILD.labels(version(COMPONENT), ".".join(map(str, sys.version_info[:3]))).set(1)
    access = await configure_access(settings.kubeconfig)
    access.connection_pool_maxsize = settings.workers + MAX_FOLLOWED + 2 * len(settings.namespaces)
    async with ApiClient(access) as client:
        client.user_agent = f"{COMPONENT}/{version(COMPONENT)}"
        connect = partial(KubeApi, client, via=access.via)
        lists = KubeLists(connect(), settings.namespaces)
        if not await lists.is_installed():
            raise NotInstalledError
        probes = Probes()
        async with serve_health(settings.health_host, settings.health_port, probes, REGISTRY) as port:
            logger.info("Probes are on port %d", port)
            await _elect(settings, connect, lists, probes, stop)


def _stop_on_signals(stop: asyncio.Event) -> None:
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)


class Loop(asyncio.SelectorEventLoop):
    """An event loop on which the first handler of a signal stays.

    Kopf has handlers of its own (kopf/_core/reactor/running.py). They know nothing of the time before Kopf runs, and
    take a second signal for an error.
    """

    def __init__(self) -> None:
        super().__init__()
        self._taken: set[int] = set()

    def add_signal_handler(self, sig: int, callback: Callable[[*Args], object], *args: *Args) -> None:
        """Put it in place, unless there is one."""
        if sig not in self._taken:
            self._taken.add(sig)
            super().add_signal_handler(sig, callback, *args)


async def _elect(
    settings: Settings, connect: Callable[..., KubeApi], lists: KubeLists, probes: Probes, stop: asyncio.Event
) -> None:
    """Stand by until it is this process's turn, and serve then."""
    leadership = _leadership(settings, connect())
    if leadership is not None and not await _unless_stopped(leadership.acquire(), stop):
        await leadership.release()
        return
    is_leader = leadership.is_leader if leadership else lambda: True
    finalizer = finalizer_of(leadership.lease if leadership else None)
    operator = Operator(settings, connect(is_leader), lists, is_leader, finalizer)
    probes.follow(alive=operator.sweep.alive, ready=operator.watches.started.is_set)
    REGISTRY.register(operator.gauges)
    LEADER.set(1)
    await _serve(settings, operator, Running(operator, leadership, stop), stop)


def _leadership(settings: Settings, api: KubeApi) -> Leadership | None:
    if not settings.leader_elect:
        return None
    identity = f"{socket.gethostname()}_{uuid.uuid4().hex[:8]}"
    namespace = settings.lease_namespace or own_namespace()
    candidate = Candidate(namespace, settings.lease_name, identity, settings.lease_duration.total_seconds())
    return Leadership(api, candidate, SystemClock().now, _end_at_once)


def _end_at_once(why: str) -> None:
    """Leave everything as it is: the successor finds it so, as after any crash, and nothing may happen beside it."""
    logger.error("Lost the Lease: %s. This process exits at once, so that only its successor works", why)
    logging.shutdown()
    os._exit(EXIT_LEASE_LOST)


async def _unless_stopped(work: Coroutine[Any, Any, Any], stop: asyncio.Event) -> bool:
    """Wait until it is done; False when the operator is stopped before. Raises what ``work`` raises."""
    working, stopped = asyncio.ensure_future(work), asyncio.ensure_future(stop.wait())
    try:
        await asyncio.wait([working, stopped], return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            working.result()
        return working.done() and not stop.is_set()
    finally:
        working.cancel()
        stopped.cancel()
        await asyncio.gather(working, stopped, return_exceptions=True)


async def _serve(settings: Settings, operator: Operator, running: "Running", stop: asyncio.Event) -> None:
    """Work and watch until the operator is stopped, or until a part fails.

    Kopf begins once everything was listed, and ends by calling ``running.finish``. It need not have begun at all.
    """
    logins = Logins(settings.kubeconfig)
    memo = Memo(operator.intake, logins.log_in, running.finish)
    registry = LISTED_NAMESPACES if settings.namespaces else WHOLE_CLUSTER
    running.begin()
    try:
        await logins.prepare()
        if await _unless_stopped(operator.watches.started.wait(), stop):
            await watch(registry, memo, operator.lists.is_installed, stop)
    finally:
        await running.finish()
    if running.error is not None:
        raise running.error


class Running:
    """The operator's parts at work, from ``begin`` to ``finish``. When one of them ends, ``stop`` is set.

    Attributes:
        error: why a part ended.
    """

    def __init__(self, operator: Operator, leadership: Leadership | None, stop: asyncio.Event) -> None:
        self.error: BaseException | None = None
        self._operator = operator
        self._leadership = leadership
        self._stop = stop
        self._tasks: list[asyncio.Task[None]] = []

    def begin(self) -> None:
        """Watch, work, sweep."""
        operator = self._operator
        parts = (operator.watches.run(), operator.queue.run(), operator.sweep.run(), measure_lag())
        self._tasks = [asyncio.create_task(part) for part in parts]
        for task in self._tasks:
            task.add_done_callback(self._ended)

    def _ended(self, task: asyncio.Task[None]) -> None:
        if self._tasks and not task.cancelled():
            self.error = self.error or task.exception()
            self._stop.set()

    async def finish(self) -> None:
        """Let passes that are under way come to their end, stop all parts, give the Lease back. Once only."""
        tasks, self._tasks = self._tasks, []
        if not tasks:
            return
        await self._operator.queue.drain(DRAIN_SECONDS)
        for task in tasks:
            task.cancel()
        await self._operator.enterprises.close()
        await self._operator.pods.close()
        await self._operator.imports.close()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._leadership is not None:
            await self._leadership.release()
