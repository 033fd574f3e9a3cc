"""A process in a pod's clothes: everything that a container of the chart has and lacks, without a node.

From the pod's spec come command, arguments, environment, user, group, what is read-only, and the volumes that are empty
folders; from this page come the image's environment and what a kubelet adds: the service account's files, and where the
API server is. Of this machine the process sees the system's programs and libraries, Python, the packages and the
operator's sources; no home, no kubeconfig, no file of a test.

Differences to a pod on a node: it shares this machine's network, processes, limits and system calls (seccomp), and the
packages are those of ``.venv``.
"""

import compileall
import functools
import itertools
import json
import os
import sys
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from controlplane.process import Process
from playground.cluster import NAMESPACE, ROOT, Cluster
from playground.output import launch, until

ENCLOSE = Path(__file__).with_name("enclose.py")
SOURCES = ROOT / "operator"
ACCOUNT_FOLDER = "/run/secrets/kubernetes.io/serviceaccount"
"""Where a kubelet mounts it, ``/var/run`` being a link to ``/run``."""
SYSTEM = ("/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/nix")
CONFIGURED = ("ld.so.cache", "ssl", "pki", "ca-certificates", "hosts", "resolv.conf", "localtime")
FILES = {
    "/etc/passwd": "root:x:0:0:root:/root:/bin/false\n",
    "/etc/group": "root:x:0:\n",
    "/etc/nsswitch.conf": "passwd: files\ngroup: files\nhosts: files dns\n",
}
"""As in an image: no user but root has a name."""
IMAGE_ENVIRONMENT = {
    "PATH": f"{Path(sys.executable).parent}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
    "PYTHONDONTWRITEBYTECODE": "1",
    "PYTHONUNBUFFERED": "1",
    "HOME": "/",
}
"""What the Dockerfile's last stage sets, with the path of the commands on this machine."""
TRIAL_SECONDS = 60.0

_numbers = itertools.count(1)


class NoPods(Exception):  # noqa: N818 - a state of the world, not a mistake
    """No process can be started as in a pod on this machine; the message says why."""


class AccountFiles:
    """The files of a service account, written and replaced as a kubelet does it.

    Source: k8s.io/kubernetes, pkg/volume/util/atomic_writer.go: real files lie in a folder of their own, ``..data``
    leads there and is replaced by one rename, and the names that pods know lead through it.
    """

    def __init__(self, folder: Path, authority: Path) -> None:
        self.folder = folder
        self._authority = authority
        self._numbers = itertools.count(1)
        folder.mkdir()
        for name in ("token", "ca.crt", "namespace"):
            (folder / name).symlink_to(f"..data/{name}")

    def write(self, token: str) -> None:
        """Put a token in place of the one before; a process that reads at any moment gets one of the two."""
        current, pointer = self.folder / f"..version_{next(self._numbers)}", self.folder / "..data"
        before = pointer.resolve() if pointer.exists() else None
        current.mkdir()
        contents = {"token": token, "ca.crt": self._authority.read_text(), "namespace": NAMESPACE}
        for name, text in contents.items():
            (current / name).write_text(text)
        draft = self.folder / "..data_tmp"
        draft.symlink_to(current.name)
        draft.rename(pointer)
        for file in before.iterdir() if before else ():
            file.unlink()
        if before:
            before.rmdir()


def account_files(cluster: Cluster, account: str, folder: Path) -> AccountFiles:
    """The files of a service account of the operator's namespace, with a token of this moment."""
    if cluster.plane is None:
        raise NoPods("the imitation of Kubernetes has no certificate that a pod could be given")
    files = AccountFiles(folder, cluster.plane.ca_file)
    files.write(cluster.token_of(account))
    return files


def why_no_pods() -> str | None:
    """Why no process can be started as in a pod here; None where it can."""
    try:
        _needs_user_namespace()
    except NoPods as reason:
        return str(reason)
    return None


def pod_process(
    cluster: Cluster,
    spec: Mapping[str, Any],
    account: AccountFiles,
    log: Path,
    arguments: tuple[str, ...] | None = None,
    server: str | None = None,
    **environment: str,
) -> Process:
    """The process of a pod's first container, not started yet.

    Args:
        spec: of the pod, as the chart renders it.
        log: what it prints; the file's stem is the pod's name.
        arguments: in place of the container's own.
        server: what it takes for the API server's URL; default: the cluster's.
        environment: beside the container's own.

    Raises:
        NoPods: there is no way to start one here.
    """
    container = spec["containers"][0]
    command = [*container["command"], *(container["args"] if arguments is None else arguments)]
    own = {item["name"]: item["value"] for item in container.get("env", ()) if "value" in item}
    given = IMAGE_ENVIRONMENT | _of_kubelet(log.stem, server or cluster.url) | own | environment
    order = {
        "user_namespace": _needs_user_namespace(),
        "hostname": log.stem,
        "sources": [*_sources(), (str(account.folder), ACCOUNT_FOLDER)],
        **_security(spec, container),
        "writable": _empty_folders(spec, container),
        "command": command,
        "environment": given,
    }
    return _process(log, order)


