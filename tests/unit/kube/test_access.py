"""The way to the API server from a pod: its files, and a user without a name."""

from pathlib import Path

import pytest
from tests.unit.kubeconfigs import written

from box_app_operator.kube.access import ConfigException, configure_access

PROXY = "http://robot:hunter2@proxy.example.com:3128"


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


@pytest.mark.parametrize("no_proxy", ["", "*", "10.0.0.0/8"])
async def test_a_pod_asks_its_own_api_server_directly(
    account: Path, monkeypatch: pytest.MonkeyPatch, no_proxy: str
) -> None:
    """Whatever the platform puts into its environment: no proxy is between a pod and its own cluster."""
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", no_proxy)
    access = await configure_access(None)

    assert (access.proxy, access.via) == (None, None)
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
    """Its own proxy before that of the environment."""
    monkeypatch.setenv("HTTPS_PROXY", PROXY)
    monkeypatch.setenv("NO_PROXY", no_proxy)
    access = await configure_access(str(written(account, server, own)))

    assert (str(access.via) if access.via else None) == via
    assert (access.proxy is None) == (via is None)


async def test_a_proxy_of_the_kubeconfig_that_cannot_be_used_is_told(account: Path) -> None:
    """In one line, without its password."""
    with pytest.raises(ConfigException, match=r"^proxy-url in the kubeconfig .* Write http://host:port$"):
        await configure_access(str(written(account, "https://api.example.com", "socks5://me:hunter2@proxy")))
