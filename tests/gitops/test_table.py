"""The tables in docs/gitops.md say what the script and kstatus do."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

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


def _deleted(body: Any) -> bool:
    return "deletionTimestamp" in body["metadata"]


def _suspended(body: Any) -> bool:
    return bool(body["spec"].get("suspend"))


def _stale(body: Any) -> bool:
    return bool("status" in body and body["status"]["observedGeneration"] < body["metadata"]["generation"])


def _stalled(body: Any) -> bool:
    state = State("", body, "", "")
    return state.stalled not in ("", state.reason)


def _waits(body: Any) -> bool:
    return State("", body, "", "").waits_beside_ready


FIRST: dict[str, Callable[[Any], bool]] = {
    "has a `deletionTimestamp`": _deleted,
    "has `spec.suspend: true`": _suspended,
    "has `status.observedGeneration: -1`": lambda body: body["status"]["observedGeneration"] == -1,
    "has a status of an earlier generation": _stale,
    "is `Stalled` for another reason than that of `Ready`": _stalled,
    "is `Reconciling`, and `Ready` is True": _waits,
}
"""The first that applies."""


def test_what_comes_first_is_said_first() -> None:
    """Deletion, suspension, and a status that says nothing of this spec."""
    table, left = rows("the object"), STATES

    assert list(table) == [name.strip("`") for name in FIRST]
    for name, applies in FIRST.items():
        assert table[name.strip("`")] == found([state for state in left if applies(state.body)]), name
        left = [state for state in left if not applies(state.body)]
