"""The clients of one enterprise: what they are, and how they are opened with its credential and its CA bundle."""

import contextlib
import ssl
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass

from box_app_operator.api.enterprise import Enterprise, EnterpriseSpec
from box_app_operator.errors import AwaitingHumanError, StalledError
from box_app_operator.model.conditions import Reason
from box_app_operator.ports import Console, Platform


@dataclass(frozen=True, slots=True)
class Clients:
    """The way to one enterprise; without a console in mode Assisted."""

    console: Console | None
    platform: Platform


Connect = Callable[[Enterprise, str | None, str | None], contextlib.AbstractAsyncContextManager[Clients]]
"""Builds the clients of an enterprise, from its credential and a PEM bundle to trust in addition."""


def _checked(spec: EnterpriseSpec, credential: str | None, ca: str | None) -> tuple[str | None, str | None]:
    """The credential and the CA bundle, if they can be used; without a console there is no credential."""
    if spec.ca is not None and ca is None:
        message = f"The CA bundle is missing: {spec.ca} does not exist or is empty. Create it; it is waited for."
        raise AwaitingHumanError(Reason.CA_INVALID, message)
    if spec.console_url is None:
        return None, ca
    if not credential:
        what = f"The console's credential is missing: {spec.credentials} does not exist or is empty."
        raise AwaitingHumanError(Reason.CREDENTIAL_MISSING, f"{what} Create it; it is waited for.")
    if not (credential.isascii() and credential.isprintable()) or " " in credential:
        message = f"The console's credential holds characters that no bearer token has: mend {spec.credentials}."
        raise StalledError(Reason.CREDENTIAL_REJECTED, message)
    return credential, ca


@contextlib.asynccontextmanager
async def opened(
    connect: Connect, enterprise: Enterprise, credential: str | None, ca: str | None
) -> AsyncIterator[Clients]:
    """The clients of an enterprise, for as long as they are needed.

    Raises:
        AwaitingHumanError: credential or CA bundle are missing: manifests may come in any order.
        StalledError: the credential can be no bearer token, or the CA bundle is none.
    """
    try:
        context = connect(enterprise, *_checked(enterprise.spec, credential, ca))
    except (ssl.SSLError, ValueError, TypeError):
        raise StalledError(Reason.CA_INVALID, f"{enterprise.spec.ca} is not a PEM bundle of certificates.") from None
    async with context as clients:
        yield clients
