"""Pods that use a token as their authors would: they call Box with it, again and again, and print what came of it."""

import json
from dataclasses import dataclass
from typing import Any

from playground.cluster import path_of
from playground.clusters.node import IMAGE, Installed
from playground.output import until

SECRET = "viewer-box-token"
FILE = "/var/run/box/token"
SECONDS = 60.0
CALLS = """
import hashlib, json, os, pathlib, time, urllib.error, urllib.request

def token():
    path = os.environ.get("TOKEN_FILE")
    return pathlib.Path(path).read_text() if path else os.environ["BOX_APP_TOKEN"]

while True:
    value = token()
    headers = {"Authorization": f"Bearer {value}"}
    request = urllib.request.Request(os.environ["BOX_URL"] + "/2.0/users/me", headers=headers)
    try:
        code = urllib.request.urlopen(request, timeout=10).status
    except urllib.error.HTTPError as error:
        code = error.code
    fingerprint = hashlib.sha256(value.encode()).hexdigest()[:16]
    print(json.dumps({"at": time.time(), "fingerprint": fingerprint, "code": code}), flush=True)
    time.sleep(0.25)
"""
RESTRICTED_POD = {"runAsNonRoot": True, "runAsUser": 10001, "seccompProfile": {"type": "RuntimeDefault"}}
RESTRICTED_CONTAINER = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


@dataclass(frozen=True, slots=True)
class Call:
    """One call of a pod to Box: when, in seconds since the epoch, with which token, and the HTTP status."""

    at: float
    fingerprint: str
    code: int


def _way(way: str, secret: str) -> dict[str, Any]:
    """What makes a pod's container read the token in one way: fields of the container, and volumes of the pod."""
    if way == "env":
        reference = {"secretKeyRef": {"name": secret, "key": "BOX_APP_TOKEN"}}
        return {"env": [{"name": "BOX_APP_TOKEN", "valueFrom": reference}]}
    source = {"secretName": secret, "items": [{"key": "BOX_APP_TOKEN", "path": "token"}]}
    mount = {"name": "box", "mountPath": "/var/run/box"}
    if way == "subPath":
        mount = {"name": "box", "mountPath": FILE, "subPath": "token"}
    env = [{"name": "TOKEN_FILE", "value": FILE}]
    return {"env": env, "volumeMounts": [mount], "volumes": [{"name": "box", "secret": source}]}


def pod_spec(play: Installed, way: str, secret: str = SECRET) -> dict[str, Any]:
    """The spec of a pod that reads the token by ``env``, from a ``volume``, or through a ``subPath``."""
    fields = _way(way, secret)
    volumes = fields.pop("volumes", [])
    fields["env"] = [*fields["env"], {"name": "BOX_URL", "value": play.box.url}]
    container = {
        "name": "app",
        "image": f"{IMAGE['repository']}:{IMAGE['tag']}",
        "command": ["python", "-c", CALLS],
        "securityContext": RESTRICTED_CONTAINER,
        **fields,
    }
    return {
        "automountServiceAccountToken": False,
        "securityContext": RESTRICTED_POD,
        "terminationGracePeriodSeconds": 0,
        "containers": [container],
        "volumes": volumes,
    }


def make_pod(play: Installed, ns: str, way: str) -> str:
    """Make a pod, which is called as its way in lower case; returns that."""
    metadata = {"namespace": ns, "name": way.lower()}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": pod_spec(play, way)}
    play.cluster.create(manifest).raise_for_status()
    return way.lower()


def make_deployment(play: Installed, ns: str, name: str, way: str) -> dict[str, str]:
    """Make a Deployment of one pod; returns how ``rotation.restart`` names it."""
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": pod_spec(play, way)}
    spec = {"replicas": 1, "selector": {"matchLabels": labels}, "template": template}
    manifest = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"namespace": ns, "name": name},
        "spec": spec,
    }
    play.cluster.create(manifest).raise_for_status()
    return {"kind": "Deployment", "name": name}


def pods_of(play: Installed, ns: str, app: str) -> list[str]:
    """The names of the pods of a Deployment that are not about to end."""
    items = play.cluster.get(f"/api/v1/namespaces/{ns}/pods?labelSelector=app%3D{app}")["items"]
    return [item["metadata"]["name"] for item in items if "deletionTimestamp" not in item["metadata"]]


def delete_pod(play: Installed, ns: str, name: str) -> None:
    """Delete a pod, and wait until its kubelet says that it is gone."""
    path = path_of({"apiVersion": "v1", "kind": "Pod", "metadata": {"namespace": ns, "name": name}})
    play.cluster.delete(path)
    until(lambda: play.cluster.get(path) is None, SECONDS, f"the pod {ns}/{name} to be gone")


def calls(play: Installed, ns: str, pod: str) -> list[Call]:
    """Every call that a pod made, in order."""
    lines = play.cluster.log_of(ns, pod).splitlines()
    return [Call(**json.loads(line)) for line in lines if line.startswith("{")]


def await_call(play: Installed, ns: str, pod: str, fingerprint: str, seconds: float = SECONDS) -> Call:
    """Wait for the first call of a pod with this token; Box must have accepted it."""

    def look() -> Call | None:
        return next((call for call in calls(play, ns, pod) if call.fingerprint == fingerprint), None)

    found = until(look, seconds, f"the pod {ns}/{pod} to use the token {fingerprint}")
    assert found.code == 200, found
    return found
