"""``python -m controlplane build | start | where``."""

import signal
import sys

import click

from controlplane.binaries import Unavailable, find, find_or_build
from controlplane.cluster import ControlPlane


def _say(text: str) -> None:
    click.echo(text, err=True)


@click.group()
def main() -> None:
    """A real Kubernetes control plane on this machine."""


@main.command()
def where() -> None:
    """Print the folder of the binaries; exit 1 when there are none yet. Builds nothing."""
    folder = find()
    if folder is None:
        _say("No binaries yet: `python -m controlplane build` brings them.")
        sys.exit(1)
    click.echo(folder)


@main.command()
def build() -> None:
    """Find the binaries, or build or download them, and print their folder."""
    try:
        click.echo(find_or_build(_say))
    except Unavailable as error:
        _say(str(error))
        sys.exit(1)


@main.command()
def start() -> None:
    """Start a control plane and keep it until interrupted."""
    try:
        with ControlPlane.start(_say) as plane:
            click.echo(f"export KUBECONFIG={plane.kubeconfig}\n# {plane.url}")
            signal.sigwait({signal.SIGINT, signal.SIGTERM})
    except Unavailable as error:
        _say(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main(prog_name="controlplane")
