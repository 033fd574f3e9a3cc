"""``box-sandbox serve | approve | decline | enable | disable | require-reauthorization | list``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
import httpx

from box_sandbox.server import make_server
from box_sandbox.state import SandboxConfig

URL = click.option(
    "--url", envvar="BOX_SANDBOX_URL", show_envvar=True, default="http://127.0.0.1:8099", show_default=True
)
ADMIN = click.option(
    "--admin-token",
    envvar="BOX_SANDBOX_ADMIN_TOKEN",
    show_envvar=True,
    required=True,
    help="Better in the environment.",
)


@click.group()
def main() -> None:
    """A sandbox that plays Box: its Developer Console, its admin, and its public API."""


@main.command()
@click.option("--port", default=8099, show_default=True, help="0 means any free port.")
@click.option(
    "--console-token",
    envvar="BOX_SANDBOX_CONSOLE_TOKEN",
    show_envvar=True,
    required=True,
    help="Better in the environment.",
)
@ADMIN
@click.option("--auto-approve", type=float, metavar="SECONDS", help="Authorize apps so long after their submission.")
@click.option("--state", type=click.Path(path_type=Path), metavar="FILE", help="Keep the state in this SQLite file.")
@click.option("--taken-name", multiple=True, metavar="NAME", help="A name that somebody else in Box has.")
@click.option("--rate-limit", default=1000, show_default=True, help="Requests per minute and caller.")
@click.option("--reveal-issued-tokens", is_flag=True, help="Let tests read every token back. Box never does.")
def serve(
    port: int,
    console_token: str,
    admin_token: str,
    auto_approve: float | None,
    state: Path | None,
    taken_name: tuple[str, ...],
    rate_limit: int,
    reveal_issued_tokens: bool,
) -> None:
    """Serve until interrupted; prints the URL as soon as it answers."""
    config = SandboxConfig(
        console_token=console_token,
        admin_token=admin_token,
        auto_approve_seconds=auto_approve,
        taken_names=taken_name,
        requests_per_minute=rate_limit,
        reveal_issued_tokens=reveal_issued_tokens,
        state_file=state,
    )
    make_server(config, port, click.echo).run()


def _call(method: str, url: str, admin_token: str, json: Any = None) -> Any:
    headers = {"Authorization": f"Bearer {admin_token}"}
    try:
        response = httpx.request(method, url, headers=headers, json=json, timeout=10.0)
    except httpx.HTTPError as error:
        raise click.ClickException(f"The sandbox at {url} does not answer ({type(error).__name__})") from None
    try:
        body = response.json()
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise click.ClickException(f"What answers at {url} is no sandbox (status {response.status_code})")
    if response.is_error:
        raise click.ClickException(f"The sandbox refuses: {body.get('message')} ({response.status_code})")
    return body


def _apps(url: str, admin_token: str) -> list[Any]:
    entries, marker = [], ""
    while True:
        page = _call("GET", f"{url}/console/v1/apps?limit=1000{marker}", admin_token)
        entries += page["entries"]
        if not page["next_marker"]:
            return entries
        marker = f"&marker={page['next_marker']}"


def _decision(name: str, decision: str, text: str) -> None:
    @main.command(name, help=text)
    @click.argument("app")
    @URL
    @ADMIN
    def command(app: str, url: str, admin_token: str) -> None:
        found = [each for each in _apps(url, admin_token) if app in (each["id"], each["name"], each["client_id"])]
        if not found:
            raise click.ClickException(f"There is no app {app!r}; `box-sandbox list` shows all")
        path = f"{url}/console/v1/apps/{found[0]['id']}/authorization/decision"
        done = _call("POST", path, admin_token, {"decision": decision})
        enabled = "enabled" if done["authorization"]["enabled"] else "disabled"
        click.echo(f"{done['name']}: {done['authorization']['state']}, {enabled}")


_decision("approve", "authorize", "Authorize and enable APP (name, id or client id), as the Box admin would.")
_decision("decline", "decline", "Decline APP.")
_decision("enable", "enable", "Enable APP.")
_decision("disable", "disable", "Disable APP.")
_decision("require-reauthorization", "require_reauthorization", "Have APP authorized anew.")


@main.command("list")
@URL
@ADMIN
def list_command(url: str, admin_token: str) -> None:
    """List all apps; tokens by fingerprint."""
    rows = [("ID", "NAME", "CLIENT ID", "AUTHORIZATION", "PRIMARY", "SECONDARY", "CORS DOMAINS")]
    for app in _apps(url, admin_token):
        slots = (app["tokens"][slot] for slot in ("primary", "secondary"))
        shown = (slot["fingerprint"] if slot else "-" for slot in slots)
        state = app["authorization"]["state"]
        rows.append((app["id"], app["name"], app["client_id"], state, *shown, ",".join(app["cors_domains"]) or "-"))
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    for row in rows:
        click.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


if __name__ == "__main__":
    main(prog_name="box-sandbox")
