"""Which apps hold a BoxEnterprise, by which finalizer, and what it says meanwhile."""

import re
from typing import Any

import pytest

from box_app_operator.enterprise.usage import (
    deleting_condition,
    finalizer_of,
    uses_enterprise,
    wanted_finalizers,
)
from box_app_operator.model.conditions import Condition

OWN, OTHER, FOREIGN = "boxapps.dev/finalizer", "boxapps.dev/ops.second", "example.com/other"
FORCED = {"annotations": {"boxapps.dev/force-delete": "true"}}
GONE = {"deletionTimestamp": "2026-03-01T11:59:00Z"}


def enterprise(*finalizers: str, **meta: Any) -> dict[str, Any]:
    """A BoxEnterprise."""
    return {"metadata": {"name": "acme", "finalizers": list(finalizers), **meta}}


@pytest.mark.parametrize("lease", ["ops/box-app-operator", f"{'n' * 63}/{'l' * 253}", f"{'n' * 49}-x/{'l' * 40}"])
def test_a_finalizer_is_a_name_that_kubernetes_takes(lease: str) -> None:
    """A qualified name of at most 63 characters behind the group; leases that differ have different ones."""
    group, _, name = finalizer_of(lease).partition("/")

    assert group == "boxapps.dev"
    assert len(name) <= 63
    assert re.fullmatch(r"[A-Za-z0-9]([-A-Za-z0-9_.]*[A-Za-z0-9])?", name)
    assert finalizer_of(lease) != finalizer_of(f"{lease}x")


def test_a_finalizer_names_its_installation() -> None:
    """Whoever reads the object sees which operator holds it; without a Lease it is that of apps."""
    assert finalizer_of("ops/box-app-operator") == "boxapps.dev/ops.box-app-operator"
    assert finalizer_of(None) == OWN


@pytest.mark.parametrize(
    ("present", "meta", "needed", "wanted"),
    [
        ([], {}, False, []),
        ([], {}, True, [OWN]),
        ([FOREIGN, OTHER], {}, True, [FOREIGN, OTHER, OWN]),
        ([OWN], {}, True, [OWN]),
        ([FOREIGN, OWN, OTHER], {}, False, [FOREIGN, OTHER]),
        ([OWN, FOREIGN], GONE, True, [OWN, FOREIGN]),
        ([OWN, FOREIGN], GONE, False, [FOREIGN]),
        ([FOREIGN], GONE, True, [FOREIGN]),
        ([OWN, FOREIGN, OTHER], {**GONE, **FORCED}, True, [FOREIGN]),
        ([OWN], FORCED, True, [OWN]),
    ],
)
def test_the_finalizer_is_there_while_it_is_needed(
    present: list[str], meta: dict[str, Any], needed: bool, wanted: list[str]
) -> None:
    """Others' stay where they are, those of other installations too, unless the deletion is forced."""
    assert wanted_finalizers(enterprise(*present, **meta), OWN, needed=needed) == wanted


@pytest.mark.parametrize(
    ("finalizers", "status", "allowed", "uses"),
    [
        ([], {}, True, False),
        ([OWN], {}, True, True),
        ([OWN], {}, False, False),
        ([OWN], {"appID": "4711"}, False, True),
        ([OWN], {"clientID": "72tkbh7pnscyifwoiflyva93d07h1a1z"}, False, True),
        ([FOREIGN], {"appID": "4711"}, True, False),
    ],
)
def test_an_app_counts_that_has_something_in_box(
    finalizers: list[str], status: dict[str, Any], allowed: bool, uses: bool
) -> None:
    """Its finalizer says so; in a namespace that may not use the enterprise that is not enough."""
    assert uses_enterprise({"metadata": {"finalizers": finalizers}, "status": status}, allowed=allowed) is uses


@pytest.mark.parametrize(
    ("count", "trouble", "words"),
    [
        (1, None, ["1 BoxCustomApp still uses it.", "kubectl annotate boxenterprise acme"]),
        (3, None, ["3 BoxCustomApps still use it."]),
        (3, Condition("Ready", "True", "Ready", "All is well."), ["3 BoxCustomApps still use it."]),
        (3, Condition("Ready", "False", "BoxUnavailable", "No answer."), ["3 BoxCustomApps", "deleted. No answer. To"]),
        (0, None, ["No BoxCustomApp uses it", "Other finalizers hold it: example.com/other"]),
    ],
)
def test_a_deleted_enterprise_says_who_is_waited_for(count: int, trouble: Condition | None, words: list[str]) -> None:
    """A number, what keeps Box from being asked, and the way out."""
    condition = deleting_condition("acme", count, [FOREIGN], trouble)

    assert (condition.type, condition.status, condition.reason) == ("Ready", "False", "Deleting")
    assert [word for word in words if word not in condition.message] == []
    assert "All is well" not in condition.message
