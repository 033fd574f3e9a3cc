"""Where the parts meet: clients, clock, randomness, logging, startup and cleanup. Nothing is decided here."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import logging.config
import os
import random
import signal
import ssl
import time
from collections.abc import AsyncIterator, Callable, Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

import httpx
import kopf
from kubernetes.aio import config as kubernetes_config
from kubernetes.aio.client import ApiClient, Configuration

from box_app_operator import handlers
from box_app_operator.box.console import HttpConsole
from box_app_operator.box.platform import HttpPlatform
from box_app_operator.box.transport import Gate, Transport
from box_app_operator.config import Settings
from box_app_operator.core.model import UID, SecretView
from box_app_operator.core.spec import Body, Enterprise, parse_enterprise
from box_app_operator.enterprises import Clients, Enterprises, Surroundings
from box_app_operator.errors import StalledError
from box_app_operator.health import serve_health
from box_app_operator.kube.api import KubeApi
from box_app_operator.kube.objects import KubeObjects
from box_app_operator.kube.secrets import KubeSecrets, view_secret
from box_app_operator.reconcile import Reconciler
from box_app_operator.store import AppKey, Store, enterprise_of
from box_app_operator.workqueue import WorkQueue

COMPONENT = "box-app-operator"
STALE_SECONDS = 900.0
"""Without any sign of life from the watches for so long the process is taken for dead. Kopf renews them every 300 s."""

logger = logging.getLogger(__name__)


class SystemClock:
    """The clock of this machine."""

    def now(self) -> datetime:
        """The time, in UTC."""
        return datetime.now(UTC)  # noqa: TID251 - the one place that reads it


class KubeCluster(KubeSecrets, KubeObjects):
    """The cluster port: Secrets and custom resources over one API client."""

    def __init__(self, api: KubeApi) -> None:
        KubeSecrets.__init__(self, api)
        KubeObjects.__init__(self, api, COMPONENT)


class Operator:
    """The parts, put together; takes in what Kopf hears."""

    def __init__(self, settings: Settings, cluster: KubeCluster) -> None:
        clock, backoff = SystemClock(), backoff_of(settings)
        self.store = Store()
        self.enterprises = Enterprises(
            Surroundings(
                store=self.store,
                connect=connector(settings),
                credentials=cluster,
                clock=clock,
                backoff=backoff,
                outage_grace=settings.outage_grace,
                wake=lambda key: self.queue.add(key),
                forgive=self._forgive,
            ),
            cluster,
            settings.status_pause.total_seconds(),
        )
        self.reconciler = Reconciler(
            self.store,
            self.enterprises,
            cluster,
            clock,
            outage_grace=settings.outage_grace,
            backoff=backoff,
            passed=self.enterprises.report,
        )
        self.queue: WorkQueue[AppKey] = WorkQueue(self.reconciler.reconcile, settings.workers)
        self.listed = False
        self.heard_at = time.monotonic()

    def _forgive(self, key: AppKey) -> None:
        body = self.store.app(key)
        if body is not None:
            self.reconciler.forgive(body["metadata"]["uid"])

    def seen(self, kind: str, body: Body) -> None:
        """Take in an object without acting upon it."""
        self.heard_at = time.monotonic()
        match kind:
            case "BoxCustomApp":
                self.store.put_app(body)
            case "Secret":
                self.store.put_secret(view_secret(body))
            case "Namespace":
                self.store.put_namespace(body["metadata"]["name"], dict(body["metadata"].get("labels") or {}))

    def changed(self, kind: str, body: Body, *, gone: bool) -> None:
        """Act upon an object that appeared, changed or went. Called only once everything was listed.

        ``seen`` was called just before with the same object. The echo of an own write is worked upon too: a pass
        that finds nothing to do costs no call.
        """
        self.heard_at, self.listed = time.monotonic(), True
        match kind:
            case "BoxCustomApp":
                self._app_changed(body, gone)
            case "Secret":
                self._secret_changed(view_secret(body), gone)
            case "Namespace":
                self._namespace_changed(body)
            case "BoxEnterprise":
                self._enterprise_changed(body, gone)

    def _app_changed(self, body: Body, gone: bool) -> None:
        meta = body["metadata"]
        key = AppKey(meta["namespace"], meta["name"])
        if gone:
            self.store.drop_app(key, UID(meta["uid"]))
            self.reconciler.forget(UID(meta["uid"]))
            self.enterprises.report(enterprise_of(body))
            return
        self.store.put_app(body)
        self.queue.add(key)

    def _secret_changed(self, secret: SecretView, gone: bool) -> None:
        if gone:
            self.store.drop_secret(secret.namespace, secret.name, secret.uid)
        else:
            self.store.put_secret(secret)
        key = self.store.key_of(secret.owner_uid) if secret.owner_uid else None
        if key is not None:
            self.queue.add(key)

    def _namespace_changed(self, body: Body) -> None:
        for key in self.store.keys_in_namespace(body["metadata"]["name"]):
            self.queue.add(key)

    def _enterprise_changed(self, body: Body, gone: bool) -> None:
        name = body["metadata"]["name"]
        if gone:
            self.enterprises.drop(name)
            return
        try:
            enterprise = parse_enterprise(body)
        except StalledError as error:
            logger.warning("BoxEnterprise %s: %s", name, error.message)
            return
        self.enterprises.put(enterprise, dict(body))

    def alive(self) -> bool:
        """Did the watches show any life lately?"""
        return time.monotonic() - self.heard_at < STALE_SECONDS

    def ready(self) -> bool:
        """Is everything listed, and does the work go on?"""
        return self.listed and self.alive()


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
    async def connected(enterprise: Enterprise, credential: str, context: ssl.SSLContext) -> AsyncIterator[Clients]:
        spec = enterprise.spec
        seconds = settings.box_timeout.total_seconds()
        gate = Gate(spec.requests_per_minute, time.monotonic)
        limits = httpx.Limits(max_connections=settings.workers + 2, max_keepalive_connections=settings.workers + 2)
        async with httpx.AsyncClient(verify=context, limits=limits) as client:
            console = Transport(client, spec.console_url or "", gate, timeout_seconds=seconds, bearer=credential)
            platform = Transport(client, spec.platform_url, gate, timeout_seconds=seconds)
            yield Clients(HttpConsole(console), HttpPlatform(platform))

    def connect(enterprise: Enterprise, credential: str, ca: str | None) -> Any:
        context = ssl.create_default_context()
        if ca is not None:
            context.load_verify_locations(cadata=ca)
        return connected(enterprise, credential, context)

    return connect


def run_operator(settings: Settings) -> int:
    """Run until SIGTERM or SIGINT; returns the exit code."""
    configure_logging(settings)
    try:
        asyncio.run(_run(settings))
    except kubernetes_config.ConfigException as error:
        logger.error("No way to Kubernetes: %s", error)
        return 1
    return 0


async def _run(settings: Settings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    configuration = await configure_kubernetes(settings)
    configuration.connection_pool_maxsize = settings.workers + 8
    async with ApiClient(configuration) as client:
        client.user_agent = f"{COMPONENT}/{version(COMPONENT)}"
        operator = Operator(settings, KubeCluster(KubeApi(client)))
        health = serve_health(settings.health_host, settings.health_port, alive=operator.alive, ready=operator.ready)
        async with health as port:
            logger.info("Probes are on port %d", port)
            await _serve(settings, operator, stop)


async def _serve(settings: Settings, operator: Operator, stop: asyncio.Event) -> None:
    work = asyncio.ensure_future(operator.queue.run())
    watch = asyncio.ensure_future(_watch(settings, operator, stop))
    try:
        done, _ = await asyncio.wait([work, watch], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        stop.set()
        operator.queue.close()
        work.cancel()
        await operator.enterprises.close()
        await asyncio.gather(work, watch, return_exceptions=True)


async def _watch(settings: Settings, operator: Operator, stop: asyncio.Event) -> None:
    registry, kopf_settings = kopf.OperatorRegistry(), kopf.OperatorSettings()
    handlers.configure(kopf_settings)

    async def login(**_: Any) -> kopf.ConnectionInfo:
        return await log_in(settings)

    kopf.on.login(id="login", registry=registry)(login)
    handlers.register(registry, operator)
    await kopf.operator(
        registry=registry,
        settings=kopf_settings,
        standalone=True,
        clusterwide=not settings.namespaces,
        namespaces=settings.namespaces,
        stop_flag=stop,
    )


async def configure_kubernetes(settings: Settings) -> Configuration:
    """The way to Kubernetes: a kubeconfig where there is one, otherwise the pod's own service account.

    Raises:
        ConfigException: neither is there.
    """
    configuration = Configuration()
    file = settings.kubeconfig or _usual_kubeconfig()
    if file is not None:
        await kubernetes_config.load_kube_config(config_file=file, client_configuration=configuration)  # type: ignore[no-untyped-call]
    else:
        kubernetes_config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    return configuration


def _usual_kubeconfig() -> str | None:
    file = Path(os.environ.get("KUBECONFIG") or "~/.kube/config").expanduser()
    return str(file) if file.exists() else None


async def log_in(settings: Settings) -> kopf.ConnectionInfo:
    """Kopf's way to Kubernetes, read anew whenever a token ran out; the same as that of the other client."""
    configuration = await configure_kubernetes(settings)
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


def configure_logging(settings: Settings) -> None:
    """One line per thing that happened. Libraries speak up only when something is wrong.

    Kopf's debug lines hold whole objects, so that it stays at WARNING whatever the level.
    """
    plain = {"format": "%(asctime)s %(levelname)-7s %(message)s", "datefmt": "%H:%M:%S"}
    json: Mapping[str, Any] = {
        "()": "pythonjsonlogger.json.JsonFormatter",
        "fmt": "%(asctime)s %(levelname)s %(name)s %(message)s",
        "rename_fields": {"asctime": "time", "levelname": "level", "name": "logger"},
        "datefmt": "%Y-%m-%dT%H:%M:%S%z",
    }
    logging.config.dictConfig(
        {
            "version": 1,
            "disable_existing_loggers": False,
            "formatters": {"line": plain if settings.log_format == "plain" else json},
            "handlers": {"out": {"class": "logging.StreamHandler", "formatter": "line"}},
            "root": {"level": "WARNING", "handlers": ["out"]},
            "loggers": {"box_app_operator": {"level": settings.log_level}},
        }
    )
