"""The tables in docs/gitops.md say what the script and kstatus do."""

import math
import re
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.gitops.argo import WORDS, health
from tests.gitops.corpus import APPS
from tests.gitops.enterprises import ENTERPRISES
from tests.gitops.kstatus import kstatus
from tests.gitops.record import State

TEXT = (Path(__file__).parents[2] / "docs" / "gitops.md").read_text()
STATES = [*APPS, *ENTERPRISES]
KSTATUS = ("Terminating", "InProgress", "Failed", "Current")


def rows(heading: str) -> dict[str, tuple[set[str], set[str]]]:
    """A table by its first column: the words of Argo CD and of kstatus in the next two."""
    (table,) = re.findall(rf"^\| {heading} \|.*\n\|[-|]+\n((?:\|.*\n)+)", TEXT, re.MULTILINE)
    cells = [[cell.strip() for cell in line.strip("|").split(" | ")] for line in table.splitlines()]
    return {row[0].strip("`"): (_words(row[1], WORDS), _words(row[2], KSTATUS)) for row in cells}


def _words(cell: str, known: tuple[str, ...]) -> set[str]:
    return {word for word in known if re.search(rf"\b{word}\b", cell)}


def found(states: list[State]) -> tuple[set[str], set[str]]:
    """What Argo CD and kstatus make of these."""
    assert states
    return {health(state.body).status for state in states}, {kstatus(state.body) for state in states}


@pytest.mark.parametrize(("kind", "states"), [("BoxCustomApp", APPS), ("BoxEnterprise", ENTERPRISES)])
def test_every_reason_has_its_row(kind: str, states: list[State]) -> None:
    """With each word that there is a state for, and no other."""
    table = rows(f"`Ready` of a {kind}")
    settled = [state for state in states if state.is_of_this_spec and state.stalled in ("", state.reason)]
    settled = [state for state in settled if not state.waits_beside_ready]

    for reason in {state.reason for state in settled} | table.keys():
        assert table.get(reason) == found([state for state in settled if state.reason == reason]), reason


FIRST: dict[str, Callable[[State], bool]] = {
    "has a `deletionTimestamp`": lambda state: "deletionTimestamp" in state.body["metadata"],
    "has `spec.suspend: true`": lambda state: bool(state.body["spec"].get("suspend")),
    "has `status.observedGeneration: -1`": lambda state: state.body["status"]["observedGeneration"] == -1,
    "has a status of an earlier generation": lambda state: _observed(state) < state.body["metadata"]["generation"],
    "is `Stalled` for another reason than that of `Ready`": lambda state: state.stalled not in ("", state.reason),
    "is `Reconciling`, and `Ready` is True": lambda state: state.waits_beside_ready,
}
"""The first that applies."""


def _observed(state: State) -> float:
    return state.body["status"]["observedGeneration"] if "status" in state.body else math.inf


def test_what_comes_first_is_said_first() -> None:
    """Deletion, suspension, and a status that says nothing of this spec."""
    table, left = rows("the object"), STATES

    assert list(table) == [name.strip("`") for name in FIRST]
    for name, applies in FIRST.items():
        assert table[name.strip("`")] == found([state for state in left if applies(state)]), name
        left = [state for state in left if not applies(state)]
