"""Whose app it is: the reference at the app and the owner's entries tell, and nothing that a tenant writes."""

from dataclasses import replace
from typing import Any

import pytest
import yaml
from tests.unit.examples import ADOPT, ONE, TWO, adopting, app_for, look, ready_world
from tests.unit.pretend import APP_ID, CLIENT_ID, NOON, World, decide
from tests.unit.strategies import ENTRY, UID_HERE

from box_app_operator.api.enterprise import changed_clients
from box_app_operator.core.status import FROM_BOX, build_status
from box_app_operator.model.box import UID, AdoptionEntry, BoxApp, ClientID, Slot
from box_app_operator.model.desired import DeletionPolicy
from box_app_operator.model.observed import Adoption, Observed, RememberedStatus
from box_app_operator.model.steps import DeleteApp, RemoveFinalizer, RevokeSlot
from box_app_operator.modes.automated.adoption import (
    adoption_of,
    belongs_to_another,
    entry_text,
    with_adoption,
)
from box_app_operator.secret.published import held_by_value

DELETABLE = replace(ENTRY, allow_delete=True)
ANY_NAME = replace(ENTRY, name=None)
OURS = f"billing/viewer/{UID_HERE}"
ANOTHER_LIFE = "billing/viewer/another-uid"


@pytest.mark.parametrize(
    ("reference", "entries", "expected"),
    [
        (OURS, (), Adoption.NOT_NEEDED),
        (OURS, (ENTRY,), Adoption.NOT_NEEDED),
        ("", (), Adoption.MISSING),
        (ANOTHER_LIFE, (), Adoption.MISSING),
        ("made-by-something-else", (), Adoption.MISSING),
        ("", (ENTRY,), Adoption.ALLOWED),
        ("", (ANY_NAME,), Adoption.ALLOWED),
        ("", (DELETABLE,), Adoption.ALLOWED_WITH_DELETE),
        ("", (ENTRY, DELETABLE), Adoption.ALLOWED_WITH_DELETE),
        ("", (DELETABLE, ANY_NAME), Adoption.ALLOWED_WITH_DELETE),
        (ANOTHER_LIFE, (ENTRY,), Adoption.ALLOWED),
        ("", (replace(DELETABLE, client_id=ClientID("d" * 32)),), Adoption.MISSING),
        ("", (replace(DELETABLE, client_id=ClientID(CLIENT_ID.upper())),), Adoption.MISSING),
        ("", (replace(DELETABLE, namespace="other"),), Adoption.MISSING),
        ("", (replace(DELETABLE, name="viewer-2"),), Adoption.MISSING),
        ("", (ENTRY, replace(DELETABLE, name="viewer-2")), Adoption.ALLOWED),
    ],
)
def test_an_entry_or_the_own_uid_gives_the_app(
    reference: str, entries: tuple[AdoptionEntry, ...], expected: Adoption
) -> None:
    """Client id, namespace and name must all agree; entries add up; the name alone, in the reference, gives nothing."""
    assert adoption_of(app_for(ADOPT, reference=reference), ADOPT, entries) is expected


@pytest.mark.parametrize(
    ("reference", "expected"),
    [("", False), (OURS, False), (ANOTHER_LIFE, False), ("other/viewer/u", True), ("billing/other/u", True)],
)
def test_a_reference_with_another_name_is_another_objects(reference: str, expected: bool) -> None:
    """No entry is asked for then, because none would help."""
    app = app_for(ADOPT, reference=reference)
    assert belongs_to_another(app, ADOPT) is expected

    seen = with_adoption(ADOPT, Observed(known=True, app=app), (DELETABLE,), NOON)

    assert (seen.adoption is Adoption.MISSING) is expected
    assert seen.problem is None


@pytest.mark.parametrize(
    "name", ["viewer", "a.b-c", "12", "1e5", "0x1f", "1.5", "2026-01-01", "true", "no", "y", "null", "0o7", "1-2"]
)
@pytest.mark.parametrize("client_id", [CLIENT_ID, "1234567890123456", "12345e7890123456", "N" * 16])
@pytest.mark.parametrize("policy", [DeletionPolicy.RETAIN, DeletionPolicy.DELETE])
def test_the_entry_can_be_pasted(name: str, client_id: str, policy: DeletionPolicy) -> None:
    """YAML reads back what was meant, also of names that look like numbers, dates or truth values."""
    desired = replace(ADOPT, name=name, namespace="123", deletion_policy=policy)
    text = entry_text(desired, app_for(desired, client_id=ClientID(client_id)))

    deletes = {"allowDelete": True} if policy is DeletionPolicy.DELETE else {}
    assert yaml.safe_load(text) == [{"clientID": client_id, "namespace": "123", "name": name, **deletes}]
    assert adoption_of(app_for(desired, client_id=ClientID(client_id)), desired, [parsed(text)]).may_delete is (
        policy is DeletionPolicy.DELETE
    )


def parsed(text: str) -> AdoptionEntry:
    """An entry as the operator would read it."""
    (entry,) = yaml.safe_load(text)
    return AdoptionEntry(
        ClientID(entry["clientID"]), entry["namespace"], entry.get("name"), entry.get("allowDelete", False)
    )


def test_a_plain_entry_is_plain_to_read() -> None:
    """No quotes where none are needed."""
    assert entry_text(ADOPT, app_for(ADOPT)) == f"- {{clientID: {CLIENT_ID}, namespace: billing, name: viewer}}"


