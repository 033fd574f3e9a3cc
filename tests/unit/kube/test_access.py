"""The way to the API server from a pod: its files, and a user without a name."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path
from typing import Any

import certifi
import pytest
import yaml
from kubernetes.aio.config import ConfigException, incluster_config

from box_app_operator import run as wiring
from box_app_operator.config import read_settings
from box_app_operator.kube.access import Access, configure_access
from box_app_operator.proxies import EXCEPTIONS, VARIABLES

ADDRESS = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a service account, and the environment of a pod; the user has neither name nor home."""
    (tmp_path / "token").write_text("first\n")
    shutil.copy(certifi.where(), tmp_path / "ca.crt")
    for name, value in (("TOKEN", "token"), ("CERT", "ca.crt")):
        monkeypatch.setattr(incluster_config, f"SERVICE_{name}_FILENAME", str(tmp_path / value))
    for name, value in ADDRESS.items():
        monkeypatch.setenv(name, value)
    for name in ("KUBECONFIG", "HOME", "USER", "LOGNAME", "POD_ID", *VARIABLES, *EXCEPTIONS):
        monkeypatch.delenv(name, raising=False)

    def nobody(path: str) -> str:
        return path

    # What ``os.path.expanduser`` answers for a user without a name.
    monkeypatch.setattr("os.path.expanduser", nobody)
    monkeypatch.setattr(wiring.Logins, "PAUSE_SECONDS", 0.2)
    return tmp_path


async def test_kopf_is_given_the_token_alone(account: Path) -> None:
    """Kopf writes the scheme itself; what is in the header is one scheme and the token."""
    info = await wiring.log_in(read_settings({}, {}))

    assert info.token == "first"
    assert info.as_http_headers()["Authorization"] == "Bearer first"
    assert info.server == "https://10.96.0.1:443"


async def test_a_token_is_read_whenever_it_is_used(account: Path) -> None:
    """The one before can be dead at once; and an empty file is no token."""
    configuration = await configure_access(None)
    headers = [await configuration.get_api_key_with_prefix("BearerToken")]
    for content in ("second", ""):
        (account / "token").write_text(content)
        headers.append(await configuration.get_api_key_with_prefix("BearerToken"))

    assert headers == ["Bearer first", "Bearer second", "Bearer second"]


async def test_a_token_that_is_gone_for_a_moment_is_no_bug(account: Path) -> None:
    """While the kubelet replaces it there can be none: then the last one counts, which is valid for long."""
    configuration = await configure_access(None)
    (account / "token").unlink()

    assert await configuration.get_api_key_with_prefix("BearerToken") == "Bearer first"


async def test_files_that_cannot_be_read_are_told(account: Path) -> None:
    """As one error that says which, instead of one of the operating system."""
    (account / "token").unlink()

    with pytest.raises(ConfigException, match="token"):
        await configure_access(None)


async def test_a_login_is_never_the_same_again(account: Path) -> None:
    """Kopf ends when it gets credentials that were refused before: also the same token is another login."""
    logins = wiring.Logins(read_settings({}, {}))

    first, second = await logins.log_in(), await logins.log_in()

    assert first.token == second.token == "first"
    assert first != second


async def test_what_was_refused_is_tried_again_after_a_pause(
    account: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """So that nobody asks in a loop; and the log says what is waited for, without the token."""
    logins, pauses = wiring.Logins(read_settings({}, {})), []
    await logins.log_in()
    sleep = asyncio.sleep

    async def wait(seconds: float) -> None:
        pauses.append(seconds)
        await sleep(seconds)

    monkeypatch.setattr(asyncio, "sleep", wait)
    (account / "ca.crt").unlink()

    await logins.log_in()

    assert sum(pauses) == pytest.approx(0.2, rel=0.2)
    assert "does not accept the credentials (401)" in caplog.text
    assert "first" not in caplog.text


async def test_another_token_is_taken_at_once(account: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kubelet has replaced it: there is nothing to wait for."""
    logins = wiring.Logins(read_settings({}, {}))
    await logins.log_in()
    (account / "token").write_text("second")

    def refuse(*_: Any) -> None:
        raise AssertionError("it waits")

    monkeypatch.setattr(asyncio, "sleep", refuse)

    assert (await logins.log_in()).token == "second"


PROXY = "http://someone:hunter2@proxy.example.com:3128"


async def both_ways(kubeconfig: Path) -> tuple[Access, str | None]:
    """How the operator's own client gets to the API server, and through which proxy Kopf's does."""
    info = await wiring.log_in(read_settings({"kubeconfig": str(kubeconfig)}, {}))
    assert not info.trust_env
    return await configure_access(str(kubeconfig)), info.proxy_url


def written(folder: Path, server: str, proxy: str | None = None) -> Path:
    """A kubeconfig with one cluster."""
    cluster = {"server": server, **({"proxy-url": proxy} if proxy is not None else {})}
    config = {
        "current-context": "only",
        "contexts": [{"name": "only", "context": {"cluster": "only", "user": "only"}}],
        "clusters": [{"name": "only", "cluster": cluster}],
        "users": [{"name": "only", "user": {"token": "secret"}}],
    }
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    return file


@pytest.mark.parametrize("no_proxy", ["", "*", "10.0.0.0/8"])
async def test_a_pod_asks_its_own_api_server_directly(
    account: Path, monkeypatch: pytest.MonkeyPatch, no_proxy: str
) -> None:
    """Whatever the platform puts into its environment: no proxy is between a pod and its own cluster."""
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", no_proxy)
    access, info = await configure_access(None), await wiring.log_in(read_settings({}, {}))

    assert (access.proxy, access.via, info.proxy_url) == (None, None, None)
    assert access.client_session_kwargs == {"trust_env": False}


@pytest.mark.parametrize(
    ("server", "own", "no_proxy", "via"),
    [
        ("https://api.example.com:6443", None, "", "HTTPS_PROXY points to proxy.example.com:3128"),
        ("https://api.example.com:6443", None, "example.com:6443", None),
        ("https://10.1.2.3:6443", None, "10.0.0.0/8", None),
        ("https://127.0.0.1:6443", None, "", None),
        ("http://api.example.com", None, "", None),
        ("https://api.example.com", "http://other:8888", "*", "proxy-url in the kubeconfig points to other:8888"),
        ("https://127.0.0.1:6443", "http://other:8888", "", "proxy-url in the kubeconfig points to other:8888"),
    ],
)
async def test_a_kubeconfig_leads_where_kubectl_goes(
    account: Path, monkeypatch: pytest.MonkeyPatch, server: str, own: str | None, no_proxy: str, via: str | None
) -> None:
    """Its own proxy before that of the environment; and both clients go the same way."""
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", no_proxy)
    access, kopfs = await both_ways(written(account, server, own))

    assert access.proxy == kopfs
    assert (str(access.via) if access.via else None) == via
    assert (access.proxy is None) == (via is None)


async def test_a_proxy_of_the_kubeconfig_that_cannot_be_used_is_told(account: Path) -> None:
    """In one line, without its password."""
    with pytest.raises(ConfigException, match=r"^proxy-url in the kubeconfig .* write http://host:port$"):
        await configure_access(str(written(account, "https://api.example.com", "socks5://me:hunter2@proxy")))
