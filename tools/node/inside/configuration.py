"""The configuration of containerd, of the pods' network and of the kubelet. Texts only."""

import json
from pathlib import Path
from typing import Any

import yaml

from node.layout import BRIDGE, PAUSE_IMAGE, POD_NETWORK, Layout


def containerd_text(layout: Layout, plugins: Path) -> str:
    """containerd's config.toml.

    Args:
        layout: of the node.
        plugins: the folder with the CNI plugins.
    """
    # A JSON string is a TOML string as well.
    quoted = {name: json.dumps(str(value)) for name, value in _containerd_values(layout, plugins).items()}
    return CONTAINERD.format_map(quoted)


def _containerd_values(layout: Layout, plugins: Path) -> dict[str, object]:
    return {
        "root": layout.images,
        "socket": layout.socket,
        "pause": PAUSE_IMAGE,
        "plugins": plugins,
        "networks": layout.networks,
    }


CONTAINERD = """\
version = 2
root = {root}
state = "/run/containerd"

[grpc]
  address = {socket}

[plugins."io.containerd.grpc.v1.cri"]
  sandbox_image = {pause}
  # In a virtual machine or a container root may not lower the score: it would be refused for every pod.
  restrict_oom_score_adj = true

[plugins."io.containerd.grpc.v1.cri".cni]
  bin_dir = {plugins}
  conf_dir = {networks}

[plugins."io.containerd.grpc.v1.cri".containerd.runtimes.runc]
  runtime_type = "io.containerd.runc.v2"
"""


def network_text(layout: Layout) -> str:
    """The CNI configuration: every pod has an address on the node's bridge, and the node is its gateway."""
    ranges = [[{"subnet": POD_NETWORK}]]
    ipam = {
        "type": "host-local",
        "ranges": ranges,
        "dataDir": str(layout.folder / "addresses"),
    }
    bridge = {"type": "bridge", "bridge": BRIDGE, "isDefaultGateway": True, "ipam": ipam}
    return json.dumps({"cniVersion": "0.4.0", "name": "pods", "plugins": [bridge]})


def kubelet_text(layout: Layout) -> str:
    """The kubelet's configuration. Its periods are those of every kubelet: what is measured here is true elsewhere."""
    return yaml.safe_dump(KUBELET | _kubelet_paths(layout))


def _kubelet_paths(layout: Layout) -> dict[str, Any]:
    endpoint = f"unix://{layout.socket}"
    return {"containerRuntimeEndpoint": endpoint, "resolvConf": str(layout.resolver)}


NO_EVICTION = dict.fromkeys(("memory.available", "nodefs.available", "nodefs.inodesFree", "imagefs.available"), "0%")
KUBELET: dict[str, Any] = {
    "apiVersion": "kubelet.config.k8s.io/v1beta1",
    "kind": "KubeletConfiguration",
    # Only pods of the tests and the API server reach it; the API server has no certificate for it.
    "authentication": {"anonymous": {"enabled": True}, "webhook": {"enabled": False}},
    "authorization": {"mode": "AlwaysAllow"},
    # The machine is taken as it is: with either version of cgroups, with swap, and with a disk that is nearly full.
    "failCgroupV1": False,
    "failSwapOn": False,
    "evictionHard": NO_EVICTION,
    "imageGCHighThresholdPercent": 100,
    "localStorageCapacityIsolation": False,
    # Pods lie in the node's own cgroup, wherever that is. So the kubelet sets up none for classes of service.
    "cgroupDriver": "cgroupfs",
    "cgroupsPerQOS": False,
    "enforceNodeAllocatable": [],
    # Otherwise it changes sysctls of the whole machine.
    "protectKernelDefaults": True,
    "makeIPTablesUtilChains": False,
    "oomScoreAdj": 0,
}
