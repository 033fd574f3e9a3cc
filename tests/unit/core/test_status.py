"""Every status keeps its invariants, and a pass that found nothing new writes nothing."""

import copy
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.examples import CLAIMED, ONE, TWO, app_for, look, ready_world, standing
from tests.unit.pretend import CLIENT_ID, NOON, World, decide, decided, run_its_course
from tests.unit.status_invariants import check_status, violations
from tests.unit.strategies import previous_conditions, refusals_of, worlds, worlds_of_any_mode

from box_app_operator.api.remembered import parse_remembered
from box_app_operator.api.spec import RECONCILE_ANNOTATION
from box_app_operator.core.status import build_status
from box_app_operator.model.box import AuthorizationState
from box_app_operator.model.conditions import Condition, format_time, merge_conditions, parse_conditions
from box_app_operator.model.observed import Observed
from box_app_operator.model.secret import PREVIOUS, ROTATED_AT
from box_app_operator.model.steps import PublishSecret

Json = dict[str, Any]
EARLIER = NOON - timedelta(hours=1)
LATER = NOON + timedelta(hours=1)


def body_of(world: World, previous: dict[str, Condition] | None = None) -> Json:
    """The object as the API server has it, with the conditions of the last pass."""
    wish = world.desired
    status: Json = {}
    if previous:
        conditions = merge_conditions(previous.values(), (), wish.generation, EARLIER)
        status = {"observedGeneration": wish.generation, "conditions": conditions}
    annotations = {RECONCILE_ANNOTATION: wish.reconcile_request} if wish.reconcile_request else {}
    meta = {"name": wish.name, "namespace": wish.namespace, "uid": wish.uid, "generation": wish.generation}
    return {
        "metadata": {**meta, "annotations": annotations},
        "spec": {"displayName": wish.display_name, "clientID": wish.client_id},
        "status": status,
    }


def report(world: World, body: Json, refusals: Any = None, now: Any = NOON) -> Json | None:
    """The object after a pass that found this world; None when the pass had nothing to report."""
    plan = decide(world, parse_conditions(body["status"]), refusals, now)
    if not plan.complete:
        return None
    return {**body, "status": build_status(body, world.desired, world.observed, plan, now)}


def reported(world: World, body: Json | None = None) -> Json:
    """The object after a pass that has something to report; without a body nothing was reported before."""
    after = report(world, body or body_of(world))
    assert after is not None
    return after


@given(world=worlds_of_any_mode(), previous=previous_conditions())
def test_every_status_keeps_its_invariants(world: World, previous: dict[str, Condition]) -> None:
    """Whatever was wanted, observed and reported before, also when steps are left over."""
    before = body_of(world, previous)
    after = report(world, before)

    if after is not None:
        check_status(before, after)


@given(world=worlds(deleting=False, suspended=False), previous=previous_conditions(), data=st.data())
def test_a_status_keeps_its_invariants_after_a_fitting_refusal(
    world: World, previous: dict[str, Condition], data: st.DataObject
) -> None:
    """A refusal leaves a whole set of conditions that fit together; the words of errors are checked elsewhere."""
    steps = decide(world, previous).steps
    refusals = data.draw(refusals_of(data.draw(st.sampled_from(steps)))) if steps else {}
    before = body_of(world, previous)
    after = report(world, before, refusals)

    if after is not None:
        assert not [text for text in violations(before, after) if not text.startswith("6 ")]


@given(world=worlds(healthy=True), previous=previous_conditions())
def test_a_settled_pass_writes_nothing(world: World, previous: dict[str, Condition]) -> None:
    """At rest nothing is written: the second status equals the first, an hour later too."""
    end = run_its_course(world, previous).end
    first = report(end, body_of(end, previous))
    assert first is not None
    remembered = replace(end, observed=replace(end.observed, remembered=parse_remembered(first)))

    assert decide(remembered, parse_conditions(first["status"]), now=LATER).steps == ()
    assert report(remembered, first, now=LATER) == first


