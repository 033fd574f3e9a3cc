"""The operator in a pod's clothes: what it finds there is enough; a token of its account may be replaced, or die."""

import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.e2e.conftest import QUICK, Stage
from tests.e2e.story import approve, await_one_token, make_ready, named_apps

from controlplane.process import Process
from playground import Playground
from playground.chart.pod import why_no_pods
from playground.cluster import ACCOUNT, NAMESPACE, is_own
from playground.output import await_line, launch, until
from playground.play import secret_manifest

PLANES = ("real",)
"""The imitation has no certificate; and with a list of namespaces a login is the same."""
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/box-app-operator"
ACCOUNT_PATH = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{ACCOUNT}"
LEASE_LOST = 3
WAITING = "Kubernetes does not accept the credentials (401)"
CACHED_SECONDS = 30.0
"""An API server remembers for 10 s that a token was valid. Source: k8s.io/apiserver, authenticator/token/cache."""
CREDENTIAL = "authentication.kubernetes.io/credential-id"


@pytest.fixture(autouse=True)
def in_pod(play: Playground) -> None:
    """Every test here needs a pod's clothes."""
    if not play.in_pod:
        pytest.skip(str(why_no_pods()))


@pytest.fixture
def pod(play: Playground, request: pytest.FixtureRequest) -> Iterator[Process]:
    """An operator that stands for the Lease, in place of the module's, with a log of its own."""
    play.operator.stop()
    play.cluster.delete(LEASE)
    # Long enough for a busy machine to come round in time.
    settings = {**QUICK, "BOX_APP_OPERATOR_LEASE_DURATION": "15s"}
    process = play.operator_process(request.node.originalname, "--leader-elect", **settings)
    launch(process)
    await_line(process, "Acquired Lease")
    yield process
    process.stop()
    play.account.write(play.cluster.token_of(ACCOUNT))
    start = len(play.operator.log.read_text())
    launch(play.operator)
    until(lambda: "Probes are on port" in play.operator.log.read_text()[start:], 30, "the module's operator to be back")


def errors_in(process: Process) -> list[str]:
    """What must not be in a log, whatever happens to a token; the line of a lost Lease is meant."""
    lines = process.log.read_text().splitlines()
    return [line for line in lines if re.search(r" (ERROR|CRITICAL) |Traceback", line) and "Lost the Lease" not in line]


def break_off_watches(play: Playground) -> None:
    """A watch outlives the token that it began with, until the API server ends it."""
    assert play.cluster.plane is not None
    play.cluster.plane.kill_apiserver()
    play.cluster.plane.restart_apiserver()


def check_one_of_each(play: Playground, ns: str) -> None:
    """Both apps are in Box once, and have one token."""
    for name in ("viewer", "second"):
        await_one_token(play, ns, name)
        assert len(named_apps(play, f"{ns} {name}")) == 1


def is_dead(play: Playground, token: str) -> bool:
    """Does the API server refuse this token?"""
    answer = play.cluster.client.get("/version", headers={"Authorization": f"Bearer {token}"})
    return answer.status_code == httpx.codes.UNAUTHORIZED


def let_account_die(play: Playground) -> None:
    """The service account is deleted and made again: a token of the one before is worth nothing."""
    body = play.cluster.get(ACCOUNT_PATH)
    play.cluster.delete(ACCOUNT_PATH)
    metadata = {key: body["metadata"][key] for key in ("name", "namespace", "labels")}
    play.cluster.ensure({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata})


def token_bound_to(play: Playground, secret: str) -> tuple[str, str]:
    """A token that dies with a Secret, and the id under which the audit log knows it."""
    play.cluster.ensure(secret_manifest(NAMESPACE, secret, {}))
    spec = {"expirationSeconds": 3600, "boundObjectRef": {"apiVersion": "v1", "kind": "Secret", "name": secret}}
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
    start = play.cluster.audit_size()
    answer = play.cluster.send("POST", f"{ACCOUNT_PATH}/token", body).raise_for_status().json()
    mine = "authentication.kubernetes.io/issued-credential-id"
    issued = [entry["annotations"][mine] for entry in play.cluster.audit(start) if mine in entry.get("annotations", {})]
    return str(answer["status"]["token"]), str(issued[-1])


def credentials_used(play: Playground, start: int) -> set[str]:
    """Ids of the tokens with which the operator came since an offset of the audit log."""
    users = [entry["user"] for entry in play.cluster.audit(start) if is_own(entry)]
    return {str(user.get("extra", {}).get(CREDENTIAL, [""])[0]) for user in users}


def test_a_pod_has_all_that_the_operator_needs(play: Playground, ns: str) -> None:
    """No home, no name, no kubeconfig, nothing that can be written to: an app becomes Ready all the same."""
    folder = Path(f"/proc/{play.operator.pid}")
    environment = dict(part.split("=", 1) for part in (folder / "environ").read_text().split("\0") if part)
    assert environment["HOME"] == "/"
    assert {"KUBECONFIG", "USER", "LOGNAME", "POD_ID"}.isdisjoint(environment)
    assert b"kubeconfig" not in (folder / "cmdline").read_bytes()
    assert "65532" not in (folder / "root/etc/passwd").read_text()
    mounts = dict(line.split()[1:4:2] for line in (folder / "mounts").read_text().splitlines())
    writable = {place for place, options in mounts.items() if options.split(",")[0] == "rw"}
    assert {place for place in writable if not place.startswith(("/dev/", "/proc"))} == set()

    make_ready(play, ns)

    await_one_token(play, ns)


