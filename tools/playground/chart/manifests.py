"""The chart, rendered by Helm's own library: what an installation brings to a cluster."""

import copy
import functools
import json
from collections.abc import Iterator, Mapping
from typing import Any

import yaml

from playground.chart import helm
from playground.cluster import NAMESPACE, YAML_LOADER

HOOK = "helm.sh/hook"
RIGHTS = frozenset({"ServiceAccount", "ClusterRole", "ClusterRoleBinding", "Role", "RoleBinding"})
Manifest = dict[str, Any]


def rendered(values: Mapping[str, Any]) -> list[Manifest]:
    """Every object of a release, hooks too, in the order of its templates."""
    return copy.deepcopy(_objects(json.dumps(values, sort_keys=True)))


def installation(namespaces: tuple[str, ...] = ()) -> Iterator[Manifest]:
    """What the operator needs beside the CRDs: its namespace, its account and its rights.

    Args:
        namespaces: those that it watches; when empty the whole cluster.
    """
    yield {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}}
    for manifest in rendered({"watchNamespaces": list(namespaces)}):
        if manifest["kind"] in RIGHTS and not hook_of(manifest):
            yield manifest


def operator_pod(namespaces: tuple[str, ...] = ()) -> Manifest:
    """The spec of the operator's pod, for the same installation."""
    release = rendered({"watchNamespaces": list(namespaces)})
    (deployment,) = (manifest for manifest in release if manifest["kind"] == "Deployment")
    return dict(deployment["spec"]["template"]["spec"])


@functools.cache
def _objects(values: str) -> list[Manifest]:
    """Helm's answer, which takes a process of its own each time."""
    texts = helm.render(json.loads(values))
    files = [text for name, text in sorted(texts.items()) if name.endswith(".yaml")]
    return [manifest for text in files for manifest in yaml.load_all(text, YAML_LOADER) if manifest]


def hook_of(manifest: Manifest) -> str:
    """The moments at which Helm creates it, when it is not a part of the release; empty otherwise."""
    return str((manifest["metadata"].get("annotations") or {}).get(HOOK, ""))
