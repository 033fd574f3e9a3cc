"""What is counted when ``/metrics`` is read."""

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from box_app_operator.cache.cluster import Store
from box_app_operator.model.conditions import format_time
from box_app_operator.observability.gauges import SLACK_SECONDS, Gauges
from box_app_operator.observability.metrics import PREFIX

NOON = datetime(2026, 11, 2, 12, tzinfo=UTC)
DAY = timedelta(days=1)


def app(name: str, *, suspend: bool = False, deleting: bool = False, **status: Any) -> dict[str, Any]:
    """A BoxCustomApp with this status."""
    meta: dict[str, Any] = {"namespace": "team", "name": name, "uid": f"uid-{name}", "resourceVersion": "1"}
    meta["creationTimestamp"] = format_time(NOON)
    meta |= {"deletionTimestamp": format_time(NOON)} if deleting else {}
    return {"metadata": meta, "spec": {"suspend": suspend}, "status": status}


def tokens(expires: timedelta | None, rotates: timedelta | None = None) -> dict[str, Any]:
    """``status.tokens`` of an active token that expires, and is to be rotated, so long after noon."""
    active = {"slot": "primary"} | ({"expiryTime": format_time(NOON + expires)} if expires is not None else {})
    return {"active": active} | ({"nextRotationTime": format_time(NOON + rotates)} if rotates is not None else {})


def ready(status: str = "True", reason: str = "Ready") -> list[dict[str, str]]:
    """``status.conditions`` with ``Ready`` alone."""
    return [{"type": "Ready", "status": status, "reason": reason}]


def exported(*apps: dict[str, Any], per_app: bool = False, links: tuple[Any, ...] = ()) -> dict[tuple[str, ...], float]:
    """Every sample by its name without the prefix and the values of its labels."""
    store = Store()
    for body in apps:
        store.put_app(body)
    clock: Any = SimpleNamespace(now=lambda: NOON)
    gauges = Gauges(store.apps, lambda: links, clock, sweep_age=lambda: 7.0, queue_length=lambda: 3, per_app=per_app)
    return {
        (sample.name.removeprefix(f"{PREFIX}_"), *sample.labels.values()): sample.value
        for family in gauges.collect()
        for sample in family.samples
    }


def test_apps_are_counted_by_condition() -> None:
    """An app that shows nothing yet is counted, too."""
    found = exported(
        app("one", conditions=ready()),
        app("two", conditions=ready()),
        app("new"),
        app("off", conditions=ready("False", "Declined")),
    )

    assert found["apps", "Ready", "True", "Ready"] == 2
    assert found["apps", "Ready", "False", "Declined"] == 1
    assert found["apps", "Ready", "Unknown", "NotYetKnown"] == 1


def test_the_soonest_expiry_tells_who_is_late() -> None:
    """Tokens whose rotation is due stand apart from those whose time has not come."""
    found = exported(
        app("fine", tokens=tokens(50 * DAY, 40 * DAY)),
        app("finer", tokens=tokens(55 * DAY, 45 * DAY)),
        app("late", tokens=tokens(2 * DAY, -8 * DAY)),
        app("forever", tokens=tokens(None)),
    )

    assert found["token_soonest_expiry_seconds", "scheduled"] == (50 * DAY).total_seconds()
    assert found["token_soonest_expiry_seconds", "overdue"] == (2 * DAY).total_seconds()
    assert found["token_rotation_overdue_seconds",] == (8 * DAY).total_seconds()


@pytest.mark.parametrize(
    "body",
    [
        app("suspended", suspend=True, tokens=tokens(2 * DAY, -8 * DAY)),
        app("deleted", deleting=True, tokens=tokens(2 * DAY, -8 * DAY)),
        app("on-its-way", tokens=tokens(9 * DAY, timedelta(seconds=-SLACK_SECONDS))),
        app("malformed", tokens={"active": {"expiryTime": "soon"}, "nextRotationTime": "later"}),
        app("new"),
    ],
    ids=lambda body: body["metadata"]["name"],
)
def test_nobody_is_late_whom_nobody_rotates(body: dict[str, Any]) -> None:
    """Suspended, deleted, due just now, or without a time that can be read."""
    found = exported(body)

    assert found["token_rotation_overdue_seconds",] == 0
    assert ("token_soonest_expiry_seconds", "overdue") not in found


def test_expiries_are_a_histogram() -> None:
    """Each token counts in every bucket above what is left of it; one that is over counts in the first."""
    found = exported(*(app(f"app-{days}", tokens=tokens(days * DAY)) for days in (-1, 2, 20, 59)))

    assert found["token_expiry_seconds_bucket", "0.0"] == 1
    assert found["token_expiry_seconds_bucket", str(3 * 86400.0)] == 2
    assert found["token_expiry_seconds_bucket", "+Inf"] == 4
    assert found["token_expiry_seconds_gsum",] == 80 * 86400


def test_the_oldest_wait_for_an_admin_is_told() -> None:
    """Of apps that are pending now; one that was authorized waits no more."""
    pending = {"state": "Pending", "submittedTime": format_time(NOON - 3 * DAY)}
    decided = {"state": "Authorized", "submittedTime": format_time(NOON - 9 * DAY)}

    found = exported(app("waits", authorization=pending), app("works", authorization=decided))

    assert found["authorization_pending_oldest_seconds",] == (3 * DAY).total_seconds()
    assert exported()["authorization_pending_oldest_seconds",] == 0


def test_a_wait_whose_beginning_box_does_not_tell_counts_from_when_it_was_seen() -> None:
    """Client credentials have no time of submission; and who is suspended or deleted waits for nobody."""
    condition = {"type": "Authorized", "status": "False", "reason": "PendingApproval"}
    status = {
        "authorization": {"state": "Pending"},
        "conditions": [{**condition, "lastTransitionTime": format_time(NOON - DAY)}],
    }

    assert exported(app("waits", **status))["authorization_pending_oldest_seconds",] == DAY.total_seconds()
    left_alone = app("suspended", suspend=True, **status), app("deleted", deleting=True, **status)
    assert exported(*left_alone)["authorization_pending_oldest_seconds",] == 0


def test_enterprises_show_how_they_are() -> None:
    """Without a console there is no listing, and so no age of it."""
    heard = SimpleNamespace(name="acme", is_ready=True, heard_at=NOON - timedelta(seconds=9))
    silent = SimpleNamespace(name="corp", is_ready=False, heard_at=None)

    found = exported(links=(heard, silent))

    assert (found["enterprise_ready", "acme"], found["enterprise_ready", "corp"]) == (1, 0)
    assert found["listing_age_seconds", "acme"] == 9
    assert ("listing_age_seconds", "corp") not in found


def test_single_apps_are_told_of_only_when_asked_for() -> None:
    """Nothing has the name of an app without the flag."""
    body = app("viewer", conditions=ready(), tokens=tokens(3 * DAY))

    assert not [key for key in exported(body) if "viewer" in key]
    found = exported(body, per_app=True)
    assert found["app_condition", "team", "viewer", "Ready", "True", "Ready"] == 1
    assert found["app_token_expiry_seconds", "team", "viewer"] == (3 * DAY).total_seconds()
