"""The last lines of a run: which control planes it was on, what was walked, and which rights nothing needs."""

import os
import shutil
from collections import Counter
from typing import Any

import pytest
from tests.planes import PLANES, ran, used, wanted
from tests.rights import unused
from tests.walk.report import summary, walks


def pytest_configure(config: pytest.Config) -> None:
    """Declare the suite's own marks."""
    config.addinivalue_line("markers", "also_on(*planes): planes that can differ for this test; see tests/planes.py")


LONG_FIRST = (
    *("walk/test_enterprise", "walk/test_automated", "walk/test_client_credentials", "machine/test_machine"),
    *("node/", "e2e/test_kill", "e2e/test_leader", "e2e/test_no_downtime", "e2e/test_scale", "e2e/test_assisted_scale"),
    *("e2e/test_chart_server_side", "image/test_built_image", "machine/test_mutations"),
    *("unit/core/test_plan_properties", "unit/core/test_status", "unit/api/test_remembered"),
    *("e2e/test_demo", "monitoring/", "gitops/test_kstatus", "sandbox/box_sandbox/admin/test_command_line", "e2e/"),
)
"""Modules that take a minute or more, however few their tests are. What begins last should not take long."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long, so that in the end no worker waits for another; the order in a module stays."""
    counts = Counter(item.path for item in items)

    def order(item: pytest.Item) -> tuple[int, int, str]:
        path = item.path.as_posix()
        rank = next((rank for rank, part in enumerate(LONG_FIRST) if f"/tests/{part}" in path), len(LONG_FIRST))
        return rank, -counts[item.path], path

    items.sort(key=order)


WHOLE_SUITE = ({"tests"}, {"tests/e2e"}, {"tests/e2e/"})


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker hands over what became of its control planes; whoever has all of it fails a run with unused rights."""
    output = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["ran"] = ran
        output["walks"] = walks
        output["used"] = {plane: [list(right) for right in rights] for plane, rights in used.items()}
    elif _unused(session.config) and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """Take over from a worker."""
    output = getattr(node, "workeroutput", {})
    ran.update(output.get("ran", {}))
    walks.update(output.get("walks", {}))
    for plane, rights in output.get("used", {}).items():
        used[plane] |= {tuple(right) for right in rights}


def _unused(config: pytest.Config) -> list[str]:
    """Rights that the operator has and the suite never saw it use; only a run of the whole suite can tell."""
    whole = set(config.args) in WHOLE_SUITE and not config.option.keyword and not config.option.markexpr
    return [line for plane in used for line in unused(plane, used[plane])] if whole else []


def pytest_terminal_summary(terminalreporter: Any, config: pytest.Config) -> None:
    """Say which control planes ran, why one did not, and what is granted in vain."""
    terminalreporter.section("control planes")
    for plane in PLANES:
        reason = "no test needed it" if plane in wanted() else "CLUSTER asks for another one"
        terminalreporter.write_line(f"{plane}: {ran.get(plane, f'did not run: {reason}')}")
    if shutil.which("kubectl") is None:
        terminalreporter.write_line("kubectl: not on PATH, so that what it shows was not tested")
    if walks:
        terminalreporter.section("walks over the schema")
        terminalreporter.write_line("\n".join(summary(whole=os.environ.get("HYPOTHESIS_PROFILE") == "long")))
    lines = _unused(config)
    if lines:
        terminalreporter.section("FAILED: rights that are granted and were never used")
        terminalreporter.write_line("\n".join(lines))
