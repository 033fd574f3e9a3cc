"""``box-sandbox serve``, and the commands for whoever plays the admin or the developer beside it."""

import secrets
from pathlib import Path

import click

from box_sandbox.admin.commands import COMMANDS
from box_sandbox.admin.remote import ADMIN
from box_sandbox.config import ACCESS_TOKEN_SECONDS, SandboxConfig
from box_sandbox.server import make_server


@click.group()
def main() -> None:
    """A sandbox that plays Box: its Developer Console, its admin, and its public API."""


for command in COMMANDS:
    main.add_command(command)


def _unless_no_console(context: click.Context, option: click.Parameter, value: str | None) -> str:
    if not value and not context.params.get("no_console"):
        raise click.MissingParameter(ctx=context, param=option)
    # An empty token must not open the sandbox.
    return value or secrets.token_urlsafe()


@main.command()
@click.option("--host", default="127.0.0.1", show_default=True, metavar="ADDRESS", help="The address to listen on.")
@click.option("--port", default=8099, show_default=True, help="0 means any free port.")
@click.option(
    "--console-token",
    envvar="BOX_SANDBOX_CONSOLE_TOKEN",
    show_envvar=True,
    callback=_unless_no_console,
    help="Required without --no-console. Prefer the environment variable.",
)
@ADMIN
@click.option(
    "--no-console",
    is_flag=True,
    is_eager=True,
    help="Serve no Console API, like the real Box: people perform its steps.",
)
@click.option("--auto-approve", type=float, metavar="SECONDS", help="Authorize apps this long after their submission.")
@click.option("--state", type=click.Path(path_type=Path), metavar="FILE", help="Keep the state in this SQLite file.")
@click.option("--taken-name", multiple=True, metavar="NAME", help="A name that another enterprise's app has.")
@click.option("--rate-limit", default=1000, show_default=True, help="Requests per minute and caller.")
@click.option(
    "--access-token-seconds",
    type=click.IntRange(min=1),
    default=ACCESS_TOKEN_SECONDS,
    show_default=True,
    help="How long downscoped tokens and those for client credentials live.",
)
@click.option(
    "--clock-offset",
    type=float,
    default=0.0,
    show_default=True,
    metavar="SECONDS",
    help="How far Box's clock is ahead; negative: behind.",
)
@click.option(
    "--app-tokens-without-users-me",
    is_flag=True,
    help="App Tokens get 403 from GET /2.0/users/me. Box does not say whether they may call it.",
)
@click.option("--reveal-issued-tokens", is_flag=True, help="Let tests read every token back, which Box never does.")
def serve(
    host: str,
    port: int,
    console_token: str,
    admin_token: str,
    no_console: bool,
    auto_approve: float | None,
    state: Path | None,
    taken_name: tuple[str, ...],
    rate_limit: int,
    access_token_seconds: int,
    clock_offset: float,
    app_tokens_without_users_me: bool,
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
        console_enabled=not no_console,
        access_token_seconds=access_token_seconds,
        clock_offset_seconds=clock_offset,
        app_tokens_without_users_me=app_tokens_without_users_me,
    )
    make_server(config, host, port, click.echo).run()


if __name__ == "__main__":
    main(prog_name="box-sandbox")
