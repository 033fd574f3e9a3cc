"""Writes to the custom resources: finalizer, status, Events. Every one is guarded by the object's uid."""

import logging
import uuid
from collections.abc import Mapping
from datetime import datetime
from http import HTTPStatus
from typing import Any

from box_app_operator.api.spec import FINALIZER, GROUP, VERSION, Body, finalizers_of
from box_app_operator.errors import KUBERNETES_CONFLICT, TransientError
from box_app_operator.kube.api import JSON_PATCH, MERGE_PATCH, Json, KubeApi, KubeError, KubePart
from box_app_operator.model.conditions import Reason, format_time

PLURALS = {"BoxCustomApp": "boxcustomapps", "BoxEnterprise": "boxenterprises"}
LONGEST_EVENT_MESSAGE = 1024
"""Source: Kubernetes, validation of core/v1 Event."""

logger = logging.getLogger(__name__)


def path_of(kind: str, namespace: str | None, name: str) -> str:
    """The API path of a custom resource."""
    scope = f"/namespaces/{namespace}" if namespace else ""
    return f"/apis/{GROUP}/{VERSION}{scope}/{PLURALS[kind]}/{name}"


def _path(body: Body) -> str:
    return path_of(body["kind"], body["metadata"].get("namespace"), body["metadata"]["name"])


class KubeObjects(KubePart):
    """The custom resources themselves."""

    def __init__(self, api: KubeApi, component: str) -> None:
        super().__init__(api)
        self._component = component

    async def add_finalizer(self, app: Body) -> Body:
        """Put the operator's finalizer on the object.

        Raises:
            TransientError: the object changed in between, or is gone: look again.
        """
        changed = await self.set_finalizers(app, [*finalizers_of(app), FINALIZER])
        if changed is None:
            raise TransientError(Reason.DELETING, "The object is gone")
        return changed

    async def remove_finalizer(self, app: Body) -> Body | None:
        """Take it off again; None when the object is gone.

        Raises:
            TransientError: the object changed in between: look again.
        """
        return await self.set_finalizers(app, [name for name in finalizers_of(app) if name != FINALIZER])

    async def set_finalizers(self, body: Body, finalizers: list[str]) -> Body | None:
        """Replace all finalizers of the object; None when it is gone.

        Raises:
            TransientError: the object changed since it was read: look again.
        """
        meta = body["metadata"]
        # The list is replaced whole: the resourceVersion keeps a finalizer that another controller just added.
        guard = {"uid": meta["uid"], "resourceVersion": meta["resourceVersion"]}
        return await self._patch(_path(body), {"metadata": {**guard, "finalizers": finalizers}}, MERGE_PATCH)

    async def write_status(self, body: Body, status: Mapping[str, Any]) -> Body | None:
        """Replace the object's status; None when the object is gone.

        Raises:
            TransientError: also when another object took its name, which the test of the uid finds out, or when the
                object changed since: after a lost answer the same status would be written with other times.
        """
        meta = body["metadata"]
        patch = [
            {"op": "test", "path": "/metadata/uid", "value": meta["uid"]},
            {"op": "test", "path": "/metadata/resourceVersion", "value": meta["resourceVersion"]},
            {"op": "add", "path": "/status", "value": dict(status)},
        ]
        return await self._patch(_path(body) + "/status", patch, JSON_PATCH)

    async def _patch(self, path: str, patch: Any, content_type: str) -> Body | None:
        try:
            return await self._api.request("PATCH", path, body=patch, content_type=content_type)
        except KubeError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise TransientError(KUBERNETES_CONFLICT, str(error)) from None

    async def emit_event(self, app: Body, *, warning: bool, reason: str, message: str, now: datetime) -> None:
        """Tell those who look at the object. An Event is a courtesy: it is tried twice, then logged and forgotten."""
        event = self._event(app, warning=warning, reason=reason, message=message, now=now)
        try:
            await self._post_event(event)
        except (KubeError, TransientError) as error:
            logger.warning("An Event could not be written: %s", error)

    async def _post_event(self, event: Json) -> None:
        """Under one name, so that an Event whose answer was lost is not there twice."""
        path = f"/api/v1/namespaces/{event['metadata']['namespace']}/events"
        try:
            await self._api.request("POST", path, body=event)
            return
        except KubeError as error:
            if error.status == HTTPStatus.FORBIDDEN:
                raise
        except TransientError:
            pass
        try:
            await self._api.request("POST", path, body=event)
        except KubeError as error:
            if error.status != HTTPStatus.CONFLICT:
                raise

    def _event(self, app: Body, *, warning: bool, reason: str, message: str, now: datetime) -> Json:
        meta = app["metadata"]
        return {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": {"name": f"{meta['name'][:200]}.{uuid.uuid4().hex[:16]}", "namespace": meta["namespace"]},
            "involvedObject": {
                "apiVersion": app["apiVersion"],
                "kind": app["kind"],
                "name": meta["name"],
                "namespace": meta["namespace"],
                "uid": meta["uid"],
                "resourceVersion": meta["resourceVersion"],
            },
            "type": "Warning" if warning else "Normal",
            "reason": reason,
            "message": message[:LONGEST_EVENT_MESSAGE],
            "source": {"component": self._component},
            "reportingComponent": self._component,
            "firstTimestamp": format_time(now),
            "lastTimestamp": format_time(now),
            "count": 1,
        }
