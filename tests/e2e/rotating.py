"""Things that tests of rotation do: asking for one, and the pods and workloads that use tokens."""

import itertools
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx
from tests.e2e.story import await_body, box_app, make_ready, message_of, secret_path, values

from playground import Playground
from playground.cluster import is_own_write, path_of
from playground.output import until
from playground.play import condition

SECRET = "viewer-box-token"
TOKEN_MARK = "boxapps.dev/token"
IMAGE = "registry.example.com/viewer:1"

_requests = itertools.count(1)


# Asking, and what came of it


def annotate(play: Playground, ns: str, name: str, key: str, value: str) -> None:
    """Put an annotation on an app."""
    play.cluster.patch(play.path(ns, name), {"metadata": {"annotations": {f"boxapps.dev/{key}": value}}})


def request_rotation(play: Playground, ns: str, name: str = "viewer") -> str:
    """Ask for a rotation as a person does; returns the value of the annotation."""
    value = f"request-{next(_requests)}"
    annotate(play, ns, name, "rotate-requested-at", value)
    return value


def await_handled(play: Playground, ns: str, request: str, name: str = "viewer") -> dict[str, Any]:
    """Wait until the status records a request as handled; returns the object."""
    what = f"{ns}/{name} to have handled {request}"
    return await_body(play, ns, lambda body: body["status"].get("lastHandledRotateAt") == request, what, name)


def rotate(play: Playground, ns: str, name: str = "viewer") -> dict[str, Any]:
    """Ask for a rotation and wait until it is recorded; returns the object."""
    return await_handled(play, ns, request_rotation(play, ns, name), name)


def await_pass(play: Playground, ns: str, name: str = "viewer") -> dict[str, Any]:
    """Wait until the operator looked at everything once more, found nothing left to do, and all of it is logged.

    Returns the object. Only the operator's own write in the audit log tells: who reads the object sees it before.
    """
    value, start = f"request-{next(_requests)}", play.cluster.audit_size()
    annotate(play, ns, name, "reconcile-requested-at", value)

    def handled(body: Any) -> bool:
        return (body.get("status") or {}).get("lastHandledReconcileAt") == value

    def logged() -> bool:
        written = (entry.get("responseObject") or {} for entry in play.cluster.audit(start) if is_own_write(entry))
        return any(handled(body) for body in written if body.get("kind") == "BoxCustomApp")

    found = await_body(play, ns, handled, f"{ns}/{name} to be looked at", name)
    until(logged, 10, "the pass in the audit log")
    return found


def restart_operator(play: Playground) -> None:
    """Stop the operator politely and start it again."""
    play.operator.stop()
    play.operator.start()


def set_rotation(play: Playground, ns: str, name: str = "viewer", **rotation: Any) -> None:
    """Change ``spec.tokens.rotation``; None takes a field away."""
    play.cluster.patch(play.path(ns, name), {"spec": {"tokens": {"rotation": rotation}}})


def make_quiet(play: Playground, ns: str, **spec: Any) -> int:
    """Make an app Ready and wait until nothing of that is left to be logged; returns the offset of the audit log."""
    start = play.cluster.audit_size()
    make_ready(play, ns, **spec)
    # The Event comes last. Who sees an object may be ahead of the audit log.
    until(lambda: "events" in _writes(play, ns, start), 10, "the Event in the audit log")
    return play.cluster.audit_size()


def _writes(play: Playground, ns: str, start: int) -> list[str]:
    return [write.resource for write in play.cluster.writes(start) if write.namespace == ns]


def await_writes(play: Playground, ns: str, start: int, *wanted: str) -> None:
    """Wait for one more pass, which adds one status: until then the operator wrote these resources in a namespace.

    A slow machine may report two things in one status: there may be fewer of them, and not more.
    """
    await_pass(play, ns)
    written, status = _writes(play, ns, start), "boxcustomapps/status"
    assert [each for each in written if each != status] == [each for each in wanted if each != status]
    assert written[-1] == status
    assert written.count(status) <= [*wanted, status].count(status), _statuses(play, ns, start)


def _statuses(play: Playground, ns: str, start: int) -> list[dict[str, str]]:
    """The messages of the conditions in every status that was written in a namespace, for whoever must find out why."""
    bodies = (entry.get("responseObject") or {} for entry in play.cluster.audit(start))
    ours = [body for body in bodies if (body.get("metadata") or {}).get("namespace") == ns and body.get("status")]
    conditions = [body["status"].get("conditions") or () for body in ours if body.get("kind") == "BoxCustomApp"]
    return [{item["type"]: f"{item['reason']}: {item['message']}" for item in items} for items in conditions]


def tokens(play: Playground, ns: str, name: str = "viewer") -> dict[str, Any]:
    """``status.tokens`` as it is now."""
    return dict(play.get(ns, name)["status"].get("tokens") or {})


def issued(play: Playground, ns: str, name: str = "viewer") -> list[str]:
    """The fingerprints of all tokens that Box ever generated for an app, in order."""
    app = box_app(play, ns, name)
    return [entry["fingerprint"] for entry in play.box.issued_tokens() if entry["app_id"] == app["id"]]


