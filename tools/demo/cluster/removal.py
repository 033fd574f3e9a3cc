"""In a cluster that is not the demo's own: refuse to touch what is there, and remove all that was created."""

import contextlib
from collections.abc import Callable, Iterable
from typing import Any

import httpx

from demo.apps.progress import GROUP
from demo.cluster.choice import Refused
from playground import Cluster, Playground
from playground.cluster import path_of
from playground.output import until

APPS_SECONDS, REST_SECONDS = 10.0, 20.0
Manifest = dict[str, Any]


def refuse_what_is_there(cluster: Cluster, manifests: Iterable[Manifest]) -> None:
    """Nothing of what the demo will create may be there: it would be changed, and removed in the end.

    Raises:
        Refused: something is there.
    """
    there = [manifest for manifest in reversed(list(manifests)) if cluster.get(path_of(manifest)) is not None]
    if there:
        commands = "\n".join(f"  kubectl delete {_argument(manifest)}" for manifest in there)
        raise Refused(
            f"The demo would overwrite objects of {cluster.name}. If they are left over from another demo, remove them:"
            f"\n{commands}"
        )


def remove_apps(playground: Playground, say: Callable[[str], None]) -> None:
    """Delete the apps while the operator is there to take its finalizers off."""
    cluster = playground.cluster
    with contextlib.suppress(httpx.HTTPError):
        say(f"Removing from {cluster.name} what was created")
        paths = _paths_of_apps(cluster)
        for path in paths:
            cluster.delete(path)
        with contextlib.suppress(TimeoutError):
            until(lambda: all(cluster.get(path) is None for path in paths), APPS_SECONDS, "the apps to go")


def remove_rest(cluster: Cluster, say: Callable[[str], None]) -> None:
    """Delete everything else that was created, the newest first."""
    try:
        for path in _paths_of_apps(cluster):
            # Without an operator its finalizer would stay. The Box that it stands for is gone as well.
            cluster.delete(path)
            cluster.send("PATCH", path, {"metadata": {"finalizers": None}}, "application/merge-patch+json")
        created = list(reversed(cluster.created))
        for manifest in created:
            cluster.delete(path_of(manifest))
        until(lambda: not list(_left(cluster, created)), REST_SECONDS, "everything to go")
        say(f"{cluster.name} is as it was")
    except (httpx.HTTPError, TimeoutError) as error:
        say(f"Not everything could be removed ({str(error).splitlines()[0]}). What is left:")
        for manifest in _left(cluster, list(reversed(cluster.created))):
            say(f"  kubectl delete {_argument(manifest)}")


def _paths_of_apps(cluster: Cluster) -> list[str]:
    """The apps that cannot stay: those that were created, and those whose namespace or CRD was."""
    kinds = {
        manifest["metadata"]["name"] for manifest in cluster.created if manifest["kind"] == "CustomResourceDefinition"
    }
    namespaces = {manifest["metadata"]["name"] for manifest in cluster.created if manifest["kind"] == "Namespace"}
    listed = until(lambda: _listed(cluster), APPS_SECONDS, "the apps to be listed")
    mine = {path_of(manifest) for manifest in cluster.created if manifest["kind"] == "BoxCustomApp"}
    paths = {
        f"{GROUP}/namespaces/{item['metadata']['namespace']}/boxcustomapps/{item['metadata']['name']}"
        for item in listed.get("items", ())
        if "boxcustomapps.boxapps.dev" in kinds or item["metadata"]["namespace"] in namespaces
    }
    return sorted(paths | mine)


def _listed(cluster: Cluster) -> Any:
    """All apps; None while the API server is busy with a CRD that was made a moment ago."""
    response = cluster.send("GET", f"{GROUP}/boxcustomapps")
    if response.status_code == httpx.codes.TOO_MANY_REQUESTS:
        return None
    return {} if response.status_code == httpx.codes.NOT_FOUND else response.raise_for_status().json()


def _left(cluster: Cluster, manifests: list[Manifest]) -> Iterable[Manifest]:
    with contextlib.suppress(httpx.HTTPError):
        yield from (manifest for manifest in manifests if cluster.get(path_of(manifest)) is not None)


def _argument(manifest: Manifest) -> str:
    meta = manifest["metadata"]
    namespace = f" --namespace {meta['namespace']}" if "namespace" in meta else ""
    return f"{manifest['kind'].lower()}/{meta['name']}{namespace}"
