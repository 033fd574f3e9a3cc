"""When a token is due, how long the previous one stays, and which spans are refused."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.unit.examples import APP_ID, ONE, look, ready_world, said
from tests.unit.pretend import CLIENT_ID, NOON, World, decide, published_secret
from tests.unit.strategies import DESIRED

from box_app_operator.api.spec import parse_desired
from box_app_operator.model.box import UID, Fingerprint, IssuedToken, Slot, UnlistedTokens
from box_app_operator.model.desired import Desired, Retire, Rotation
from box_app_operator.model.observed import Mode, PodView, SecretUse, UseKind
from box_app_operator.model.steps import MintToken, RevokeSlot, RevokeToken, Step
from box_app_operator.modes.automated.decide import AutomatedRules
from box_app_operator.tokens.active import Current, current_of
from box_app_operator.tokens.consumers import pods_on_previous
from box_app_operator.tokens.policy import check_tokens
from box_app_operator.tokens.retirement import check_retirement
from box_app_operator.tokens.rotation import next_rotation

DAY, HOUR = timedelta(days=1), timedelta(hours=1)
NEXT = IssuedToken(Fingerprint("a" * 16), NOON, NOON + 60 * DAY)
FOREVER = replace(ONE, expires_at=None)
MINT, REVOKE = MintToken(APP_ID, Slot.SECONDARY, 60), RevokeSlot(APP_ID, Slot.PRIMARY, ONE.fingerprint)


def current_for(desired: Desired, token: IssuedToken = ONE) -> Current:
    """A ready app with this token."""
    return current_at(ready_world(desired, primary=token), timedelta())


def rotated(new: IssuedToken = NEXT, **rotation: Any) -> World:
    """A world just after a rotation at noon: the new token in the Secret, the old one beside it."""
    world = ready_world(replace(DESIRED, rotation=Rotation(**rotation)))
    app = replace(world.app, tokens={Slot.PRIMARY: ONE, Slot.SECONDARY: new})
    secret = published_secret(world.desired, app, Slot.SECONDARY, world.observed)
    return look(world, app=app, secret=secret)


def current_at(world: World, after: timedelta) -> Current:
    """What the token of this world is so long after noon."""
    current = current_of(world.desired, world.observed, NOON + after)
    assert current is not None
    return current


def steps(world: World, after: timedelta) -> tuple[Step, ...]:
    """What is done so long after noon."""
    return decide(world, now=NOON + after).steps


@pytest.mark.parametrize(
    ("rotation", "token", "earliest", "latest"),
    [
        (Rotation(), ONE, 49 * DAY - DAY, 49 * DAY),
        (Rotation(renew_before=30 * DAY), ONE, 26 * DAY, 29 * DAY),
        (Rotation(renew_before=59 * DAY), ONE, -0.1 * DAY, 0 * DAY),
        (Rotation(every=10 * DAY), ONE, 8 * DAY, 9 * DAY),
        (Rotation(every=10 * DAY), FOREVER, 8 * DAY, 9 * DAY),
    ],
)
def test_a_rotation_is_due_by_age_or_before_expiry(
    rotation: Rotation, token: IssuedToken, earliest: timedelta, latest: timedelta
) -> None:
    """Whichever comes first, up to a tenth earlier; the token is a day old at noon."""
    moment = next_rotation(current_for(replace(DESIRED, rotation=rotation), token))

    assert moment is not None
    assert NOON + earliest <= moment <= NOON + latest


def test_a_token_that_never_expires_is_never_due() -> None:
    """Unless the spec says so."""
    assert next_rotation(current_for(DESIRED, FOREVER)) is None


def test_a_thousand_apps_that_were_made_together_do_not_rotate_together() -> None:
    """The tenth of ten days has 24 hours: in none of them more than twice its share."""
    moments = [next_rotation(current_for(replace(DESIRED, uid=UID(f"uid-{number}")))) for number in range(1000)]
    hours = [moment.replace(minute=0, second=0, microsecond=0) for moment in moments if moment]

    assert len(hours) == 1000
    assert max(hours.count(hour) for hour in set(hours)) < 2 * 1000 / 24


def test_the_jitter_is_always_the_same_for_one_object() -> None:
    """A restart moves nothing."""
    assert next_rotation(current_for(DESIRED)) == next_rotation(current_for(DESIRED))


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ({}, ()),
        ({"rotate_request": "now"}, (MINT,)),
        ({"token_days": 30}, (MintToken(APP_ID, Slot.SECONDARY, 30),)),
        ({"token_days": None}, (MintToken(APP_ID, Slot.SECONDARY, None),)),
        ({"rotation": Rotation(every=12 * HOUR)}, (MINT,)),
        ({"rotation": Rotation(renew_before=59.5 * DAY)}, (MINT,)),
        ({"rotate_request": "now", "suspended": True}, ()),
        ({"cors_domains": (), "generation": 7}, ()),
    ],
)
def test_what_makes_a_rotation_due(change: dict[str, Any], expected: tuple[Step, ...]) -> None:
    """A wish, another expiry, age, the coming end; nothing else."""
    world = ready_world()

    assert decide(replace(world, desired=replace(world.desired, **change))).steps == expected


def test_nothing_is_minted_in_a_namespace_that_ends() -> None:
    """It could not be published any more."""
    world = look(ready_world(replace(DESIRED, rotate_request="now")), namespace_is_terminating=True)

    assert decide(world).steps == ()
    assert check_tokens(world.desired, world.observed, NOON, timedelta(), AutomatedRules()).steps == ()


def test_the_previous_token_stays_for_the_overlap() -> None:
    """And goes when nothing uses it."""
    world = rotated(overlap=HOUR)

    assert steps(world, HOUR - timedelta(seconds=1)) == ()
    assert steps(world, HOUR) == (REVOKE,)
    assert decide(world).look_again_at == NOON + HOUR


@pytest.mark.parametrize(
    ("retire", "after", "expected"),
    [
        (Retire.WHEN_UNUSED, 2 * HOUR, ()),
        (Retire.WHEN_UNUSED, 2 * DAY, (REVOKE,)),
        (Retire.AFTER_OVERLAP, 2 * HOUR, (REVOKE,)),
    ],
)
def test_a_running_pod_keeps_the_previous_token_until_the_deadline(
    retire: Retire, after: timedelta, expected: tuple[Step, ...]
) -> None:
    """Unless the spec does not ask for pods."""
    world = look(rotated(overlap=HOUR, retire=retire, retire_deadline=2 * DAY), pods=(pod_since(NOON - DAY),))

    assert steps(world, after) == expected
    told = [notice.reason for notice in decide(world, now=NOON + after).notices]
    assert told == (["RetiredInUse"] if after == 2 * DAY else [])


def test_nobody_knows_which_pods_run() -> None:
    """Then the previous token stays until the deadline."""
    world = look(rotated(overlap=HOUR, retire_deadline=2 * DAY), pods=None)

    assert steps(world, DAY) == ()
    assert steps(world, 2 * DAY) == (REVOKE,)


def test_the_next_rotation_ends_the_wait_for_pods_but_not_the_overlap() -> None:
    """Two slots are enough (I4)."""
    world = look(rotated(overlap=HOUR), pods=(pod_since(NOON - DAY),))
    world = replace(world, desired=replace(world.desired, rotate_request="again"))

    assert steps(world, HOUR / 2) == ()
    waits = said(decide(world, now=NOON + HOUR / 2), "TokenReady").message
    assert "The next rotation is due. It waits until 2026-03-01T13:00:00Z" in waits
    assert steps(world, HOUR) == (REVOKE,)
    retired = check_retirement(current_at(world, HOUR), hurry=True)
    assert retired.over
    assert retired.notices == decide(world, now=NOON + HOUR).notices
    assert "the next rotation needs its slot" in retired.notices[0].message


def test_an_overlap_ends_before_the_active_token_does() -> None:
    """A dead token in the Secret hurts everybody; a short overlap only those who are late."""
    world = rotated(replace(NEXT, expires_at=NOON + HOUR), overlap=HOUR)

    assert steps(world, HOUR * 10 / 12) == ()
    assert steps(world, HOUR * 11 / 12) == (REVOKE,)


def rotated_for_an_hour(**rotation: Any) -> World:
    """The same where Box decides how long a token lives, and tokens take no slots."""
    world, new = rotated(**rotation), replace(NEXT, expires_at=NOON + HOUR)
    source = UnlistedTokens(CLIENT_ID, (ONE, new), follows_spec=False)
    before = ready_world(world.desired).observed
    secret = published_secret(world.desired, source, new, before)
    return look(world, app=None, unlisted=source, mode=Mode.CLIENT_CREDENTIALS, secret=secret)


def test_an_overlap_ends_before_the_next_rotation_is_due() -> None:
    """Half an hour later, which is no span that the spec could have been meant for."""
    world = rotated_for_an_hour(overlap=DAY)

    assert steps(world, HOUR / 4 - timedelta(seconds=1)) == ()
    assert steps(world, HOUR / 4) == (RevokeToken(ONE.fingerprint),)


def test_a_short_overlap_stays_as_short_as_it_is() -> None:
    """Also where the next rotation is near."""
    assert steps(rotated_for_an_hour(overlap=timedelta(0)), timedelta(0)) == (RevokeToken(ONE.fingerprint),)


def test_no_slot_is_spoken_of_where_tokens_take_none() -> None:
    """The next rotation waits all the same: no third token is obtained."""
    world = look(rotated_for_an_hour(overlap=HOUR), pods=(pod_since(NOON - DAY),))
    world = replace(world, desired=replace(world.desired, rotate_request="again"))

    waits = said(decide(world, now=NOON + HOUR / 8), "TokenReady").message
    notice = decide(world, now=NOON + HOUR / 4).notices[0].message

    assert "It waits until 2026-03-01T12:15:00Z, because at most two tokens live at a time." in waits
    assert "the next rotation is due, and at most two tokens live at a time" in notice


def test_a_lost_token_has_no_overlap() -> None:
    """No pod gets it from anywhere any more; those that run keep it all the same."""
    world = ready_world(replace(DESIRED, rotation=Rotation(overlap=HOUR)))
    world = look(world, secret=None)
    app = replace(world.app, tokens={Slot.PRIMARY: ONE, Slot.SECONDARY: NEXT})
    world = look(world, app=app, secret=published_secret(world.desired, app, Slot.SECONDARY, world.observed))

    assert steps(world, timedelta(0)) == (REVOKE,)
    assert steps(look(world, pods=(pod_since(NOON - DAY),)), timedelta(0)) == ()


def test_the_wait_is_told() -> None:
    """Until when, and for whom."""
    message = said(decide(rotated(overlap=HOUR)), "Ready").message

    assert "stays live until 2026-03-01T13:00:00Z" in message
    assert "while running pods may use it, at most until 2026-03-08T12:00:00Z" in message


def pod_since(moment: datetime, kind: UseKind = UseKind.FIXED, token: Fingerprint | None = None) -> PodView:
    """A pod that got at the Secret at this moment."""
    return PodView(UID("pod"), "web-1", token, (SecretUse(DESIRED.secret.name, kind, moment),))


@pytest.mark.parametrize(
    ("pod", "after", "counts"),
    [
        (pod_since(NOON - DAY), HOUR, True),
        (pod_since(NOON), HOUR, True),
        (pod_since(NOON + timedelta(seconds=1)), HOUR, False),
        (pod_since(NOON - DAY, token=NEXT.fingerprint), HOUR, False),
        (pod_since(NOON - DAY, token=ONE.fingerprint), HOUR, True),
        (pod_since(NOON - DAY, UseKind.MOUNTED), timedelta(seconds=119), True),
        (pod_since(NOON - DAY, UseKind.MOUNTED), timedelta(seconds=120), False),
    ],
)
def test_which_pods_may_hold_the_previous_token(pod: PodView, after: timedelta, counts: bool) -> None:
    """By the start of the container, by the age of a mount, by the mark of a restart."""
    world = look(rotated(overlap=timedelta()), pods=(pod,))

    assert pods_on_previous(current_at(world, after)) == ((pod.name,) if counts else ())
    assert steps(world, after) == (() if counts else (REVOKE,))


@pytest.mark.parametrize(
    ("tokens", "complaint"),
    [
        ({"rotation": {"every": "59s", "overlap": "0s"}}, "at least one minute"),
        ({"expiry": "30d", "rotation": {"renewBefore": "40d"}}, "shorter than a token's lifetime, 30d"),
        ({"rotation": {"overlap": "99999999999d"}}, "overlap must end"),
        ({"expiry": "Never", "rotation": {"retireDeadline": "99999999999d"}}, None),
    ],
)
def test_spans_that_leave_no_time_are_refused(tokens: dict[str, Any], complaint: str | None) -> None:
    """With a message that says what to write instead; also spans so long that the schema refuses them.

    ``tests/odd_input.py`` has the rest.
    """
    metadata = {"namespace": "n", "name": "a", "uid": "u", "creationTimestamp": "2026-01-01T00:00:00Z"}
    invalid = parse_desired({"metadata": metadata, "spec": {"displayName": "A", "tokens": tokens}}).invalid

    assert (invalid is None) if complaint is None else (complaint in (invalid or ""))
