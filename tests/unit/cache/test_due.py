"""Which object is looked at first when there are many."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from box_app_operator.api.spec import Resource
from box_app_operator.cache.due import due_first

NOW = datetime(2026, 6, 1, 12, tzinfo=UTC)
READY = [{"type": "Ready", "status": "True"}]


def settled(name: str, **tokens: Any) -> Any:
    """An object that has nothing to do before the dates of its tokens."""
    status = {"observedGeneration": 1, "conditions": READY, "tokens": tokens}
    return {"metadata": {"name": name, "generation": 1}, "spec": {}, "status": status}


def unsettled(name: str, **metadata: Any) -> Any:
    """An object of which nothing is known yet, or that changed."""
    return {"metadata": {"name": name, "generation": 1, **metadata}, "spec": {}}


def order(*bodies: Any) -> list[str]:
    """Their names, as they are looked at."""
    return [
        app.body["metadata"]["name"] for app in due_first([Resource(body, cast("Any", None)) for body in bodies], NOW)
    ]


def test_the_soonest_date_comes_first() -> None:
    """Overdue before new, new before what is due later, and what is never due last."""
    late = settled("late", nextRotationTime="2026-05-01T00:00:00Z")
    soon = settled("soon", nextRotationTime="2026-06-02T00:00:00Z")
    later = settled("later", nextRotationTime="2026-07-01T00:00:00Z")

    assert order(settled("never"), later, unsettled("new"), soon, late) == ["late", "new", "soon", "later", "never"]


def test_a_token_that_ends_counts_although_no_rotation_is_planned() -> None:
    """A person may have to generate the next one."""
    ends = settled("ends", active={"expiryTime": "2026-06-03T00:00:00Z"})

    assert order(settled("never"), ends) == ["ends", "never"]


@pytest.mark.parametrize(
    "change",
    [
        {"generation": 2},
        {"deletionTimestamp": "2026-06-01T00:00:00Z"},
        {"annotations": {"boxapps.dev/rotate-requested-at": "now"}},
        {"annotations": {"boxapps.dev/reconcile-requested-at": "now"}},
    ],
)
def test_what_was_asked_for_while_nobody_looked_is_due_now(change: dict[str, Any]) -> None:
    """An edit, a deletion, a request."""
    changed = settled("changed", nextRotationTime="2026-07-01T00:00:00Z")
    changed["metadata"] |= change

    assert order(settled("soon", nextRotationTime="2026-06-02T00:00:00Z"), changed) == ["changed", "soon"]


@pytest.mark.parametrize("status", [{"tokens": 5}, {"conditions": [{}]}, {"downscopedTokens": ["x"]}, [1]])
def test_a_status_that_makes_no_sense_is_looked_at_with_what_is_new(status: Any) -> None:
    """Somebody may have written anything there."""
    odd = {"metadata": {"name": "odd", "generation": 1}, "spec": {}, "status": status}

    assert order(settled("soon", nextRotationTime="2026-06-02T00:00:00Z"), odd) == ["odd", "soon"]
