"""The first process of a node: ``python -m node.inside.init FOLDER``. Network, mounts and processes are the node's own.

When it ends, however that may be, the kernel ends every process of the node, and with the last one go its mounts and
its network. It ends by itself when a part of the node does.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

from controlplane import ControlPlane, Setting
from controlplane.process import Process
from node.host import binaries, cgroups
from node.host.requirements import plugin_folder
from node.inside.configuration import containerd_text, kubelet_text, network_text
from node.layout import API_PORT, BRIDGE, BRIDGE_ADDRESS, NAME, POD_NETWORK, SERVICE_ADDRESS, Layout

READY_SECONDS = 90.0
POLL_SECONDS = 0.1
PRIVATE_FOLDERS = ("/run", "/var/log", "/var/lib")
"""Where containerd, CNI and the kubelet leave things whatever their settings say."""
SYSCTLS = {
    "vm/overcommit_memory": 1,
    "vm/panic_on_oom": 0,
    "kernel/panic": 10,
    "kernel/panic_on_oops": 1,
    "kernel/keys/root_maxkeys": 1000000,
    "kernel/keys/root_maxbytes": 25000000,
}
"""What the kubelet insists on. Source: setupKernelTunables in pkg/kubelet/cm, Kubernetes 1.36."""
SETTING = Setting(
    # The certificate of an API server that listens everywhere holds for this name.
    host="localhost",
    bind="0.0.0.0",
    port=API_PORT,
    controllers="*",
    # The name of the node is known to no DNS.
    flags=(f"--advertise-address={BRIDGE_ADDRESS}", "--kubelet-preferred-address-types=InternalIP"),
)


class _Inside:
    def __init__(self, layout: Layout) -> None:
        self._layout = layout
        self._programs = binaries.node_cache()
        self._processes: list[Process] = []

    def start(self) -> None:
        """Start everything, and return when pods can be scheduled."""
        _separate_mounts(self._layout)
        _set_up_network()
        self._write_files()
        self._run("containerd", str(shutil.which("containerd")), f"--config={self._layout.containerd}")
        self._plane = ControlPlane.start(setting=SETTING, folder=self._layout.plane)
        self._await(self._import_pause, "containerd to take an image")
        self._run("kube-scheduler", str(self._programs / "kube-scheduler"), *self._scheduler_flags())
        self._run("kubelet", str(self._programs / "kubelet"), *self._kubelet_flags())
        self._await(self._is_ready, "the node to be Ready")
        self._layout.ready.touch()

    def watch(self) -> None:
        """Until a part ends, bury the processes of pods that lost their parent, as a first process must.

        Raises:
            RuntimeError: a part ended.
        """
        while True:
            ended = os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
            self._check()
            if ended is not None:
                os.waitpid(ended.si_pid, 0)

    def _check(self) -> None:
        """Raise RuntimeError with the last words of a part that ended by itself."""
        self._plane.check()
        for process in self._processes:
            process.check()

    def _run(self, name: str, *command: str) -> None:
        process = Process(name, command, self._layout.log(name))
        process.start()
        self._processes.append(process)

    def _write_files(self) -> None:
        plugins = plugin_folder()
        if plugins is None:
            raise RuntimeError("there are no CNI plugins")
        layout = self._layout
        for folder in (layout.plane, layout.networks):
            folder.mkdir()
        layout.resolver.touch()
        layout.containerd.write_text(containerd_text(layout, plugins))
        (layout.networks / "10-pods.conflist").write_text(network_text(layout))
        layout.kubelet.write_text(kubelet_text(layout))

    def _import_pause(self) -> bool:
        command = ("ctr", f"--address={self._layout.socket}", "--namespace=k8s.io", "images", "import")
        done = subprocess.run([*command, str(self._layout.pause)], capture_output=True, check=False)
        return done.returncode == 0

    def _scheduler_flags(self) -> list[str]:
        kubeconfig = self._plane.kubeconfig
        return [
            f"--kubeconfig={kubeconfig}",
            f"--authentication-kubeconfig={kubeconfig}",
            f"--authorization-kubeconfig={kubeconfig}",
            "--leader-elect=false",
            "--bind-address=127.0.0.1",
            f"--cert-dir={self._layout.folder / 'scheduler-certs'}",
        ]

    def _kubelet_flags(self) -> list[str]:
        return [
            f"--config={self._layout.kubelet}",
            f"--kubeconfig={self._plane.kubeconfig}",
            f"--root-dir={self._layout.folder / 'kubelet'}",
            f"--cert-dir={self._layout.folder / 'kubelet-certs'}",
            f"--node-ip={BRIDGE_ADDRESS}",
            f"--hostname-override={NAME}",
        ]

    def _is_ready(self) -> bool:
        response = self._plane.request("GET", f"/api/v1/nodes/{NAME}")
        conditions = response.json().get("status", {}).get("conditions", ()) if response.is_success else ()
        return any(condition["type"] == "Ready" and condition["status"] == "True" for condition in conditions)

    def _await(self, look: Callable[[], bool], what: str) -> None:
        deadline = time.monotonic() + READY_SECONDS
        while not look():
            self._check()
            if time.monotonic() > deadline:
                raise RuntimeError(f"waited {READY_SECONDS:.0f} s for {what}")
            time.sleep(POLL_SECONDS)


def _separate_mounts(layout: Layout) -> None:
    # Images have thousands of files: in memory they are unpacked and gone in no time, and go whatever happens.
    layout.images.mkdir()
    for path in (*PRIVATE_FOLDERS, str(layout.images)):
        subprocess.run(["mount", "-t", "tmpfs", "node", path], check=True)
    # The kubelet may see the values that it insists on, and the machine keeps its own.
    folder = layout.folder / "sysctls"
    folder.mkdir()
    for name, value in SYSCTLS.items():
        file = folder / name.replace("/", "-")
        file.write_text(f"{value}\n")
        subprocess.run(["mount", "--bind", str(file), f"/proc/sys/{name}"], check=True)


def _set_up_network() -> None:
    commands = (
        "link set lo up",
        f"address add {SERVICE_ADDRESS}/32 dev lo",
        f"link add {BRIDGE} type bridge",
        f"address add {BRIDGE_ADDRESS}/{POD_NETWORK.rsplit('/', 1)[1]} dev {BRIDGE}",
        f"link set {BRIDGE} up",
    )
    subprocess.run(["ip", "-batch", "-"], input="\n".join(commands), text=True, check=True)


def main() -> None:
    """Be the node until a part of it ends."""
    folder = Path(sys.argv[1])
    cgroups.join(folder.name)
    inside = _Inside(Layout(folder))
    try:
        inside.start()
        inside.watch()
    except (OSError, RuntimeError, subprocess.SubprocessError) as error:
        sys.exit(f"The node ended: {error}")


if __name__ == "__main__":
    main()