@given(world=worlds(suspended=True, deleting=False), previous=previous_conditions())
def test_suspending_twice_writes_once(world: World, previous: dict[str, Condition]) -> None:
    """Nothing is looked at, nothing is known, and that is said once."""
    first = report(world, body_of(world, previous))
    assert first is not None

    assert {condition["status"] for condition in conditions_of(first)} == {"Unknown"}
    assert report(world, first, now=LATER) == first


def test_a_status_holds_the_facts_of_box() -> None:
    """Ids, links, authorization, the active token by its fingerprint, and the time when it expires."""
    world = ready_world()
    after = reported(world)
    status = after["status"]

    assert status["appID"] == "4711"
    assert status["clientID"] == world.app.client_id
    assert status["consoleURL"].endswith("/app/4711")
    assert status["authorization"]["state"] == "Authorized"
    assert status["tokens"] == {
        "secretName": "viewer-box-token",
        "active": {
            "slot": "primary",
            "fingerprint": "1" * 16,
            "issuedTime": "2026-02-28T12:00:00Z",
            "expiryTime": "2026-04-29T12:00:00Z",
        },
        "nextRotationTime": "2026-04-18T13:59:11Z",
    }
    assert not [name for name, value in status.items() if value is None]


@pytest.mark.parametrize(
    ("state", "enabled", "shown", "verb"),
    [
        (AuthorizationState.NOT_SUBMITTED, False, "NotSubmitted", None),
        (AuthorizationState.PENDING, False, "Pending", "authorize"),
        (AuthorizationState.AUTHORIZED, True, "Authorized", None),
        (AuthorizationState.AUTHORIZED, False, "Disabled", "enable"),
        (AuthorizationState.DECLINED, False, "Declined", None),
        (AuthorizationState.REAUTHORIZATION_REQUIRED, False, "ReauthorizationRequired", None),
    ],
)
def test_the_next_step_is_the_admins_while_the_admin_is_waited_for(
    state: AuthorizationState, enabled: bool, shown: str, verb: str | None
) -> None:
    """nextSteps names the app, what to do with it, and where."""
    world = ready_world()
    app = decided(world.app, state, enabled=enabled)
    world = replace(world, observed=replace(world.observed, app=app))
    after = reported(world)

    assert after["status"]["authorization"]["state"] == shown
    tasks = after["status"].get("nextSteps", [])
    assert [verb in task["what"] and task["where"].startswith("https://") for task in tasks] == ([True] if verb else [])
    for task in tasks:
        assert (task["kind"], task["who"], task["since"]) == ("Authorize", "BoxAdmin", format_time(NOON))
        assert task["values"] == [{"name": "Client ID", "value": CLIENT_ID}]


def test_a_task_is_open_since_it_was_first_shown() -> None:
    """Whatever else changes in the status meanwhile."""
    world = standing(AuthorizationState.PENDING)
    first = report(world, body_of(world))
    assert first is not None

    later = build_status(first, world.desired, world.observed, decide(world), NOON + timedelta(days=3))

    assert later["nextSteps"] == first["status"]["nextSteps"]


@pytest.mark.parametrize("there", [True, False])
def test_the_status_forgets_an_app_that_is_gone_and_keeps_one_that_cannot_be_seen(there: bool) -> None:
    """Facts of Box follow Box, and stay while nothing is known."""
    world = ready_world()
    before = reported(world)
    away = replace(world, observed=Observed(known=there))
    plan = replace(decide(world), complete=True)

    status = build_status(before, away.desired, away.observed, plan, NOON)

    assert ("appID" in status, "tokens" in status) == (not there, not there)


def test_the_status_tells_nothing_of_an_app_that_another_object_claims() -> None:
    """Its ids and tokens are the other object's to show."""
    after = reported(CLAIMED)

    assert set(after["status"]) == {"observedGeneration", "conditions"}


def conditions_of(body: Json) -> list[Json]:
    """The conditions in an object's status."""
    return list(body["status"]["conditions"])


def _without_cors(body: Json) -> None:
    body["status"]["conditions"] = [each for each in conditions_of(body) if each["type"] != "CORSSynced"]


def _twice(body: Json) -> None:
    body["status"]["conditions"].append(conditions_of(body)[0])


def _ahead(body: Json) -> None:
    body["status"]["observedGeneration"] = 7


