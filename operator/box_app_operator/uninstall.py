"""Before the operator goes: objects with its finalizer could never be deleted without it.

Either they are named and the uninstall stops, or the operator is stopped and the finalizers are taken off. Box is left
alone in any case.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from http import HTTPStatus

from box_app_operator.api.spec import FINALIZER, GROUP, VERSION, finalizers_of
from box_app_operator.enterprise.usage import finalizer_of, is_operators
from box_app_operator.errors import KUBERNETES_UNAVAILABLE, TransientError
from box_app_operator.kube.api import MERGE_PATCH, Json, KubeApi, KubeError
from box_app_operator.kube.objects import PLURALS, KubeObjects

MAX_NAMES = 20
ROUNDS = 5
"""An object may change between being listed and being written: so often it is listed anew."""
MAX_LOST_LOOKS, PODS_LOOKS, LOOK_SECONDS = 5, 120, 1.0
ENTERPRISE_LOOKS = 10
"""The operator takes its finalizer off a BoxEnterprise by itself, right after the last app that uses it is gone."""
PAGE_SIZE = "500"

Say = Callable[[str], None]


@dataclass(frozen=True, slots=True)
class Uninstall:
    """What is to happen: ``release`` takes finalizers off, after ``deployment`` ("namespace/name") was stopped.

    ``lease`` ("namespace/name") is that of the installation whose finalizers on BoxEnterprises count. Without it all of
    them count where the whole cluster is looked at, and none where other installations may look after the rest.
    """

    release: bool
    namespaces: tuple[str, ...] = ()
    deployment: str | None = None
    lease: str | None = None

    def counts(self, kind: str, finalizer: str) -> bool:
        """Does an object of this kind need the operator when it has this finalizer?"""
        if kind == "BoxCustomApp":
            return finalizer == FINALIZER
        if self.lease is not None:
            return finalizer == finalizer_of(self.lease)
        return is_operators(finalizer) and not self.namespaces


async def prepare_uninstall(request: Uninstall, api: KubeApi, component: str, say: Say) -> bool:
    """Tell whether the operator may go now.

    Raises:
        KubeError, TransientError: the API server refused, or does not answer.
    """
    held = await (_look(api, request) if request.release else _look_patiently(api, request))
    if not held:
        say("No BoxCustomApp needs the operator any more.")
        return True
    if not request.release:
        say(_refusal(held))
        return False
    if request.deployment is not None:
        await _stop(api, request.deployment, say)
    objects = KubeObjects(api, component)
    for _ in range(ROUNDS):
        held = await _look(api, request)
        if not held:
            return True
        for body in held:
            await _release(objects, request, body, say)
    say(f"{len(held)} objects get the finalizer back each time. Is another operator running? Stop it first.")
    return False


async def _look_patiently(api: KubeApi, request: Uninstall) -> list[Json]:
    """The objects that need the operator; BoxEnterprises alone only if they still do after a while."""
    for _ in range(ENTERPRISE_LOOKS):
        held = await _look(api, request)
        if not held or any(body["kind"] == "BoxCustomApp" for body in held):
            return held
        await asyncio.sleep(LOOK_SECONDS)
    return held


async def _look(api: KubeApi, request: Uninstall) -> list[Json]:
    """The BoxCustomApps and after them the BoxEnterprises that have the operator's finalizer."""
    base = f"/apis/{GROUP}/{VERSION}"
    apps, enterprises = f"{base}/{PLURALS['BoxCustomApp']}", f"{base}/{PLURALS['BoxEnterprise']}"
    listed = [f"{base}/namespaces/{namespace}/{PLURALS['BoxCustomApp']}" for namespace in request.namespaces]
    kinds = [*(("BoxCustomApp", path) for path in listed or [apps])]
    kinds += [("BoxEnterprise", enterprises)] if request.lease is not None or not request.namespaces else []
    return [
        {"apiVersion": f"{GROUP}/{VERSION}", "kind": kind, **item}
        for kind, path in kinds
        async for item in _items(api, path)
        if any(request.counts(kind, finalizer) for finalizer in finalizers_of(item))
    ]


async def _items(api: KubeApi, path: str) -> AsyncIterator[Json]:
    query = {"limit": PAGE_SIZE}
    while True:
        page = await _page(api, path, query)
        for item in page["items"]:
            yield item
        if not page["metadata"].get("continue"):
            break
        query = {**query, "continue": page["metadata"]["continue"]}


async def _page(api: KubeApi, path: str, query: dict[str, str]) -> Json:
    for left in reversed(range(MAX_LOST_LOOKS)):
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


def _name(body: Json) -> str:
    meta = body["metadata"]
    return f"{meta['namespace']}/{meta['name']}" if "namespace" in meta else f"BoxEnterprise {meta['name']}"


def _refusal(held: list[Json]) -> str:
    """What keeps the operator, and how to go on. A BoxEnterprise is named only where no app explains it."""
    apps = [body for body in held if body["kind"] == "BoxCustomApp"]
    named, kind = (apps, "BoxCustomApps") if apps else (held, "BoxEnterprises")
    names = [f"  {_name(body)}" for body in named[:MAX_NAMES]]
    more = [f"  and {len(named) - MAX_NAMES} more"] if len(named) > MAX_NAMES else []
    advice = "Delete them first: kubectl delete bca NAME -n NAMESPACE. spec.deletionPolicy says what happens in Box."
    if not apps:
        advice = "No BoxCustomApp uses them. The operator removes its finalizer from them: check whether it runs."
    return "\n".join(
        [
            f"{kind} that still need the operator: {len(named)}. Without it their deletion would never end.",
            *names,
            *more,
            advice,
            "Or set uninstall.policy=ReleaseFinalizers in the chart's values: then they stay, and so does everything "
            "in Box.",
            "Nothing was changed. Helm refuses upgrades until you run: helm rollback RELEASE REVISION",
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
    raise TransientError(KUBERNETES_UNAVAILABLE, f"pods of Deployment {deployment} do not terminate")


async def _release(objects: KubeObjects, request: Uninstall, body: Json, say: Say) -> None:
    kept = [finalizer for finalizer in finalizers_of(body) if not request.counts(body["kind"], finalizer)]
    stays = "; its app in Box, its tokens and its Secret stay as they are" if body["kind"] == "BoxCustomApp" else ""
    try:
        await objects.set_finalizers(body, kept)
        say(f"{_name(body)}: released{stays}.")
    except TransientError as error:
        say(f"{_name(body)}: {error}")
