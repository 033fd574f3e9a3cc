"""Starting and stopping etcd, kube-apiserver and the two controllers that tests cannot do without."""

import contextlib
import os
import secrets
import shutil
import socket
import ssl
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Self

import httpx
import yaml

from controlplane.binaries import find_or_build
from controlplane.files import AUDIT_POLICY, kubeconfig, signing_key
from controlplane.flags import apiserver_flags, controller_flags, etcd_flags
from controlplane.process import Process

READY_SECONDS = 300.0
POLL_SECONDS = 0.1
GO_SETTINGS = {"GOGC": "300"}
"""Memory for time: Go collects its garbage less often."""
TRIES, PORT_TAKEN = 3, "address already in use"


def _say_nothing(_: str) -> None:
    pass


@dataclass(frozen=True, slots=True)
class Setting:
    """Where a control plane listens, and which of its parts run.

    Attributes:
        host: name or address in the API server's URL; its certificate must hold for it.
        bind: the address on which the API server listens.
        port: on which it listens; 0 is any free one.
        controllers: of the controller manager, with commas between them.
        flags: further ones for the API server.
    """

    host: str = "127.0.0.1"
    bind: str = "127.0.0.1"
    port: int = 0
    controllers: str = "garbage-collector-controller,namespace-controller"
    # There is no controller that makes the default service accounts which this plugin asks for.
    flags: tuple[str, ...] = ("--disable-admission-plugins=ServiceAccount",)


LOOPBACK = Setting()