def _extra(type_: str, status: str) -> Callable[[Json], None]:
    def change(body: Json) -> None:
        body["status"]["conditions"].append({**conditions_of(body)[4], "type": type_, "status": status})

    return change


def _set(index: int, **fields: Any) -> Callable[[Json], None]:
    def change(body: Json) -> None:
        conditions_of(body)[index].update(fields)

    return change


def _token_in(body: Json) -> None:
    body["status"]["consoleURL"] = "https://app.box.com/?key=" + "aB3" * 10 + "xY"


@pytest.mark.parametrize(
    ("number", "spoil"),
    [
        (1, _without_cors),
        (1, _twice),
        (1, _extra("Happy", "True")),
        (2, _set(1, observedGeneration=0)),
        (2, _ahead),
        (3, _extra("Stalled", "False")),
        (4, _set(0, status="False", reason="NameTaken")),
        (5, _set(4, status="False", reason="BoxUnavailable")),
        (6, _set(1, reason="BecauseISaySo")),
        (6, _set(1, reason="Published")),
        (6, _set(4, reason="Registered")),
        (7, _set(2, lastTransitionTime=format_time(LATER))),
        (7, _set(2, lastTransitionTime=format_time(EARLIER), status="Unknown", reason="NotYetKnown")),
        (8, _token_in),
        (9, _set(3, message=" ")),
        (9, _set(3, message="This ends in the middle,")),
        (10, _set(4, status="False", reason="NameTaken")),
        (10, _set(4, message="Nobody else says so.")),
        (11, _set(1, status="False", reason="Disabled")),
    ],
)
def test_each_invariant_is_noticed_when_it_is_broken(number: int, spoil: Callable[[Json], None]) -> None:
    """A checker that never complains checks nothing; it never shows what looks like a token."""
    world = ready_world()
    before = reported(world)
    check_status(before, before)
    after = copy.deepcopy(before)
    spoil(after)

    with pytest.raises(AssertionError, match=rf"(?m)^{number} ") as caught:
        check_status(before, after)
    assert "aB3aB3" not in str(caught.value)


def test_a_token_that_was_active_is_remembered_for_as_long_as_box_has_it() -> None:
    """The Secret is lost: what it held is shown until another takes its place, or until it is revoked."""
    world = ready_world()
    before = reported(world)
    lost = look(world, secret=None, remembered=parse_remembered(before))

    after = reported(lost, before)
    assert after["status"]["tokens"].keys() == {"active"}
    assert after["status"]["tokens"]["active"]["fingerprint"] == ONE.fingerprint
    assert parse_remembered(after).fingerprints == {ONE.fingerprint}
    revoked = look(lost, app=app_for(), remembered=parse_remembered(after))
    gone = reported(revoked, after)
    assert "tokens" not in gone["status"]


def test_a_token_that_the_status_calls_active_is_noted_as_the_previous_one() -> None:
    """The operator was stopped between Secret and status, and the annotation that names it was removed by hand.

    Nothing else says that pods may hold it. While the app is disabled it is not revoked either.
    """
    world = ready_world(secondary=TWO)
    app = decided(world.app, AuthorizationState.AUTHORIZED, enabled=False)
    remembered = replace(world.observed.remembered, active=TWO.fingerprint)

    course = run_its_course(look(world, app=app, remembered=remembered))

    assert [type(step) for step in course.steps] == [PublishSecret]
    secret = course.end.secret
    assert secret.annotations[PREVIOUS] == TWO.fingerprint
    assert secret.annotations[ROTATED_AT] == NOON.isoformat()


def test_a_request_is_recorded_only_when_it_was_handled() -> None:
    """What is not recorded is acted upon later; taking the annotation off again is no news."""
    world = ready_world()
    asking = replace(world, desired=replace(world.desired, reconcile_request="now"))
    body, plan = body_of(asking), decide(asking)

    for handled, recorded in ((False, None), (True, "now")):
        status = build_status(body, asking.desired, asking.observed, plan, NOON, request_handled=handled)
        assert status.get("lastHandledReconcileAt") == recorded
    first = {**body, "metadata": {**body["metadata"], "annotations": {}}, "status": status}
    assert report(asking, first) == first