def test_the_namespace_of_the_lease_is_that_of_the_pod(play: Playground, ns: str, pod: Process) -> None:
    """Nobody has to say it; the holder is named like the pod; and after its end another pod goes on."""
    holder = play.cluster.get(LEASE)["spec"]["holderIdentity"]
    assert holder.startswith(f"{pod.name}_")
    make_ready(play, ns)

    pod.stop()
    successor = play.operator_process("successor", "--leader-elect", **QUICK)
    launch(successor)

    try:
        await_line(successor, "Acquired Lease")
        make_ready(play, ns, "another")
    finally:
        successor.stop()
    assert errors_in(pod) == errors_in(successor) == []


def test_a_replaced_token_is_used_before_the_old_one_dies(play: Playground, ns: str, pod: Process) -> None:
    """The kubelet replaces it long before its end: what comes next comes with the new one, and nobody notices."""
    old, old_id = token_bound_to(play, "old")
    new, new_id = token_bound_to(play, "new")
    play.account.write(old)
    make_ready(play, ns)
    start = play.cluster.audit_size()

    play.account.write(new)
    make_ready(play, ns, "second")
    # What comes again and again has come again: the Lease, and a look at everything.
    until(lambda: new_id in credentials_used(play, start), 20, "the new token to be used")
    start = play.cluster.audit_size()
    make_ready(play, ns, "third")
    assert old_id not in credentials_used(play, start)

    play.cluster.delete(f"/api/v1/namespaces/{NAMESPACE}/secrets/old")
    until(lambda: is_dead(play, old), CACHED_SECONDS, "the old token to be refused")
    make_ready(play, ns, "fourth")
    assert pod.ended() is None
    assert errors_in(pod) == []


def test_a_dead_token_is_waited_out(stage: Stage, play: Playground, ns: str) -> None:
    """Without an election the process goes on: it says what is wrong, and works once there is a new token."""
    start = len(play.logs())
    before = make_ready(play, ns)
    let_account_die(play)
    break_off_watches(play)
    until(lambda: play.logs()[start:].count(WAITING) > 1, 40, "the operator to say more than once what it waits for")
    play.app(ns, "second")

    play.account.write(play.cluster.token_of(ACCOUNT))

    approve(play, ns, "second")
    assert play.operator.ended() is None
    assert play.get(ns, "viewer")["status"]["tokens"]["active"] == before["status"]["tokens"]["active"]
    check_one_of_each(play, ns)
    said = play.logs()[start:]
    assert "Traceback" not in said
    assert "LoginError" not in said
    # Without an API server Kopf complains of errors.
    stage.aftermath.begin()


def test_a_leader_with_a_dead_token_ends_and_the_next_one_goes_on(play: Playground, ns: str, pod: Process) -> None:
    """It cannot keep its Lease: one line, and the kubelet starts it again, until there is a token that works."""
    make_ready(play, ns)
    play.app(ns, "second")
    play.await_condition(ns, "second", "PendingApproval")
    let_account_die(play)
    play.box.decide(f"{ns} second", "authorize")

    assert until(pod.ended, 30, "the leader to end") == LEASE_LOST
    assert errors_in(pod) == []

    # As the kubelet does, before it has brought the new token.
    said = len(pod.log.read_text())
    launch(pod)
    assert until(pod.ended, 30, "the process to end") == 1
    lines = [line for line in pod.log.read_text()[said:].splitlines() if line]
    assert len(lines) == 1, lines
    assert "401" in lines[0]

    play.account.write(play.cluster.token_of(ACCOUNT))
    launch(pod)
    play.await_condition(ns, "second", "Ready")
    check_one_of_each(play, ns)


def test_a_pod_ends_with_its_parent_and_by_its_id(play: Playground, pod: Process) -> None:
    """A kill reaches the operator itself; a polite end gives the Lease back."""
    os.kill(pod.pid or 0, signal.SIGTERM)

    assert until(pod.ended, 20, "the process to end") == 0
    assert play.cluster.get(LEASE)["spec"]["holderIdentity"] == ""


def test_elsewhere_is_no_way_to_kubernetes(play: Playground, tmp_path: Path) -> None:
    """With neither files nor variables it is one line, also for a user without name and home."""
    # It shares the files, and may only just have begun to read them.
    play.operator.stop()
    (play.account.folder / "..data").rename(play.account.folder / "..gone")
    process = play.operator_process("nowhere", **QUICK)
    launch(process)

    try:
        code: Any = until(process.ended, 20, "the process to end")
    finally:
        (play.account.folder / "..gone").rename(play.account.folder / "..data")
        launch(play.operator)

    assert code == 1
    lines = process.log.read_text().strip().splitlines()
    assert len(lines) == 1, lines
    assert "No way to Kubernetes" in lines[0]
