"""``python -m kube_sandbox serve``."""

import secrets
import socket
from pathlib import Path
from typing import Any

import click
import uvicorn
import yaml
from starlette.applications import Starlette

from kube_sandbox.api import create_app


@click.group()
def main() -> None:
    """An imitation of the Kubernetes API server, in memory."""


class _Server(uvicorn.Server):
    """Says where it listens, and ends open watches when it stops."""

    def __init__(self, app: Starlette, port: int, kubeconfig: Path, token: str) -> None:
        self._app, self._kubeconfig, self._token = app, kubeconfig, token
        config: Any = uvicorn.Config(
            app, host="127.0.0.1", port=port, lifespan="off", log_level="critical", timeout_graceful_shutdown=2
        )
        super().__init__(config)

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        url = f"http://127.0.0.1:{self.servers[0].sockets[0].getsockname()[1]}"
        self._kubeconfig.write_text(yaml.safe_dump(_kubeconfig(url, self._token)))
        self._kubeconfig.chmod(0o600)
        click.echo(url)

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        self._app.state.api.stopping.set()
        await super().shutdown(sockets)


def _kubeconfig(url: str, token: str) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "clusters": [{"name": "embedded", "cluster": {"server": url}}],
        "users": [{"name": "admin", "user": {"token": token}}],
        "contexts": [{"name": "embedded", "context": {"cluster": "embedded", "user": "admin"}}],
        "current-context": "embedded",
    }


@main.command()
@click.option("--port", default=0, help="0 means any free port.")
@click.option("--kubeconfig", type=click.Path(path_type=Path), required=True, help="Written when it answers.")
@click.option("--audit-log", type=click.Path(path_type=Path), help="One audit.k8s.io/v1 Event as JSON per line.")
def serve(port: int, kubeconfig: Path, audit_log: Path | None) -> None:
    """Serve until interrupted; prints the URL as soon as it answers."""
    token = secrets.token_urlsafe(24)
    _Server(create_app(token, audit_log), port, kubeconfig, token).run()


if __name__ == "__main__":
    main(prog_name="kube_sandbox")
