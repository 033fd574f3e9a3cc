"""What is read of a pod: which Secrets it got at, how, and since when."""

from datetime import UTC, datetime
from typing import Any

import pytest

from box_app_operator.kube.pods import view_pod
from box_app_operator.kube.workloads import view_workload
from box_app_operator.model.desired import WorkloadRef
from box_app_operator.model.observed import UseKind

CREATED, STARTED, RAN = "2026-03-01T11:00:00Z", "2026-03-01T11:00:05Z", "2026-03-01T11:30:00Z"
POD_STARTED, CONTAINER_RAN = datetime(2026, 3, 1, 11, 0, 5, tzinfo=UTC), datetime(2026, 3, 1, 11, 30, tzinfo=UTC)
RUNNING = {"running": {"startedAt": RAN}}
SECRET_VOLUME = {"name": "box", "secret": {"secretName": "viewer"}}
PROJECTED = {"name": "box", "projected": {"sources": [{"configMap": {"name": "c"}}, {"secret": {"name": "viewer"}}]}}
ENV = {"env": [{"name": "T", "valueFrom": {"secretKeyRef": {"name": "viewer", "key": "BOX_APP_TOKEN"}}}]}
ENV_FROM = {"envFrom": [{"configMapRef": {"name": "c"}}, {"secretRef": {"name": "viewer"}}]}
SUB_PATH = {"volumeMounts": [{"name": "box", "mountPath": "/t", "subPath": "BOX_APP_TOKEN"}]}
SUB_PATH_EXPR = {"volumeMounts": [{"name": "box", "mountPath": "/t", "subPathExpr": "$(X)"}]}
MOUNT = {"volumeMounts": [{"name": "box", "mountPath": "/box"}]}
FIXED, MOUNTED = (UseKind.FIXED, CONTAINER_RAN), (UseKind.MOUNTED, POD_STARTED)


def pod(
    container: dict[str, Any],
    volumes: list[Any] | None = None,
    state: dict[str, Any] | None = RUNNING,
    kind: str = "containers",
    phase: str | None = "Running",
    **meta: Any,
) -> dict[str, Any]:
    """A pod with one container that matters."""
    statuses = {
        "containers": "containerStatuses",
        "initContainers": "initContainerStatuses",
        "ephemeralContainers": "ephemeralContainerStatuses",
    }
    spec = {"containers": [{"name": "other"}], "volumes": volumes or [], kind: [{"name": "main", **container}]}
    status = {"startTime": STARTED, **({"phase": phase} if phase else {})}
    if state is not None:
        status[statuses[kind]] = [{"name": "main", "state": state}]
    return {"metadata": {"uid": "u", "name": "p", "creationTimestamp": CREATED, **meta}, "spec": spec, "status": status}


def uses(body: dict[str, Any]) -> set[tuple[UseKind, datetime]]:
    """How the pod uses the Secret "viewer"."""
    view = view_pod(body)
    return {(use.kind, use.since) for use in (view.uses if view else ()) if use.secret == "viewer"}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        (pod(ENV), {FIXED}),
        (pod(ENV_FROM), {FIXED}),
        (pod(MOUNT, [SECRET_VOLUME]), {MOUNTED}),
        (pod(MOUNT, [PROJECTED]), {MOUNTED}),
        (pod(SUB_PATH, [SECRET_VOLUME]), {FIXED, MOUNTED}),
        (pod(SUB_PATH, [PROJECTED]), {FIXED, MOUNTED}),
        (pod(SUB_PATH_EXPR, [SECRET_VOLUME]), {FIXED, MOUNTED}),
        (pod(ENV, kind="initContainers"), {FIXED}),
        (pod(ENV, kind="ephemeralContainers"), {FIXED}),
        (pod(ENV, state={"waiting": {"reason": "CrashLoopBackOff"}}), set()),
        (pod(ENV, state={"terminated": {"exitCode": 0}}, kind="initContainers"), set()),
        (pod(ENV, state={"running": {}}), {(UseKind.FIXED, POD_STARTED)}),
        (pod(ENV, state=None), {(UseKind.FIXED, POD_STARTED)}),
        (pod(ENV, state=None, kind="initContainers"), set()),
        (pod(ENV, phase="Succeeded"), set()),
        (pod(ENV, phase="Failed"), set()),
        (pod(ENV, deletionTimestamp=RAN), {FIXED}),
        (pod({}), set()),
    ],
)
def test_how_a_pod_uses_a_secret(body: dict[str, Any], expected: set[tuple[UseKind, datetime]]) -> None:
    """Every way that Kubernetes has, and only what runs."""
    assert uses(body) == expected


def test_a_pod_without_secrets_is_not_kept() -> None:
    """Most pods of a cluster are none of our business."""
    assert view_pod(pod({})) is None


def test_a_pod_that_no_kubelet_has_seen_does_not_run() -> None:
    """It will get what the Secret holds when it starts."""
    body = {**pod(ENV, [SECRET_VOLUME]), "status": {"phase": "Pending"}}

    assert uses(body) == set()


def test_the_mark_of_a_restart_is_read() -> None:
    """The template's annotation stands on every pod."""
    view = view_pod(pod(ENV, annotations={"boxapps.dev/token": "f" * 16}))

    assert view is not None
    assert view.token == "f" * 16


@pytest.mark.parametrize(
    ("own", "template", "auto", "secrets"),
    [
        ({}, {}, False, set()),
        ({"reloader.stakater.com/auto": "true"}, {}, True, set()),
        ({}, {"secret.reloader.stakater.com/auto": "true"}, True, set()),
        ({"reloader.stakater.com/auto": "false"}, {}, False, set()),
        ({"secret.reloader.stakater.com/reload": "a, viewer"}, {}, False, {"a", "viewer"}),
    ],
)
def test_what_stakater_reloader_restarts_is_known(
    own: dict[str, str], template: dict[str, str], auto: bool, secrets: set[str]
) -> None:
    """By its annotations on the workload or on the template."""
    body = {
        "metadata": {"resourceVersion": "7", "annotations": own},
        "spec": {"template": {"metadata": {"annotations": template}}},
    }
    view = view_workload(WorkloadRef("Deployment", "web"), body)

    assert (view.reloader_auto, view.reloader_secrets) == (auto, secrets)


@pytest.mark.parametrize("text", [None, "", "yesterday", "2026-03-01T11:00:00"])
def test_a_time_that_somebody_spoiled_is_none(text: str | None) -> None:
    """Then the workload counts as never restarted."""
    body = {"metadata": {"resourceVersion": "7", "annotations": {"boxapps.dev/restarted-at": text}}, "spec": {}}

    assert view_workload(WorkloadRef("Deployment", "web"), body).restarted_at is None