@pytest.mark.parametrize(
    ("world", "reason"),
    [
        (adopting(), "AdoptionNotAllowed"),
        (adopting(deletion_policy=DeletionPolicy.DELETE), "AdoptionNotAllowed"),
        (adopting(ENTRY), None),
        (adopting(ENTRY, deletion_policy=DeletionPolicy.DELETE), "InvalidSpec"),
        (adopting(DELETABLE, deletion_policy=DeletionPolicy.DELETE), None),
        (adopting(deleting=True), None),
        (adopting(ENTRY, deleting=True, deletion_policy=DeletionPolicy.DELETE), None),
    ],
)
def test_what_is_not_allowed_is_said_at_once_and_nothing_is_done(world: World, reason: str | None) -> None:
    """Not only when it would be too late; an object that is being deleted is not kept by it."""
    problem = world.observed.problem

    assert (problem.reason if problem else None) == reason
    assert problem is None or (problem.stalled and decide(world).steps == ())


def test_trouble_that_was_there_before_is_not_hidden() -> None:
    """Box cannot be asked: whether the app may be adopted is told later."""
    troubled = replace(adopting().observed, problem=adopting().observed.problem)
    assert troubled.problem is not None
    away = replace(troubled.problem, reason="BoxUnavailable", stalled=False)

    seen = with_adoption(ADOPT, replace(troubled, problem=away), (), NOON)

    assert (seen.adoption, seen.problem) == (Adoption.MISSING, away)


ENDING = replace(ADOPT, deleting=True)


def ending(*entries: AdoptionEntry, active: str = "", **changes: Any) -> World:
    """An adopted app whose token is in the Secret, and whose object is being deleted; a second token is somebody's."""
    world = ready_world(ADOPT, secondary=TWO)
    observed = replace(world.observed, remembered=RememberedStatus(active=TWO.fingerprint if active else None))
    observed = with_adoption(ENDING, replace(observed, **changes), entries, NOON)
    return World(ENDING, observed)


def test_without_an_entry_only_what_the_secret_holds_is_revoked() -> None:
    """A status that names the other token, as its tenant may write, is no reason to revoke that one."""
    assert decide(ending(active="two")).steps == (RevokeSlot(app_for().id, Slot.PRIMARY, ONE.fingerprint),)
    rest = app_for(ADOPT, tokens={Slot.SECONDARY: TWO})
    assert decide(ending(active="two", app=rest)).steps == (RemoveFinalizer(),)
    assert decide(ending(ENTRY, active="two", app=rest)).steps == (
        RevokeSlot(app_for().id, Slot.SECONDARY, TWO.fingerprint),
    )


@pytest.mark.parametrize("owner", [None, UID("someone-else")])
def test_a_secret_of_nobody_or_of_another_proves_nothing(owner: UID | None) -> None:
    """Only one that Kubernetes says is this object's own."""
    world = ready_world(ADOPT)
    foreign = replace(world.secret, owner_uid=owner)

    assert ONE.fingerprint in held_by_value(ADOPT, world.observed)
    assert held_by_value(ADOPT, look(world, secret=foreign).observed) == set()
    assert decide(ending(secret=foreign)).steps == (RemoveFinalizer(),)


@pytest.mark.parametrize(
    ("app", "entries", "deleted"),
    [
        (app_for(ADOPT), (), False),
        (app_for(ADOPT), (ENTRY,), False),
        (app_for(ADOPT), (DELETABLE,), True),
        (app_for(ADOPT, reference=OURS), (), True),
        (app_for(ADOPT, reference=ANOTHER_LIFE), (), False),
    ],
)
def test_an_app_is_deleted_only_by_whom_it_was_made_for_or_with_allow_delete(
    app: BoxApp, entries: tuple[AdoptionEntry, ...], deleted: bool
) -> None:
    """Otherwise ``deletionPolicy: Delete`` acts as RevokeTokens."""
    desired = replace(ENDING, deletion_policy=DeletionPolicy.DELETE)
    seen = with_adoption(desired, Observed(known=True, app=app), entries, NOON)

    step = decide(World(desired, replace(seen))).steps

    assert step == ((DeleteApp(app.id),) if deleted else (RemoveFinalizer(),))


@pytest.mark.parametrize("deleting", [True, False])
def test_the_status_shows_nothing_of_an_app_that_the_object_may_not_have(deleting: bool) -> None:
    """Not even while the object is being deleted; what it recorded before stays."""
    world, recorded = adopting(deleting=deleting), {"clientID": CLIENT_ID, "corsDomains": ["https://before.example"]}
    body = {"metadata": {"generation": 1}, "spec": {}, "status": recorded}

    shown = build_status(body, world.desired, world.observed, decide(world), NOON)

    assert {name: value for name, value in shown.items() if name in FROM_BOX} == recorded
    allowed = adopting(ENTRY, deleting=deleting)
    assert build_status(body, allowed.desired, allowed.observed, decide(allowed), NOON)["appID"] == APP_ID


def test_only_apps_of_changed_entries_are_looked_at() -> None:
    """Of ten thousand objects an entry wakes those that name its app."""
    other = replace(ENTRY, client_id=ClientID("d" * 32))

    assert changed_clients((ENTRY, other), (other, ENTRY)) == set()
    assert changed_clients((ENTRY,), (ENTRY, other)) == {other.client_id}
    assert changed_clients((ENTRY, other), (DELETABLE, other)) == {CLIENT_ID}
    assert changed_clients((ENTRY,), ()) == {CLIENT_ID}
