"""A Kubernetes to play with. Whichever it is, it looks the same from here."""

import json
import os
import ssl
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from controlplane import ControlPlane
from playground.network import LOOPBACK, Network
from playground.output import STOPPING, interrupts_held

ROOT = Path(__file__).resolve().parents[2]
NAMESPACE, ACCOUNT = "box-app-operator", "box-app-operator"
TOKEN_SECONDS = 6 * 3600
LONGEST_LINE = 1 << 20
"""More than any line of the audit log has; an object in Kubernetes is smaller."""
YAML_LOADER = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""For what is long, the CRDs above all: it reads ten times faster where libyaml is there."""


@dataclass(frozen=True, slots=True)
class Write:
    """One request of the audit log that changed something."""

    verb: str
    resource: str
    namespace: str
    name: str
    code: int


class Cluster:
    """A running API server, seen with the rights of an admin.

    Attributes:
        created: manifests of everything that was created through this object, in order.
        namespaces: those that the operator watches and has rights in; when empty the whole cluster.
        network: where the operator runs, and the sandbox with it.
    """

    namespaces: tuple[str, ...] = ()
    network: Network = LOOPBACK

    def __init__(
        self,
        name: str,
        kubeconfig: Path,
        audit_log: Path,
        plane: ControlPlane | None = None,
        client: httpx.Client | None = None,
    ) -> None:
        self.name = name
        self.kubeconfig = kubeconfig
        self.audit_log = audit_log
        self.plane = plane
        self.client = client or _client_for(kubeconfig)
        self.url = str(self.client.base_url).rstrip("/")
        self.created: list[dict[str, Any]] = []

    def get(self, path: str) -> Any:
        """An object or a list; None when it is not there."""
        response = self.client.get(path)
        return None if response.status_code == httpx.codes.NOT_FOUND else response.raise_for_status().json()

    def send(self, method: str, path: str, body: Any = None, content_type: str = "application/json") -> httpx.Response:
        """A request whose refusal is of interest."""
        content = json.dumps(body) if body is not None else None
        return self.client.request(method, path, content=content, headers={"Content-Type": content_type})

    def patch(self, path: str, body: Any) -> Any:
        """A merge patch that must succeed."""
        return self.send("PATCH", path, body, "application/merge-patch+json").raise_for_status().json()

    def delete(self, path: str) -> None:
        """Delete an object that may be gone already."""
        response = self.client.delete(path)
        if response.status_code != httpx.codes.NOT_FOUND:
            response.raise_for_status()

    def create(self, manifest: dict[str, Any]) -> httpx.Response:
        """Create an object from its manifest; the answer may be a refusal."""
        # Nothing may come between the creation and its record: what is not recorded is never removed.
        with interrupts_held(*STOPPING):
            response = self.send("POST", collection_of(manifest), manifest)
            if response.is_success:
                self.created.append(manifest)
        return response

    def ensure(self, manifest: dict[str, Any]) -> None:
        """Create an object unless it is there."""
        response = self.create(manifest)
        if response.status_code != httpx.codes.CONFLICT:
            response.raise_for_status()

    def audit(self, start: int = 0, end: int | None = None) -> Iterator[dict[str, Any]]:
        """Entries of the audit log from one byte offset on, and up to another."""
        with self.audit_log.open("rb") as file:
            file.seek(start)
            for line in file:
                if line.endswith(b"\n"):
                    yield json.loads(line)
                start += len(line)
                if end is not None and start >= end:
                    return

    def audit_size(self) -> int:
        """The offset of what comes next in the audit log: behind its last whole line, never inside of one."""
        if not self.audit_log.exists():
            return 0
        with self.audit_log.open("rb") as file:
            end = file.seek(0, os.SEEK_END)
            start = max(0, end - LONGEST_LINE)
            file.seek(start)
            return start + file.read(end - start).rfind(b"\n") + 1

    def writes(self, start: int = 0) -> list[Write]:
        """What the operator wrote since an offset of the audit log."""
        return [_write(entry) for entry in self.audit(start) if is_own_write(entry)]

    def kubeconfig_of_operator(self, folder: Path) -> Path:
        """A kubeconfig with the rights that the operator ships with, and no others."""
        return self.kubeconfig_of(ACCOUNT, folder)

    def kubeconfig_of(self, account: str, folder: Path) -> Path:
        """A kubeconfig with the rights of a service account in the operator's namespace, and no others."""
        if self.plane is not None:
            return self.plane.kubeconfig_for(NAMESPACE, account)
        config = self._connection()
        config["users"][0]["user"]["token"] = self.token_of(account)
        file = folder / f"{account}.kubeconfig"
        file.touch(mode=0o600)
        file.write_text(yaml.safe_dump(config))
        return file

    def token_of(self, account: str) -> str:
        """A new token of a service account in the operator's namespace."""
        path = f"/api/v1/namespaces/{NAMESPACE}/serviceaccounts/{account}/token"
        spec = {"expirationSeconds": TOKEN_SECONDS}
        request = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": spec}
        return str(self.send("POST", path, request).raise_for_status().json()["status"]["token"])

    def _connection(self) -> dict[str, Any]:
        """A kubeconfig with one user, whose credentials are about to be replaced."""
        return dict(yaml.safe_load(self.kubeconfig.read_text()))


def _client_for(kubeconfig: Path) -> httpx.Client:
    """A client with the token of a kubeconfig that has one cluster and one user."""
    config = yaml.safe_load(kubeconfig.read_text())
    cluster, user = config["clusters"][0]["cluster"], config["users"][0]["user"]
    authority = cluster.get("certificate-authority")
    verify: ssl.SSLContext | bool = ssl.create_default_context(cafile=authority) if authority else True
    headers = {"Authorization": f"Bearer {user['token']}"}
    return httpx.Client(base_url=cluster["server"], verify=verify, headers=headers, timeout=120.0)


def is_own(entry: dict[str, Any]) -> bool:
    """Is this entry of the audit log a request of the operator?"""
    return str(entry["user"].get("username", "")).endswith(f":{ACCOUNT}")


def is_own_write(entry: dict[str, Any]) -> bool:
    """Is it one that writes?"""
    return is_own(entry) and entry["verb"] in ("create", "update", "patch", "delete")


def _write(entry: dict[str, Any]) -> Write:
    ref = entry.get("objectRef", {})
    resource = "/".join(part for part in (ref.get("resource", ""), ref.get("subresource", "")) if part)
    code = entry.get("responseStatus", {}).get("code", 0)
    return Write(entry["verb"], resource, ref.get("namespace", ""), ref.get("name", ""), code)


PLURALS = {
    "Namespace": "namespaces",
    "Secret": "secrets",
    "Pod": "pods",
    "Deployment": "deployments",
    "StatefulSet": "statefulsets",
    "DaemonSet": "daemonsets",
    "ServiceAccount": "serviceaccounts",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "CustomResourceDefinition": "customresourcedefinitions",
    "BoxEnterprise": "boxenterprises",
    "BoxCustomApp": "boxcustomapps",
}


def collection_of(manifest: dict[str, Any]) -> str:
    """The API path of the collection that an object belongs to."""
    version = manifest["apiVersion"]
    base = f"/api/{version}" if "/" not in version else f"/apis/{version}"
    namespace = manifest["metadata"].get("namespace")
    return base + (f"/namespaces/{namespace}" if namespace else "") + f"/{PLURALS[manifest['kind']]}"


def path_of(manifest: dict[str, Any]) -> str:
    """The API path of an object."""
    return f"{collection_of(manifest)}/{manifest['metadata']['name']}"
