"""A Prometheus of one's own, that looks at the operator's replicas every other second and knows its alerts."""

import contextlib
import shutil
import socket
from collections.abc import Iterator
from pathlib import Path

import httpx
import yaml

from controlplane.process import Process
from playground.cluster import NAMESPACE, ROOT
from playground.output import launch, until

ALERTS = ROOT / "charts" / "box-app-operator" / "files" / "alerts.yaml"
SCRAPE_SECONDS = 2
START_SECONDS = 60.0


class NoPrometheus(Exception):  # noqa: N818 - a state of the world, not a mistake
    """There is no ``prometheus`` on PATH."""


@contextlib.contextmanager
def prometheus_watching(replicas: tuple[str, ...], folder: Path) -> Iterator[str]:
    """Start it; yields its address.

    Raises:
        NoPrometheus: it is not installed.
    """
    program = shutil.which("prometheus")
    if program is None:
        raise NoPrometheus
    address = f"127.0.0.1:{free_port()}"
    config = folder / "prometheus.yaml"
    config.write_text(yaml.safe_dump(_config(replicas)))
    flags = (f"--config.file={config}", f"--storage.tsdb.path={folder / 'tsdb'}", f"--web.listen-address={address}")
    process = Process("prometheus", (program, *flags), folder / "prometheus.log")
    launch(process)
    try:
        until(lambda: _is_ready(process, address), START_SECONDS, "Prometheus to be ready")
        yield f"http://{address}"
    finally:
        process.stop()


def free_port() -> int:
    """A port on which no process listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _is_ready(process: Process, address: str) -> bool:
    process.check()
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"http://{address}/-/ready").is_success
    return False


def _config(replicas: tuple[str, ...]) -> dict[str, object]:
    targets = [
        {"targets": [replica], "labels": {"namespace": NAMESPACE, "instance": f"replica {number}"}}
        for number, replica in enumerate(replicas, start=1)
    ]
    return {
        "global": {"scrape_interval": f"{SCRAPE_SECONDS}s", "evaluation_interval": f"{SCRAPE_SECONDS}s"},
        "rule_files": [str(ALERTS)],
        "scrape_configs": [{"job_name": "box-app-operator", "static_configs": targets}],
    }
