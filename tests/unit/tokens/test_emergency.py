"""All tokens that were issued before a moment end now, whatever overlap and pods say, and another one comes first."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.examples import ONE, TWO, look, ready_world, said
from tests.unit.pretend import NOON, World, decide, in_mode, published_secret, run_its_course
from tests.unit.strategies import DESIRED

from box_app_operator.api.spec import REVOKE_ANNOTATION, parse_desired
from box_app_operator.model.box import Fingerprint, PendingToken, Slot, SlotToken
from box_app_operator.model.desired import ClientGrant, Desired, Rotation
from box_app_operator.model.observed import Mode, PodView, SecretUse, UseKind
from box_app_operator.model.steps import MintToken, ProveToken, PublishSecret, RevokeSlot, RevokeToken

NOW = replace(DESIRED, revoke_before=NOON)
NEW = SlotToken(Fingerprint("3" * 16), NOON, NOON + timedelta(days=60))
USES = (SecretUse(DESIRED.secret.name, UseKind.FIXED, NOON - timedelta(days=1)),)
POD = PodView("pod", "web-1", None, USES)  # type: ignore[arg-type]  # a uid


def asked(world: World, desired: Desired = NOW) -> World:
    """Somebody asks for it."""
    return replace(world, desired=desired)


def rotated() -> World:
    """The new token is published, and the old one is live for a day."""
    world = ready_world(replace(NOW, rotation=Rotation(overlap=timedelta(days=1))), secondary=NEW)
    secret = published_secret(world.desired, world.app, Slot.SECONDARY, world.observed)
    return look(world, secret=secret)


def test_another_token_is_published_before_the_old_one_ends() -> None:
    """Pods that read the Secret anew have no downtime."""
    course = run_its_course(asked(ready_world()))

    assert [type(step) for step in course.steps] == [MintToken, ProveToken, PublishSecret, RevokeSlot]
    assert ONE.fingerprint not in course.end.live().values()


def test_neither_overlap_nor_pods_hold_it_up() -> None:
    """Whoever runs the pods hears of it."""
    plan = decide(look(rotated(), pods=(POD,)))

    assert plan.steps == (RevokeSlot(rotated().app.id, Slot.PRIMARY, ONE.fingerprint),)
    assert "its end was requested, and these running pods may still use it: web-1" in plan.notices[0].message


def test_both_slots_are_emptied_one_after_the_other() -> None:
    """Both tokens are old: the previous one makes room for the next."""
    course = run_its_course(asked(ready_world(secondary=replace(TWO, created_at=NOON - timedelta(hours=2)))))

    assert course.end.live().keys().isdisjoint({ONE.fingerprint, TWO.fingerprint})
    assert len(course.end.live()) == 1


@pytest.mark.parametrize("hours", [-25, 1])
def test_a_younger_token_and_a_time_to_come_change_nothing(hours: int) -> None:
    """So a request can be replayed without harm, by a backup or by GitOps."""
    later = replace(DESIRED, revoke_before=NOON + timedelta(hours=hours))

    assert decide(asked(ready_world(), later)).steps == ()


def test_an_access_token_is_ended_before_its_value_is_overwritten() -> None:
    """Nothing else can end it: it stands in no slot."""
    granted = replace(NOW, grant=ClientGrant("creds", "enterprise", "1"))
    world = in_mode(ready_world(granted), Mode.CLIENT_CREDENTIALS)
    assert world.observed.unlisted is not None
    new = replace(NEW, client_id=world.observed.unlisted.client_id)
    both = replace(world.observed.unlisted, issued=(*world.observed.unlisted.issued, new))
    pending = PendingToken(new.fingerprint, proven=True)

    steps = decide(look(world, unlisted=both, pending=pending)).steps

    assert steps == (RevokeToken(ONE.fingerprint), PublishSecret(new.fingerprint))


@pytest.mark.parametrize(("text", "is_read"), [("2026-03-01T12:00:00Z", True), ("now", False), ("2026-03-01", False)])
def test_a_time_that_cannot_be_read_is_said(text: str, is_read: bool) -> None:
    """Whoever is in a hurry must not wait for nothing."""
    meta: dict[str, Any] = {"namespace": "a", "name": "b", "uid": "c", "creationTimestamp": "2026-03-01T12:00:00Z"}
    desired = parse_desired(
        {"metadata": {**meta, "annotations": {REVOKE_ANNOTATION: text}}, "spec": {"displayName": "B"}}
    )

    assert (desired.revoke_before is not None, desired.invalid is None) == (is_read, is_read)


def test_ready_says_nothing_else_meanwhile() -> None:
    """The token in the Secret works until it is replaced."""
    assert said(decide(asked(ready_world())), "Ready").status == "True"
