"""The operator's clients and a proxy that stands in their way: what is said, and that no credential is."""

import socket
from collections.abc import AsyncIterator

import httpx
import pytest
from kubernetes.aio.client import ApiClient
from tests.contract.clients import MANY, Monotonic, check_secrets, refused
from tests.sandbox.conftest import Loopback

from box_app_operator.box.transport import Gate, Transport
from box_app_operator.errors import TransientError
from box_app_operator.kube.access import Access
from box_app_operator.kube.api import KubeApi
from box_app_operator.proxies import Proxy, parse_proxy
from playground.proxies.tunnels import ConnectProxy

PASSWORD = "hunter2"
BOX = "https://api.box.example"


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return int(closed.getsockname()[1])


async def silence(url: str, via: Proxy | None = None) -> str:
    """What is said of a call to Box that nobody answers."""
    async with httpx.AsyncClient(trust_env=False, proxy=via.url if via else None) as client:
        box = Transport(client, url, Gate(MANY, Monotonic()), api="console", timeout_seconds=30, via=via)
        error = await refused(box.call("GET", "/2.0/files/1", query={"fields": "secret-query"}), TransientError)
    assert (error.uncertain, error.unreachable) == (True, True)
    check_secrets(error, {PASSWORD, "secret-query"})
    return error.message


async def test_where_nobody_answers_is_named_with_what_to_check() -> None:
    """Host and port, and the three that are in between."""
    url = f"http://127.0.0.1:{free_port()}"

    assert await silence(url) == (
        f"GET /2.0/files/1: no answer from {url.removeprefix('http://')} (ConnectError). "
        "Check DNS, the NetworkPolicy of the operator's pods, and the proxy (none is used)."
    )


async def test_a_proxy_that_does_not_answer_is_named_by_its_variable() -> None:
    """Without user and password."""
    via = parse_proxy(f"http://robot:{PASSWORD}@127.0.0.1:{free_port()}", "HTTPS_PROXY")

    assert await silence(BOX, via) == (
        f"GET /2.0/files/1: no answer from api.box.example:443. HTTPS_PROXY points to "
        f"{via.url.partition('@')[2]}, which does not answer."
    )


@pytest.mark.parametrize("status", [403, 407, 502])
async def test_a_proxy_that_lets_nothing_through_is_named_with_its_status(status: int) -> None:
    """It is there, and does not connect to Box."""
    with ConnectProxy(password=PASSWORD, refuse=status) as proxy:
        said = await silence(BOX, parse_proxy(proxy.url, "https_proxy"))

    assert proxy.seen == ["CONNECT api.box.example:443"]
    assert said == (
        "GET /2.0/files/1: no answer from api.box.example:443. "
        f"https_proxy points to 127.0.0.1:{proxy.port}, which does not connect to it ({status})."
    )


async def test_trouble_with_tls_is_neither_dns_nor_a_network_policy(loopback: Loopback) -> None:
    """Somebody answers, and speaks no TLS: also through a proxy that does what it should."""
    port = int(loopback.url.rpartition(":")[2])
    with ConnectProxy({"api.box.example:443": port}, PASSWORD) as proxy:
        said = await silence(BOX, parse_proxy(proxy.url, "HTTPS_PROXY"))

    assert said.startswith("GET /2.0/files/1: no answer from api.box.example:443: TLS does not come about (")
    assert "DNS" not in said


async def kube(via: Proxy) -> AsyncIterator[str]:
    """What is said of a request, and of a watch, to an API server behind a proxy."""
    access = Access()
    access.host, access.proxy, access.via = "https://api.example.com:6443", via.url, via
    async with ApiClient(access) as client:
        api = KubeApi(client, via=via)
        with pytest.raises(TransientError) as request:
            await api.request("GET", "/api/v1/namespaces")
        with pytest.raises(TransientError) as watch:
            [line async for line in api.watch("/api/v1/namespaces", {})]
    for caught in (request.value, watch.value):
        check_secrets(caught, {PASSWORD})
        yield caught.message


async def test_a_proxy_before_the_api_server_is_named_in_the_same_way() -> None:
    """One that is not there, and one that lets nothing through; for requests and for watches."""
    away = parse_proxy(f"http://robot:{PASSWORD}@127.0.0.1:{free_port()}", "HTTPS_PROXY")
    async for said in kube(away):
        assert f"HTTPS_PROXY points to {away.url.partition('@')[2]}, which does not answer" in said
    with ConnectProxy(password=PASSWORD, refuse=403) as proxy:
        there = parse_proxy(proxy.url, "proxy-url in the kubeconfig")
        async for said in kube(there):
            assert f"proxy-url in the kubeconfig points to 127.0.0.1:{proxy.port}, which answers 403" in said
    assert set(proxy.seen) == {"CONNECT api.example.com:6443"}
