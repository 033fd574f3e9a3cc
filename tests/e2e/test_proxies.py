"""Proxies in the environment and in the kubeconfig: both clients of Kubernetes go the same way, and Box its own.

One real HTTP proxy on loopback, which notes what it was asked for.
"""

import socket
from collections.abc import Iterator

import pytest
from tests.e2e.commands import outside
from tests.e2e.conftest import QUICK, staged
from tests.e2e.story import approve, await_enterprise, console_with

from controlplane.process import Process
from playground import Cluster, Playground
from playground.output import launch, until
from playground.play import NAMESPACE, secret_manifest
from playground.proxies.tunnels import ConnectProxy, TlsFront

PLANES = ("real",)
"""The imitation is asked over http, and that never goes through a proxy."""
NAME = "kubernetes.default.svc"
"""The API server's certificate is good for it, and this machine does not know it: only a proxy gets there."""
PASSWORD = "hunter2"
UNUSED = {name: "" for each in ("HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY") for name in (each, each.lower())}


@pytest.fixture(scope="module")
def ground(cluster: Cluster) -> Iterator[Playground]:
    """Cluster and Box; every test starts an operator of its own."""
    with staged(cluster, ("--rate-limit", "100000")) as stage:
        stage.play.enterprise()
        yield stage.play


@pytest.fixture
def play(ground: Playground) -> Iterator[Playground]:
    """The same, with no operator afterwards."""
    yield ground
    ground.stop_operator()
    assert PASSWORD not in ground.logs()


def work(play: Playground, ns: str) -> None:
    """See that the operator lists, watches and writes: an app becomes Ready."""
    play.app(play.namespace(ns), "viewer")
    approve(play, ns)


def proxied(play: Playground, name: str, environment: dict[str, str], **cluster: str) -> Process:
    """An operator as outside of a cluster, by a kubeconfig that was changed, with no other proxies than these."""
    return outside(play, name, (), cluster, **{**QUICK, **UNUSED, **environment})


def last_words(process: Process) -> str:
    """Start an operator that cannot work; its one line, once it ended with 1."""
    launch(process)
    code = until(lambda: process.ended(), 30, "the operator to end")
    said = process.log.read_text()
    assert code == 1, said
    assert "Traceback" not in said
    (line,) = [each for each in said.splitlines() if "ERROR" in each]
    return line


def port_of(play: Playground) -> int:
    """Where the API server listens."""
    return int(play.cluster.url.rpartition(":")[2])


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        return int(closed.getsockname()[1])


@pytest.mark.parametrize("in_cluster", [True, False], ids=["in-cluster", "kubeconfig"])
@pytest.mark.parametrize("no_proxy", ["127.0.0.0/8,.svc,.cluster.local", ""], ids=["cidr", "none"])
def test_the_api_server_is_asked_directly(
    play: Playground, request: pytest.FixtureRequest, in_cluster: bool, no_proxy: str
) -> None:
    """As platforms inject the variables, with ranges of addresses; by both clients. And Box over http is, too."""
    with ConnectProxy(refuse=403) as proxy:
        names = ("HTTPS_PROXY", "https_proxy", "HTTP_PROXY", "http_proxy")
        environment = {**dict.fromkeys(names, proxy.url), "NO_PROXY": no_proxy, "no_proxy": no_proxy}
        if in_cluster:
            play.start_operator(**{**QUICK, **environment})
        else:
            play.launch_operator(proxied(play, f"direct-{bool(no_proxy)}", environment))
        work(play, f"direct-{request.node.callspec.id}")

    assert proxy.seen == []


@pytest.mark.parametrize("lower", [False, True], ids=["upper", "lower"])
def test_a_proxy_of_the_environment_leads_to_an_api_server_elsewhere(play: Playground, lower: bool) -> None:
    """Both clients take it, with its user and password; it is not said what these are."""
    with ConnectProxy({f"{NAME}:6443": port_of(play)}, PASSWORD) as proxy:
        environment = {"https_proxy" if lower else "HTTPS_PROXY": proxy.url}
        play.launch_operator(proxied(play, f"through-{lower}", environment, server=f"https://{NAME}:6443"))
        work(play, f"through-{str(lower).lower()}")

    # One connection of the own client, and one of Kopf, at least.
    assert len(proxy.seen) >= 2
    assert set(proxy.seen) == {f"CONNECT {NAME}:6443"}


def test_a_proxy_of_the_kubeconfig_counts_before_the_environment(play: Playground) -> None:
    """Also on this machine, and whatever NO_PROXY says: it is written for this very cluster."""
    with ConnectProxy(refuse=403) as wrong, ConnectProxy(password=PASSWORD) as proxy:
        environment = {"HTTPS_PROXY": wrong.url, "NO_PROXY": "*"}
        play.launch_operator(proxied(play, "own", environment, **{"proxy-url": proxy.url}))
        work(play, "own-proxy")

    assert wrong.seen == []
    assert set(proxy.seen) == {f"CONNECT 127.0.0.1:{port_of(play)}"}


