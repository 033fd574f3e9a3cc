"""Every pod runs with as little as it needs: what Kubernetes calls the restricted Pod Security Standard, and more.

Source: kubernetes.io, Pod Security Standards, profile Restricted.
"""

from typing import Any

import helm_python
from tests.chart.rendering import Json, Rendered, render

VOLUMES = {"configMap", "csi", "downwardAPI", "emptyDir", "ephemeral", "persistentVolumeClaim", "projected", "secret"}


def test_no_pod_is_root_or_can_write_its_own_files_or_see_those_of_the_node(rendered: Rendered) -> None:
    """A number, so that Kubernetes can tell, and no way up; the root file system is read only, nothing is shared."""
    for _, pod in rendered.pods():
        assert pod["securityContext"]["runAsNonRoot"] is True
        assert pod["securityContext"]["runAsUser"] >= 10000
        assert pod["securityContext"]["runAsGroup"] >= 10000
        assert pod["securityContext"]["seccompProfile"] == {"type": "RuntimeDefault"}
        for container in pod["containers"]:
            context = container["securityContext"]
            assert context["allowPrivilegeEscalation"] is False
            assert context["privileged"] is False
            assert context["capabilities"] == {"drop": ["ALL"]}
            assert context["readOnlyRootFilesystem"] is True
            assert all("hostPort" not in port for port in container.get("ports", ()))
        assert {"hostNetwork", "hostPID", "hostIPC"}.isdisjoint(pod)
        for volume in pod.get("volumes", ()):
            assert set(volume) - {"name"} <= VOLUMES


def test_a_token_is_where_it_is_needed_only(rendered: Rendered) -> None:
    """Accounts hand out none by themselves. The operator and the hook ask for theirs; the test asks for none."""
    for account in rendered.of("ServiceAccount"):
        assert account["automountServiceAccountToken"] is False
    for kind, pod in rendered.pods():
        assert pod["automountServiceAccountToken"] is (kind != "Pod")


def test_every_container_says_what_it_takes(rendered: Rendered) -> None:
    """CPU and memory asked for, memory bounded; no bound on CPU, which would only make it slow."""
    for _, pod in rendered.pods():
        for container in pod["containers"]:
            assert set(container["resources"]["requests"]) == {"cpu", "memory"}
            assert set(container["resources"]["limits"]) == {"memory"}


def test_no_image_moves_by_itself(rendered: Rendered) -> None:
    """A version or a digest, never "latest"."""
    for _, pod in rendered.pods():
        for container in pod["containers"]:
            tag = container["image"].rpartition("/")[2].partition(":")[2]
            assert tag not in ("", "latest")


def test_the_operator_is_looked_after(rendered: Rendered) -> None:
    """Started, alive, ready: each asked of the operator's own endpoint; and time to finish before it is killed."""
    asked: dict[str, Any] = {
        name: rendered.container[name]["httpGet"]["path"] for name in rendered.container if "Probe" in name
    }

    assert asked == {"startupProbe": "/healthz", "livenessProbe": "/healthz", "readinessProbe": "/readyz"}
    pod = rendered.one("Deployment")["spec"]["template"]["spec"]
    # Passes that are under way get fifteen seconds.
    assert pod["terminationGracePeriodSeconds"] >= 30


def test_replicas_are_apart(chart: helm_python.Chart) -> None:
    """On nodes and zones of their own where there are any; a cluster of one node takes them all the same."""
    deployment: Json = render(chart, {"replicaCount": 2}).one("Deployment")["spec"]

    spread = deployment["template"]["spec"]["topologySpreadConstraints"]
    assert [rule["topologyKey"] for rule in spread] == ["kubernetes.io/hostname", "topology.kubernetes.io/zone"]
    assert {rule["whenUnsatisfiable"] for rule in spread} == {"ScheduleAnyway"}
    assert deployment["strategy"]["rollingUpdate"] == {"maxSurge": 1, "maxUnavailable": 0}
