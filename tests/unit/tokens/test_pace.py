"""Never a storm: how soon another token may follow, whatever the clocks say, and who takes tokens away."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.unit.examples import APP_ID, NO_TOKEN, ONE, TWO, app_for, look, ready_world, said
from tests.unit.pretend import NOON, World, decide, in_mode, published_secret
from tests.unit.strategies import DESIRED

from box_app_operator.core.status import build_status
from box_app_operator.model.box import Fingerprint, PendingToken, Slot
from box_app_operator.model.conditions import Condition, Reason
from box_app_operator.model.desired import ClientGrant, Rotation
from box_app_operator.model.observed import Mode, Pace, RememberedStatus
from box_app_operator.model.secret import PREVIOUS, PUBLISHED_AT, REPLACEMENTS
from box_app_operator.model.steps import MintToken, PublishSecret, RevokeSlot
from box_app_operator.tokens.active import current_of
from box_app_operator.tokens.rotation import Cause, Record, last_replacement, last_replacement_in_status, rotation_cause

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)
MINT = MintToken(APP_ID, Slot.SECONDARY, 60)
OLD = replace(ONE, created_at=NOON - timedelta(days=55), expires_at=NOON + timedelta(days=5))
"""Due by date."""


def rotated_at(moment: datetime, **wish: object) -> World:
    """A ready app whose token took the place of another at this moment, and is due by date."""
    world = look(ready_world(primary=OLD), pace=Pace(moment))
    return replace(world, desired=replace(world.desired, **wish))


def waiting(world: World, now: datetime = NOON) -> tuple[bool, str]:
    """Is nothing generated yet, and what is said?"""
    plan = decide(world, now=now)
    return MINT not in plan.steps, said(plan, "TokenReady").message


def test_a_date_rotates_once_in_ten_minutes() -> None:
    """The token stays as it is; message and Event say so, and the pass comes back in time."""
    world = rotated_at(NOON - 9 * MINUTE)
    plan = decide(world)

    assert plan.steps == ()
    assert said(plan, "Ready").status == "True"
    assert "due to be replaced by date. It waits until 2026-03-01T12:01:00Z" in said(plan, "Ready").message
    assert [(notice.reason, notice.warning) for notice in plan.notices] == [(Reason.ROTATION_LIMITED, True)]
    assert plan.look_again_at == NOON + MINUTE
    assert decide(world, now=NOON + MINUTE).steps == (MINT,)
    assert decide(world, now=NOON + MINUTE).notices == ()


@pytest.mark.parametrize("wish", [{"rotate_request": "again"}, {"token_days": 30}], ids=["request", "spec"])
def test_a_person_rotates_once_a_minute(wish: dict[str, object]) -> None:
    """Also where a date would have to wait. No Event: the person knows."""
    waits, words = waiting(rotated_at(NOON - MINUTE + SECOND, **wish))

    assert waits
    assert "It waits until 2026-03-01T12:00:01Z" in words
    assert decide(rotated_at(NOON - MINUTE + SECOND, **wish)).notices == ()
    assert decide(rotated_at(NOON - MINUTE, **wish)).steps == (
        replace(MINT, expires_in_days=wish.get("token_days", 60)),
    )


def test_the_first_token_keeps_nobody_waiting() -> None:
    """Neither it nor the one after it."""
    assert decide(look(NO_TOKEN, pace=Pace())).steps == (replace(MINT, slot=Slot.PRIMARY),)
    world = ready_world()
    assert decide(replace(world, desired=replace(world.desired, rotate_request="at once"))).steps == (MINT,)


def test_nextRotationTime_says_when_it_really_comes() -> None:  # noqa: N802 - the name of the field
    """Not the date that has passed."""
    world = rotated_at(NOON - 9 * MINUTE)
    body = {"metadata": {"generation": 1}, "status": {}}

    status = build_status(body, world.desired, world.observed, decide(world), NOON)

    assert status["tokens"]["nextRotationTime"] == "2026-03-01T12:01:00Z"


def lost(replacements: int, passed: timedelta) -> World:
    """The Secret is gone; so many were replaced in a row before it, the last one so long ago."""
    return look(ready_world(), secret=None, pace=Pace(NOON - passed, replacements))


@pytest.mark.parametrize(
    ("replacements", "passed", "waits"),
    [
        (0, SECOND, False),
        (2, SECOND, False),
        (3, SECOND, True),
        (3, 10 * MINUTE - SECOND, True),
        (3, 10 * MINUTE, False),
    ],
)
def test_three_lost_tokens_are_replaced_at_once(replacements: int, passed: timedelta, waits: bool) -> None:
    """And from then on one in ten minutes, which the condition says."""
    plan = decide(lost(replacements, passed))

    assert (MINT not in plan.steps) == waits
    if waits:
        condition = said(plan, "TokenReady")
        assert (condition.status, condition.reason) == ("False", Reason.ROTATION_LIMITED)
        assert (NOON - passed + 10 * MINUTE).strftime("generated at %Y-%m-%dT%H:%M:%SZ") in condition.message
        assert plan.look_again_at == NOON - passed + 10 * MINUTE
        assert said(plan, "Reconciling").reason == Reason.ROTATION_LIMITED


def test_what_was_generated_is_published_all_the_same() -> None:
    """Also what a person hands over: it is there, and nobody is helped by waiting."""
    world = lost(3, SECOND)
    pending = PendingToken(ONE.fingerprint, proven=True)

    assert decide(look(world, pending=pending)).steps == (PublishSecret(ONE.fingerprint),)


@pytest.mark.parametrize(
    ("before", "passed", "is_lost", "after"),
    [
        (0, MINUTE, True, 1),
        (2, MINUTE, True, 3),
        (3, 11 * MINUTE, True, 3),
        (3, 30 * MINUTE, True, 1),
        (2, MINUTE, False, 2),
        (2, 30 * MINUTE, False, 0),
    ],
)
def test_lost_tokens_are_counted_in_the_secret(before: int, passed: timedelta, is_lost: bool, after: int) -> None:
    """Half an hour without a new token, and they count from the beginning."""
    assert Pace(NOON - passed, before).replacements_after(NOON, lost=is_lost) == after
    world = look(ready_world(), pace=Pace(NOON - passed, before))
    app = app_for(tokens={Slot.PRIMARY: ONE, Slot.SECONDARY: TWO})
    seen = replace(world.observed, secret=None if is_lost else world.secret)

    written = published_secret(world.desired, app, Slot.SECONDARY, seen).annotations

    assert written.get(REPLACEMENTS) == (str(after) if after else None)
    assert last_replacement((published_secret(world.desired, app, Slot.SECONDARY, seen),), NOON) == Record(
        TWO.fingerprint, NOON, after
    )


def test_the_first_token_is_no_replacement() -> None:
    """It took nobody's place."""
    first = published_secret(DESIRED, app_for(tokens={Slot.PRIMARY: ONE}), Slot.PRIMARY)

    assert last_replacement((first,), NOON) is None


