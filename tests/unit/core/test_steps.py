"""What is done next, world by world, and what the Secret looks like then."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.fakes.cluster import reference_of
from tests.unit.examples import (
    ADOPT,
    ADOPTED_FULL,
    BOTH,
    CLAIMED,
    CONFLICT,
    GONE,
    NO_TOKEN,
    NOTHING,
    ONE,
    TWO,
    app_for,
    holding,
    look,
    ready_world,
    said,
    standing,
    troubled,
)
from tests.unit.pretend import APP_ID, World, decide, published_secret
from tests.unit.strategies import DESIRED

from box_app_operator.model.box import AuthorizationState, Slot, fingerprint_of
from box_app_operator.model.desired import DeletionPolicy
from box_app_operator.model.observed import Observed
from box_app_operator.model.secret import PUBLISHED_FOR
from box_app_operator.model.steps import (
    AddFinalizer,
    CreateApp,
    DeleteApp,
    MintToken,
    ProveToken,
    PublishSecret,
    RemoveFinalizer,
    RenameApp,
    RevokeSlot,
    Step,
    SubmitApp,
)
from box_app_operator.secret.published import secret_labels

S = AuthorizationState
PUBLISHED = published_secret(DESIRED, app_for(tokens={Slot.PRIMARY: ONE}), Slot.PRIMARY)
MARKS, DATA = PUBLISHED.annotations, PUBLISHED.fingerprints
MINT = MintToken(APP_ID, Slot.PRIMARY, 60)
STEPS: list[tuple[str, World, tuple[Step, ...]]] = [
    ("hold first", World(replace(DESIRED, has_finalizer=False), Observed(known=True)), (AddFinalizer(),)),
    ("register", NOTHING, (CreateApp("Acme Viewer", reference_of(DESIRED), DESIRED.uid),)),
    ("rename", look(ready_world(), app=replace(ready_world().app, name="Old")), (RenameApp(APP_ID, "Acme Viewer"),)),
    ("submit", standing(S.NOT_SUBMITTED), (SubmitApp(APP_ID),)),
    ("submit again", standing(S.REAUTHORIZATION_REQUIRED), (SubmitApp(APP_ID),)),
    ("not submit", standing(S.NOT_SUBMITTED, submit=False), ()),
    ("declined", standing(S.DECLINED), ()),
    ("declined, asked again", standing(S.DECLINED, reconcile_request="2"), (SubmitApp(APP_ID, "2"),)),
    ("mint", NO_TOKEN, (MINT,)),
    (
        "mint where it is free",
        look(NO_TOKEN, app=app_for(tokens={Slot.PRIMARY: ONE})),
        (MintToken(APP_ID, Slot.SECONDARY, 60),),
    ),
    ("prove", holding(None), (ProveToken(ONE.fingerprint),)),
    ("publish", holding(True), (PublishSecret(ONE.fingerprint),)),
    ("revoke the rejected", holding(False), (RevokeSlot(APP_ID, Slot.PRIMARY, ONE.fingerprint),)),
    ("revoke the orphan", ready_world(secondary=TWO), (RevokeSlot(APP_ID, Slot.SECONDARY, TWO.fingerprint),)),
    ("leave the foreign", ready_world(ADOPT, secondary=TWO), ()),
    (
        "revoke the older of two",
        look(NO_TOKEN, app=app_for(tokens=BOTH)),
        (RevokeSlot(APP_ID, Slot.SECONDARY, TWO.fingerprint),),
    ),
    ("adopted and full", ADOPTED_FULL, ()),
    ("conflict", CONFLICT, ()),
    ("at rest", ready_world(), ()),
    (
        "retain",
        replace(ready_world(), desired=replace(GONE, deletion_policy=DeletionPolicy.RETAIN)),
        (RemoveFinalizer(),),
    ),
    (
        "delete",
        replace(ready_world(), desired=replace(GONE, deletion_policy=DeletionPolicy.DELETE)),
        (DeleteApp(APP_ID),),
    ),
    ("revoke and go", replace(ready_world(), desired=GONE), (RevokeSlot(APP_ID, Slot.PRIMARY, ONE.fingerprint),)),
    ("empty, go", World(GONE, Observed(known=True, app=app_for())), (RemoveFinalizer(),)),
    ("gone from Box", World(GONE, Observed(known=True)), (RemoveFinalizer(),)),
    ("Box out of reach", replace(troubled("BoxUnavailable", stalled=False), desired=GONE), ()),
    (
        "Box out of reach, forced",
        replace(troubled("BoxUnavailable", stalled=False), desired=replace(GONE, force_delete=True)),
        (RemoveFinalizer(),),
    ),
    (
        "never had an enterprise",
        replace(troubled("EnterpriseNotFound", stalled=False), desired=GONE),
        (RemoveFinalizer(),),
    ),
    ("not ours any more", World(replace(GONE, has_finalizer=False), Observed(known=True, app=app_for())), ()),
    (
        "another's app, to be deleted",
        replace(CLAIMED, desired=replace(ADOPT, deleting=True, deletion_policy=DeletionPolicy.DELETE)),
        (RemoveFinalizer(),),
    ),
    ("another's app", replace(CLAIMED, desired=replace(ADOPT, deleting=True)), (RemoveFinalizer(),)),
    (
        "adopted, going: only what was published",
        replace(ready_world(ADOPT, secondary=TWO), desired=replace(ADOPT, deleting=True)),
        (RevokeSlot(APP_ID, Slot.PRIMARY, ONE.fingerprint),),
    ),
]


@pytest.mark.parametrize(("world", "steps"), [row[1:] for row in STEPS], ids=[row[0] for row in STEPS])
def test_each_world_has_its_next_steps(world: World, steps: tuple[Step, ...]) -> None:
    """What is done next, case by case."""
    assert decide(world).steps == steps


@pytest.mark.parametrize(
    ("change", "mends"),
    [
        ({"labels": {}}, ("label app.kubernetes.io/managed-by", "label boxapps.dev/app")),
        ({"annotations": {}}, tuple(f"annotation {key}" for key in sorted(MARKS) if key != PUBLISHED_FOR)),
        ({"owner_uid": None}, ("the owner reference",)),
        ({"labels": {**secret_labels(DESIRED), "more": "x"}}, ()),
        ({"annotations": {**MARKS, "more": "x"}}, ()),
        ({"annotations": {**MARKS, "boxapps.dev/published-at": "yesterday"}}, ("annotation boxapps.dev/published-at",)),
        ({"annotations": {**MARKS, "boxapps.dev/downscoped-as": "x"}}, ("annotation boxapps.dev/downscoped-as",)),
        ({"annotations": {**MARKS, "boxapps.dev/checked": "yes"}}, ()),
        ({"fingerprints": {**DATA, "more": fingerprint_of("x")}}, ()),
        ({"fingerprints": {**DATA, "alias": ONE.fingerprint}}, ()),
        ({"fingerprints": {**DATA, "BOX_CLIENT_ID": fingerprint_of("x")}}, ("key BOX_CLIENT_ID",)),
    ],
)
def test_a_secret_that_was_edited_is_mended_and_additions_stay(change: dict[str, Any], mends: tuple[str, ...]) -> None:
    """What is the operator's own comes back, by name; what others add is theirs, and all is well."""
    world = ready_world()

    steps = decide(look(world, secret=replace(world.secret, **change))).steps

    assert steps == ((PublishSecret(ONE.fingerprint, mends),) if mends else ())


