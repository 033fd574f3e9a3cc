"""The way to the API server: where it is, whom to trust, who we are."""

from __future__ import annotations

import os
from pathlib import Path

from kubernetes.aio import config as kubernetes_config
from kubernetes.aio.client import Configuration

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
        ConfigException: neither is there.
    """
    configuration = Configuration()
    file = _existing(kubeconfig) if kubeconfig else _usual_kubeconfig()
    if file is not None:
        await kubernetes_config.load_kube_config(config_file=file, client_configuration=configuration)  # type: ignore[no-untyped-call]
    else:
        kubernetes_config.load_incluster_config(client_configuration=configuration)  # type: ignore[no-untyped-call]
    return configuration


def _existing(kubeconfig: str) -> str:
    if not Path(kubeconfig).exists():
        raise kubernetes_config.ConfigException(f"there is no file {kubeconfig}")
    return kubeconfig


def _usual_kubeconfig() -> str | None:
    file = Path(os.environ.get("KUBECONFIG") or "~/.kube/config").expanduser()
    return str(file) if file.exists() else None
