"""What a restart costs: ``python -m bench.restart --apps 1000,2000,4000,10000``.

A real control plane and a sandbox are filled with settled apps; then the operator starts, with the rights that it ships
with, and is watched until every app was looked at. CPU is that of its process, from /proc.
"""

import json
import math
import os
import re
import socket
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import click
import httpx

from playground import Playground, real_cluster
from playground.crowd import Crowd
from playground.output import await_line, until

SECONDS = 1800.0
SAMPLE_SECONDS, WINDOW = 0.5, 12
IDLE_CPU_SECONDS = 0.1
"""A process that takes less than that in six seconds has nothing to do; Kopf's own workers end after five."""


@dataclass(frozen=True, slots=True)
class Row:
    """One restart. ``cpu`` and ``wall`` are seconds, ``memory`` is megabytes of resident memory."""

    apps: int
    cpu: float
    wall: float
    writes: int
    box_calls: int
    memory: float


@click.command()
@click.option("--apps", default="1000,2000,4000,10000", show_default=True, help="How many apps, growing.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def main(apps: str, as_json: bool) -> None:
    """Measure restarts with more and more apps."""
    counts = [int(part) for part in apps.split(",")]
    with TemporaryDirectory(prefix="bench-") as name, real_cluster(_say) as cluster:
        state = Path(name) / "box.sqlite"
        flags = ("--port", str(_free_port()), "--state", str(state), "--auto-approve", "0", "--rate-limit", "1000000")
        with Playground(cluster, flags) as play:
            play.start_operator()
            play.enterprise()
            crowd = Crowd(play, state)
            rows = [_measure(play, crowd, count) for count in counts]
    click.echo(json.dumps([asdict(row) for row in rows]) if as_json else _table(rows))


def _say(text: str) -> None:
    click.echo(text, err=True)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _measure(play: Playground, crowd: Crowd, count: int) -> Row:
    began = time.monotonic()
    crowd.grow(count)
    _say(f"{count} apps are there after {time.monotonic() - began:.0f} s")
    # The copies have dates of the original; the operator corrects them once.
    _restart(play, count)
    row = _restart(play, count)
    play.box.stop()
    _say(f"{row}")
    return row


def _restart(play: Playground, count: int) -> Row:
    """Start the operator, wait until it is at rest, and stop it again."""
    start, mark, began = play.cluster.audit_size(), play.box.mark(), time.monotonic()
    # The enterprise's counts are written, if they changed, before the restart has ended.
    play.start_operator(BOX_APP_OPERATOR_STATUS_PAUSE="1s")
    pid = play.operator.pid
    assert pid is not None
    cpu, wall = _await_rest(pid, began)
    memory = _resident_megabytes(pid)
    port = re.findall(r"port (\d+)", await_line(play.operator, "Probes are on port"))[-1]
    passes = _passes(httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=60.0).text)
    if passes < count:
        raise RuntimeError(f"{passes:.0f} passes over {count} apps")
    play.stop_operator()
    return Row(count, cpu, wall, len(play.cluster.writes(start)), len(play.box.requests(mark)), memory)


def _await_rest(pid: int, began: float) -> tuple[float, float]:
    """Wait until a process does nothing any more; returns its CPU seconds, and the seconds until it came to rest."""
    samples = [(time.monotonic(), _cpu_seconds(pid))]

    def at_rest() -> bool:
        time.sleep(SAMPLE_SECONDS)
        samples.append((time.monotonic(), _cpu_seconds(pid)))
        return len(samples) > WINDOW and samples[-1][1] - samples[-WINDOW][1] < IDLE_CPU_SECONDS

    until(at_rest, SECONDS, "the operator to be at rest")
    return samples[-1][1], samples[-WINDOW][0] - began


def _passes(metrics: str) -> float:
    name = "box_app_operator_reconcile_duration_seconds_count"
    lines = [line for line in metrics.splitlines() if line.startswith(name)]
    return sum(float(line.rpartition(" ")[2]) for line in lines)


def _cpu_seconds(pid: int) -> float:
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def _resident_megabytes(pid: int) -> float:
    pages = int(Path(f"/proc/{pid}/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE") / 1e6


def _table(rows: list[Row]) -> str:
    lines = ["  apps   CPU s  ms/app  wall s  writes  Box calls     MB"]
    for row in rows:
        figures = (row.cpu, 1000 * row.cpu / row.apps, row.wall)
        numbers = "{:8.2f}{:8.2f}{:8.1f}".format(*figures)
        lines.append(f"{row.apps:6}{numbers}{row.writes:8}{row.box_calls:11}{row.memory:7.0f}")
    if len(rows) > 1:
        first, last = rows[0], rows[-1]
        exponent = math.log(last.cpu / first.cpu) / math.log(last.apps / first.apps)
        lines.append(f"CPU grows with the number of apps to the power of {exponent:.2f}")
    return "\n".join(lines)


if __name__ == "__main__":
    main(prog_name="bench.restart")
