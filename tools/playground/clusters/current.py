"""A cluster of the user's own: the current context of their kubeconfig."""

import contextlib
import os
import ssl
from base64 import b64encode
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
from kubernetes import client, config

from playground.cluster import Cluster


class NoContext(Exception):  # noqa: N818 - a state of the world, not a mistake
    """There is no kubeconfig, or it names no current context."""


@dataclass(frozen=True, slots=True)
class Context:
    """What the current context stands for. ``connection`` is the official client's own configuration."""

    name: str
    server: str
    connection: Any


def current_context() -> Context:
    """The context that kubectl would use.

    Raises:
        NoContext: there is none, or it cannot be read.
    """
    connection = client.Configuration()
    try:
        _, active = config.list_kube_config_contexts()  # type: ignore[no-untyped-call]  # the client has no types
        config.load_kube_config(client_configuration=connection)  # type: ignore[no-untyped-call]  # as above
    except config.ConfigException as error:
        raise NoContext(str(error)) from None
    return Context(str(active["name"]), str(connection.host), connection)


@contextlib.contextmanager
def current_cluster(context: Context) -> Iterator[Cluster]:
    """The cluster of a context, with the user's own rights. Nothing is started, and nothing but files is cleaned up."""
    with _client_of(context.connection) as own:
        yield _CurrentCluster(context, own)


class _CurrentCluster(Cluster):
    def __init__(self, context: Context, own: httpx.Client) -> None:
        # kubectl merges several files; what a user sets again by hand is the whole variable.
        kubeconfig = Path(os.environ.get("KUBECONFIG") or Path.home() / ".kube" / "config")
        super().__init__(f"context {context.name}", kubeconfig, Path(os.devnull), client=own)
        self._context = context

    def _connection(self) -> dict[str, Any]:
        settings = self._context.connection
        authority = settings.ssl_ca_cert and b64encode(Path(settings.ssl_ca_cert).read_bytes()).decode()
        cluster = {
            "server": settings.host,
            "certificate-authority-data": authority,
            "insecure-skip-tls-verify": None if settings.verify_ssl else True,
            "tls-server-name": settings.tls_server_name,
            "proxy-url": settings.proxy,
        }
        return {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "demo", "cluster": {key: value for key, value in cluster.items() if value}}],
            "users": [{"name": "operator", "user": {}}],
            "contexts": [{"name": "demo", "context": {"cluster": "demo", "user": "operator"}}],
            "current-context": "demo",
        }


def _client_of(settings: Any) -> httpx.Client:
    def authenticate(request: httpx.Request) -> httpx.Request:
        # Asked for each time, so that the official client runs the user's credential plugin again when it must.
        bearer = settings.get_api_key_with_prefix("BearerToken", "authorization")
        if bearer:
            request.headers["Authorization"] = bearer
        if settings.tls_server_name:
            request.extensions["sni_hostname"] = settings.tls_server_name
        return request

    return httpx.Client(
        base_url=settings.host, verify=_trust(settings), auth=authenticate, proxy=settings.proxy, timeout=30.0
    )


def _trust(settings: Any) -> ssl.SSLContext | bool:
    if not settings.host.startswith("https"):
        return True
    context = ssl.create_default_context(cafile=settings.ssl_ca_cert)
    if not settings.verify_ssl:
        context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if settings.cert_file:
        context.load_cert_chain(settings.cert_file, settings.key_file)
    return context
