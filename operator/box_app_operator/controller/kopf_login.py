"""Kopf's way to Kubernetes: the same as that of the operator's own client, with the credentials of each moment."""

import asyncio
import dataclasses
import logging

import kopf

from box_app_operator.kube.access import ConfigException, configure_access

logger = logging.getLogger(__name__)

LOOKS = 10
"""So often during a pause it is checked whether the credentials are others by now."""


class Logins:
    """Kopf's logins. It asks for one more whenever it was refused (401), and ends for good when it gets the same again.

    So none is the same. What was refused may be accepted later: a token that the kubelet is about to replace, or any
    one by an API server that has just started.
    """

    PAUSE_SECONDS = 5.0

    def __init__(self, kubeconfig: str | None) -> None:
        """``kubeconfig`` is a file; None for the usual one, or the pod's own service account."""
        self._kubeconfig = kubeconfig
        self._first: kopf.ConnectionInfo | None = None
        self._last: kopf.ConnectionInfo | None = None

    async def prepare(self) -> None:
        """Read the credentials before Kopf asks for them: when it does, the files may be gone for a moment.

        Raises:
            ConfigException: there are none.
        """
        self._first = await read_login(self._kubeconfig)

    async def log_in(self) -> kopf.ConnectionInfo:
        """The credentials of this moment; those that were refused only after a pause."""
        last = self._last
        info = await self._read() if last is None else await self._await_another(last)
        self._last = dataclasses.replace(info, priority=last.priority + 1 if last else 0)
        return self._last

    async def _await_another(self, last: kopf.ConnectionInfo) -> kopf.ConnectionInfo:
        info = await self._read(last)
        if info.token == last.token:
            logger.warning("Kubernetes does not accept the credentials (401); trying until they are, or others come")
        for _ in range(LOOKS):
            if info.token != last.token:
                break
            await asyncio.sleep(self.PAUSE_SECONDS / LOOKS)
            info = await self._read(last)
        return info

    async def _read(self, otherwise: kopf.ConnectionInfo | None = None) -> kopf.ConnectionInfo:
        try:
            return await read_login(self._kubeconfig)
        except ConfigException:
            known = otherwise or self._first
            if known is None:
                raise
            return known


async def read_login(kubeconfig: str | None) -> kopf.ConnectionInfo:
    """Kopf's way to Kubernetes, as the files say it now.

    Raises:
        ConfigException: they say none.
    """
    access = await configure_access(kubeconfig)
    header = await access.get_api_key_with_prefix("BearerToken")
    return kopf.ConnectionInfo(
        server=access.host,
        ca_path=access.ssl_ca_cert,
        insecure=not access.verify_ssl,
        token=_without_scheme(header) if header else None,
        certificate_path=access.cert_file,
        private_key_path=access.key_file,
        proxy_url=access.proxy,
    )


def _without_scheme(header: str) -> str:
    """The bare token: Kopf writes the scheme itself. In a pod the official client spells it in lower case."""
    scheme, _, token = header.partition(" ")
    return token.strip() if scheme.lower() == "bearer" else header
