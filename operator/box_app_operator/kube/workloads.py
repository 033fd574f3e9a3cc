"""Deployments, StatefulSets and DaemonSets: looked at, and restarted as ``kubectl rollout restart`` does."""

from datetime import datetime
from http import HTTPStatus
from urllib.parse import quote

from box_app_operator.api.spec import Body
from box_app_operator.errors import KUBERNETES_CONFLICT, TransientError
from box_app_operator.kube.api import MERGE_PATCH, KubeError, KubePart, translated
from box_app_operator.model.box import Fingerprint
from box_app_operator.model.conditions import parse_time
from box_app_operator.model.desired import WorkloadRef
from box_app_operator.model.observed import WorkloadView
from box_app_operator.tokens.restarts import RESTARTED_AT, TOKEN_MARK

PLURALS = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}

RELOADER = "reloader.stakater.com/auto"
RELOADER_ALL_SECRETS = "secret.reloader.stakater.com/auto"
RELOADER_SECRETS = "secret.reloader.stakater.com/reload"
"""Source: stakater/Reloader, README.md, annotations of workloads and of their pod templates."""


def path_to(namespace: str, ref: WorkloadRef) -> str:
    """The API path of a workload."""
    # Quoted: a name that people write must not lead into another namespace.
    return f"/apis/apps/v1/namespaces/{namespace}/{PLURALS[ref.kind]}/{quote(ref.name, safe='')}"


def view_workload(ref: WorkloadRef, body: Body) -> WorkloadView:
    """What matters of a workload."""
    own = body["metadata"].get("annotations") or {}
    template = ((body["spec"].get("template") or {}).get("metadata") or {}).get("annotations") or {}
    reloader = {**template, **own}
    secrets = (name.strip() for name in reloader.get(RELOADER_SECRETS, "").split(","))
    return WorkloadView(
        ref=ref,
        resource_version=body["metadata"]["resourceVersion"],
        token=template.get(TOKEN_MARK),
        restarted_at=parse_time(own.get(RESTARTED_AT)),
        reloader_auto="true" in (reloader.get(RELOADER), reloader.get(RELOADER_ALL_SECRETS)),
        reloader_secrets=frozenset(name for name in secrets if name),
    )


class KubeWorkloads(KubePart):
    """The workloads that consume tokens."""

    async def read_workload(self, namespace: str, ref: WorkloadRef) -> WorkloadView:
        """The workload as it is now, also when it is not there.

        Raises:
            TransientError: the API server did not answer, or refused.
        """
        try:
            return view_workload(ref, await self._api.request("GET", path_to(namespace, ref)))
        except KubeError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return WorkloadView(ref, exists=False)
            raise translated(error) from None

    async def restart_workload(
        self, namespace: str, workload: WorkloadView, fingerprint: Fingerprint, now: datetime
    ) -> WorkloadView:
        """Mark the pod template with the fingerprint, so that the pods are made anew.

        Raises:
            TransientError: the workload changed since it was looked at, or there was no answer: look again.
        """
        metadata = {"resourceVersion": workload.resource_version, "annotations": {RESTARTED_AT: now.isoformat()}}
        template = {"metadata": {"annotations": {TOKEN_MARK: fingerprint}}}
        patch = {"metadata": metadata, "spec": {"template": template}}
        path = path_to(namespace, workload.ref)
        try:
            body = await self._api.request("PATCH", path, body=patch, content_type=MERGE_PATCH)
        except KubeError as error:
            raise TransientError(KUBERNETES_CONFLICT, str(error)) from None
        return view_workload(workload.ref, body)