def live(play: Playground, ns: str, name: str = "viewer") -> list[str]:
    """The fingerprints of the tokens of an app that Box accepts, in the order in which they were generated."""
    alive = {entry["fingerprint"] for entry in play.box.issued_tokens() if entry["live"]}
    return [fingerprint for fingerprint in issued(play, ns, name) if fingerprint in alive]


def await_retired(play: Playground, ns: str, name: str = "viewer") -> str:
    """Wait until one token is live, and the Secret and the status know of no other; returns its fingerprint."""

    def look() -> str | None:
        shown = tokens(play, ns, name)
        active = (shown.get("active") or {}).get("fingerprint")
        alone = "retiring" not in shown and live(play, ns, name) == [active]
        return active if alone and notes(play, ns, shown["secretName"])["fingerprint"] == active else None

    return until(look, 20, f"the previous token of {ns}/{name} to be gone")


def notes(play: Playground, ns: str, secret: str = SECRET) -> dict[str, str]:
    """The operator's annotations of a Secret, without their prefix."""
    annotations = play.secret(ns, secret)["metadata"]["annotations"]
    return {key.removeprefix("boxapps.dev/"): value for key, value in annotations.items()}


def pretend_published(play: Playground, ns: str, seconds: float, secret: str = SECRET) -> None:
    """Have the operator believe that the token in a Secret was published so long ago."""
    moved = {"boxapps.dev/published-at": ago(seconds)}
    if "rotated-at" in notes(play, ns, secret):
        moved["boxapps.dev/rotated-at"] = ago(seconds)
    play.cluster.patch(secret_path(ns, secret), {"metadata": {"annotations": moved}})


def token_in(play: Playground, ns: str, secret: str = SECRET) -> str:
    """The token that a Secret holds."""
    return values(play.secret(ns, secret))["BOX_APP_TOKEN"]


def warnings(play: Playground, ns: str, reason: str, name: str = "viewer") -> list[str]:
    """The messages of the Warning Events of this reason."""
    events = [event for event in play.events(ns, name) if event["reason"] == reason]
    assert all(event["type"] == "Warning" for event in events)
    return [event["message"] for event in events]


def await_warning(play: Playground, ns: str, reason: str, name: str = "viewer") -> str:
    """Wait for a Warning Event of this reason; returns its message. There must be no more than one."""
    found = until(lambda: warnings(play, ns, reason, name) or None, 20, f"the Event {reason}")
    assert len(found) == 1, found
    return found[0]


def say_of_token(play: Playground, ns: str, name: str = "viewer") -> str:
    """The message of the condition TokenReady."""
    return message_of(play.get(ns, name), "TokenReady")


def check_refused(play: Playground, ns: str, body: dict[str, Any], words: str, name: str = "viewer") -> None:
    """Box refuses the token in the Secret: TokenReady, Ready and one Warning say so first, all in the same words."""
    ready, token = condition(body, "Ready") or {}, condition(body, "TokenReady") or {}
    assert (token["status"], token["reason"]) == ("False", "TokenRejected")
    assert token["message"].startswith(f"Pods get 401: Box refuses the token in Secret '{name}-box-token'")
    assert words in token["message"]
    assert all(ready[key] == token[key] for key in ("status", "reason", "message")), (ready, token)
    assert await_warning(play, ns, "TokenRejected", name) == ready["message"]
    bearer = {"Authorization": f"Bearer {token_in(play, ns, f'{name}-box-token')}"}
    assert httpx.get(f"{play.box.url}/2.0/users/me", headers=bearer).status_code == httpx.codes.UNAUTHORIZED


# Pods


def ago(seconds: float) -> str:
    """A moment of the past, as Kubernetes writes it."""
    return (datetime.now(UTC) - timedelta(seconds=seconds)).strftime("%Y-%m-%dT%H:%M:%SZ")


def container(name: str = "app", **fields: Any) -> dict[str, Any]:
    """A container."""
    return {"name": name, "image": IMAGE, **fields}


def _by_env(secret: str) -> dict[str, Any]:
    return {"env": [{"name": "T", "valueFrom": {"secretKeyRef": {"name": secret, "key": "BOX_APP_TOKEN"}}}]}


def _by_env_from(secret: str) -> dict[str, Any]:
    return {"envFrom": [{"secretRef": {"name": secret}}]}


def _with_volume(volume: dict[str, Any], **mount: Any) -> dict[str, Any]:
    mounts = [{"name": "box", "mountPath": "/run/box", **mount}]
    return {"containers": [container(volumeMounts=mounts)], "volumes": [{"name": "box", **volume}]}


def _with_ephemeral(secret: str) -> dict[str, Any]:
    return {"containers": [container()], "ephemeralContainers": [container("debug", **_by_env_from(secret))]}


