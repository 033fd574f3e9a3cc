"""By which right an object has an app: the reference at the app, who is alive, and what the owner wrote."""

from dataclasses import replace

import pytest
from tests.fakes.cluster import claimant_of
from tests.unit.examples import ADOPT, ONE, TWO, app_for
from tests.unit.pretend import CLIENT_ID
from tests.unit.strategies import DESIRED, ENTRY

from box_app_operator.model.box import (
    UID,
    AdoptionEntry,
    Claimant,
    ClientID,
    Reference,
    Slot,
    old_form,
    parse_reference,
)
from box_app_operator.modes.automated.ownership import Claim, Holder, Right, may_delete, right_of

ME = claimant_of(DESIRED)
EARLIER = replace(ME, uid=UID("earlier"))
ELSEWHERE = replace(EARLIER, cluster="elsewhere", namespace_uid=UID("m"))
BEFORE = replace(EARLIER, namespace_uid=UID("an earlier life of the namespace"))
RENAMED = replace(EARLIER, name="former")
NEIGHBOUR = replace(EARLIER, namespace="finance", namespace_uid=UID("f"))
THEIRS = f"{NEIGHBOUR.namespace}/{NEIGHBOUR.name}"
BULK = AdoptionEntry(None, ME.namespace, from_cluster="elsewhere")
LIFE = AdoptionEntry(None, ME.namespace, from_namespace_uid=BEFORE.namespace_uid)

GONE, ALIVE = Holder(), Holder(alive=True)
PLAIN = Claim(ME, DESIRED.display_name, None)
NAMING = replace(PLAIN, client_id=CLIENT_ID)
RESTORED = replace(PLAIN, tokens=frozenset({ONE.fingerprint}))
LOSER = replace(NAMING, had_app=True)


def right(
    owner: Claimant | None, claim: Claim = NAMING, holder: Holder = GONE, *entries: AdoptionEntry, name: str = ""
) -> Right:
    """What the object may do with an app that this owner has, or had."""
    reference = str(Reference(owner, adopted=False)) if owner is not None else ""
    app = app_for(ADOPT, reference=reference, tokens={Slot.PRIMARY: ONE}, name=name or DESIRED.display_name)
    return right_of(app, claim, holder, entries)


@pytest.mark.parametrize(
    ("owner", "claim", "holder", "entries", "expected"),
    [
        (ME, PLAIN, ALIVE, (), Right.MINE),
        (replace(ME, cluster="renamed"), PLAIN, ALIVE, (), Right.MINE),
        # The same manifest once more
        (EARLIER, PLAIN, GONE, (), Right.MINE_AGAIN),
        (EARLIER, PLAIN, ALIVE, (), Right.NONE),
        (RENAMED, NAMING, GONE, (), Right.MINE_AGAIN),
        (RENAMED, PLAIN, GONE, (), Right.NONE),
        (BEFORE, NAMING, GONE, (), Right.NONE),
        (ELSEWHERE, NAMING, GONE, (), Right.NONE),
        (NEIGHBOUR, NAMING, GONE, (), Right.NONE),
        # Handed over
        (NEIGHBOUR, NAMING, Holder(True, "billing/viewer"), (), Right.HANDED_OVER),
        (NEIGHBOUR, PLAIN, Holder(True, "billing/viewer"), (), Right.NONE),
        (NEIGHBOUR, NAMING, Holder(True, "billing/other"), (), Right.NONE),
        # Given
        (None, NAMING, GONE, (ENTRY,), Right.GIVEN),
        (None, NAMING, GONE, (replace(ENTRY, name=None),), Right.GIVEN),
        (None, NAMING, GONE, (replace(ENTRY, client_id=ClientID(CLIENT_ID.upper())),), Right.NONE),
        (None, NAMING, GONE, (replace(ENTRY, namespace="other"),), Right.NONE),
        (None, NAMING, GONE, (replace(ENTRY, name="viewer-2"),), Right.NONE),
        (None, NAMING, GONE, (replace(ENTRY, namespace_uid=UID("another life")),), Right.NONE),
        (None, NAMING, GONE, (BULK,), Right.NONE),
        (NEIGHBOUR, NAMING, GONE, (ENTRY,), Right.GIVEN),
        (NEIGHBOUR, NAMING, ALIVE, (ENTRY,), Right.NONE),
        (NEIGHBOUR, NAMING, ALIVE, (replace(ENTRY, from_owner=THEIRS),), Right.GIVEN),
        (NEIGHBOUR, NAMING, ALIVE, (replace(ENTRY, from_owner="finance/other"),), Right.NONE),
        (ELSEWHERE, NAMING, GONE, (ENTRY,), Right.NONE),
        (ELSEWHERE, NAMING, GONE, (replace(ENTRY, from_cluster="elsewhere"),), Right.GIVEN),
        (ELSEWHERE, NAMING, GONE, (replace(ENTRY, from_cluster="a third"),), Right.NONE),
        # An entry is spent by the life of the namespace that used it
        (BEFORE, NAMING, GONE, (ENTRY,), Right.NONE),
        (BEFORE, NAMING, GONE, (replace(ENTRY, namespace_uid=ME.namespace_uid),), Right.GIVEN),
        # Whole clusters and namespaces
        (ELSEWHERE, PLAIN, GONE, (BULK,), Right.GIVEN),
        (replace(ELSEWHERE, name="other"), PLAIN, GONE, (BULK,), Right.NONE),
        (replace(ELSEWHERE, namespace="other"), PLAIN, GONE, (BULK,), Right.NONE),
        (BEFORE, PLAIN, GONE, (LIFE,), Right.GIVEN),
        (replace(BEFORE, namespace="former"), PLAIN, GONE, (LIFE,), Right.GIVEN),
        (BEFORE, PLAIN, ALIVE, (LIFE,), Right.NONE),
        # Proven
        (BEFORE, RESTORED, GONE, (), Right.PROVEN),
        (ELSEWHERE, RESTORED, GONE, (), Right.PROVEN),
        (ELSEWHERE, replace(RESTORED, tokens=frozenset({TWO.fingerprint})), GONE, (), Right.NONE),
        (NEIGHBOUR, RESTORED, GONE, (), Right.NONE),
        (BEFORE, RESTORED, ALIVE, (), Right.NONE),
        (None, RESTORED, GONE, (), Right.NONE),
        # Taken once
        (ELSEWHERE, LOSER, GONE, (replace(ENTRY, from_cluster="elsewhere"),), Right.LOST),
        (ELSEWHERE, replace(LOSER, asks_again=True), GONE, (replace(ENTRY, from_cluster="elsewhere"),), Right.GIVEN),
        (EARLIER, LOSER, GONE, (), Right.LOST),
        (ELSEWHERE, replace(LOSER, asks_again=True), GONE, (), Right.NONE),
    ],
)
def test_the_first_reason_that_holds_counts(
    owner: Claimant | None, claim: Claim, holder: Holder, entries: tuple[AdoptionEntry, ...], expected: Right
) -> None:
    """Nothing that a tenant writes takes an app from another; who restores, moves or re-creates an own one gets it."""
    assert right(owner, claim, holder, *entries) is expected


