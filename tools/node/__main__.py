"""``python -m node``: a node to look around in, until it is interrupted."""

import signal
import sys

import click

from node import Node, Unavailable


def _say(text: str) -> None:
    click.echo(text, err=True)


@click.command()
def main() -> None:
    """Make a real Kubernetes node, and keep it until interrupted."""
    # As Ctrl-C does, so that the node is removed before this process ends. To hold it back would reach into pods.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        with Node.start(_say) as node:
            click.echo(f"export KUBECONFIG={node.kubeconfig}")
            signal.pause()
    except KeyboardInterrupt:
        _say("The node is removed.")
    except (Unavailable, RuntimeError) as error:
        _say(str(error))
        sys.exit(1)


if __name__ == "__main__":
    main(prog_name="node")
