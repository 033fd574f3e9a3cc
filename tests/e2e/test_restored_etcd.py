"""etcd is restored from a snapshot: resource versions go back, and so does everything that Kubernetes remembers."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.api_server import (
    MINT,
    REGISTER,
    SECONDS,
    await_end_in_one_line,
    calls,
    cors_of,
    set_cors,
)
from tests.e2e.conftest import QUICK, Stage
from tests.e2e.rotating import rotate
from tests.e2e.story import await_one_token, box_app, live_tokens, make_ready, named_apps, values

from controlplane import ControlPlane
from playground import Playground
from playground.output import until

pytestmark = pytest.mark.usefixtures("operator_runs")

PLANES = ("real", "namespaced")
"""The imitation has no etcd."""
ALSO_ON = ("namespaced",)
"""There the operator's own reflectors watch BoxCustomApps."""
RESTORED = "The cluster was restored from a backup"
ONE, TWO = "https://one.example.com", "https://two.example.com"


@pytest.fixture
def plane(play: Playground) -> ControlPlane:
    """The control plane whose etcd is restored."""
    assert play.cluster.plane is not None
    return play.cluster.plane


def churn(play: Playground, ns: str, name: str) -> None:
    """Let resource versions grow, as they do in any cluster."""
    path = f"/api/v1/namespaces/{ns}/configmaps"
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": name}}
    play.cluster.send("POST", path, manifest).raise_for_status()
    for number in range(50):
        play.cluster.patch(f"{path}/{name}", {"data": {"n": str(number)}})


@pytest.fixture
def saved(play: Playground, plane: ControlPlane, ns: str) -> Iterator[Path]:
    """A snapshot with three apps: one that stays as it is, one that is about to change, one about to be rotated."""
    for name in ("kept", "changed", "rotated"):
        make_ready(play, ns, name, cors={"domains": [ONE]}, tokens={"rotation": {"overlap": "0s"}})
        await_one_token(play, ns, name)
    return plane.save_etcd()


def look_anew(stage: Stage) -> None:
    """What was written since the snapshot never was: no status follows on it. A young API server refuses everybody."""
    stage.aftermath.begin()
    stage.aftermath.refusals_expected = True


@pytest.fixture(scope="module")
def settings() -> dict[str, str]:
    """The periodic list comes as seldom as it does by default: what notices is the one after an outage."""
    return {**QUICK, "BOX_APP_OPERATOR_SWEEP_INTERVAL": "10m"}


def test_etcd_is_restored_from_a_snapshot(
    stage: Stage, play: Playground, plane: ControlPlane, ns: str, saved: Path
) -> None:
    """The operator notices, ends with one line, and the next one makes of Box what the cluster asks for now.

    A token is minted only where the restored Secret holds one that was revoked in the meantime.
    """
    kept = values(play.secret(ns, "kept-box-token"))
    set_cors(play, ns, TWO, "changed")
    rotate(play, ns, "rotated")
    lost = await_one_token(play, ns, "rotated")
    make_ready(play, ns, "later")
    churn(play, ns, "before")
    mark, said = play.box.mark(), len(play.logs())

    plane.restore_etcd(saved)

    await_end_in_one_line(stage, play, said, RESTORED)
    look_anew(stage)
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


def test_a_restored_cluster_is_watched_like_any_other(
    stage: Stage, play: Playground, plane: ControlPlane, ns: str, saved: Path
) -> None:
    """What is changed after the restore is acted upon, although resource versions are lower than they once were."""
    churn(play, ns, "before")
    said = len(play.logs())
    plane.restore_etcd(saved)
    await_end_in_one_line(stage, play, said, RESTORED)
    look_anew(stage)
    mark = play.box.mark()

    play.operator.start()
    set_cors(play, ns, TWO, "kept")
    make_ready(play, ns, "new")

    assert (calls(play, mark, REGISTER), calls(play, mark, MINT)) == (1, 1)