def test_the_same_name_is_the_same_app_only_under_its_name_in_box() -> None:
    """Two apps that an object had one after the other."""
    assert right(EARLIER, PLAIN, name=DESIRED.display_name.upper()) is Right.MINE_AGAIN
    assert right(EARLIER, PLAIN, name="Another") is Right.NONE
    assert right(EARLIER, NAMING, name="Another") is Right.MINE_AGAIN


def test_an_earlier_version_named_only_the_uid() -> None:
    """It matches by that; whether another one lived in this cluster is not known."""
    mine, other = app_for(ADOPT, reference=old_form(ME)), app_for(ADOPT, reference=old_form(EARLIER))

    assert right_of(mine, PLAIN, ALIVE, ()) is Right.MINE
    assert right_of(other, NAMING, GONE, ()) is Right.NONE
    assert right_of(other, NAMING, GONE, (ENTRY,)) is Right.GIVEN


@pytest.mark.parametrize("adopted", [True, False])
def test_a_reference_is_read_as_it_was_written(adopted: bool) -> None:
    """And no text of another make is one."""
    reference = Reference(ME, adopted=adopted)

    assert parse_reference(str(reference)) == reference
    assert parse_reference("billing/viewer/u") == Reference(
        Claimant("", "billing", UID(""), "viewer", UID("u")), adopted=False
    )
    assert [parse_reference(text) for text in ("", "a/b", "a/b/c/d", "a/b/c/d/e/f", "made-by-something-else")] == [
        None
    ] * 5
    longest = replace(ME, cluster="c" * 63, namespace="n" * 63, namespace_uid=UID("u" * 36), name="v" * 253)
    assert len(str(Reference(longest, adopted=True))) <= 512


def test_an_app_is_deleted_only_if_an_operator_registered_it_or_with_allow_delete() -> None:
    """Whoever has it by now."""
    made, by_hand = app_for(DESIRED), app_for(ADOPT)

    assert may_delete(made, ME, ())
    assert not may_delete(by_hand, ME, (ENTRY,))
    assert may_delete(by_hand, ME, (ENTRY, replace(ENTRY, allow_delete=True)))
    assert not may_delete(by_hand, ME, (replace(ENTRY, allow_delete=True, name="other"),))
