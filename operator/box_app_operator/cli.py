"""The command line: parse, check, start."""

from __future__ import annotations

import os
import sys
from importlib.metadata import version

import click

from box_app_operator.config import PREFIX, SettingsError, read_settings

EXIT_MALFORMED = 2


@click.group()
@click.version_option(version("box-app-operator"))
def main() -> None:
    """Kubernetes operator for Box Custom Apps that authenticate with App Tokens."""


@main.command()
@click.option("--namespaces", metavar="A,B", help="Watch only these namespaces; when absent the whole cluster.")
@click.option("--kubeconfig", metavar="FILE", help="When absent $KUBECONFIG, ~/.kube/config or the pod's own account.")
@click.option("--log-format", metavar="json|plain", help="When absent json.")
@click.option("--log-level", metavar="LEVEL", help="DEBUG, INFO, WARNING or ERROR; when absent INFO.")
@click.option("--health-address", metavar="HOST:PORT", help="Of probes and metrics; when absent 0.0.0.0:8080.")
@click.option("--metrics-per-app", is_flag=True, flag_value="true", default=None, help="Also some series per app.")
@click.option("--leader-elect", is_flag=True, flag_value="true", default=None, help="Work only while holding a Lease.")
@click.option("--lease-name", metavar="NAME", help="When absent box-app-operator.")
@click.option("--lease-namespace", metavar="NAMESPACE", help="When absent that of the pod.")
@click.option("--lease-duration", metavar="DURATION", help="Before another replica takes over; when absent 9s.")
@click.option("--workers", metavar="N", help="How many apps are worked upon at once; when absent 32.")
@click.option("--box-timeout", metavar="DURATION", help="For one call to Box; when absent 30s.")
@click.option("--box-wait", metavar="DURATION", help="How long one look for changes may block; when absent 25s.")
@click.option("--outage-grace", metavar="DURATION", help="Before an outage of Box shows in Ready; when absent 5m.")
@click.option("--status-pause", metavar="DURATION", help="Between status writes of mere counts; when absent 30s.")
@click.option("--restart-window", metavar="DURATION", help="For apps that restart one workload; when absent 1m.")
@click.option("--rotation-pause", metavar="DURATION", help="Between two rotations of an app by date; when absent 10m.")
@click.option("--sweep-interval", metavar="DURATION", help="Between looks for deletions unheard of; when absent 10m.")
@click.option("--backoff-base", metavar="DURATION", help="First pause after a failure; when absent 1s.")
@click.option("--backoff-cap", metavar="DURATION", help="Longest pause after failures; when absent 5m.")
def run(**flags: str | None) -> None:
    """Run the operator until it is told to stop.

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
@click.option("--namespaces", metavar="A,B", default="", help="Look only here; when absent in the whole cluster.")
@click.option("--deployment", metavar="NAMESPACE/NAME", help="The operator's own, stopped before finalizers go.")
@click.option("--lease", metavar="NAMESPACE/NAME", help="The operator's own: only its BoxEnterprises are looked at.")
@click.option("--kubeconfig", metavar="FILE", help="As for run.")
def uninstall(policy: str, namespaces: str, deployment: str | None, lease: str | None, kubeconfig: str | None) -> None:
    """See to it that the operator can be uninstalled; the chart runs this before it goes.

    Objects with the operator's finalizer could never be deleted without it. Either they are told, and the exit code is
    1, or the finalizers are taken off. Nothing is changed in Box.
    """
    from box_app_operator.run import run_uninstall
    from box_app_operator.uninstall import Uninstall

    for flag, value in (("--deployment", deployment), ("--lease", lease)):
        if value is not None and value.count("/") != 1:
            raise click.BadParameter("write namespace/name", param_hint=flag)
    listed = tuple(each.strip() for each in namespaces.split(",") if each.strip())
    sys.exit(run_uninstall(Uninstall(policy != "refuse", listed, deployment, lease), kubeconfig, click.echo))
