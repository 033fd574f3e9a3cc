"""Before the operator goes: objects with its finalizer could never be deleted without it.

Either they are told and the uninstall stops, or the operator is stopped and the finalizers are taken off. Box is left
alone in any case.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from http import HTTPStatus

from box_app_operator.core.spec import FINALIZER, GROUP, VERSION
from box_app_operator.errors import TransientError
from box_app_operator.kube.api import MERGE_PATCH, Json, KubeApi, KubeError
from box_app_operator.kube.objects import PLURALS, KubeObjects

SHOWN = 20
ROUNDS = 5
"""An object may change between being listed and being written: so often it is listed anew."""
PATIENCE, PODS_LOOKS, LOOK_SECONDS = 5, 120, 1.0
PAGE_SIZE = "500"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Uninstall:
    """What is to happen: ``release`` takes finalizers off, after ``deployment`` ("namespace/name") was stopped."""

    release: bool
    namespaces: tuple[str, ...] = ()
    deployment: str | None = None


async def prepare_uninstall(wish: Uninstall, api: KubeApi, component: str, say: Say) -> bool:
    """Tell whether the operator may go now.

    Raises:
        KubeError, TransientError: the API server refused, or does not answer.
    """
    held = [app async for app in _held(api, wish.namespaces)]
    if not held:
        say("No BoxCustomApp needs the operator any more.")
        return True
    if not wish.release:
        say(_refusal(held))
        return False
    if wish.deployment is not None:
        await _stop(api, wish.deployment, say)
    objects = KubeObjects(api, component)
    for _ in range(ROUNDS):
        held = [app async for app in _held(api, wish.namespaces)]
        if not held:
            return True
        for app in held:
            await _release(objects, app, say)
    say(f"{len(held)} BoxCustomApps have the finalizer again and again: is another operator running?")
    return False


async def _held(api: KubeApi, namespaces: tuple[str, ...]) -> AsyncIterator[Json]:
    """The BoxCustomApps that have the operator's finalizer."""
    base, plural = f"/apis/{GROUP}/{VERSION}", PLURALS["BoxCustomApp"]
    paths = [f"{base}/namespaces/{each}/{plural}" for each in namespaces] or [f"{base}/{plural}"]
    for path in paths:
        query = {"limit": PAGE_SIZE}
        while True:
            page = await _page(api, path, query)
            for item in page["items"]:
                if FINALIZER in (item["metadata"].get("finalizers") or ()):
                    yield {"apiVersion": f"{GROUP}/{VERSION}", "kind": "BoxCustomApp", **item}
            if not page["metadata"].get("continue"):
                break
            query = {**query, "continue": page["metadata"]["continue"]}


async def _page(api: KubeApi, path: str, query: dict[str, str]) -> Json:
    for left in reversed(range(PATIENCE)):
        try:
            return await api.request("GET", path, query=query)
        except KubeError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                # The kind is gone, and with it all of its objects.
                break
            raise
        except TransientError:
            # Among others a server that is busy with a kind that was made a moment ago (429).
            if not left:
                raise
            await asyncio.sleep(LOOK_SECONDS)
    return {"metadata": {}, "items": []}


def _name(app: Json) -> str:
    return f"{app['metadata']['namespace']}/{app['metadata']['name']}"


def _refusal(held: list[Json]) -> str:
    names = [f"  {_name(app)}" for app in held[:SHOWN]]
    more = [f"  and {len(held) - SHOWN} more"] if len(held) > SHOWN else []
    return "\n".join(
        [
            f"BoxCustomApps that still need the operator: {len(held)}. Without it their deletion would wait for ever.",
            *names,
            *more,
            "Delete them first; spec.deletionPolicy says what happens in Box.",
            "Or set the chart's uninstall.policy=ReleaseFinalizers: then they stay, and so does everything in Box.",
            "Nothing was changed. Helm takes no upgrade after a refusal before: helm rollback RELEASE REVISION",
        ]
    )


async def _stop(api: KubeApi, deployment: str, say: Say) -> None:
    """Scale the operator's Deployment down and wait until its pods are gone."""
    namespace, _, name = deployment.partition("/")
    path = f"/apis/apps/v1/namespaces/{namespace}/deployments/{name}/scale"
    scale = await api.request("PATCH", path, body={"spec": {"replicas": 0}}, content_type=MERGE_PATCH)
    say(f"Stopping the operator: Deployment {deployment} has no replicas now.")
    query = {"labelSelector": scale["status"]["selector"]}
    for _ in range(PODS_LOOKS):
        if not (await api.request("GET", f"/api/v1/namespaces/{namespace}/pods", query=query))["items"]:
            return
        # A look a second for some seconds, once in the life of an installation, needs no watch.
        await asyncio.sleep(LOOK_SECONDS)
    raise TransientError("KubernetesUnavailable", f"pods of Deployment {deployment} do not end")


async def _release(objects: KubeObjects, app: Json, say: Say) -> None:
    try:
        await objects.remove_finalizer(app)
        say(f"{_name(app)}: released; its app in Box, its tokens and its Secret stay as they are.")
    except TransientError as error:
        say(f"{_name(app)}: {error}")
