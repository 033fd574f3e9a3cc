"""The operator as a process: how it starts, answers probes, stops, and what it must never say."""

import os
import re
import signal
import socket
from pathlib import Path

import httpx
import pytest
from tests.e2e.commands import operator
from tests.e2e.conftest import Stage
from tests.e2e.story import await_one_token, box_app, make_ready

from playground import Playground, embedded_cluster
from playground.output import until


def test_probes_answer(play: Playground) -> None:
    """Alive and ready, and nothing else is served."""
    found = re.findall(r"Probes are on port (\d+)", play.logs())
    url = f"http://127.0.0.1:{found[-1]}"

    until(lambda: httpx.get(f"{url}/readyz").status_code == 200, 10, "readiness")
    assert httpx.get(f"{url}/healthz").status_code == 200
    assert httpx.get(f"{url}/").status_code == 404


def test_being_told_to_stop_finishes_what_was_begun(play: Playground, ns: str) -> None:
    """SIGTERM between minting and publishing: the token is published, not lost; then the process ends with 0."""
    play.app(ns, "viewer")
    play.await_condition(ns, "viewer", "PendingApproval")
    play.box.fault({"kind": "latency", "seconds": 1, "method": "GET", "path": "/2.0/files/1"})
    play.box.decide(f"{ns} viewer", "authorize")
    until(lambda: play.box.faults_left() == [], 10, "the token to be proven")
    process = play.operator

    os.kill(process.pid or 0, signal.SIGTERM)

    until(lambda: play.secret(ns, "viewer-box-token"), 10, "the Secret")
    process.stop()
    play.operator.start()
    await_one_token(play, ns)
    assert len([entry for entry in play.box.issued_tokens() if entry["app_id"] == box_app(play, ns)["id"]]) == 1


@pytest.mark.also_on("namespaced")
def test_a_restart_of_the_api_server_is_survived(stage: Stage, play: Playground, ns: str) -> None:
    """Watches and writes break off and go on: what was ready stays as it is, and new apps become ready."""
    if play.cluster.plane is None:
        pytest.skip("the imitation keeps everything in memory")
    before = make_ready(play, ns)["status"]

    play.cluster.plane.kill_apiserver()
    play.cluster.plane.restart_apiserver()
    # Without an API server Kopf complains of errors, and one that is not ready yet refuses everybody.
    stage.aftermath.begin()

    play.operator.check()
    make_ready(play, ns, "another")
    assert play.get(ns, "viewer")["status"] == before


def test_a_malformed_configuration_is_told_at_once_and_whole() -> None:
    """Exit code 2, and every problem in one message."""
    environment = {"BOX_APP_OPERATOR_HEALTH_ADDRESS": "8080", "BOX_APP_OPERATOR_COLOUR": "blue"}

    done = operator("run", "--log-format=xml", "--workers=0", "--box-timeout=soon", **environment)

    assert done.returncode == 2
    for word in ("--log-format", "--workers", "--box-timeout", "BOX_APP_OPERATOR_HEALTH_ADDRESS", "COLOUR"):
        assert word in done.stderr


@pytest.mark.parametrize("kubeconfig", ["missing", "unreachable"])
def test_no_way_to_kubernetes_is_one_line(tmp_path: Path, kubeconfig: str) -> None:
    """Exit code 1 and a sentence instead of a traceback."""
    file = tmp_path / "kubeconfig"
    if kubeconfig == "unreachable":
        file.write_text(
            "{apiVersion: v1, kind: Config, current-context: a, contexts: [{name: a, context: {cluster: a, user: a}}],"
            " clusters: [{name: a, cluster: {server: 'http://127.0.0.1:9'}}], users: [{name: a, user: {token: a}}]}"
        )

    done = operator("run", f"--kubeconfig={file}", "--health-address=127.0.0.1:0")

    assert done.returncode == 1
    assert len(done.stderr.strip().splitlines()) == 1


def test_an_address_in_use_is_one_line(play: Playground) -> None:
    """Exit code 1, and the address."""
    with socket.create_server(("127.0.0.1", 0)) as taken:
        address = f"127.0.0.1:{taken.getsockname()[1]}"

        done = operator("run", f"--kubeconfig={play.cluster.kubeconfig}", f"--health-address={address}")

    assert done.returncode == 1
    assert address in done.stderr


def test_missing_crds_are_named(play: Playground) -> None:
    """Without its kinds there is nothing to watch: the process says what to apply, and ends."""
    with embedded_cluster() as empty:
        done = operator("run", f"--kubeconfig={empty.kubeconfig}")

    assert done.returncode == 1
    assert "kubectl apply -f crds/" in done.stderr


def test_debug_logs_hold_no_token(play: Playground, ns: str) -> None:
    """The loudest level, with trouble at every call that carries a token: only fingerprints are ever said."""
    for fault in ("garbage", "half_body", "cut_after"):
        play.box.fault(
            {"kind": fault, "method": "POST", "path": "/console/v1/apps/[0-9]+/tokens/"},
            {"kind": fault, "method": "GET", "path": "/2.0/files/1"},
        )
        make_ready(play, ns, fault.replace("_", "-"))

    issued = play.box.issued_tokens()
    assert len(issued) >= 6
    logs = play.logs()
    assert [entry["fingerprint"] for entry in issued if entry["token"] in logs] == []
    assert issued[-1]["fingerprint"] in logs
    assert play.box.console_token not in logs
