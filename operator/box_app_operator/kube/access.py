"""The way to the API server: where it is, whom to trust, who we are."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from kubernetes.aio import config as kubernetes_config
from kubernetes.aio.client import Configuration
from kubernetes.aio.config import incluster_config

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


async def configure_access(kubeconfig: str | None) -> Configuration:
    """The way to Kubernetes: a kubeconfig where there is one, otherwise the pod's own service account.

    Raises:
        ConfigException: neither is there, or the service account's files cannot be read.
    """
    configuration = Configuration()
    file = _existing(kubeconfig) if kubeconfig else _usual_kubeconfig()
    if file is not None:
        await kubernetes_config.load_kube_config(config_file=file, client_configuration=configuration)  # type: ignore[no-untyped-call]
    else:
        _use_service_account(configuration)
    return configuration


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
