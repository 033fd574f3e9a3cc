"""When a downscoped token is made anew, and what keeps it from being."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.unit.examples import ONE, look, ready_world, said
from tests.unit.pretend import NOON, World, decide
from tests.unit.strategies import DESIRED

from box_app_operator.core.conditions import format_time
from box_app_operator.core.desired import DownscopedSpec
from box_app_operator.core.downscoped import annotations_for, labels_for
from box_app_operator.core.model import UID, Fingerprint, SecretView, fingerprint_of
from box_app_operator.core.steps import DeleteSecret, RefreshDownscoped

SPEC = DownscopedSpec("preview", ("base_preview",), None, timedelta(minutes=15))
OTHER = DownscopedSpec("upload", ("base_upload",), None, timedelta(minutes=15))
WISH = replace(DESIRED, downscoped=(SPEC,))
CHILD = Fingerprint("c" * 16)
ISSUED, ENDS = NOON, NOON + timedelta(hours=1)


def secret(spec: DownscopedSpec = SPEC, expires_at: datetime = ENDS, **changes: Any) -> SecretView:
    """The Secret of a downscoped token, as it was written at noon."""
    keys = WISH.secret.keys
    view = SecretView(
        namespace=WISH.namespace,
        name=spec.secret,
        uid=UID("child"),
        resource_version="1",
        owner_uid=WISH.uid,
        labels=labels_for(WISH),
        annotations=annotations_for(spec, ONE.fingerprint, CHILD, ISSUED, expires_at),
        fingerprints={keys.token: CHILD, keys.expires_at: fingerprint_of(format_time(expires_at))},
    )
    return replace(view, **changes)


def world(view: SecretView | None, **observed: Any) -> World:
    """A ready app with this Secret of its downscoped token."""
    return look(ready_world(WISH), downscoped={SPEC.secret: view}, **observed)


REFRESH = (RefreshDownscoped(SPEC, ONE.fingerprint),)


def test_it_is_made_when_there_is_none() -> None:
    """As soon as the app has a token."""
    assert decide(world(None)).steps == REFRESH


def test_it_is_made_anew_before_it_runs_out() -> None:
    """By ``refreshBefore``, and the plan looks again at exactly that moment."""
    due = ENDS - SPEC.refresh_before

    assert decide(world(secret())).steps == ()
    assert decide(world(secret())).look_again_at == due
    assert decide(world(secret()), now=due).steps == REFRESH


def test_a_refresh_before_that_outlasts_the_token_does_not_make_one_after_another() -> None:
    """A tenth of its life it has in any case."""
    spec = replace(SPEC, refresh_before=timedelta(days=1))
    eager = replace(world(secret(spec)), desired=replace(WISH, downscoped=(spec,)))

    assert decide(eager, now=NOON + timedelta(minutes=5)).steps == ()
    assert decide(eager, now=NOON + timedelta(minutes=6)).steps == (RefreshDownscoped(spec, ONE.fingerprint),)


@pytest.mark.parametrize(
    "view",
    [
        secret(annotations=annotations_for(SPEC, Fingerprint("0" * 16), CHILD, ISSUED, ENDS)),
        secret(annotations=annotations_for(replace(SPEC, scopes=("x",)), ONE.fingerprint, CHILD, ISSUED, ENDS)),
        secret(annotations=annotations_for(replace(SPEC, resource="y"), ONE.fingerprint, CHILD, ISSUED, ENDS)),
        secret(annotations={}),
        secret(labels={}),
        secret(owner_uid=None),
        secret(fingerprints={}),
        secret(fingerprints={**secret().fingerprints, "EXTRA": CHILD}),
    ],
    ids=["parent", "scopes", "resource", "notes", "labels", "owner", "emptied", "extra-key"],
)
def test_it_is_made_anew_when_something_is_not_as_it_should_be(view: SecretView) -> None:
    """After a rotation, with another spec, or after somebody had a hand in the Secret."""
    assert decide(world(view)).steps == REFRESH


def test_a_foreign_secret_holds_nothing_else_up() -> None:
    """It is left untouched and named; the other token is made."""
    foreign = secret(owner_uid=UID("somebody"))
    wish = replace(WISH, downscoped=(SPEC, OTHER))
    both = look(replace(world(foreign), desired=wish), downscoped={SPEC.secret: foreign, OTHER.secret: None})
    plan = decide(both)

    assert said(plan, "TokenReady").reason == "SecretConflict"
    assert plan.steps == (RefreshDownscoped(OTHER, ONE.fingerprint),)


def test_a_secret_that_nobody_asks_for_any_more_goes() -> None:
    """The entry was taken out of the spec."""
    left = secret(OTHER)

    assert decide(world(secret(), left_over=(left,))).steps == (DeleteSecret(OTHER.secret, left.uid),)


def test_nothing_is_made_without_an_active_token() -> None:
    """There is nothing to make it from."""
    assert not [step for step in decide(world(None, secret=None)).steps if isinstance(step, RefreshDownscoped)]