WAYS: dict[str, Callable[[str], dict[str, Any]]] = {
    "env": lambda secret: {"containers": [container(**_by_env(secret))]},
    "env-from": lambda secret: {"containers": [container(**_by_env_from(secret))]},
    "sub-path": lambda secret: _with_volume({"secret": {"secretName": secret}}, subPath="BOX_APP_TOKEN"),
    "volume": lambda secret: _with_volume({"secret": {"secretName": secret}}),
    "projected": lambda secret: _with_volume({"projected": {"sources": [{"secret": {"name": secret}}]}}),
    "init": lambda secret: {"containers": [container()], "initContainers": [container("init", **_by_env(secret))]},
    "ephemeral": _with_ephemeral,
}
"""Pods that use a Secret, by the way in which they do. The first two, sub-path, init and ephemeral keep its value."""


def pod_path(ns: str, name: str) -> str:
    """The API path of a pod."""
    return f"/api/v1/namespaces/{ns}/pods/{name}"


def make_pod(play: Playground, ns: str, name: str, way: str = "env", secret: str = SECRET, since: str = "") -> None:
    """A pod that uses a Secret and runs, since an hour when nothing else is said."""
    spec = WAYS[way](secret)
    later = spec.pop("ephemeralContainers", None)
    metadata = {"namespace": ns, "name": name}
    spec |= {"automountServiceAccountToken": False, "terminationGracePeriodSeconds": 0}
    manifest = {"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec}
    play.cluster.create(manifest).raise_for_status()
    if later is not None:
        _attach(play, ns, name, {"spec": {"ephemeralContainers": later}})
    run_pod(play, ns, name, since or ago(3600))


def _attach(play: Playground, ns: str, name: str, ephemeral: dict[str, Any]) -> None:
    """As ``kubectl debug`` does; the imitation has no such subresource, and lets the spec be changed."""
    kind = "application/strategic-merge-patch+json"
    response = play.cluster.send("PATCH", f"{pod_path(ns, name)}/ephemeralcontainers", ephemeral, kind)
    if response.is_error:
        play.cluster.patch(pod_path(ns, name), ephemeral)


def run_pod(play: Playground, ns: str, name: str, since: str, phase: str = "Running") -> None:
    """Write the status of a pod as its kubelet would: all containers run since then, or ended in another phase."""
    state = {"running": {"startedAt": since}} if phase == "Running" else {"terminated": {"exitCode": 0}}
    spec = play.cluster.get(pod_path(ns, name))["spec"]
    status: dict[str, Any] = {"phase": phase, "startTime": since}
    for kind in ("initContainer", "container", "ephemeralContainer"):
        fixed = {"image": IMAGE, "imageID": "", "ready": True, "restartCount": 0, "state": state}
        status[f"{kind}Statuses"] = [{"name": each["name"], **fixed} for each in spec.get(f"{kind}s") or ()]
    write_pod_status(play, ns, name, status)


def write_pod_status(play: Playground, ns: str, name: str, status: dict[str, Any]) -> None:
    """Change parts of the status of a pod."""
    play.cluster.patch(f"{pod_path(ns, name)}/status", {"status": status})


def delete_pod(play: Playground, ns: str, name: str) -> None:
    """Delete a pod; no kubelet is waited for."""
    play.cluster.delete(f"{pod_path(ns, name)}?gracePeriodSeconds=0")


def await_used_by(play: Playground, ns: str, *pods: str, name: str = "viewer", seconds: float = 20.0) -> None:
    """Wait until the status names exactly these pods as users of the previous token."""
    wanted = {"count": len(pods), "pods": sorted(pods)[:5]}

    def look() -> bool:
        return tokens(play, ns, name).get("retiring", {}).get("usedBy") == wanted

    until(look, seconds, f"the previous token of {ns}/{name} to be used by {wanted}")


# Workloads


def make_workload(play: Playground, ns: str, kind: str, name: str, **annotations: str) -> dict[str, str]:
    """A Deployment, StatefulSet or DaemonSet; returns how a spec names it."""
    labels = {"app": name}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [container()]}}
    spec: dict[str, Any] = {"selector": {"matchLabels": labels}, "template": template}
    if kind == "StatefulSet":
        spec["serviceName"] = name
    metadata = {"namespace": ns, "name": name, "annotations": annotations}
    play.cluster.create({"apiVersion": "apps/v1", "kind": kind, "metadata": metadata, "spec": spec}).raise_for_status()
    return {"kind": kind, "name": name}


def mark_of(play: Playground, ns: str, ref: dict[str, str]) -> str | None:
    """The fingerprint with which the operator marked the pods of a workload."""
    metadata = {"namespace": ns, "name": ref["name"]}
    body = play.cluster.get(path_of({"apiVersion": "apps/v1", "kind": ref["kind"], "metadata": metadata}))
    return (body["spec"]["template"]["metadata"].get("annotations") or {}).get(TOKEN_MARK)


def restarts(play: Playground, ns: str, start: int) -> list[str]:
    """The workloads of a namespace that the operator restarted since an offset of the audit log, as plural/name."""
    plurals = ("deployments", "statefulsets", "daemonsets")
    done = [write for write in play.cluster.writes(start) if write.namespace == ns and write.code == httpx.codes.OK]
    return [f"{write.resource}/{write.name}" for write in done if write.resource in plurals]
