"""Where things are: the addresses in the node's network, and the files in its folder. Known inside and outside."""

from dataclasses import dataclass
from pathlib import Path

NAME = "node"
"""Of the node in Kubernetes."""
BRIDGE = "pods"
BRIDGE_ADDRESS = "10.88.0.1"
"""The node's own address: pods reach what listens on it."""
POD_NETWORK = "10.88.0.0/16"
SERVICE_ADDRESS = "10.0.0.1"
"""Of the Service ``kubernetes``. The node has it itself, so that pods need no kube-proxy to reach the API server."""
API_PORT = 443
PAUSE_IMAGE = "localhost/pause:dev"


@dataclass(frozen=True, slots=True)
class Layout:
    """The folder of one node."""

    folder: Path

    @property
    def plane(self) -> Path:
        """The control plane's files."""
        return self.folder / "plane"

    @property
    def socket(self) -> Path:
        """Where containerd listens."""
        return self.folder / "containerd.sock"

    @property
    def images(self) -> Path:
        """Where containerd keeps images and the files of containers."""
        return self.folder / "images"

    @property
    def networks(self) -> Path:
        """The folder with the CNI configuration."""
        return self.folder / "networks"

    @property
    def containerd(self) -> Path:
        """containerd's configuration."""
        return self.folder / "containerd.toml"

    @property
    def kubelet(self) -> Path:
        """The kubelet's configuration."""
        return self.folder / "kubelet.yaml"

    @property
    def resolver(self) -> Path:
        """The resolv.conf of pods: empty, because there is no DNS."""
        return self.folder / "resolv.conf"

    @property
    def pause(self) -> Path:
        """The archive of the pause image."""
        return self.folder / "pause.tar"

    @property
    def ready(self) -> Path:
        """Exists once pods can be scheduled."""
        return self.folder / "ready"

    @property
    def lock(self) -> Path:
        """Locked for as long as whoever made the node lives."""
        return self.folder / "lock"

    def log(self, name: str) -> Path:
        """The log of a process."""
        return self.folder / f"{name}.log"
