"""etcd is restored from a snapshot: resource versions go back, and so does everything that Kubernetes remembers."""

import pytest
from tests.e2e.api_server import MINT, REGISTER, SECONDS, await_end_in_one_line, calls, cors_of, set_cors
from tests.e2e.conftest import QUICK, Stage
from tests.e2e.rotating import rotate
from tests.e2e.story import await_one_token, box_app, live_tokens, make_ready, named_apps, values

from playground import Playground
from playground.output import until

pytestmark = pytest.mark.usefixtures("operator_runs")

PLANES = ("real", "namespaced")
"""The imitation has no etcd."""
ALSO_ON = ("namespaced",)
"""There the operator's own reflectors watch BoxCustomApps."""
SETTINGS = {**QUICK, "BOX_APP_OPERATOR_SWEEP_INTERVAL": "10m"}
"""The periodic list comes as seldom as it does by default: what notices is the one after an outage."""
RESTORED = "The cluster was restored from a backup"
ONE, TWO = "https://one.example.com", "https://two.example.com"


def churn(play: Playground, ns: str) -> None:
    """Let resource versions grow, as they do in any cluster."""
    path = f"/api/v1/namespaces/{ns}/configmaps"
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "before"}}
    play.cluster.send("POST", path, manifest).raise_for_status()
    for number in range(50):
        play.cluster.patch(f"{path}/before", {"data": {"n": str(number)}})


def test_etcd_is_restored_from_a_snapshot(stage: Stage, play: Playground, ns: str) -> None:
    """The operator notices, ends with one line, and the next one makes of Box what the cluster asks for now.

    A token is minted only where the restored Secret holds one that was revoked in the meantime. What is changed after
    the restore is acted upon, although resource versions are lower than they once were.
    """
    assert play.cluster.plane is not None
    for name in ("kept", "changed", "rotated"):
        make_ready(play, ns, name, cors={"domains": [ONE]}, tokens={"rotation": {"overlap": "0s"}})
        await_one_token(play, ns, name)
    saved = play.cluster.plane.save_etcd()
    kept = values(play.secret(ns, "kept-box-token"))
    set_cors(play, ns, TWO, "changed")
    rotate(play, ns, "rotated")
    lost = await_one_token(play, ns, "rotated")
    make_ready(play, ns, "later")
    churn(play, ns)
    mark, said = play.box.mark(), len(play.logs())

    play.cluster.plane.restore_etcd(saved)

    await_end_in_one_line(stage, play, said, RESTORED)
    # What was written since the snapshot never was: no status follows on it. A young API server refuses everybody.
    stage.aftermath.begin()
    stage.aftermath.refusals_expected = True
    play.operator.start()
    until(lambda: cors_of(play, ns, "changed") == [ONE], SECONDS, "the spec of the snapshot to be in force")
    assert await_one_token(play, ns, "rotated", SECONDS) != lost
    for name in ("kept", "changed", "rotated"):
        play.await_condition(ns, name, "Ready")
    assert values(play.secret(ns, "kept-box-token")) == kept
    assert (calls(play, mark, REGISTER), calls(play, mark, MINT)) == (0, 1)
    assert lost not in live_tokens(play, box_app(play, ns, "rotated"))
    assert play.get(ns, "later") is None
    assert len(named_apps(play, f"{ns} later")) == 1

    mark = play.box.mark()
    set_cors(play, ns, TWO, "kept")
    make_ready(play, ns, "new")

    assert (calls(play, mark, REGISTER), calls(play, mark, MINT)) == (1, 1)
