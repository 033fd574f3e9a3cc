"""What only a real node can show. The tests tell one story, from the installation to its end: they keep this order.

The first one runs with the chart's defaults; then an upgrade shortens the operator's pauses and makes two replicas.
"""

import logging
import shutil
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.e2e.rotating import await_retired, await_used_by, live, notes, request_rotation, rotate, tokens
from tests.e2e.story import make_ready
from tests.node.consumers import await_call, calls, delete_pod, make_deployment, make_pod, pods_of
from tests.planes import ran

from playground.chart import helm
from playground.chart.helm import HelmFailed
from playground.cluster import NAMESPACE
from playground.clusters.node import RESTRICTED, Installed
from playground.output import until
from playground.play import GROUP, app_manifest

PLANES = ("node",)
LOG = logging.getLogger(__name__)
QUICK = {
    "replicaCount": 2,
    "settings": {
        "statusPause": "100ms",
        "restartWindow": "1s",
        "rotationPause": "1s",
        "sweepInterval": "1s",
        "backoffCap": "1s",
    },
    "startupProbe": {"periodSeconds": 1, "failureThreshold": 60},
    "readinessProbe": {"periodSeconds": 1},
}
"""Two replicas, and values that shorten the pauses of the operator and of its probes."""
MOUNT_LAG_SECONDS = 120.0
"""For so long a volume may be behind its Secret, docs/tokens.md says, and counts the pods with one for so long."""
TAKEOVER_SECONDS = 30.0
GONE_SECONDS = 60.0
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/box-app-operator"
JOB_PODS = f"/api/v1/namespaces/{NAMESPACE}/pods?labelSelector=app.kubernetes.io%2Fcomponent%3Duninstall"


def team(play: Installed, name: str) -> str:
    """A namespace with the restricted profile."""
    return play.namespace(name, **RESTRICTED)


def active(play: Installed, ns: str) -> str:
    """The fingerprint of the token that the status names as active."""
    return str(tokens(play, ns)["active"]["fingerprint"])


# Installing


def test_helm_installs_and_an_app_becomes_ready(installed: Installed) -> None:
    """With the chart's defaults, under the restricted profile; and a pod calls Box with the app's Secret."""
    ns = team(installed, "team-install")

    make_ready(installed, ns)
    pod = make_pod(installed, ns, "env")
    call = await_call(installed, ns, pod, active(installed, ns))

    assert call.code == 200
    LOG.info("kubectl get pods -A\n%s", installed.cluster.pods())
    (operator,) = installed.operators()
    assert not operator["spec"].get("hostNetwork", False)
    assert operator["status"]["podIP"] != operator["status"]["hostIP"]
    assert operator["spec"]["containers"][0]["securityContext"]["readOnlyRootFilesystem"] is True
    assert "Traceback" not in installed.logs()


# Upgrading


