"""The proxy that orders faults between operator and API server: it changes what it is told to, and nothing else."""

import json
import ssl
import threading
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from playground import Cluster
from playground.output import until
from playground.proxies.fault_proxy import FaultProxy
from playground.proxies.faults import Answer, Cut, Events, Hang, expired

ALSO_ON = ("embedded",)
"""One API server speaks TLS, the other does not."""
NAMESPACES = "/api/v1/namespaces"


@pytest.fixture
def proxy(cluster: Cluster) -> Iterator[FaultProxy]:
    """What stands between the test and the API server."""
    with FaultProxy(cluster) as proxy:
        yield proxy


@pytest.fixture
def client(cluster: Cluster, proxy: FaultProxy) -> Iterator[httpx.Client]:
    """An admin who goes through the proxy."""
    authorization = {"Authorization": cluster.client.headers["Authorization"]}
    trust: Any = ssl.create_default_context(cafile=cluster.plane.ca_file) if cluster.plane else True
    with httpx.Client(base_url=proxy.url, headers=authorization, verify=trust, timeout=60.0) as client:
        yield client


def make(client: httpx.Client, name: str) -> httpx.Response:
    """Create a namespace."""
    manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    return client.post(NAMESPACES, json=manifest)


def test_without_orders_everything_goes_on(cluster: Cluster, client: httpx.Client) -> None:
    """Bodies, queries, refusals and content types are the API server's own."""
    assert make(client, "through-the-proxy").status_code == httpx.codes.CREATED
    assert make(client, "through-the-proxy").json()["reason"] == "AlreadyExists"
    answer = client.get(NAMESPACES, params={"fieldSelector": "metadata.name=through-the-proxy"})
    assert [item["metadata"]["name"] for item in answer.json()["items"]] == ["through-the-proxy"]
    assert cluster.get(f"{NAMESPACES}/through-the-proxy") is not None


def test_an_answer_is_given_as_often_as_it_was_ordered(
    cluster: Cluster, client: httpx.Client, proxy: FaultProxy
) -> None:
    """With headers and a Status; the API server hears of it only where the order says so."""
    before = proxy.order("POST", "/namespaces$", Answer(429, headers={"Retry-After": "7"}))
    after = proxy.order("POST", "/namespaces$", Answer(504, after=True))

    refused = make(client, "refused")
    lost = make(client, "lost")

    assert (refused.status_code, refused.headers["Retry-After"]) == (429, "7")
    assert refused.json()["reason"] == "TooManyRequests"
    assert cluster.get(f"{NAMESPACES}/refused") is None
    assert lost.status_code == httpx.codes.GATEWAY_TIMEOUT
    assert cluster.get(f"{NAMESPACES}/lost") is not None
    assert make(client, "refused").is_success
    assert (before.met, after.met) == (1, 1)


@pytest.mark.parametrize("after", [False, True])
def test_a_connection_is_cut(cluster: Cluster, client: httpx.Client, proxy: FaultProxy, after: bool) -> None:
    """Before the API server hears of the request, or after it did what it was asked for."""
    name = f"cut-{after}".lower()
    proxy.order("POST", "/namespaces$", Cut(after=after))

    with pytest.raises(httpx.TransportError):
        make(client, name)

    assert (cluster.get(f"{NAMESPACES}/{name}") is not None) == after


def test_a_request_hangs_until_the_order_is_cleared(client: httpx.Client, proxy: FaultProxy) -> None:
    """Nothing is answered, and then the connection breaks."""
    order = proxy.order("GET", "/namespaces/default$", Hang(), times=None)
    failed = threading.Event()

    def ask() -> None:
        try:
            client.get(f"{NAMESPACES}/default")
        except httpx.TransportError:
            failed.set()

    asking = threading.Thread(target=ask)
    asking.start()
    until(lambda: order.met == 1, 20, "the request")
    assert not failed.is_set()
    proxy.clear()
    asking.join(60)
    assert failed.is_set()


def watched(client: httpx.Client) -> Any:
    """A watch over the namespace ``default``."""
    query = {"watch": "true", "fieldSelector": "metadata.name=default"}
    return client.stream("GET", NAMESPACES, params=query)


def test_a_watch_tells_what_was_ordered(client: httpx.Client, proxy: FaultProxy) -> None:
    """Instead of the API server's watch, or behind what that has told so far; then it ends in good order."""
    proxy.order("WATCH", "/namespaces$", expired())
    with watched(client) as answer:
        told = [json.loads(line) for line in answer.iter_lines()]
    assert [(event["type"], event["object"]["code"]) for event in told] == [("ERROR", 410)]

    with watched(client) as answer:
        lines = answer.iter_lines()
        assert json.loads(next(lines))["type"] == "ADDED"
        assert proxy.interrupt_watches("/namespaces$", Events(("no JSON",))) == 1
        assert list(lines) == ["no JSON"]


def test_an_open_watch_is_cut(client: httpx.Client, proxy: FaultProxy) -> None:
    """Only those that are meant."""
    with watched(client) as answer:
        lines = answer.iter_lines()
        next(lines)
        assert proxy.interrupt_watches("/secrets$", Cut()) == 0
        assert proxy.interrupt_watches("/namespaces$", Cut()) == 1
        with pytest.raises(httpx.TransportError):
            next(lines)


def test_what_came_by_is_known(client: httpx.Client, proxy: FaultProxy) -> None:
    """Watches by a word of their own, since they are GETs like any other."""
    count = len(proxy.seen())
    client.get(f"{NAMESPACES}/default")
    proxy.order("WATCH", "/namespaces$", Events())
    with watched(client) as answer:
        assert list(answer.iter_lines()) == []

    seen = proxy.seen()[count:]
    assert [(request.method, request.path) for request in seen] == [
        ("GET", f"{NAMESPACES}/default"),
        ("WATCH", NAMESPACES),
    ]
    assert seen[1].query["fieldSelector"] == "metadata.name=default"