def test_a_lost_token_counts_although_the_status_forgot_it() -> None:
    """With the client credentials gone no status tells of the token, and then somebody edited the Secret."""
    world = ready_world()
    secret = world.secret
    edited = replace(secret, fingerprints={"BOX_APP_TOKEN": Fingerprint("nonsense")})
    seen = replace(world.observed, secret=edited, remembered=RememberedStatus(), pace=Pace(NOON - MINUTE, 1))
    app = app_for(tokens={Slot.SECONDARY: TWO})

    written = published_secret(world.desired, app, Slot.SECONDARY, seen)

    assert last_replacement((written,), NOON) == Record(TWO.fingerprint, NOON, 2)
    assert PREVIOUS not in written.annotations, "what an annotation alone tells is nobody's to revoke"


def test_of_two_secrets_the_younger_token_counts() -> None:
    """Whatever their names are."""
    secret = ready_world().secret
    old, new = (
        replace(secret, name=name, annotations={**secret.annotations, PREVIOUS: "p", PUBLISHED_AT: moment.isoformat()})
        for name, moment in (("wanted", NOON - MINUTE), ("former", NOON))
    )

    assert last_replacement((old, new), NOON) == Record(ONE.fingerprint, NOON)


def test_a_token_from_the_future_is_not_the_youngest() -> None:
    """A clock that was ahead wrote the date: the count that was recorded since is the one that holds."""
    secret = ready_world().secret
    notes = {**secret.annotations, PREVIOUS: "p"}
    ahead = replace(secret, annotations={**notes, PUBLISHED_AT: (NOON + timedelta(days=70)).isoformat()})
    now = replace(secret, annotations={**notes, PUBLISHED_AT: NOON.isoformat(), REPLACEMENTS: "3"})

    assert last_replacement((ahead, now), NOON) == Record(ONE.fingerprint, NOON, 3)
    assert last_replacement((ahead,), NOON) == Record(ONE.fingerprint, NOON + timedelta(days=70))


def test_with_the_secret_gone_the_status_says_that_the_limit_was_reached() -> None:
    """And nothing else: how many were lost before that, it does not know."""
    limited = {"TokenReady": Condition("TokenReady", "False", Reason.ROTATION_LIMITED)}
    awaiting = {"TokenReady": Condition("TokenReady", "False", Reason.AWAITING_TOKEN)}
    issued_at = NOON - 3 * MINUTE

    shown = RememberedStatus(active=ONE.fingerprint, dates={ONE.fingerprint: (issued_at, None)})

    assert last_replacement_in_status(limited, shown, NOON) == Record(ONE.fingerprint, issued_at, 3)
    assert last_replacement_in_status(limited, RememberedStatus(), NOON) == Record(None, NOON, 3)
    assert last_replacement_in_status(awaiting, shown, NOON) is None
    assert last_replacement_in_status({}, RememberedStatus(), NOON) is None


@pytest.mark.parametrize(("ahead", "cause"), [(timedelta(hours=5), Cause.DATE), (30 * SECOND, None)])
def test_an_access_token_from_the_future_is_replaced(ahead: timedelta, cause: Cause | None) -> None:
    """It was dated by a clock that was ahead, and is over long before it seems to be."""
    granted = replace(DESIRED, grant=ClientGrant("creds", "enterprise", "1"))
    token = replace(ONE, created_at=NOON + ahead, expires_at=NOON + ahead + 70 * MINUTE)
    world = in_mode(ready_world(granted, primary=token), Mode.CLIENT_CREDENTIALS)
    current = current_of(granted, world.observed, NOON)
    assert current is not None

    assert rotation_cause(current) == cause


def test_a_token_that_is_due_still_lets_the_previous_one_go() -> None:
    """Its overlap is over; the next rotation does not need its slot yet."""
    world = rotated_at(NOON - MINUTE, rotation=Rotation(overlap=timedelta()))
    app = replace(world.app, tokens={Slot.PRIMARY: OLD, Slot.SECONDARY: TWO})
    remembered = RememberedStatus(APP_ID, None, OLD.fingerprint, TWO.fingerprint)
    world = look(world, app=app, remembered=remembered)
    world = look(world, secret=published_secret(world.desired, app, Slot.PRIMARY, world.observed))

    assert decide(world).steps == (RevokeSlot(APP_ID, Slot.SECONDARY, TWO.fingerprint),)