def test_no_previous_token_stays_under_another_key() -> None:
    """A copy of the active one may; once it is the previous one it goes, whoever put it there."""
    world = ready_world(secondary=TWO)
    copied = {**world.secret.fingerprints, "alias": TWO.fingerprint}

    steps = decide(look(world, secret=replace(world.secret, fingerprints=copied))).steps

    assert steps[:1] == (PublishSecret(ONE.fingerprint, ("key alias",)),)


def test_a_token_at_the_moment_of_its_expiry_is_replaced() -> None:
    """Should the rotation not have happened before, there is no active token any more."""
    world, moment = ready_world(), ONE.expires_at
    assert moment is not None

    due, over = (decide(world, now=now) for now in (moment - timedelta(seconds=1), moment))

    assert due.steps == over.steps == (MintToken(APP_ID, Slot.SECONDARY, 60),)
    assert (said(due, "TokenReady").status, said(over, "TokenReady").status) == ("True", "False")
    assert due.look_again_at == moment


def test_a_token_in_a_renamed_key_is_published_again_and_not_replaced() -> None:
    """Renaming a key must not cost the running pods their token."""
    world = ready_world()
    wish = replace(DESIRED, secret=replace(DESIRED.secret, keys=replace(DESIRED.secret.keys, token="TOKEN")))

    plan = decide(replace(world, desired=wish))
    (step,) = plan.steps
    assert isinstance(step, PublishSecret)
    assert (step.fingerprint, step.mends) == (
        ONE.fingerprint,
        ("annotation boxapps.dev/added-keys", "key BOX_APP_TOKEN", "key TOKEN"),
    )
    # Pods look for it under the new name, and it is not there yet.
    assert said(plan, "TokenReady").status == "False"
