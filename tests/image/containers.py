"""A containerd that nobody else uses: an image is imported as on a node, and run as strictly as the chart does."""

import shutil
import subprocess
import tempfile
import time
import uuid
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from controlplane.process import Process

PROGRAMS = ("containerd", "ctr", "runc")
START_SECONDS = 60.0
RUN_SECONDS = 180.0


def why_no_containers() -> str | None:
    """What is missing to run containers here, for root; None when nothing is."""
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"not on PATH: {', '.join(missing)} (on Debian: apt-get install containerd runc)" if missing else None


class Containers:
    """One containerd, and what is done with it."""

    def __init__(self, folder: Path) -> None:
        self._socket = folder / "containerd.sock"
        configuration = folder / "config.toml"
        # What a kubelet asks for is not needed, and would look for networks.
        configuration.write_text(
            f'version = 2\nroot = "{folder}/root"\nstate = "{folder}/state"\n'
            f'disabled_plugins = ["io.containerd.grpc.v1.cri"]\n[grpc]\naddress = "{self._socket}"\n'
        )
        self.process = Process("containerd", ["containerd", "--config", str(configuration)], folder / "containerd.log")

    def start(self) -> None:
        """Start it, and return when it answers."""
        self.process.start()
        deadline = time.monotonic() + START_SECONDS
        while self._ctr("version").returncode != 0:
            self.process.check()
            assert time.monotonic() < deadline, "containerd does not answer"

    def load(self, archive: Path) -> None:
        """Import an archive."""
        done = self._ctr("images", "import", str(archive))
        assert done.returncode == 0, done.stderr

    def run(self, image: str, *command: str, mounts: Mapping[Path, str] | None = None) -> "Run":
        """Run a command, or what the image says, as its user and on a read-only root file system, without a network."""
        binds = [
            f"--mount=type=bind,src={source},dst={target},options=rbind:ro" for source, target in (mounts or {}).items()
        ]
        return self._ctr("run", "--rm", "--read-only", *binds, image, f"test-{uuid.uuid4().hex}", *command)

    def _ctr(self, *arguments: str) -> "Run":
        command = ["ctr", f"--address={self._socket}", "--namespace=k8s.io", *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=RUN_SECONDS)


Run = subprocess.CompletedProcess[str]


@contextmanager
def start_containers() -> Iterator[Containers]:
    """A containerd while it is needed. Its folder is short: the name of a socket may have 107 characters."""
    folder = Path(tempfile.mkdtemp(prefix="containerd-", dir="/tmp"))
    containers = Containers(folder)
    try:
        containers.start()
        yield containers
    finally:
        containers.process.stop()
        # Twenty thousand files: much quicker than Python's own way.
        subprocess.run(["rm", "-rf", folder], check=True)
