"""Bad days of the API server: it answers 504, 410, 429, nonsense or nothing, and rights vanish for a minute.

The operator goes on, or ends with one line so that the kubelet starts it again; nothing is registered or minted twice.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.e2e.api_server import (
    MINT,
    REGISTER,
    REVOKE,
    SECONDS,
    await_end_in_one_line,
    await_reasons,
    await_said,
    calls,
    set_cors,
)
from tests.e2e.conftest import Stage
from tests.e2e.rotating import rotate
from tests.e2e.story import await_one_token, make_ready

from playground import Cluster, Playground
from playground.chart.manifests import installation
from playground.cluster import path_of
from playground.output import until
from playground.proxies.fault_proxy import FaultProxy
from playground.proxies.faults import Answer, Cut, Events, Fault, Hang, expired

pytestmark = pytest.mark.usefixtures("operator_runs")

TROUBLE: dict[str, Fault] = {
    "504": Answer(504),
    "504-after-effect": Answer(504, after=True),
    "410": Answer(410),
    "429": Answer(429, headers={"Retry-After": "1"}),
    "nothing": Cut(),
    "nothing-after-effect": Cut(after=True),
    "nonsense": Answer(200, "<html>welcome</html>"),
}
WRITES = (
    *(("PATCH", "/boxcustomapps/viewer$"), ("PATCH", "/boxcustomapps/viewer/status$")),
    *(("GET", "/secrets/viewer-box-token$"), ("POST", "/secrets$"), ("PATCH", "/secrets/viewer-box-token$")),
    ("POST", "/events$"),
)
"""Every request of a new app that is rotated once, its Events too."""


@pytest.fixture(scope="module")
def proxy(cluster: Cluster) -> Iterator[FaultProxy]:
    """What stands between operator and API server."""
    with FaultProxy(cluster) as proxy:
        yield proxy


@pytest.mark.parametrize("trouble", TROUBLE)
def test_the_api_server_answers_trouble_to_every_request(
    play: Playground, proxy: FaultProxy, ns: str, trouble: str
) -> None:
    """One app, two tokens for one rotation, no Event twice: whatever was answered, or done without an answer."""
    mark = play.box.mark()
    orders = [proxy.order(method, f"/namespaces/{ns}{path}", TROUBLE[trouble]) for method, path in WRITES]
    make_ready(play, ns, tokens={"rotation": {"overlap": "0s"}})

    rotate(play, ns)

    await_one_token(play, ns, seconds=SECONDS)
    assert (calls(play, mark, REGISTER), calls(play, mark, MINT), calls(play, mark, REVOKE)) == (1, 2, 1)
    # Also where a write was done and its answer lost.
    await_reasons(play, ns, "Ready", "TokenRevoked", "TokenRotated")
    assert [order.path for order in orders if order.met == 0] == [], "these requests were never made"
    assert play.operator.ended() is None


def test_a_request_without_an_answer_holds_nothing_up_for_ever(play: Playground, proxy: FaultProxy, ns: str) -> None:
    """After half a minute it counts as lost; another app need not wait for that."""
    mark = play.box.mark()
    order = proxy.order("PATCH", f"/namespaces/{ns}/boxcustomapps/viewer/status$", Hang(after=True))
    play.app(ns, "viewer")
    until(lambda: order.met == 1, SECONDS, "the request")

    make_ready(play, ns, "another")
    play.await_condition(ns, "viewer", "PendingApproval", seconds=SECONDS)
    play.box.decide(f"{ns} viewer", "authorize")
    play.await_condition(ns, "viewer", "Ready")

    assert (calls(play, mark, REGISTER), calls(play, mark, MINT)) == (2, 2)


BREAKS: dict[str, tuple[Cut | Events, Fault]] = {
    "cut-and-504": (Cut(), Answer(504)),
    "cut-and-429": (Cut(), Answer(429, headers={"Retry-After": "1"})),
    "cut-and-nothing": (Cut(), Cut()),
    "ended-at-once": (Events(), Events()),
    "expired": (expired(), expired()),
}


@pytest.mark.also_on("embedded", "namespaced")
@pytest.mark.parametrize("how", BREAKS)
def test_watches_break_and_begin_anew(play: Playground, proxy: FaultProxy, ns: str, how: str) -> None:
    """Whoever watches (Kopf, the operator's reflectors) goes on; what changed meanwhile is noticed, and once."""
    make_ready(play, ns)
    mark, (breaks, then) = play.box.mark(), BREAKS[how]
    order = proxy.order("WATCH", ".*", then, times=6)

    assert proxy.interrupt_watches(".*", breaks) >= 3
    until(lambda: order.met == 6, SECONDS, "the watches to begin anew")

    set_cors(play, ns, "https://one.example.com")
    set_cors(play, ns, "https://two.example.com")
    await_one_token(play, ns)
    assert (calls(play, mark, REGISTER), calls(play, mark, MINT)) == (0, 0)
    await_reasons(play, ns, "CORSChanged", "CORSChanged", "Ready")
    assert play.operator.ended() is None


@pytest.mark.also_on("namespaced")
def test_watches_say_what_nobody_understands(stage: Stage, play: Playground, proxy: FaultProxy, ns: str) -> None:
    """Kopf cannot go on after that: one line, and the next process finds everything as it was."""
    before = make_ready(play, ns)["status"]
    mark, said = play.box.mark(), len(play.logs())

    proxy.interrupt_watches("/boxenterprises$", expired(500))

    await_end_in_one_line(stage, play, said, "The custom resources cannot be watched any more")
    play.operator.start()
    set_cors(play, ns, "https://one.example.com")
    assert play.get(ns, "viewer")["status"]["tokens"] == before["tokens"]
    assert (calls(play, mark, REGISTER), calls(play, mark, MINT)) == (0, 0)


@pytest.mark.also_on("namespaced")
def test_the_api_server_is_away_for_a_while(play: Playground, proxy: FaultProxy, ns: str) -> None:
    """Nobody answers anything: afterwards everything is as it was, and what changed meanwhile is acted upon."""
    before = make_ready(play, ns)["status"]
    mark, said = play.box.mark(), len(play.logs())
    order = proxy.order("*", ".*", Cut(), times=None)
    proxy.interrupt_watches(".*", Cut())
    until(lambda: order.met >= 20, SECONDS, "the operator to ask in vain")
    play.app(ns, "meanwhile")

    proxy.clear()

    assert play.get(ns, "viewer")["status"] == before
    make_ready(play, ns, "later")
    play.await_condition(ns, "meanwhile", "PendingApproval", seconds=SECONDS)
    assert (calls(play, mark, REGISTER), calls(play, mark, MINT)) == (2, 1)
    assert play.operator.ended() is None
    await_said(play, said, "watched again")


@contextmanager
def without_rights(play: Playground) -> Iterator[None]:
    """Take away everything that the chart grants."""
    bindings = [m for m in installation(play.cluster.namespaces) if m["kind"] in ("ClusterRoleBinding", "RoleBinding")]
    for binding in bindings:
        play.cluster.delete(path_of(binding))
    try:
        yield
    finally:
        for binding in bindings:
            play.cluster.ensure(binding)


@pytest.mark.also_on("namespaced")
def test_rights_vanish_for_a_minute(stage: Stage, play: Playground, proxy: FaultProxy, ns: str) -> None:
    """Nothing is begun that could not be finished; when they are back, everything goes on."""
    if play.cluster.plane is None:
        pytest.skip("the imitation asks nobody for rights")
    stage.aftermath.refusals_expected = True
    before = make_ready(play, ns)["status"]
    play.app(ns, "waiting")
    play.await_condition(ns, "waiting", "PendingApproval")
    mark, said = play.box.mark(), len(play.logs())

    with without_rights(play):
        proxy.interrupt_watches(".*", Cut())
        await_said(play, said, "cannot be watched")
        play.box.decide(f"{ns} waiting", "authorize")
        await_said(play, said, "403 Forbidden")
        play.app(ns, "meanwhile")

    play.await_condition(ns, "waiting", "Ready", seconds=SECONDS)
    await_one_token(play, ns, "waiting")
    play.await_condition(ns, "meanwhile", "PendingApproval", seconds=SECONDS)
    assert (calls(play, mark, REGISTER), calls(play, mark, MINT), calls(play, mark, REVOKE)) == (1, 1, 0)
    await_reasons(play, ns, "Ready", name="waiting")
    assert play.get(ns, "viewer")["status"] == before
    assert play.operator.ended() is None


@pytest.mark.parametrize("status", [403, 429, 504])
def test_a_token_that_cannot_be_published_is_kept(play: Playground, proxy: FaultProxy, ns: str, status: int) -> None:
    """Refused again and again, the same token is published in the end: no other one is generated for it."""
    mark = play.box.mark()
    order = proxy.order("POST", f"/namespaces/{ns}/secrets$", Answer(status), times=3)

    make_ready(play, ns)

    assert order.met == 3
    await_one_token(play, ns)
    assert (calls(play, mark, MINT), calls(play, mark, REVOKE)) == (1, 0)
    await_reasons(play, ns, "Ready", *(["SecretRefused"] if status == 403 else []))


LISTED = ("boxenterprises", "boxcustomapps", "secrets", "namespaces")


@pytest.mark.parametrize("trouble", ["504", "429", "nothing", "nonsense", "410"])
def test_the_operator_starts_into_trouble(
    stage: Stage, play: Playground, proxy: FaultProxy, ns: str, trouble: str
) -> None:
    """It ends with one line before it began, or lists until it has everything: no app is taken for a new one."""
    before = make_ready(play, ns)["status"]
    mark = play.box.mark()
    play.operator.stop()
    said = len(play.logs())
    # A reading request whose connection breaks is made again at once by the HTTP client itself.
    proxy.order("GET", "/apis/boxapps.dev/v1alpha1$", TROUBLE[trouble], times=2 if trouble == "nothing" else 1)
    play.operator.start()
    await_end_in_one_line(stage, play, said, "Kubernetes does not answer")

    orders = [proxy.order("GET", f"/{plural}$", TROUBLE[trouble]) for plural in LISTED]
    play.operator.start()

    set_cors(play, ns, "https://one.example.com")
    assert [order.path for order in orders if order.met == 0] == []
    assert play.get(ns, "viewer")["status"]["tokens"] == before["tokens"]
    assert (calls(play, mark, REGISTER), calls(play, mark, MINT)) == (0, 0)
    assert play.operator.ended() is None
