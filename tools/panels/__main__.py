"""``python -m panels play | draw``."""

import contextlib
import sys
import tempfile
import time
from datetime import datetime
from pathlib import Path

import click
import httpx

from panels.drawing.picture import draw
from panels.prometheus import Prometheus, Span
from panels.story import BOX_FLAGS, MINUTES, Story
from panels.watching import SCRAPE_SECONDS, NoPrometheus, free_port, prometheus_watching
from playground import Playground, embedded_cluster
from playground.cluster import ROOT

DASHBOARD = ROOT / "charts" / "box-app-operator" / "files" / "dashboard.json"
PICTURE = ROOT / "docs" / "images" / "dashboard.svg"
output = click.option("--output", type=click.Path(path_type=Path), default=PICTURE, show_default=True)


@click.group()
def main() -> None:
    """A picture of the dashboard, from what a Prometheus says."""


@main.command()
@output
@click.option("--logs", type=click.Path(path_type=Path), help="Keep what the operator printed.")
def play(output: Path, logs: Path | None) -> None:
    """Play twenty minutes with Box's sandbox, watched by the prometheus on PATH, and draw them."""
    replicas = (f"127.0.0.1:{free_port()}", f"127.0.0.1:{free_port()}")
    try:
        with contextlib.ExitStack() as stack:
            folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="panels-")))
            url = stack.enter_context(prometheus_watching(replicas, folder))
            cluster = stack.enter_context(embedded_cluster())
            playground = stack.enter_context(Playground(cluster, BOX_FLAGS))
            click.echo(f"Playing for {MINUTES:.0f} minutes:", err=True)
            Story(playground, replicas, lambda text: click.echo(text, err=True)).run()
            _draw(url, Span(time.time() - MINUTES * 60, time.time(), 15 * SCRAPE_SECONDS), output)
            if logs is not None:
                logs.write_text(playground.logs())
    except NoPrometheus:
        click.echo("There is no `prometheus` on PATH.", err=True)
        sys.exit(1)


@main.command(name="draw")
@output
@click.option("--prometheus", "url", required=True, help="Its address, for example http://127.0.0.1:9090.")
@click.option("--end", type=click.DateTime(), help="In local time. Default: now.")
@click.option("--minutes", default=MINUTES, show_default=True, help="How much is shown.")
@click.option("--rate-seconds", default=120, show_default=True, help="Stands for $__rate_interval.")
def draw_only(output: Path, url: str, end: datetime | None, minutes: float, rate_seconds: int) -> None:
    """Draw what a Prometheus has seen."""
    until = end.timestamp() if end is not None else time.time()
    _draw(url, Span(until - minutes * 60, until, rate_seconds), output)


def _draw(url: str, span: Span, output: Path) -> None:
    output.parent.mkdir(parents=True, exist_ok=True)
    with httpx.Client(base_url=url, timeout=60.0) as client:
        output.write_text(draw(DASHBOARD, Prometheus(client), span))
    click.echo(f"Drew {output}", err=True)


if __name__ == "__main__":
    main(prog_name="panels")
