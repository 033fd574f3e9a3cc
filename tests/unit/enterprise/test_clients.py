"""What an enterprise's clients are opened with, and what keeps them from being opened."""

import contextlib
import ssl
from typing import Any

import pytest
from tests.unit.enterprise.test_connection import BODY, CA

from box_app_operator.api.enterprise import parse_enterprise
from box_app_operator.enterprise.clients import opened
from box_app_operator.errors import AwaitingHumanError, OperatorError, StalledError

REF = {"namespace": "box", "name": "console", "key": "token"}
CONSOLE = {"mode": "Automated", "url": "https://console.example", "credentialsSecretRef": REF}
AUTOMATED = parse_enterprise({**BODY, "spec": {"console": CONSOLE, "platform": {"caSecretRef": CA}}})


async def connected_with(enterprise: Any, *given: str | None) -> Any:
    """What is handed on to connect; a bundle that is none cannot be used."""

    def connect(_: Any, credential: str | None, ca: str | None) -> Any:
        if ca != "PEM":
            raise ssl.SSLError("secret")
        return contextlib.nullcontext((credential, ca))

    async with opened(connect, enterprise, *given) as clients:
        return clients


async def test_a_credential_goes_to_a_console_only() -> None:
    """Where there is none, none is handed on, whatever a Secret holds."""
    assert await connected_with(AUTOMATED, "credential", "PEM") == ("credential", "PEM")
    assert await connected_with(parse_enterprise(BODY), "credential", "PEM") == (None, "PEM")


@pytest.mark.parametrize(
    ("credential", "ca", "kind", "reason"),
    [
        ("hidden", None, AwaitingHumanError, "CAInvalid"),
        (None, "PEM", AwaitingHumanError, "CredentialMissing"),
        ("", "PEM", AwaitingHumanError, "CredentialMissing"),
        ("two words", "PEM", StalledError, "CredentialRejected"),
        ("line\n", "PEM", StalledError, "CredentialRejected"),
        ("gehéim", "PEM", StalledError, "CredentialRejected"),
        ("hidden", "none", StalledError, "CAInvalid"),
    ],
)
async def test_what_cannot_be_used_is_said(
    credential: str | None, ca: str | None, kind: type[OperatorError], reason: str
) -> None:
    """What is missing is waited for, what is wrong must be mended; neither value nor foreign words are shown."""
    with pytest.raises(kind) as caught:
        await connected_with(AUTOMATED, credential, ca)

    assert type(caught.value) is kind
    assert caught.value.reason == reason
    assert not [text for text in (credential, "secret") if text and text in str(caught.value)]