class ControlPlane:
    """A running control plane: RBAC on, everything in one temporary folder, on loopback only.

    Attributes:
        kubeconfig: of a cluster admin.
        url: of the API server.
        admin_token: bearer token of the same admin.
        ca_file: what the API server's certificate is signed by, which is that certificate itself.
        key_file: of the same certificate.
        audit_log: one ``audit.k8s.io/v1`` Event as JSON per line, complete as soon as a request was answered.
    """

    def __init__(self, binaries: Path, setting: Setting = LOOPBACK, folder: Path | None = None) -> None:
        self.folder = folder or Path(tempfile.mkdtemp(prefix="controlplane-"))
        self.admin_token = secrets.token_urlsafe(24)
        self.audit_log = self.folder / "audit.log"
        self.kubeconfig = self.folder / "kubeconfig"
        self.ca_file = self.folder / "certs" / "apiserver.crt"
        self.key_file = self.ca_file.with_suffix(".key")
        self._binaries = binaries
        self._setting = setting
        self._ports = _free_ports(4)
        self._port = setting.port or self._ports[2]
        self.url = f"https://{setting.host}:{self._port}"
        self._processes: list[Process] = []

    @classmethod
    def start(
        cls, say: Callable[[str], None] = _say_nothing, setting: Setting = LOOPBACK, folder: Path | None = None
    ) -> Self:
        """Find or build the binaries, start everything, and return when it is ready.

        Args:
            say: called with how far a build is.
            setting: where it listens, and what runs.
            folder: an empty one for all its files; default: a temporary one.

        Raises:
            Unavailable: there are no binaries to be had.
            RuntimeError: a process ended early; the message has its last words.
        """
        binaries = find_or_build(say)
        for left in reversed(range(TRIES if folder is None else 1)):
            plane = cls(binaries, setting, folder)
            try:
                plane._start()
            except BaseException as error:
                plane.stop()
                # Another process took a port that was free a moment before.
                if not left or PORT_TAKEN not in str(error):
                    raise
            else:
                return plane
        raise AssertionError("the last try raises")

    def _start(self) -> None:
        self._write_files()
        self._run("etcd", *etcd_flags(self.folder, *self._ports[:2]))
        flags = apiserver_flags(self.folder, self._ports[0], self._setting.bind, self._port)
        self._run("kube-apiserver", *flags, *self._setting.flags)
        self._await_ready()
        if self.has_controllers:
            flags = controller_flags(self.folder, self._ports[3], self._setting.controllers)
            self._run("kube-controller-manager", *flags)

    @property
    def _etcd_folder(self) -> Path:
        return self.folder / "etcd"

    @property
    def has_controllers(self) -> bool:
        """Are objects garbage collected and namespaces emptied?"""
        return (self._binaries / "kube-controller-manager").exists()

    @property
    def version(self) -> str:
        """The API server's version, for example ``v1.36.3``."""
        return str(self.request("GET", "/version").json()["gitVersion"])

    def _write_files(self) -> None:
        (self.folder / "certs").mkdir()
        (self.folder / "tokens.csv").write_text(f"{self.admin_token},admin,admin,system:masters\n")
        (self.folder / "sa.key").write_text(signing_key())
        (self.folder / "audit-policy.yaml").write_text(yaml.safe_dump(AUDIT_POLICY))
        self._write_kubeconfig(self.kubeconfig, self.admin_token)

    def _write_kubeconfig(self, path: Path, token: str) -> None:
        # Put in place whole: a process that was started with it before may be reading it.
        draft = path.with_suffix(".draft")
        draft.touch(mode=0o600)
        draft.write_text(kubeconfig(self.url, self.ca_file, token))
        draft.replace(path)

    def _run(self, name: str, *flags: str) -> None:
        command = (str(self._binaries / name), *flags)
        self._begin(Process(name, command, self.folder / f"{name}.log", {**os.environ, **GO_SETTINGS}))

    def _begin(self, process: Process) -> None:
        process.start()
        self._processes.append(process)

    def _await_ready(self) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while time.monotonic() < deadline:
            self.check()
            if self.ca_file.exists() and self._is_ready():
                return
            time.sleep(POLL_SECONDS)
        raise RuntimeError(f"kube-apiserver is not ready after {READY_SECONDS:.0f} s; see {self.folder}")

    def _is_ready(self) -> bool:
        try:
            return self.request("GET", "/readyz").status_code == httpx.codes.OK
        except (httpx.HTTPError, ssl.SSLError):
            return False

    def request(self, method: str, path: str, json: Any = None) -> httpx.Response:
        """A request as the cluster admin."""
        context = ssl.create_default_context(cafile=str(self.ca_file))
        headers = {"Authorization": f"Bearer {self.admin_token}"}
        with httpx.Client(verify=context, headers=headers, timeout=60.0) as client:
            return client.request(method, self.url + path, json=json)

    def kubeconfig_for(self, namespace: str, account: str) -> Path:
        """A kubeconfig with which a process has the rights of this service account, and no others."""
        request = {
            "apiVersion": "authentication.k8s.io/v1",
            "kind": "TokenRequest",
            "spec": {"expirationSeconds": 6 * 3600},
        }
        path = f"/api/v1/namespaces/{namespace}/serviceaccounts/{account}/token"
        token = self.request("POST", path, request).raise_for_status().json()["status"]["token"]
        file = self.folder / f"{namespace}-{account}.kubeconfig"
        self._write_kubeconfig(file, token)
        return file

    def kill_apiserver(self) -> None:
        """Take the API server away, as a crash would."""
        self._processes[1].kill()

    def restart_apiserver(self) -> None:
        """Bring it back, and return when it is ready."""
        self._processes[1].start()
        self._await_ready()

    def save_etcd(self) -> Path:
        """A copy of everything that etcd has. All parts are stopped for it; returns when they are ready again."""
        copy = Path(tempfile.mkdtemp(prefix="saved-", dir=self.folder)) / "etcd"
        with self._all_stopped():
            shutil.copytree(self._etcd_folder, copy)
        return copy

    def restore_etcd(self, copy: Path) -> None:
        """Put a copy in the place of what etcd has: what happened since never happened, and resource versions go back.

        Returns when everything is ready again.
        """
        with self._all_stopped():
            shutil.rmtree(self._etcd_folder)
            shutil.copytree(copy, self._etcd_folder)

    @contextlib.contextmanager
    def _all_stopped(self) -> Iterator[None]:
        etcd, apiserver, *controllers = self._processes
        for process in (*controllers, apiserver):
            # Politely it would wait for the watches to end.
            process.kill()
        etcd.stop()
        yield
        self._processes = []
        for process in (etcd, apiserver):
            self._begin(process)
        self._await_ready()
        for process in controllers:
            self._begin(process)

    def stop(self) -> None:
        """Stop everything and leave nothing behind."""
        for process in reversed(self._processes):
            process.stop()
        self._processes.clear()
        shutil.rmtree(self.folder, ignore_errors=True)

    def check(self) -> None:
        """Raise RuntimeError with the last words of a part that ended by itself."""
        for process in self._processes:
            process.check()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for listener in sockets:
            listener.bind(("127.0.0.1", 0))
        return [listener.getsockname()[1] for listener in sockets]
    finally:
        for listener in sockets:
            listener.close()
