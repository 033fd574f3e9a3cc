"""Which Secret is the object's own, what it holds, and which token in it counts."""

from dataclasses import replace
from typing import Any

import pytest
from tests.unit.examples import BOTH, ONE, TWO, app_for, look, ready_world, said
from tests.unit.pretend import CLIENT_ID, NOON, decide, published_secret
from tests.unit.strategies import DESIRED

from box_app_operator.model.box import UID, Slot, UnlistedTokens
from box_app_operator.model.observed import Observed, RememberedStatus
from box_app_operator.model.secret import SecretView
from box_app_operator.secret.annotations import OWN
from box_app_operator.secret.conflict import conflict_with
from box_app_operator.secret.published import active_token, owns_secret, plain_data, secret_annotations, secret_labels


@pytest.mark.parametrize(
    ("secret", "remembered", "expected"),
    [
        (None, None, False),
        (DESIRED.uid, None, True),
        ("another", None, False),
        ("another", ONE.fingerprint, False),
        ("", None, False),
        ("", ONE.fingerprint, True),
        ("", TWO.fingerprint, False),
    ],
)
def test_a_secret_is_owned_by_reference_or_by_what_it_still_holds(
    secret: str | None, remembered: set[Any], expected: bool
) -> None:
    """A stripped reference is forgiven only when the Secret holds what this object published."""
    view = None
    if secret is not None:
        whole = published_secret(DESIRED, app_for(tokens={Slot.PRIMARY: ONE}), Slot.PRIMARY)
        view = replace(whole, owner_uid=UID(secret) if secret else None)
    observed = Observed(secret=view, remembered=RememberedStatus(active=remembered))

    assert owns_secret(DESIRED, observed) is expected


def test_a_secret_carries_the_operators_marks_over_the_authors() -> None:
    """An author's label never takes the place of the operator's own."""
    labels = {"boxapps.dev/app": "x", "app.kubernetes.io/managed-by": "me", "team": "a"}
    wish = replace(
        DESIRED, secret=replace(DESIRED.secret, labels=labels, annotations={"boxapps.dev/fingerprint": "x", "n": "1"})
    )

    assert secret_labels(wish) == {
        "team": "a",
        "app.kubernetes.io/managed-by": "box-app-operator",
        "boxapps.dev/app": "viewer",
    }
    world = ready_world()
    annotations = secret_annotations(wish, world.observed, world.app, ONE, NOON)
    assert (annotations["n"], annotations["boxapps.dev/fingerprint"]) == ("1", "1" * 16)
    assert annotations.keys() - OWN == {"n"}, "all but those of the spec are known to be the operator's"


def test_a_secret_holds_slot_client_id_and_expiry_beside_the_token() -> None:
    """The expiry is empty for a token that never expires, so that envFrom still finds the key."""
    app = app_for(tokens=BOTH)

    assert plain_data(DESIRED, app, app.tokens[Slot.PRIMARY]) == {
        "BOX_CLIENT_ID": CLIENT_ID,
        "BOX_TOKEN_SLOT": "primary",
        "BOX_TOKEN_EXPIRES_AT": "2026-04-29T12:00:00Z",
    }
    assert plain_data(DESIRED, app, app.tokens[Slot.SECONDARY])["BOX_TOKEN_EXPIRES_AT"] == ""


def test_the_token_under_its_own_key_is_the_active_one() -> None:
    """Whatever else the Secret holds: a copy of the previous token must not bring that one back."""
    world = ready_world(secondary=TWO)
    data = {"AAA": TWO.fingerprint, **world.secret.fingerprints}

    seen = replace(world.observed, secret=replace(world.secret, fingerprints=data))

    assert active_token(world.desired, seen, NOON) == ONE


def test_a_secret_of_another_object_counts_as_no_token() -> None:
    """Copying the data into a Secret of one's own does not make it the operator's."""
    world = ready_world()
    copied: SecretView = replace(world.secret, owner_uid=UID("a copy"))

    found = conflict_with(DESIRED, copied, "spec.tokens.secret.name")
    assert found.condition.reason == "SecretConflict"
    assert found.condition == said(decide(look(world, secret=copied)), "TokenReady")


def test_a_secret_says_nothing_of_a_slot_or_a_client_that_is_not_known() -> None:
    """No id is empty."""
    source = UnlistedTokens(None, (ONE,), follows_spec=False)

    assert plain_data(DESIRED, source, ONE) == {"BOX_TOKEN_EXPIRES_AT": "2026-04-29T12:00:00Z"}
