"""The commands for people: the Box admin's, and those of a person in the Developer Console."""

from typing import Any

import click

from box_sandbox.admin.remote import Remote, remotely
from box_sandbox.state.model import ENTERPRISE, SLOTS

APP = click.argument("app")
SLOT = click.argument("slot", type=click.Choice(SLOTS))
EXPIRY = {"30": 30, "60": 60, "never": None}
ENTERPRISE_ID = click.option(
    "--enterprise", default=ENTERPRISE, show_default=True, metavar="ID", help="The enterprise that it belongs to."
)


def _tell(app: Any) -> None:
    enabled = "enabled" if app["authorization"]["enabled"] else "disabled"
    click.echo(f"{app['name']}: {app['authorization']['state']}, {enabled}")


def _decision(name: str, decision: str, text: str) -> click.Command:
    @click.command(name, help=text)
    @APP
    @remotely
    def command(box: Remote, app: str) -> None:
        _tell(box.call("POST", f"{box.path(app)}/authorization/decision", {"decision": decision}))

    return command


DECISIONS = (
    _decision("approve", "authorize", "Authorize and enable APP (name, id or client id), as the Box admin would."),
    _decision("decline", "decline", "Decline APP."),
    _decision("enable", "enable", "Enable APP."),
    _decision("disable", "disable", "Disable APP."),
    _decision("require-reauthorization", "require_reauthorization", "Have APP authorized anew."),
)


@click.command("list")
@remotely
def list_command(box: Remote) -> None:
    """List all apps; tokens by fingerprint."""
    head = ("ID", "NAME", "CLIENT ID", "AUTHORIZATION", "PRIMARY", "SECONDARY", "CORS DOMAINS", "KIND", "ENTERPRISE")
    rows = [head]
    for app in box.apps():
        primary, secondary = (app["tokens"][slot]["fingerprint"] if app["tokens"][slot] else "-" for slot in SLOTS)
        state, domains = app["authorization"]["state"], ",".join(app["cors_domains"]) or "-"
        kind = app["kind"].replace("_", "-")
        shown = (app["id"], app["name"], app["client_id"], state, primary, secondary, domains, kind)
        rows.append((*shown, app["enterprise_id"]))
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    for row in rows:
        click.echo("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


# The Developer Console


@click.command("create-app")
@click.argument("name")
@click.option("--client-credentials", is_flag=True, help="It authenticates with client id and secret, and has no keys.")
@click.option("--user-access", is_flag=True, help="With --client-credentials: it may act as any user.")
@ENTERPRISE_ID
@remotely
def create_app(box: Remote, name: str, client_credentials: bool, user_access: bool, enterprise: str) -> None:
    """Create the app NAME, as a person would in the Developer Console."""
    kind = "client_credentials" if client_credentials else "app_token"
    body = {"name": name, "kind": kind, "user_access": user_access, "enterprise_id": enterprise}
    app = box.call("POST", "/apps", body)
    click.echo(f"{app['name']}: id {app['id']}, client id {app['client_id']}")


@click.command()
@APP
@remotely
def submit(box: Remote, app: str) -> None:
    """Submit APP to the Box admin."""
    _tell(box.call("POST", f"{box.path(app)}/authorization"))


@click.command("generate-key")
@APP
@SLOT
@click.option("--expires", type=click.Choice(list(EXPIRY)), default="30", show_default=True, help="Days.")
@remotely
def generate_key(box: Remote, app: str, slot: str, expires: str) -> None:
    """Generate a key in a free slot of APP, and print it this once."""
    click.echo(box.call("POST", f"{box.path(app)}/tokens/{slot}", {"expires_in_days": EXPIRY[expires]})["token"])


@click.command("revoke-key")
@APP
@SLOT
@remotely
def revoke_key(box: Remote, app: str, slot: str) -> None:
    """Revoke the key in a slot of APP."""
    box.call("DELETE", f"{box.path(app)}/tokens/{slot}")
    click.echo(f"{app}: {slot} is revoked")


@click.command("set-cors")
@APP
@click.argument("domains")
@remotely
def set_cors(box: Remote, app: str, domains: str) -> None:
    """Replace the CORS domains of APP by DOMAINS, with commas between them; "" is none."""
    changed = box.call("PUT", f"{box.path(app)}/cors-domains", {"domains": domains})
    click.echo(f"{changed['name']}: {', '.join(changed['cors_domains']) or 'no CORS domains'}")


@click.command("client-secret")
@APP
@click.option("--new", is_flag=True, help="Make a new one, also for an App Token app, which has none in Box.")
@remotely
def client_secret(box: Remote, app: str, new: bool) -> None:
    """Print the client secret of APP; an App Token app has none."""
    click.echo(box.call("POST" if new else "GET", f"{box.path(app)}/client-secret")["client_secret"])


@click.command("developer-token")
@APP
@remotely
def developer_token(box: Remote, app: str) -> None:
    """Print a developer token of APP: it acts as a person, for an hour."""
    click.echo(box.call("POST", f"{box.path(app)}/developer-token")["token"])


@click.command("rename-app")
@APP
@click.argument("name")
@remotely
def rename_app(box: Remote, app: str, name: str) -> None:
    """Give APP another NAME."""
    renamed = box.call("PATCH", box.path(app), {"name": name})
    click.echo(f"{app}: is called {renamed['name']}")


@click.command("delete-app")
@APP
@remotely
def delete_app(box: Remote, app: str) -> None:
    """Delete APP, its tokens and its content."""
    box.call("DELETE", box.path(app))
    click.echo(f"{app}: is deleted")


@click.command("create-user")
@click.argument("login")
@click.option("--name", help="Default: the login.")
@ENTERPRISE_ID
@remotely
def create_user(box: Remote, login: str, name: str | None, enterprise: str) -> None:
    """Create a managed user with this LOGIN (an email address), and print the id."""
    body = {"login": login, "name": name or login, "enterprise_id": enterprise}
    click.echo(box.call("POST", "/users", body)["id"])


CONSOLE = (create_app, submit, generate_key, revoke_key, set_cors, client_secret, developer_token, rename_app)
COMMANDS = (*DECISIONS, list_command, *CONSOLE, delete_app, create_user)