@pytest.fixture(scope="module")
def changed_chart(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The chart of a later version, whose BoxCustomApps have one field more."""
    chart = tmp_path_factory.mktemp("later") / "box-app-operator"
    shutil.copytree(helm.CHART, chart)
    file = chart / "files" / "crds" / "boxcustomapp.yaml"
    crd = yaml.safe_load(file.read_text())
    properties = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    properties["costCenter"] = {"type": "string", "description": "Who pays."}
    file.write_text(yaml.safe_dump(crd))
    return chart


@pytest.fixture(scope="module")
def play(installed: Installed, changed_chart: Path) -> Installed:
    """The release, upgraded: another CRD, two replicas, short pauses."""
    installed.upgrade(QUICK, changed_chart)
    return installed


def test_an_upgrade_brings_a_changed_crd(installed: Installed, changed_chart: Path) -> None:
    """Helm leaves what lies in ``crds/`` as it is. These lie elsewhere: what is new is there, what was there stays."""
    ns = team(installed, "team-upgrade")
    before = make_ready(installed, ns)
    body = app_manifest(ns, "later", costCenter="4711", suspend=True)
    assert "costCenter" not in installed.cluster.create(body).json()["spec"]

    installed.upgrade(QUICK, changed_chart)

    body["metadata"]["name"] = "later-still"
    body["spec"]["displayName"] = "another name"
    until(lambda: _keeps(installed, body, "costCenter"), GONE_SECONDS, "the new field to be served")
    after = installed.get(ns, "viewer")
    assert after["status"]["tokens"] == before["status"]["tokens"]
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    assert len(installed.operators()) == 2


def _keeps(play: Installed, body: dict[str, Any], field: str) -> bool:
    """Does the API server keep this field of ``spec``? Nothing is created."""
    path = f"{GROUP}/namespaces/{body['metadata']['namespace']}/boxcustomapps?dryRun=All"
    return field in play.cluster.send("POST", path, body).raise_for_status().json()["spec"]


# Rotating


@dataclass(frozen=True, slots=True)
class Rotation:
    """One rotation, with three pods that read the token in three ways, and a Deployment that is restarted for it."""

    play: Installed
    ns: str
    old: str
    new: str
    first_pod: str

    @property
    def published(self) -> float:
        """When the Secret got the new token, in seconds since the epoch, to the second."""
        return datetime.fromisoformat(notes(self.play, self.ns)["published-at"]).timestamp()


@pytest.fixture(scope="module")
def rotation(play: Installed) -> Rotation:
    """A rotation that is published. What pods see of it shows in the tests that follow."""
    ns = team(play, "team-rotation")
    restart = [make_deployment(play, ns, "restarted", "env")]
    make_ready(play, ns, tokens={"rotation": {"overlap": "1s", "restart": restart}})
    old = active(play, ns)
    for way in ("volume", "subPath"):
        await_call(play, ns, make_pod(play, ns, way), old)
    (first_pod,) = until(lambda: pods_of(play, ns, "restarted"), GONE_SECONDS, "the Deployment's pod")
    await_call(play, ns, first_pod, old)
    rotate(play, ns)
    return Rotation(play, ns, old, active(play, ns), first_pod)


def test_a_pod_with_env_is_restarted_and_has_the_new_token(rotation: Rotation) -> None:
    """``rotation.restart`` replaces the pod; at no moment does Box refuse one of the two tokens."""
    play, ns = rotation.play, rotation.ns

    def replaced() -> str | None:
        others = [name for name in pods_of(play, ns, "restarted") if name != rotation.first_pod]
        return others[0] if others else None

    pod = until(replaced, GONE_SECONDS, "the Deployment's pod to be replaced")

    await_call(play, ns, pod, rotation.new)
    assert {call.fingerprint for call in calls(play, ns, pod)} == {rotation.new}
    assert rotation.old != rotation.new


def test_the_old_token_ends_with_the_last_pod_that_uses_it(play: Installed) -> None:
    """Two pods read it by ``env``: it lives on when one of them is gone, and ends when the other one is."""
    ns = team(play, "team-last")
    make_ready(play, ns, tokens={"rotation": {"overlap": "1s"}})
    old = active(play, ns)
    for way in ("env", "subPath"):
        await_call(play, ns, make_pod(play, ns, way), old)
    rotate(play, ns)

    await_used_by(play, ns, "env", "subpath", seconds=GONE_SECONDS)
    delete_pod(play, ns, "env")
    await_used_by(play, ns, "subpath", seconds=GONE_SECONDS)
    assert live(play, ns) == [old, active(play, ns)]
    assert calls(play, ns, "subpath")[-1].code == 200
    delete_pod(play, ns, "subpath")

    assert await_retired(play, ns) == active(play, ns)


# Losing pods


def leader(play: Installed) -> dict[str, Any]:
    """The pod that holds the Lease."""

    def look() -> dict[str, Any] | None:
        holder = (play.cluster.get(LEASE) or {"spec": {}})["spec"].get("holderIdentity") or ""
        return next((pod for pod in play.operators() if holder.startswith(pod["metadata"]["name"])), None)

    return until(look, TAKEOVER_SECONDS, "a pod to hold the Lease")


def test_pods_are_killed_and_a_rotation_goes_on(play: Installed) -> None:
    """As the kernel does it when memory runs out: the kubelet starts both anew, and what was asked for is done."""
    play.await_rollout()
    ns = team(play, "team-killed")
    make_ready(play, ns, tokens={"rotation": {"overlap": "1s", "retire": "AfterOverlap"}})
    old, before = active(play, ns), restarts(play)

    request_rotation(play, ns)
    for pod in play.operators():
        play.cluster.node.kill_container(pod["status"]["containerStatuses"][0]["containerID"])

    until(lambda: active(play, ns) != old, GONE_SECONDS, "another token")
    another = active(play, ns)
    assert await_retired(play, ns) == another
    once_more = {name: count + 1 for name, count in before.items()}
    until(lambda: restarts(play) == once_more, GONE_SECONDS, "the kubelet to start both pods anew")


def restarts(play: Installed) -> dict[str, int]:
    """How often the kubelet started the operator's container in its pods anew."""
    pods = play.operators()
    return {pod["metadata"]["name"]: pod["status"]["containerStatuses"][0]["restartCount"] for pod in pods}


def test_the_leaders_pod_is_deleted_and_another_takes_its_place(play: Installed) -> None:
    """The lease is given back, so that the other pod works at once; the Deployment makes a second one again."""
    play.await_rollout()
    ns, before = team(play, "team-deleted"), leader(play)

    delete_pod(play, NAMESPACE, before["metadata"]["name"])

    make_ready(play, ns)
    assert leader(play)["metadata"]["name"] != before["metadata"]["name"]
    play.await_rollout()


# What takes longest


def test_a_volume_follows_within_the_time_that_is_promised(rotation: Rotation) -> None:
    """Without a restart; the kubelet's periods are its own. At no moment does Box refuse what the pod has."""
    play, ns = rotation.play, rotation.ns

    call = await_call(play, ns, "volume", rotation.new, MOUNT_LAG_SECONDS)

    lag = call.at - rotation.published
    ran["node"] += f". A volume was {lag:.0f} s behind its Secret"
    assert lag < MOUNT_LAG_SECONDS
    assert {one.code for one in calls(play, ns, "volume")} == {200}


def test_a_sub_path_keeps_the_old_token_which_lives_as_long_as_the_pod(rotation: Rotation) -> None:
    """The kubelet never brings it up to date. So the pod counts until it is gone, and nothing else holds the token."""
    play, ns = rotation.play, rotation.ns
    # It counts for two minutes, whatever it has read.
    delete_pod(play, ns, "volume")

    await_used_by(play, ns, "subpath", seconds=GONE_SECONDS)
    assert {(call.fingerprint, call.code) for call in calls(play, ns, "subpath")} == {(rotation.old, 200)}
    assert live(play, ns) == [rotation.old, rotation.new]
    delete_pod(play, ns, "subpath")

    assert await_retired(play, ns) == rotation.new


# Uninstalling


def test_an_uninstall_is_refused_and_then_done(play: Installed) -> None:
    """The hook's Job runs as a pod: it names the apps and nothing goes; once they are gone, all of the release goes."""
    ns = team(play, "team-end")
    make_ready(play, ns)

    with pytest.raises(HelmFailed):
        helm.uninstall(play.cluster.kubeconfig)

    (pod,) = play.cluster.get(JOB_PODS)["items"]
    said = play.cluster.log_of(NAMESPACE, pod["metadata"]["name"])
    assert f"{ns}/viewer" in said
    assert len(play.operators()) == 2
    assert play.get(ns, "viewer")["status"]["tokens"]["active"]

    for app in play.cluster.get(f"{GROUP}/boxcustomapps")["items"]:
        play.cluster.delete(play.path(app["metadata"]["namespace"], app["metadata"]["name"]))
    until(lambda: not play.cluster.get(f"{GROUP}/boxcustomapps")["items"], GONE_SECONDS, "the apps to be gone")
    helm.uninstall(play.cluster.kubeconfig)

    pods = f"/api/v1/namespaces/{NAMESPACE}/pods"
    until(lambda: not play.cluster.get(pods)["items"], GONE_SECONDS, "the operator's pods to be gone")
    assert play.cluster.get(f"{GROUP}/boxenterprises")["items"]
