"""Where each kind is listed and watched."""

from collections.abc import Callable, Mapping
from typing import Any

from box_app_operator.api.spec import GROUP, VERSION
from box_app_operator.errors import TransientError
from box_app_operator.kube.api import KubeApi
from box_app_operator.kube.collection import (
    Collection,
    KubeSource,
    metadata_collection,
    object_collection,
    secret_collection,
)
from box_app_operator.kube.objects import PLURALS
from box_app_operator.secret.published import MANAGED_BY, MANAGER
from box_app_operator.watch.reflector import Reflector, Sink


def make_reflector(
    api: KubeApi,
    sinks: Mapping[str, Sink[Any]],
    backoff: Callable[[int], float],
    kind: str,
    namespace: str | None,
    report: Callable[[TransientError | None], None],
) -> Reflector[Any]:
    """A reflector for a kind, in one namespace, or with None in the whole cluster. ``sinks`` take in what it learns."""
    return Reflector(KubeSource(api, collection_of(kind, namespace)), sinks[kind], backoff, report)


def collection_of(kind: str, namespace: str | None) -> Collection[Any]:
    """The collection of BoxCustomApps, BoxEnterprises, Namespaces, or Secrets that carry the operator's label."""
    scope = f"/namespaces/{namespace}" if namespace else ""
    match kind:
        case "Secret":
            return secret_collection(f"/api/v1{scope}/secrets", {"labelSelector": f"{MANAGED_BY}={MANAGER}"})
        case "Namespace":
            return metadata_collection("/api/v1/namespaces")
        case _:
            return object_collection(f"/apis/{GROUP}/{VERSION}{scope}/{PLURALS[kind]}")
