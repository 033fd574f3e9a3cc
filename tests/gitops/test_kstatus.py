"""What kstatus makes of each state, and so Flux where nothing else is said."""

import copy
from collections.abc import Callable, Iterator

import pytest
from tests.gitops.conftest import Original
from tests.gitops.corpus import APPS
from tests.gitops.enterprises import ENTERPRISES
from tests.gitops.kstatus import kstatus
from tests.gitops.record import Json, State

STATES = [*APPS, *ENTERPRISES]


@pytest.mark.parametrize("state", STATES, ids=lambda state: state.name)
def test_kstatus_says_what_it_should(state: State) -> None:
    """Waiting is InProgress, Stalled is Failed, Ready is Current."""
    assert kstatus(state.body) == state.kstatus


def test_kstatus_and_argo_cd_agree_as_far_as_they_can() -> None:
    """Degraded is Failed and Healthy is Current, and nothing else is."""
    words = {(state.argo, state.kstatus) for state in STATES}

    assert {pair for pair in words if "Degraded" in pair or "Failed" in pair} == {("Degraded", "Failed")}
    assert {pair for pair in words if "Healthy" in pair or "Current" in pair} == {("Healthy", "Current")}


def _without(*path: str) -> Callable[[Json], None]:
    def change(body: Json) -> None:
        node = body
        for name in path[:-1]:
            node = node.get(name, {})
        node.pop(path[-1], None)

    return change


def _all(**fields: str) -> Callable[[Json], None]:
    def change(body: Json) -> None:
        for condition in body.get("status", {}).get("conditions", ()):
            condition.update(fields)

    return change


def _reverse(body: Json) -> None:
    body.get("status", {}).get("conditions", []).reverse()


def _both(body: Json) -> None:
    extra = [{"type": type_, "status": "True", "reason": "R", "message": "M."} for type_ in ("Stalled", "Reconciling")]
    body.setdefault("status", {}).setdefault("conditions", []).extend(extra)


SPOILT = (
    _without("status"),
    _without("status", "observedGeneration"),
    _without("status", "conditions"),
    _without("metadata", "generation"),
    _without("metadata", "deletionTimestamp"),
    _all(status="True"),
    _all(status="False"),
    _all(status="Unknown"),
    _all(type="Ready"),
    _reverse,
    _both,
)


def variations() -> Iterator[Json]:
    """Every state as it is, and with each thing spoilt that kstatus looks at."""
    for state in STATES:
        yield state.body
        for spoil in SPOILT:
            body = copy.deepcopy(state.body)
            spoil(body)
            yield body


def test_the_rules_are_those_of_the_original(original: Original) -> None:
    """kstatus itself, built from sigs.k8s.io/cli-utils, gives the same answers to hundreds of objects."""
    bodies = list(variations())

    answers = original(bodies)

    wrong = [
        (body, answer, kstatus(body))
        for body, answer in zip(bodies, answers, strict=True)
        if answer["status"] != kstatus(body)
    ]
    assert wrong == []


def test_the_original_shows_what_the_operator_says(original: Original) -> None:
    """Whoever waits with Flux reads the words of the operator: why it goes on, or why it does not."""
    waiting = [state for state in STATES if state.is_of_this_spec and state.kstatus in ("InProgress", "Failed")]

    answers = original([state.body for state in waiting])

    for state, answer in zip(waiting, answers, strict=True):
        said = {each["type"]: each["message"] for each in state.body["status"]["conditions"]}
        assert answer["message"] == said.get("Stalled", said["Ready"]), state.name
