"""Cluster, Box and operator together, with the words in which demo and tests speak of them."""

import os
import sys
import tempfile
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any, Self

import httpx
import yaml

from controlplane.process import Process
from playground.box import Box
from playground.chart.manifests import RIGHTS, installation, operator_pod
from playground.chart.pod import AccountFiles, account_files, pod_process, why_no_pods
from playground.cluster import ACCOUNT, NAMESPACE, ROOT, YAML_LOADER, Cluster, path_of
from playground.output import await_line, launch, until
from playground.proxies.fault_proxy import FaultProxy

GROUP = "/apis/boxapps.dev/v1alpha1"
WAIT_SECONDS = 30.0


class Playground:
    """A cluster with the CRDs and the operator's rights, a Box, and the operator as a separate process.

    Whoever creates it closes it: everything that was started stops with it.
    """

    def __init__(
        self,
        cluster: Cluster,
        box_flags: tuple[str, ...] = (),
        reveal_tokens: bool = True,
        proxy: FaultProxy | None = None,
    ) -> None:
        """``proxy`` is what operators take for the API server; without one they find the cluster's own."""
        self.cluster = cluster
        self.proxy = proxy
        self._folder = tempfile.TemporaryDirectory(prefix="playground-")
        self.folder = Path(self._folder.name)
        self.box = Box(self.folder, *box_flags, reveal_tokens=reveal_tokens, network=cluster.network)
        self._operators: list[Process] = []
        self._account: AccountFiles | None = None

    def __enter__(self) -> Self:
        try:
            self.box.start()
            self._install()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Stop everything that was started; what was created in the cluster stays."""
        self.stop_operator()
        self.box.stop()
        self._folder.cleanup()

    def _install(self) -> None:
        """What an installation brings: CRDs, namespace, account and rights."""
        for manifest in crds():
            self.cluster.ensure(manifest)
        for plural in ("boxcustomapps", "boxenterprises"):
            until(partial(self._is_served, plural), WAIT_SECONDS, f"{plural} to be served")
        for name in self.cluster.namespaces:
            self.namespace(name)
        for manifest in installation(self.cluster.namespaces):
            self._put(manifest)

    def _put(self, manifest: dict[str, Any]) -> None:
        """Create it; what another installation granted is granted no more."""
        response = self.cluster.create(manifest)
        if response.status_code == httpx.codes.CONFLICT and manifest["kind"] in RIGHTS - {"ServiceAccount"}:
            self.cluster.send("PUT", path_of(manifest), manifest).raise_for_status()
        elif response.status_code != httpx.codes.CONFLICT:
            response.raise_for_status()

    def _is_served(self, plural: str) -> bool:
        """A real API server answers 404 and 429 for a moment after a CRD was made."""
        return self.cluster.send("GET", f"{GROUP}/{plural}").is_success

    # The operator

    @property
    def in_pod(self) -> bool:
        """Does the operator get a pod's clothes? On a real control plane wherever this machine can give them."""
        return self.cluster.plane is not None and why_no_pods() is None

    def start_operator(self, *flags: str, **environment: str) -> None:
        """Start the operator with the rights that it ships with, and return when it is ready.

        In a pod's clothes it has all that the chart's Deployment says, but for the arguments; elsewhere a kubeconfig.
        """
        self.launch_operator(self.operator_process(f"operator-{len(self._operators)}", *flags, **environment))

    def launch_operator(self, process: Process) -> None:
        """Start a process that is the operator from now on."""
        self._operators.append(process)
        launch(process)
        await_line(process, "Probes are on port")

    def operator_process(self, name: str, *flags: str, **environment: str) -> Process:
        """One more operator, not started yet."""
        settings = {
            "BOX_APP_OPERATOR_HEALTH_ADDRESS": "127.0.0.1:0",
            "BOX_APP_OPERATOR_BACKOFF_BASE": "200ms",
            "BOX_APP_OPERATOR_BACKOFF_CAP": "2s",
            **environment,
        }
        listed = (f"--namespaces={','.join(self.cluster.namespaces)}",) if self.cluster.namespaces else ()
        log = self.folder / f"{name}.log"
        if self.in_pod:
            spec = operator_pod(self.cluster.namespaces)
            server = self.proxy.url if self.proxy else self.cluster.url
            return pod_process(self.cluster, spec, self.account, log, ("run", *listed, *flags), server, **settings)
        kubeconfig = self.cluster.kubeconfig_of_operator(self.folder)
        if self.proxy is not None:
            kubeconfig = _redirected(kubeconfig, self.proxy.url, self.folder / f"{name}.kubeconfig")
        command = (sys.executable, "-m", "box_app_operator", "run", f"--kubeconfig={kubeconfig}", *listed, *flags)
        return Process("operator", command, log, {**os.environ, **settings})

    @property
    def account(self) -> AccountFiles:
        """The files of the operator's service account, as every pod of this playground sees them."""
        if self._account is None:
            self._account = account_files(self.cluster, ACCOUNT, self.folder / "account")
        return self._account

    @property
    def operator(self) -> Process:
        """The operator that was started last."""
        return self._operators[-1]

    def stop_operator(self) -> None:
        """Stop every operator."""
        for process in self._operators:
            process.stop()

    def logs(self) -> str:
        """Everything that the operators printed."""
        return "".join(process.log.read_text(errors="replace") for process in self._operators)

    # Objects

    def namespace(self, name: str, **labels: str) -> str:
        """Make a namespace."""
        manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
        self.cluster.ensure(manifest)
        return name

    def credential(self, name: str = "box-console", token: str | None = None) -> None:
        """Put the console's credential into a Secret."""
        secret = secret_manifest(NAMESPACE, name, {"token": token or self.box.console_token})
        self.cluster.delete(f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}")
        self.cluster.ensure(secret)

    def enterprise(self, name: str = "default", **spec: Any) -> dict[str, Any]:
        """Make a BoxEnterprise that points to the sandbox, with its credential."""
        self.credential()
        manifest = {
            "apiVersion": "boxapps.dev/v1alpha1",
            "kind": "BoxEnterprise",
            "metadata": {"name": name},
            "spec": {
                "console": {
                    "mode": "Automated",
                    "url": self.box.url,
                    "credentialsSecretRef": {"namespace": NAMESPACE, "name": "box-console", "key": "token"},
                },
                "platform": {"url": self.box.url},
                "rateLimit": {"requestsPerMinute": 60000},
                **spec,
            },
        }
        self.cluster.create(manifest).raise_for_status()
        return manifest

    def allow_adoption(
        self,
        client_id: str,
        namespace: str,
        name: str | None = None,
        *,
        delete: bool = False,
        enterprise: str = "default",
    ) -> None:
        """Let a BoxCustomApp, or any of the namespace, adopt the app with this client id."""
        entry = {"clientID": client_id, "namespace": namespace, "allowDelete": delete}
        entries = self._adoption(enterprise, without=client_id)
        self._patch_adoption(enterprise, [*entries, entry if name is None else {**entry, "name": name}])

    def forbid_adoption(self, client_id: str, enterprise: str = "default") -> None:
        """Let no BoxCustomApp adopt the app with this client id any more."""
        self._patch_adoption(enterprise, self._adoption(enterprise, without=client_id))

    def _adoption(self, enterprise: str, *, without: str) -> list[dict[str, Any]]:
        spec = self.cluster.get(f"{GROUP}/boxenterprises/{enterprise}")["spec"]
        return [entry for entry in spec.get("adoption", ()) if entry["clientID"] != without]

    def _patch_adoption(self, enterprise: str, entries: list[dict[str, Any]]) -> None:
        self.cluster.patch(f"{GROUP}/boxenterprises/{enterprise}", {"spec": {"adoption": entries}})

    def app(self, namespace: str, name: str, **spec: Any) -> dict[str, Any]:
        """Make a BoxCustomApp that must be accepted."""
        response = self.cluster.create(app_manifest(namespace, name, **spec))
        response.raise_for_status()
        return dict(response.json())

    def path(self, namespace: str, name: str) -> str:
        """The API path of a BoxCustomApp."""
        return f"{GROUP}/namespaces/{namespace}/boxcustomapps/{name}"

    def get(self, namespace: str, name: str) -> Any:
        """A BoxCustomApp as it is now."""
        return self.cluster.get(self.path(namespace, name))

    def secret(self, namespace: str, name: str) -> Any:
        """A Secret as it is now."""
        return self.cluster.get(f"/api/v1/namespaces/{namespace}/secrets/{name}")

    def events(self, namespace: str, name: str) -> list[dict[str, Any]]:
        """Events about an object."""
        items = self.cluster.get(f"/api/v1/namespaces/{namespace}/events")["items"]
        return [item for item in items if item["involvedObject"]["name"] == name]

    def await_condition(
        self, namespace: str, name: str, reason: str, type_: str = "Ready", seconds: float = WAIT_SECONDS
    ) -> dict[str, Any]:
        """Wait until a condition has this reason for the current generation; returns the object."""
        last: list[Any] = [None]

        def look() -> dict[str, Any] | None:
            body = self.get(namespace, name)
            last[0] = condition(body, type_)
            found = last[0] is not None and last[0]["reason"] == reason
            current = found and last[0]["observedGeneration"] == body["metadata"]["generation"]
            return dict(body) if current else None

        try:
            return until(look, seconds, f"{namespace}/{name} to be {type_} for {reason}")
        except TimeoutError as error:
            raise TimeoutError(f"{error}; it is {last[0]}\n{self.logs()[-3000:]}") from None


