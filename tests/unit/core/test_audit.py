"""Every change that an auditor would ask for is recorded, once, with its cause, and nothing else is."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.examples import APP_ID, CORS, GONE, ONE, TWO, WITH_CORS, app_for, look, ready_world
from tests.unit.pretend import NOON, World
from tests.unit.strategies import DESIRED

from box_app_operator.cache.attempts import Memory
from box_app_operator.core.audit import has_happened, record_of
from box_app_operator.model.box import Fingerprint, IssuedToken, Slot
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import Rotation
from box_app_operator.model.finding import Notice
from box_app_operator.model.observed import Observed, RememberedStatus
from box_app_operator.model.steps import (
    AddFinalizer,
    CreateApp,
    DeleteApp,
    MintToken,
    ProveToken,
    PublishSecret,
    RenameApp,
    RevokeSlot,
    SetCorsDomains,
    Step,
    SubmitApp,
)

NEW = IssuedToken(Fingerprint("a" * 16), NOON, NOON + timedelta(days=60))
PUBLISH = PublishSecret(NEW.fingerprint)
YOUNG = replace(DESIRED, token_days=None, rotation=Rotation(every=timedelta(days=1)))
ROTATING = ready_world(secondary=NEW)
SECRET = DESIRED.secret.name


def record(step: Step, world: World) -> tuple[str, str] | None:
    """Reason and message of the Event for a step, which must be no Warning."""
    found = record_of(step, world.desired, world.observed, NOON)
    assert found is None or not found.warning
    return (found.reason, found.message) if found is not None else None


def message(step: Step, world: World, reason: str) -> str:
    """The message of the Event for a step, which has this reason."""
    found = record(step, world)
    assert found is not None
    assert found[0] == reason
    return found[1]


@pytest.mark.parametrize(
    ("world", "cause"),
    [
        (replace(ROTATING, desired=replace(DESIRED, rotate_request="now")), "boxapps.dev/rotate-requested-at asked"),
        (replace(ROTATING, desired=replace(DESIRED, token_days=30)), "spec.tokens.expiry changed from 60d to 30d"),
        (ROTATING, "was due before that one expires at"),
        (ready_world(YOUNG, primary=replace(ONE, expires_at=None), secondary=NEW), "by spec.tokens.rotation.every"),
    ],
)
def test_a_rotation_tells_both_tokens_and_its_cause(world: World, cause: str) -> None:
    """An auditor learns which token took the place of which, and why."""
    text = message(PUBLISH, world, "TokenRotated")

    assert f"now holds token {NEW.fingerprint} (secondary slot, valid until" in text
    assert f"in place of token {ONE.fingerprint}" in text
    assert cause in text


def test_the_first_token_is_announced_by_ready_alone() -> None:
    """Nobody lost a Secret that was never there."""
    world = World(DESIRED, Observed(known=True, app=app_for(tokens={Slot.PRIMARY: ONE})))

    assert record(PublishSecret(ONE.fingerprint), world) is None


def test_a_secret_that_was_deleted_is_said_to_be_back() -> None:
    """With the token that it holds from now on."""
    text = message(PUBLISH, look(ROTATING, secret=None), "SecretRecreated")

    assert text.startswith(f"Secret {SECRET!r} was missing. It was created again with token {NEW.fingerprint}")


def test_a_secret_with_something_else_in_it_gets_a_token_again() -> None:
    """Somebody wrote another value over the token: the record names what was there before, by its fingerprint."""
    secret = ROTATING.secret
    spoilt = replace(secret, fingerprints={"token": Fingerprint("f" * 16)})

    text = message(PUBLISH, look(ROTATING, secret=spoilt), "TokenRotated")

    assert "held no live token of this app" in text
    assert f"in place of token {ONE.fingerprint}" in text


def test_the_same_token_written_again_is_no_rotation() -> None:
    """For example because the spec asks for another label."""
    assert record(PublishSecret(ONE.fingerprint), ready_world()) is None


@pytest.mark.parametrize(
    ("world", "fingerprint", "words"),
    [
        (ready_world(), ONE.fingerprint, "Revoked the previous token"),
        (ready_world(secondary=TWO), TWO.fingerprint, "which was never published"),
        (replace(ready_world(), desired=GONE), ONE.fingerprint, "because the BoxCustomApp is being deleted"),
    ],
)
def test_a_revocation_tells_why(world: World, fingerprint: Fingerprint, words: str) -> None:
    """The previous token of a rotation, one that no pod ever got, and one whose object goes."""
    text = message(RevokeSlot(APP_ID, Slot.PRIMARY, fingerprint), world, "TokenRevoked")

    assert fingerprint in text
    assert words in text


def test_a_deleted_app_takes_its_tokens_along() -> None:
    """Their fingerprints are named, because no revocation is recorded for them."""
    text = message(DeleteApp(APP_ID), ready_world(GONE, secondary=TWO), "AppDeleted")

    assert f"Its tokens ended with it: {ONE.fingerprint}, {TWO.fingerprint}." in text


def test_changed_origins_are_listed() -> None:
    """What came and what went; a long list is cut."""
    domains = tuple(f"https://{number}.example.com" for number in range(8))

    text = message(SetCorsDomains(APP_ID, domains), look(ready_world(), app=app_for(cors_domains=CORS)), "CORSChanged")

    assert "added https://0.example.com" in text
    assert "and 3 more; removed https://app.acme.com." in text


def test_origins_that_somebody_changed_in_box_are_drift() -> None:
    """The spec was met before, and nobody changed it."""
    world = ready_world(WITH_CORS)
    remembered = replace(world.observed.remembered, origins=CORS)
    world = look(world, app=replace(world.app, cors_domains=()), remembered=remembered)

    text = message(SetCorsDomains(APP_ID, CORS), world, "DriftCorrected")

    assert "set back to those of the spec: added https://app.acme.com." in text


def test_the_origins_of_a_new_app_are_no_change() -> None:
    """One Event from manifest to Ready is enough."""
    world = look(ready_world(WITH_CORS), remembered=RememberedStatus())

    assert record(SetCorsDomains(APP_ID, CORS), world) is None


def test_a_rename_tells_both_names() -> None:
    """Whoever renamed it, in the spec or in Box, finds it in the Events."""
    text = message(RenameApp(APP_ID, "Viewer 2"), ready_world(), "AppRenamed")

    assert text == f"Renamed the Box app from {DESIRED.display_name!r} to 'Viewer 2'."


@pytest.mark.parametrize(
    "step",
    [
        AddFinalizer(),
        CreateApp("name", "reference", "key"),
        SubmitApp(APP_ID),
        MintToken(APP_ID, Slot.PRIMARY, 60),
        ProveToken(ONE.fingerprint),
    ],
)
def test_steps_on_the_way_are_not_recorded(step: Step) -> None:
    """Conditions tell of them while they last; only what they lead to belongs into an audit trail."""
    assert record(step, ready_world()) is None


def test_nothing_is_recorded_in_a_namespace_that_is_being_deleted() -> None:
    """Kubernetes refuses new objects there, Events too."""
    world = look(replace(ready_world(), desired=GONE), namespace_is_terminating=True)

    assert record(RevokeSlot(APP_ID, Slot.PRIMARY, ONE.fingerprint), world) is None


AWAY = app_for(tokens={})
HAPPENED: list[tuple[Step, World, bool]] = [
    (PublishSecret(ONE.fingerprint), ready_world(), True),
    (PUBLISH, ready_world(), False),
    (PUBLISH, look(ready_world(), secret=None), False),
    (RevokeSlot(APP_ID, Slot.PRIMARY, ONE.fingerprint), look(ready_world(), app=AWAY), True),
    (RevokeSlot(APP_ID, Slot.PRIMARY, ONE.fingerprint), ready_world(), False),
    (RevokeSlot(APP_ID, Slot.PRIMARY, ONE.fingerprint), look(ready_world(), app=None), False),
    (SetCorsDomains(APP_ID, app_for().cors_domains), ready_world(), True),
    (SetCorsDomains(APP_ID, ("https://other.example.com",)), ready_world(), False),
    (RenameApp(APP_ID, app_for().name), ready_world(), True),
    (RenameApp(APP_ID, "Other"), ready_world(), False),
    (DeleteApp(APP_ID), look(ready_world(), app=None), True),
    (DeleteApp(APP_ID), ready_world(), False),
    (SubmitApp(APP_ID), ready_world(), False),
]


@pytest.mark.parametrize(("step", "world", "happened"), HAPPENED)
def test_a_step_whose_answer_was_lost_is_recorded_once_it_is_seen_to_be_done(
    step: Step, world: World, happened: bool
) -> None:
    """What shows in Box or in the Secret counts, and not that nobody asks for the step any more."""
    memory, notice = Memory(), Notice(Reason.TOKEN_ROTATED, "changed", warning=False)
    memory.unsure[step] = notice

    memory.find_done(lambda each: has_happened(each, world.observed), NOON)

    assert memory.take_records() == ([notice] if happened else [])
    assert (step in memory.unsure) is not happened
