"""A release of the chart in a cluster without nodes: Helm's own library installs it, processes play its pods.

Each process wears the clothes of its pod: what Deployment and Job say, and the files of its service account.
"""

import threading
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from controlplane.process import Process
from playground.chart import helm
from playground.chart.helm import SECONDS, HelmFailed
from playground.chart.manifests import hook_of, rendered
from playground.chart.pod import AccountFiles, account_files, pod_process
from playground.cluster import ACCOUNT, NAMESPACE, Cluster
from playground.output import await_line, launch, until

JOBS = f"/apis/batch/v1/namespaces/{NAMESPACE}/jobs"
DEPLOYMENT = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{ACCOUNT}"
MERGE_PATCH = "application/merge-patch+json"


class Release:
    """The release ``box-app-operator`` in the namespace of the same name."""

    def __init__(self, cluster: Cluster, folder: Path) -> None:
        self._cluster = cluster
        self._folder = folder
        self._accounts: dict[str, AccountFiles] = {}
        self.pods: list[Process] = []

    def install(self, values: Mapping[str, Any]) -> list[dict[str, Any]]:
        """``helm install --create-namespace``; returns what the release consists of, with what its hooks made."""
        helm.install(dict(values), self._cluster.kubeconfig)
        later = ("pre-delete", "test")
        return [manifest for manifest in rendered(values) if not hook_of(manifest).startswith(later)]

    def start_pods(self) -> None:
        """What the Deployment would do on nodes; returns when each pod's process serves its probes.

        Raises:
            NoPods: this machine has no clothes for them.
        """
        deployment = self._cluster.get(DEPLOYMENT)
        for _ in range(deployment["spec"]["replicas"]):
            process = self._pod(f"{ACCOUNT}-{len(self.pods)}", deployment["spec"]["template"]["spec"])
            self.pods.append(process)
            launch(process)
            await_line(process, "Probes are on port")

    def stop_pods(self) -> None:
        """End them as a node would."""
        for process in self.pods:
            process.stop()

    def uninstall(self) -> str:
        """``helm uninstall``, with the hook's Job played; returns what the Job said.

        Raises:
            HelmFailed: the Job ended badly, so that nothing was uninstalled.
        """
        said: list[str] = []
        before = {job["metadata"]["uid"] for job in self._jobs()}
        player = threading.Thread(target=self._play_job, args=(before, said))
        player.start()
        try:
            helm.uninstall(self._cluster.kubeconfig)
        except HelmFailed as error:
            raise HelmFailed("".join(said) or str(error)) from None
        finally:
            player.join()
        return "".join(said)

    def _pod(self, name: str, spec: Mapping[str, Any]) -> Process:
        """The process that plays a pod."""
        account = spec["serviceAccountName"]
        if account not in self._accounts:
            self._accounts[account] = account_files(self._cluster, account, self._folder / f"account-{account}")
        # A service account may have been made anew since: the token is of this moment.
        self._accounts[account].write(self._cluster.token_of(account))
        return pod_process(self._cluster, spec, self._accounts[account], self._folder / f"{name}.log")

    def _jobs(self) -> list[dict[str, Any]]:
        return list((self._cluster.get(JOBS) or {"items": []})["items"])

    def _play_job(self, before: set[str], said: list[str]) -> None:
        """Wait for a new Job, do what it asks for, and tell the cluster how it ended."""
        job = until(
            lambda: next((job for job in self._jobs() if job["metadata"]["uid"] not in before), None),
            SECONDS,
            "Helm to make the Job",
        )
        meta = job["metadata"]
        pod = self._pod(f"{meta['name']}-{meta['uid'][:5]}", job["spec"]["template"]["spec"])
        launch(pod)
        try:
            code = until(pod.ended, SECONDS, "the Job's pod to end")
        finally:
            pod.stop()
        said.append(pod.log.read_text())
        path = f"{JOBS}/{meta['name']}/status"
        self._cluster.send("PATCH", path, {"status": _ended(code == 0)}, MERGE_PATCH).raise_for_status()


def _ended(good: bool) -> dict[str, Any]:
    """The status of a Job that ended, as its controller writes it. Source: batch/v1 JobStatus, Kubernetes 1.31."""
    now = "2026-01-01T00:00:00Z"
    types = ("SuccessCriteriaMet", "Complete") if good else ("FailureTarget", "Failed")
    conditions = [{"type": type_, "status": "True", "lastTransitionTime": now} for type_ in types]
    counts: dict[str, Any] = {"succeeded": 1, "completionTime": now} if good else {"failed": 1}
    return {"startTime": now, "conditions": conditions, **counts}