def _of_kubelet(name: str, server: str) -> dict[str, str]:
    """The environment of every container. Source: k8s.io/kubernetes, pkg/kubelet/envvars."""
    target = urlsplit(server)
    host, port = str(target.hostname), str(target.port)
    return {
        "HOSTNAME": name,
        "KUBERNETES_SERVICE_HOST": host,
        "KUBERNETES_SERVICE_PORT": port,
        "KUBERNETES_SERVICE_PORT_HTTPS": port,
        "KUBERNETES_PORT": f"tcp://{host}:{port}",
    }


def _security(spec: Mapping[str, Any], container: Mapping[str, Any]) -> dict[str, Any]:
    """Whom the container runs as, and whether its root can be written to. The rest is as restricted as can be."""
    context = {**spec.get("securityContext", {}), **container.get("securityContext", {})}
    return {
        "uid": context["runAsUser"],
        "gid": context["runAsGroup"],
        "read_only": context.get("readOnlyRootFilesystem", False),
    }


def _empty_folders(spec: Mapping[str, Any], container: Mapping[str, Any]) -> list[str]:
    empty = {volume["name"] for volume in spec.get("volumes", ()) if "emptyDir" in volume}
    return [mount["mountPath"] for mount in container.get("volumeMounts", ()) if mount["name"] in empty]


def _sources() -> list[tuple[str, str]]:
    """Folders and files of this machine, and where the process sees them."""
    found = [(path, path) for path in SYSTEM if Path(path).is_dir() and not Path(path).is_symlink()]
    found += [(str(Path("/etc", name).resolve()), f"/etc/{name}") for name in CONFIGURED if Path("/etc", name).exists()]
    python = Path(sys.executable).resolve().parents[1]
    for path in dict.fromkeys(map(str, (python, sys.base_prefix, sys.prefix, SOURCES))):
        if not any(Path(path).is_relative_to(source) for source, _ in found):
            found.append((path, path))
    return found


def _links() -> dict[str, str]:
    usual = {path: str(Path(path).readlink()) for path in SYSTEM if Path(path).is_symlink()}
    return {**usual, "/var/run": "/run"}


def _process(log: Path, order: Mapping[str, Any]) -> Process:
    """The process that an order describes; its files lie beside its log."""
    root = log.with_suffix(".root")
    root.mkdir(exist_ok=True)
    file = log.with_suffix(".order")
    file.touch(mode=0o600)
    whole = {"root": str(root), "parent": os.getpid(), "links": _links(), "files": FILES, **order}
    file.write_text(json.dumps(whole))
    return Process(log.stem, (sys.executable, "-I", "-S", str(ENCLOSE), str(file)), log, {})


@functools.cache
def _needs_user_namespace() -> bool:
    """Whether a user namespace is the way; without one only root can play a pod.

    With one the files of whoever runs this can be read also where no other user may read them.

    Raises:
        NoPods: neither works; with the last words of a process that tried.
    """
    if sys.platform != "linux":
        raise NoPods("pods are played with the namespaces of Linux")
    # As the Dockerfile does: on a read-only file system every start would compile everything again.
    compileall.compile_dir(SOURCES, quiet=2)
    refused = _try_to_start(user_namespace=True)
    if refused is None:
        return True
    if os.geteuid() == 0 and (refused := _try_to_start(user_namespace=False)) is None:
        return False
    raise NoPods(f"no process can be started as in a pod here: {refused}")


def _try_to_start(*, user_namespace: bool) -> str | None:
    """Start the operator to ask for its version; returns what went wrong."""
    with tempfile.TemporaryDirectory(prefix="pod-") as name:
        order = {
            "user_namespace": user_namespace,
            "hostname": "trial",
            "sources": _sources(),
            "uid": 65532,
            "gid": 65532,
            "read_only": True,
            "writable": [],
            "command": ["box-app-operator", "--version"],
            "environment": IMAGE_ENVIRONMENT,
        }
        process = _process(Path(name) / "trial.log", order)
        launch(process)
        try:
            code = until(process.ended, TRIAL_SECONDS, "a process in a pod's clothes")
        except TimeoutError as error:
            return str(error)
        finally:
            process.stop()
        last_lines = process.log.read_text(errors="replace").strip().splitlines()
        return None if code == 0 else (last_lines or [f"exit code {code}"])[-1]
