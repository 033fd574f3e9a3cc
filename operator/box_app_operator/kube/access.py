"""The way to the API server: where it is, whom to trust, who we are."""

import contextlib
import os
from pathlib import Path

from kubernetes.aio import config as kubernetes_config
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import ConfigException as ConfigException  # for those who must not know the client
from kubernetes.aio.config import incluster_config

from box_app_operator.proxies import Proxy, ProxyError, parse_proxy, read_proxies

NAMESPACE_FILE = Path("/var/run/secrets/kubernetes.io/serviceaccount/namespace")


class NoNamespaceError(Exception):
    """This process does not run in a pod."""


def own_namespace() -> str:
    """The namespace of the pod that this process runs in.

    Raises:
        NoNamespaceError: it runs elsewhere.
    """
    try:
        return NAMESPACE_FILE.read_text().strip()
    except OSError:
        raise NoNamespaceError from None


class Access(Configuration):
    """The way to an API server. ``via`` is the proxy to go through, None for none."""

    def __init__(self) -> None:
        super().__init__()
        self.via: Proxy | None = None
        # By itself aiohttp would ask the environment at every request, with rules of its own, and read ~/.netrc.
        self.client_session_kwargs = {"trust_env": False}


async def configure_access(kubeconfig: str | None) -> Access:
    """The way to Kubernetes: a kubeconfig where there is one, otherwise the pod's own service account.

    Raises:
        ConfigException: neither is there, the service account's files cannot be read, or a proxy cannot be used.
    """
    access = Access()
    file = _existing(kubeconfig) if kubeconfig else _usual_kubeconfig()
    if file is not None:
        await kubernetes_config.load_kube_config(config_file=file, client_configuration=access)  # type: ignore[no-untyped-call]
        _choose_proxy(access)
    else:
        # A pod is in the network of its API server: a proxy that the platform puts into every environment, often with
        # no word of the cluster's own addresses, could only be in the way.
        _use_service_account(access)
    return access


def _choose_proxy(access: Access) -> None:
    """As kubectl does: the kubeconfig's own proxy, otherwise that of the environment."""
    try:
        if access.proxy:
            access.via = parse_proxy(access.proxy, "proxy-url in the kubeconfig")
        else:
            access.via = read_proxies(os.environ).for_url(access.host, loopback=False)
    except ProxyError as error:
        raise kubernetes_config.ConfigException(str(error)) from None
    access.proxy = access.via.url if access.via is not None else None


def _use_service_account(configuration: Configuration) -> None:
    try:
        kubernetes_config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
        _read_token(configuration)
    except OSError as error:
        raise kubernetes_config.ConfigException(f"{error.filename}: {error.strerror}") from None
    # In place of the official client's hook, which reads the file once a minute: a token can be dead before that.
    configuration.refresh_api_key_hook = _refresh_token  # type: ignore[assignment]  # declared by its default, None


def _read_token(configuration: Configuration) -> None:
    """Take the service account's token from the file in which the kubelet replaces it."""
    token = Path(incluster_config.SERVICE_TOKEN_FILENAME).read_text().strip()
    if token:
        configuration.api_key["BearerToken"] = f"Bearer {token}"


def _refresh_token(configuration: Configuration) -> None:
    # Whoever reads while the kubelet takes the version before away finds nothing for a moment.
    with contextlib.suppress(OSError):
        _read_token(configuration)


def _existing(kubeconfig: str) -> str:
    if not Path(kubeconfig).exists():
        raise kubernetes_config.ConfigException(f"there is no file {kubeconfig}")
    return kubeconfig


def _usual_kubeconfig() -> str | None:
    try:
        file = Path(os.environ.get("KUBECONFIG") or "~/.kube/config").expanduser()
        return str(file) if file.exists() else None
    except (RuntimeError, OSError):
        # Without $HOME it is looked up by the user's name, and the user of an image need not have one. And a $HOME
        # that was inherited from another user may be closed.
        return None
