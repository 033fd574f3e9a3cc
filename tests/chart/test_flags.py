"""What the chart tells the operator is what the operator understands."""

import re
from typing import Any

import click
import helm_python
from click.testing import CliRunner
from tests.chart.rendering import NAMESPACE, VALUE_SETS, Rendered, render
from tests.chart.value_table import VALUES

from box_app_operator.cli import main
from box_app_operator.config import Settings, read_settings

NOT_A_SETTING = {
    *("--namespaces", "--kubeconfig", "--leader-elect", "--lease-name", "--lease-namespace", "--lease-duration"),
}
"""Flags that come from other values than ``settings``, or from none."""


def understood(rendered: Rendered) -> Settings:
    """The settings that the operator reads from the arguments, as ``box-app-operator run`` does."""
    command, *flags = rendered.container["args"]
    assert command == "run"
    context: click.Context = main.commands["run"].make_context("run", list(flags))
    return read_settings(context.params, {})


def flag_of(value: str) -> str:
    """The flag of a value: logFormat is --log-format."""
    return "--" + re.sub(r"([A-Z])", lambda match: f"-{match[1].lower()}", value)


def test_every_flag_exists_and_every_value_is_accepted(rendered: Rendered) -> None:
    """Read by the operator's own command line, not only looked up in its help."""
    settings = understood(rendered)

    assert settings.leader_elect
    assert settings.lease_namespace == NAMESPACE
    assert settings.health_port == rendered.container["ports"][0]["containerPort"]


def test_every_flag_has_a_value_of_its_name() -> None:
    """`box-app-operator run --help`, one to one."""
    offered = set(re.findall(r"^\s+(--[a-z-]+)", CliRunner().invoke(main, ["run", "--help"]).output, re.MULTILINE))

    assert {flag_of(name) for name in VALUES["settings"]} == offered - NOT_A_SETTING - {"--help"}


def test_every_value_arrives(chart: helm_python.Chart) -> None:
    """As it was chosen."""
    settings = understood(render(chart, VALUE_SETS["everything"]))

    unchanged = {name for name in Settings.__slots__ if getattr(settings, name) == getattr(Settings(), name)}
    assert unchanged == set()
    assert settings.namespaces == ("team-a", "team-b")
    assert settings.lease_name == "box"
    assert settings.lease_duration.total_seconds() == 90


def test_what_nobody_chose_is_left_to_the_operator(chart: helm_python.Chart) -> None:
    """Its own defaults, also those that come later."""
    told = {flag.partition("=")[0] for flag in render(chart, {}).container["args"][1:]}

    usual: dict[str, Any] = VALUES["settings"]
    chosen = {flag_of(name) for name, value in usual.items() if value}
    assert told == chosen | {"--leader-elect", "--lease-name", "--lease-namespace"}


def test_the_environment_is_free_of_what_reads_like_a_setting(rendered: Rendered) -> None:
    """Kubernetes sets variables for every Service of the namespace; BOX_APP_OPERATOR_METRICS_PORT is no setting."""
    for _, pod in rendered.pods():
        assert pod["enableServiceLinks"] is False
