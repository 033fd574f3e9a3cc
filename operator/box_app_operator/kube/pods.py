"""Pods: which Secrets they refer to, and since when. Nothing else of them is kept."""

from collections.abc import Iterator
from datetime import datetime

from box_app_operator.api.spec import Body
from box_app_operator.kube.api import KubePart
from box_app_operator.kube.collection import KubeSource, object_collection
from box_app_operator.model.box import UID, Fingerprint
from box_app_operator.model.observed import PodView, SecretUse, UseKind
from box_app_operator.tokens.restarts import TOKEN_MARK

PAGE_SIZE = 250
OVER = ("Succeeded", "Failed")
CONTAINERS = (
    ("initContainers", "initContainerStatuses"),
    ("containers", "containerStatuses"),
    ("ephemeralContainers", "ephemeralContainerStatuses"),
)


def view_pod(body: Body) -> PodView | None:
    """What matters of a pod; None when it has ended or refers to no Secret."""
    meta, spec, status = body["metadata"], body.get("spec") or {}, body.get("status") or {}
    if status.get("phase") in OVER:
        return None
    uses = tuple(dict.fromkeys(_uses(meta, spec, status)))
    mark = (meta.get("annotations") or {}).get(TOKEN_MARK)
    return PodView(UID(meta["uid"]), meta["name"], Fingerprint(mark) if mark else None, uses) if uses else None


def _uses(meta: Body, spec: Body, status: Body) -> Iterator[SecretUse]:
    volumes = {volume["name"]: _secrets_in(volume) for volume in spec.get("volumes") or ()}
    pod_started = status.get("startTime") or (meta["creationTimestamp"] if status.get("phase") == "Running" else None)
    if pod_started is not None:
        for secret in (secret for secrets in volumes.values() for secret in secrets):
            yield SecretUse(secret, UseKind.MOUNTED, datetime.fromisoformat(pod_started))
    for kind, statuses in CONTAINERS:
        known = {container["name"]: container for container in status.get(statuses) or ()}
        for container in spec.get(kind) or ():
            started = _started(known.get(container["name"]), pod_started, whole_pod_runs=kind == "containers")
            if started is not None:
                for secret in _fixed(container, volumes):
                    yield SecretUse(secret, UseKind.FIXED, datetime.fromisoformat(started))


def _started(status: Body | None, pod_started: str | None, *, whole_pod_runs: bool) -> str | None:
    """Since when a container runs; None when it does not. Without a word of it the pod stands for its containers."""
    if status is None:
        return pod_started if whole_pod_runs else None
    running = (status.get("state") or {}).get("running")
    return (running.get("startedAt") or pod_started) if running is not None else None


def _secrets_in(volume: Body) -> list[str]:
    projected = (volume.get("projected") or {}).get("sources") or ()
    named = [(volume.get("secret") or {}).get("secretName")]
    named += [(source.get("secret") or {}).get("name") for source in projected]
    return [name for name in named if name]


def _fixed(container: Body, volumes: dict[str, list[str]]) -> Iterator[str]:
    """Secrets whose value a container keeps from its start on."""
    for variable in container.get("env") or ():
        yield ((variable.get("valueFrom") or {}).get("secretKeyRef") or {}).get("name") or ""
    for source in container.get("envFrom") or ():
        yield (source.get("secretRef") or {}).get("name") or ""
    for mount in container.get("volumeMounts") or ():
        if mount.get("subPath") or mount.get("subPathExpr"):
            yield from volumes.get(mount["name"], ())


class KubePods(KubePart):
    """The pods of a namespace."""

    def pods_of(self, namespace: str) -> KubeSource[Body]:
        """The pods of a namespace, to be listed and watched."""
        return KubeSource(self._api, object_collection(f"/api/v1/namespaces/{namespace}/pods", PAGE_SIZE))