def test_a_proxy_that_does_not_answer_is_named_by_its_variable(play: Playground) -> None:
    """One line, exit code 1."""
    proxy = f"127.0.0.1:{free_port()}"
    environment = {"HTTPS_PROXY": f"http://robot:{PASSWORD}@{proxy}"}
    said = last_words(proxied(play, "away", environment, server=f"https://{NAME}:6443"))

    assert f"HTTPS_PROXY points to {proxy}, which does not answer" in said
    assert PASSWORD not in said


def test_a_proxy_that_lets_nothing_through_is_named_by_its_variable(play: Playground) -> None:
    """With the status that it answers, and no word of its own."""
    with ConnectProxy(password=PASSWORD, refuse=407) as proxy:
        said = last_words(proxied(play, "refusing", {"https_proxy": proxy.url}, server=f"https://{NAME}:6443"))

    assert f"https_proxy points to 127.0.0.1:{proxy.port}, which answers 407" in said
    assert PASSWORD not in said


def test_an_exception_with_a_port_is_asked_directly(play: Playground) -> None:
    """Then nobody knows the name on this machine, and no proxy is at fault."""
    with ConnectProxy({f"{NAME}:6443": port_of(play)}) as proxy:
        environment = {"HTTPS_PROXY": proxy.url, "NO_PROXY": f"{NAME}:6443"}
        said = last_words(proxied(play, "except", environment, server=f"https://{NAME}:6443"))

    assert "HTTPS_PROXY" not in said
    assert proxy.seen == []


def box_over_tls(play: Playground, name: str, url: str) -> None:
    """An enterprise whose Box is asked over https, with the API server's certificate to be trusted."""
    assert play.cluster.plane is not None
    play.cluster.ensure(secret_manifest(NAMESPACE, "box-ca", {"ca.crt": play.cluster.plane.ca_file.read_text()}))
    reference = {"namespace": NAMESPACE, "name": "box-ca", "key": "ca.crt"}
    console = console_with(play, "box-console", url=url)
    play.enterprise(name, console=console, platform={"url": url, "caSecretRef": reference})


@pytest.fixture
def front(play: Playground) -> Iterator[TlsFront]:
    """Box over TLS."""
    assert play.cluster.plane is not None
    with TlsFront(play.box.url, (str(play.cluster.plane.ca_file), str(play.cluster.plane.key_file))) as front:
        yield front


def test_box_is_asked_through_the_proxy_of_the_environment(play: Playground, front: TlsFront) -> None:
    """Console and public API, by a name that only the proxy knows; the API server is still asked directly."""
    with ConnectProxy({f"{NAME}:8443": front.port}, PASSWORD) as proxy:
        play.start_operator(**{**QUICK, "HTTPS_PROXY": proxy.url})
        box_over_tls(play, "proxied", f"https://{NAME}:8443")
        await_enterprise(play, "proxied", "Ready")
        play.app(play.namespace("proxied"), "viewer", enterpriseRef={"name": "proxied"})
        approve(play, "proxied")
        assert set(proxy.seen) == {f"CONNECT {NAME}:8443"}


def test_box_is_asked_directly_where_no_proxy_says_so(play: Playground, front: TlsFront) -> None:
    """A range of addresses."""
    with ConnectProxy(refuse=403) as proxy:
        play.start_operator(**{**QUICK, "HTTPS_PROXY": proxy.url, "NO_PROXY": "10.0.0.0/8, 127.0.0.0/8"})
        box_over_tls(play, "direct", f"https://127.0.0.1:{front.port}")
        await_enterprise(play, "direct", "Ready")
    assert [asked for asked in proxy.seen if asked.endswith(f":{front.port}")] == []


@pytest.mark.parametrize("there", [False, True], ids=["away", "refusing"])
def test_a_proxy_in_the_way_to_box_is_named_in_the_condition(play: Playground, front: TlsFront, there: bool) -> None:
    """With the variable to look at, where it points to, and where the call should have gone; without a password."""
    with ConnectProxy(password=PASSWORD, refuse=403) as proxy:
        port = proxy.port if there else free_port()
        play.start_operator(**{**QUICK, "https_proxy": f"http://robot:{PASSWORD}@127.0.0.1:{port}"})
        box_over_tls(play, f"wrong-{there}".lower(), f"https://127.0.0.1:{front.port}")
        body = await_enterprise(play, f"wrong-{there}".lower(), "BoxUnavailable")

    said = next(each["message"] for each in body["status"]["conditions"] if each["type"] == "Ready")
    end = "does not connect to it (403)." if there else "does not answer."
    assert said.endswith(f"no answer from 127.0.0.1:{front.port}. https_proxy points to 127.0.0.1:{port}, which {end}")
    assert PASSWORD not in str(body)
