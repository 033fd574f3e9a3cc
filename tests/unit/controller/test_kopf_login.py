"""Kopf's credentials: those of the other client, never the same twice, and never in the log."""

import asyncio
from pathlib import Path
from typing import Any

import pytest
from tests.unit.kubeconfigs import written

from box_app_operator.controller.kopf_login import Logins, read_login
from box_app_operator.kube.access import ConfigException, configure_access

PROXY = "http://robot:hunter2@proxy.example.com:3128"
SERVER = "https://api.example.com:6443"


@pytest.fixture(autouse=True)
def short_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits for long."""
    monkeypatch.setattr(Logins, "PAUSE_SECONDS", 0.2)


async def test_kopf_is_given_the_token_alone(account: Path) -> None:
    """Kopf writes the scheme itself; what is in the header is one scheme and the token."""
    info = await read_login(None)

    assert info.token == "first"
    assert info.as_http_headers()["Authorization"] == "Bearer first"
    assert info.server == "https://10.96.0.1:443"


async def test_a_login_is_never_the_same_again(account: Path) -> None:
    """Kopf ends when it gets credentials that were refused before: also the same token is another login."""
    logins = Logins(None)

    first, second = await logins.log_in(), await logins.log_in()

    assert first.token == second.token == "first"
    assert first != second


async def test_what_was_refused_is_tried_again_after_a_pause(
    account: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """So that nobody asks in a loop; and the log says what is waited for, without the token."""
    logins, pauses = Logins(None), []
    await logins.log_in()

    async def wait(seconds: float) -> None:
        pauses.append(seconds)

    monkeypatch.setattr(asyncio, "sleep", wait)
    (account / "ca.crt").unlink()

    await logins.log_in()

    assert sum(pauses) == pytest.approx(Logins.PAUSE_SECONDS)
    assert "does not accept the credentials (401)" in caplog.text
    assert "first" not in caplog.text


async def test_another_token_is_taken_at_once(account: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kubelet has replaced it: there is nothing to wait for."""
    logins = Logins(None)
    await logins.log_in()
    (account / "token").write_text("second")

    def refuse(*_: Any) -> None:
        raise AssertionError("it waits")

    monkeypatch.setattr(asyncio, "sleep", refuse)

    assert (await logins.log_in()).token == "second"


async def test_files_that_are_gone_for_a_moment_are_no_bug(account: Path) -> None:
    """What was read before Kopf began counts then; with nothing read there is no way to Kubernetes."""
    prepared, unprepared = Logins(None), Logins(None)
    await prepared.prepare()
    (account / "token").unlink()

    assert (await prepared.log_in()).token == "first"
    with pytest.raises(ConfigException):
        await unprepared.log_in()


@pytest.mark.parametrize(
    ("own", "of_environment", "expected"),
    [(None, None, None), (None, PROXY, PROXY), ("http://other:8888", PROXY, "http://other:8888")],
)
async def test_both_clients_go_the_same_way(
    account: Path, monkeypatch: pytest.MonkeyPatch, own: str | None, of_environment: str | None, expected: str | None
) -> None:
    """Through the kubeconfig's proxy, or that of the environment; Kopf's client never asks the environment itself."""
    if of_environment is not None:
        monkeypatch.setenv("HTTPS_PROXY", of_environment)
    kubeconfig = str(written(account, SERVER, own))

    info, access = await read_login(kubeconfig), await configure_access(kubeconfig)

    assert info.server == access.host == SERVER
    assert info.proxy_url == access.proxy == expected
    assert not info.trust_env