def _redirected(kubeconfig: Path, url: str, target: Path) -> Path:
    """A copy of a kubeconfig that leads elsewhere."""
    config = yaml.safe_load(kubeconfig.read_text())
    config["clusters"][0]["cluster"]["server"] = url
    target.touch(mode=0o600)
    target.write_text(yaml.safe_dump(config))
    return target


def condition(body: Any, type_: str) -> dict[str, Any] | None:
    """A condition of an object; None when it is not there."""
    conditions = ((body or {}).get("status") or {}).get("conditions") or ()
    return next((dict(item) for item in conditions if item["type"] == type_), None)


def app_manifest(namespace: str, name: str, **spec: Any) -> dict[str, Any]:
    """A BoxCustomApp; its display name is derived when none is given."""
    return {
        "apiVersion": "boxapps.dev/v1alpha1",
        "kind": "BoxCustomApp",
        "metadata": {"namespace": namespace, "name": name},
        "spec": {"displayName": f"{namespace} {name}", **spec},
    }


def secret_manifest(namespace: str, name: str, values: dict[str, str]) -> dict[str, Any]:
    """A Secret."""
    metadata = {"namespace": namespace, "name": name}
    return {"apiVersion": "v1", "kind": "Secret", "metadata": metadata, "stringData": values}


def crds() -> Iterator[dict[str, Any]]:
    """The CustomResourceDefinitions."""
    for file in sorted((ROOT / "crds").glob("*.yaml")):
        yield yaml.load(file.read_text(), YAML_LOADER)
