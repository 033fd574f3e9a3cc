"""The command line: parse, check, start."""

import os
import sys
from importlib.metadata import version
from typing import Any

import click

from box_app_operator.config import PREFIX, SETTINGS, Setting, SettingsError, flag_of, parse_namespaces, read_settings

EXIT_MALFORMED = 2


@click.group()
@click.version_option(version("box-app-operator"))
def main() -> None:
    """Kubernetes operator for Box Custom Apps that authenticate with App Tokens."""


def _option(name: str, setting: Setting) -> click.Option:
    """The flag of a setting; its value stays a text."""
    metavar = setting.kind.metavar
    shape: dict[str, Any] = {"metavar": metavar} if metavar else {"is_flag": True, "flag_value": "true"}
    return click.Option([flag_of(name)], help=setting.help, default=None, **shape)


@main.command(params=[_option(name, setting) for name, setting in SETTINGS.items()])
def run(**flags: str | None) -> None:
    """Run the operator until it gets SIGTERM or SIGINT.

    Every flag can be given in the environment too, as BOX_APP_OPERATOR_ and its name, for example
    BOX_APP_OPERATOR_LOG_FORMAT=plain. A flag wins.
    """
    try:
        settings = read_settings(flags, os.environ)
    except SettingsError as error:
        lines = "\n".join(f"  {problem}" for problem in error.problems)
        click.echo(f"The configuration cannot be used ({PREFIX}* and flags):\n{lines}", err=True)
        sys.exit(EXIT_MALFORMED)
    # Imported late: `--help` and a malformed configuration answer at once, without loading any client.
    from box_app_operator.run import run_operator

    sys.exit(run_operator(settings))


@main.command()
@click.option("--policy", type=click.Choice(["refuse", "release-finalizers"]), default="refuse", show_default=True)
@click.option(
    "--namespaces", metavar="A,B", default="", help="Look only in these namespaces. Default: the whole cluster."
)
@click.option(
    "--deployment",
    metavar="NAMESPACE/NAME",
    help="The operator's Deployment. It is scaled to 0 before finalizers are removed.",
)
@click.option(
    "--lease",
    metavar="NAMESPACE/NAME",
    help="The operator's Lease. Only BoxEnterprises that this operator uses are looked at.",
)
@click.option("--kubeconfig", metavar="FILE", help="As for the command run.")
def uninstall(policy: str, namespaces: str, deployment: str | None, lease: str | None, kubeconfig: str | None) -> None:
    """Check that the operator can be uninstalled. The chart runs this before an uninstall.

    Without the operator, objects that have its finalizer can never be deleted. With --policy=refuse they are listed,
    and the exit code is 1. With --policy=release-finalizers their finalizers are removed. Nothing changes in Box.
    """
    from box_app_operator.run import run_uninstall
    from box_app_operator.uninstall import Uninstall

    for flag, value in (("--deployment", deployment), ("--lease", lease)):
        if value is not None and value.count("/") != 1:
            raise click.BadParameter("write namespace/name", param_hint=flag)
    request = Uninstall(policy != "refuse", parse_namespaces(namespaces), deployment, lease)
    sys.exit(run_uninstall(request, kubeconfig, click.echo))
