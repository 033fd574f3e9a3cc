"""The clothes of a pod: what a process that wears them sees, what it cannot do, and when it ends."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from controlplane.process import Process
from playground.chart import pod
from playground.chart.pod import AccountFiles, NoPods, pod_process, why_no_pods
from playground.output import until

LOOK = """
import json, os, pwd, socket
def can_write(path):
    try:
        open(path, "w").close()
    except OSError:
        return False
    return True
def name():
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return None
status = dict(line.split(":\\t", 1) for line in open("/proc/self/status").read().splitlines() if ":\\t" in line)
print(json.dumps({
    "ids": [os.getuid(), os.getgid()], "name": name(), "host": socket.gethostname(), "environment": dict(os.environ),
    "root": sorted(os.listdir("/")), "capabilities": {status[key] for key in ("CapPrm", "CapEff", "CapBnd")}.pop(),
    "more_rights": status["NoNewPrivs"] == "0",
    "token": open("/var/run/secrets/kubernetes.io/serviceaccount/token").read(),
    "writable": [path for path in ("/x", "/tmp/x", "/etc/x", "/run/x", "/cache/x", os.__file__) if can_write(path)],
}))
"""
SECRET = "a-token-of-a-test"


@pytest.fixture(params=[True, False], ids=["user namespace", "root"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> bool:
    """Both ways to put the clothes on, where this machine has them."""
    refused = "not root" if not request.param and os.geteuid() != 0 else None
    refused = refused or pod._try_to_start(user_namespace=request.param)
    if refused:
        pytest.skip(refused)
    monkeypatch.setattr(pod, "_needs_user_namespace", lambda: request.param)
    return bool(request.param)


@pytest.fixture
def account(tmp_path: Path) -> AccountFiles:
    """The files of a service account."""
    authority = tmp_path / "authority.crt"
    authority.write_text("a certificate")
    files = AccountFiles(tmp_path / "account", authority)
    files.write(SECRET)
    return files


def played(account: AccountFiles, log: Path, code: str, **container: Any) -> Process:
    """A pod that runs some Python, as restricted as the chart's."""
    security = {"runAsUser": 65532, "runAsGroup": 65532}
    mounts = [{"name": "cache", "mountPath": "/cache"}]
    spec = {
        "securityContext": security,
        "volumes": [{"name": "cache", "emptyDir": {}}],
        "containers": [
            {
                "command": ["python"],
                "args": ["-c", code],
                "env": [{"name": "SETTING", "value": "1"}],
                "securityContext": {"readOnlyRootFilesystem": True},
                "volumeMounts": mounts,
                **container,
            }
        ],
    }
    cluster: Any = SimpleNamespace(url="https://127.0.0.1:6443")
    return pod_process(cluster, spec, account, log)


def test_it_sees_and_may_what_a_container_sees_and_may(way: bool, account: AccountFiles, tmp_path: Path) -> None:
    """A user without a name and rights, nothing to write to but what is mounted for that, no home of this machine."""
    process = played(account, tmp_path / "viewer.log", LOOK)
    process.start()

    assert until(process.ended, 20, "the process to end") == 0, process.log.read_text()
    seen = json.loads(process.log.read_text())
    assert (seen["ids"], seen["name"], seen["host"]) == ([65532, 65532], None, "viewer")
    assert (seen["capabilities"], seen["more_rights"]) == ("0" * 16, False)
    assert seen["writable"] == ["/cache/x"]
    assert seen["token"] == SECRET
    assert "home" not in seen["root"]
    environment = seen["environment"]
    assert {key: environment[key] for key in ("HOME", "SETTING", "KUBERNETES_SERVICE_PORT")} == {
        "HOME": "/",
        "SETTING": "1",
        "KUBERNETES_SERVICE_PORT": "6443",
    }
    assert {"USER", "LOGNAME", "KUBECONFIG", "PYTHONPATH"}.isdisjoint(environment)
    assert SECRET not in " ".join(process.command)


def test_a_replaced_token_is_seen_inside(way: bool, account: AccountFiles, tmp_path: Path) -> None:
    """The folder is the same one, and not a copy of what was there at the start."""
    code = (
        "import time\nwhile open('/run/secrets/kubernetes.io/serviceaccount/token').read() != 'new': time.sleep(0.05)"
    )
    process = played(account, tmp_path / "pod.log", code)
    process.start()

    account.write("new")

    assert until(process.ended, 20, "the process to see the new token") == 0, process.log.read_text()


def test_it_ends_with_its_parent(way: bool, account: AccountFiles, tmp_path: Path) -> None:
    """Even a parent that is killed leaves nobody behind."""
    process = played(account, tmp_path / "pod.log", "import time\nprint('up', flush=True)\ntime.sleep(600)")
    order = tmp_path / "pod.order"
    parent = (
        "import json, os, pathlib, sys; from controlplane.process import Process; order = pathlib.Path(sys.argv[1]); "
        "order.write_text(json.dumps({**json.loads(order.read_text()), 'parent': os.getpid()})); "
        "process = Process('pod', sys.argv[3:], pathlib.Path(sys.argv[2]), {}); process.start(); "
        "print(process.pid, flush=True); sys.stdin.read()"
    )
    command = [sys.executable, "-c", parent, str(order), str(process.log), *process.command]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as started:
        assert started.stdout is not None
        pid = int(started.stdout.readline())
        until(lambda: "up" in process.log.read_text(), 20, "the pod to be up")
        started.send_signal(signal.SIGKILL)

    until(lambda: not _lives(pid), 20, "the pod to be gone")


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(") ", 1)[1][0] != "Z"
    except OSError:
        return False


def test_whoever_reads_a_token_gets_a_whole_one(account: AccountFiles) -> None:
    """It is replaced by one rename, as a kubelet does it: one of the two, or none for whoever came just in between."""
    seen: set[str] = set()
    done = threading.Event()

    def read() -> None:
        while not done.is_set():
            with contextlib.suppress(FileNotFoundError):
                seen.add((account.folder / "token").read_text())

    reader = threading.Thread(target=read)
    reader.start()
    for number in range(200):
        account.write("odd" if number % 2 else "even")
    done.set()
    reader.join()

    assert seen <= {SECRET, "odd", "even"}
    assert {"odd", "even"} <= seen
    assert len(list(account.folder.iterdir())) == len(["..data", "one version", "token", "ca.crt", "namespace"])


def test_where_it_cannot_be_done_it_says_why(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the words of the process that tried."""
    pod._needs_user_namespace.cache_clear()
    monkeypatch.setattr(pod, "_try_to_start", lambda **_: "unshare: Operation not permitted")
    try:
        assert "unshare: Operation not permitted" in str(why_no_pods())
        with pytest.raises(NoPods):
            pod._needs_user_namespace()
    finally:
        pod._needs_user_namespace.cache_clear()
