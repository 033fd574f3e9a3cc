"""What an object is told of an app: that it claims it, which entry it takes, or that another one has it."""

from dataclasses import replace
from datetime import timedelta

import pytest
import yaml
from tests.fakes.cluster import NAMESPACE_UID, claimant_of, reference_of
from tests.unit.examples import ADOPT, ONE, TWO, adopting, app_for, found, look, ready_world, said
from tests.unit.pretend import APP_ID, CLIENT_ID, NOON, World, decide, run_its_course
from tests.unit.strategies import DESIRED, ENTRY

from box_app_operator.api.enterprise import changed_entries, parse_enterprise
from box_app_operator.core.status import FROM_BOX, build_status
from box_app_operator.model.box import UID, AdoptionEntry, ClientID, Problem, Reference, Slot, old_form
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import DeletionPolicy, Rotation
from box_app_operator.model.observed import Adoption, RememberedStatus
from box_app_operator.model.secret import PREVIOUS, PUBLISHED_FOR
from box_app_operator.model.steps import (
    ClaimApp,
    MintToken,
    ProveToken,
    PublishSecret,
    RemoveFinalizer,
    RevokeSlot,
    SetCorsDomains,
)
from box_app_operator.modes.automated.adoption import Found, entry_text
from box_app_operator.modes.automated.ownership import Holder
from box_app_operator.secret.published import held_by_value

DELETABLE = replace(ENTRY, allow_delete=True)
ELSEWHERE = str(Reference(replace(claimant_of(DESIRED), cluster="elsewhere", uid=UID("theirs")), adopted=False))
EARLIER = str(Reference(replace(claimant_of(DESIRED), uid=UID("earlier")), adopted=False))
HAD_IT = RememberedStatus(APP_ID, CLIENT_ID, claim_uid=DESIRED.uid)


def test_a_hand_made_app_is_claimed_before_anything_is_changed() -> None:
    """With an entry; what it was made by stays in the reference for ever."""
    world = adopting(ENTRY, cors_domains=("https://a.example.com",), display_name="Another Name")

    assert decide(world).steps == (ClaimApp(APP_ID, reference_of(ADOPT, adopted=True), 1),)
    assert said(decide(world), "Registered").reason == "NotYetKnown"
    assert (world.observed.app, world.observed.adoption) == (None, Adoption.ALLOWED)


def test_the_app_of_an_earlier_life_is_taken_over_as_what_it_is() -> None:
    """One that was registered stays registered: all its tokens are the operator's."""
    observed = found(DESIRED, app_for(DESIRED, reference=EARLIER))

    assert observed.claim == ClaimApp(APP_ID, reference_of(DESIRED), 1)
    assert observed.adoption is Adoption.NOT_NEEDED


def test_a_takeover_mints_at_once_and_phases_out_what_it_found() -> None:
    """Two tokens that pods may hold: the older one makes room, the newer one gets its overlap."""
    waits = replace(DESIRED, rotation=Rotation(overlap=timedelta(hours=1)))
    app = app_for(DESIRED, tokens={Slot.PRIMARY: ONE, Slot.SECONDARY: TWO})
    remembered = found(waits, app).remembered
    assert (remembered.active, remembered.retiring) == (None, ONE.fingerprint)
    assert found(waits, app, remembered=HAD_IT).remembered == HAD_IT

    course = run_its_course(World(waits, found(waits, app, pods=())))

    kinds = [type(step) for step in course.steps]
    assert kinds == [RevokeSlot, MintToken, ProveToken, PublishSecret]
    assert course.steps[0] == RevokeSlot(APP_ID, Slot.SECONDARY, TWO.fingerprint)
    assert course.end.secret.record.previous == ONE.fingerprint
    assert course.end.secret.record.rotated_at == NOON


def test_a_token_of_another_life_is_replaced_at_once() -> None:
    """The copy in a restored Secret: whoever has the backup has it, too."""
    world = ready_world(DESIRED)
    restored = {**world.secret.annotations, PUBLISHED_FOR: "earlier"}
    world = look(world, secret=replace(world.secret, annotations=restored))

    assert [type(step) for step in decide(world).steps] == [MintToken]
    assert decide(ready_world(DESIRED)).steps == ()


def test_a_reference_of_an_earlier_version_is_brought_up_to_date() -> None:
    """With whatever else there is to do, and not by itself; the app is the object's own meanwhile."""
    app = app_for(DESIRED, reference=old_form(claimant_of(DESIRED)), tokens={Slot.PRIMARY: ONE})
    world = look(ready_world(), **vars_of(found(DESIRED, app)))
    assert decide(world).steps == ()
    assert said(decide(world), "Ready").status == "True"

    drifted = look(world, app=replace(app, cors_domains=("https://a.example.com",)))
    assert decide(drifted).steps == (ClaimApp(APP_ID, reference_of(DESIRED), 1), SetCorsDomains(APP_ID, ()))


def vars_of(observed: object) -> dict[str, object]:
    """What was found out about the app."""
    return {name: getattr(observed, name) for name in ("app", "claim", "claimant", "adoption")}


@pytest.mark.parametrize(
    ("remembered", "reference", "words"),
    [
        (HAD_IT, ELSEWHERE, "taken over by another one, in cluster elsewhere."),
        (HAD_IT, EARLIER, "taken over by another one, in this cluster."),
    ],
)
def test_whoever_lost_an_app_is_told_where_it_is_and_no_more(
    remembered: RememberedStatus, reference: str, words: str
) -> None:
    """It leaves everything as it is, and can be deleted."""
    observed = found(DESIRED, app_for(DESIRED, reference=reference), remembered=remembered)
    world = World(DESIRED, observed)
    plan = decide(world)

    assert said(plan, "Registered").reason == "ManagedElsewhere"
    assert words in said(plan, "Registered").message
    assert "theirs" not in said(plan, "Registered").message
    assert plan.steps == ()
    assert decide(World(replace(DESIRED, deleting=True), observed)).steps == (RemoveFinalizer(),)
    status = {"appID": APP_ID, "clientID": CLIENT_ID, "claimUID": DESIRED.uid}
    shown = build_status({"metadata": {"generation": 1}, "status": status}, DESIRED, observed, plan, NOON)
    assert {name: shown[name] for name in FROM_BOX if name in shown} == {"appID": APP_ID, "claimUID": DESIRED.uid}


def test_the_living_object_of_the_same_namespace_is_named() -> None:
    """That of another namespace is not."""
    observed = found(ADOPT, app_for(ADOPT, reference=EARLIER), alive=True)
    assert observed.claimed_by == "billing/viewer"

    theirs = replace(claimant_of(DESIRED), namespace="finance", namespace_uid=UID("f"), uid=UID("theirs"))
    observed = found(ADOPT, app_for(ADOPT, reference=str(Reference(theirs, adopted=False))), alive=True)
    assert observed.problem is not None
    assert (observed.problem.reason, "finance" in observed.problem.message) == ("AdoptionNotAllowed", False)


@pytest.mark.parametrize(
    "name", ["viewer", "a.b-c", "12", "1e5", "0x1f", "1.5", "2026-01-01", "true", "no", "y", "null", "0o7", "1-2"]
)
@pytest.mark.parametrize("client_id", [CLIENT_ID, "1234567890123456", "12345e7890123456", "N" * 16])
@pytest.mark.parametrize("policy", [DeletionPolicy.RETAIN, DeletionPolicy.DELETE])
@pytest.mark.parametrize("reference", ["", ELSEWHERE])
def test_the_entry_can_be_pasted(name: str, client_id: str, policy: DeletionPolicy, reference: str) -> None:
    """YAML reads back what was meant, also of names that look like numbers; and the entry then gives the app."""
    desired = replace(ADOPT, name=name, namespace="123", deletion_policy=policy, client_id=ClientID(client_id))
    app = app_for(desired, client_id=ClientID(client_id), reference=reference)

    (entry,) = yaml.safe_load(entry_text(desired, Found(app, claimant_of(desired), Holder(), ())))

    spec = {"console": {"mode": "Assisted"}, "adoption": [entry]}
    read = parse_enterprise({"metadata": {"name": "default", "uid": "u"}, "spec": spec}).spec
    assert read.invalid is None
    deletes = policy is DeletionPolicy.DELETE
    come = "elsewhere" if reference else None
    expected = AdoptionEntry(ClientID(client_id), "123", name, deletes, NAMESPACE_UID, come)
    assert read.adoption == (expected,)
    observed = found(desired, app, *read.adoption)
    assert (observed.problem, observed.claim is not None) == (None, True)


def test_a_plain_entry_is_plain_to_read() -> None:
    """No quotes where none are needed."""
    text = entry_text(ADOPT, Found(app_for(ADOPT, reference=""), claimant_of(ADOPT), Holder(), ()))

    assert text == f'- {{clientID: {CLIENT_ID}, namespace: billing, namespaceUID: "n", name: viewer}}'


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
    away = Problem(Reason.BOX_UNAVAILABLE, "Box does not answer.", NOON)

    assert found(ADOPT, app_for(ADOPT, reference=""), problem=away).problem == away


def test_a_key_of_a_person_is_left_alone_on_an_app_that_a_person_made() -> None:
    """Also at the end of the object; on one that an operator registered nothing stays live."""
    ending, mine = replace(ADOPT, deleting=True), RemoveFinalizer()
    theirs = {Slot.SECONDARY: TWO}

    assert decide(look(World(ending, ready_world(ADOPT).observed), app=app_for(ADOPT, tokens=theirs))).steps == (mine,)
    registered = app_for(DESIRED, tokens=theirs)
    world = look(World(replace(DESIRED, deleting=True), ready_world(DESIRED).observed), app=registered)
    assert decide(world).steps == (RevokeSlot(APP_ID, Slot.SECONDARY, TWO.fingerprint),)


def test_an_app_that_an_earlier_version_adopted_is_cleaned_up_without_a_mark() -> None:
    """What the status records and the Secret holds ends; an annotation that names another token ends nothing."""
    ending = replace(ADOPT, deleting=True)
    world = ready_world(ADOPT, secondary=TWO)
    forged = replace(world.secret, annotations={**world.secret.annotations, PREVIOUS: TWO.fingerprint})
    app, known = replace(world.app, reference=""), RememberedStatus(APP_ID, CLIENT_ID, ONE.fingerprint)

    observed = found(ending, app, secret=forged, remembered=known)
    assert decide(World(ending, observed)).steps == (RevokeSlot(APP_ID, Slot.PRIMARY, ONE.fingerprint),)
    rest = replace(app, tokens={Slot.SECONDARY: TWO})
    observed = found(ending, rest, secret=forged, remembered=known)
    assert decide(World(ending, observed)).steps == (RemoveFinalizer(),)
    assert decide(World(ending, found(ending, app, secret=forged))).steps == (RemoveFinalizer(),)


@pytest.mark.parametrize(
    ("owner", "labels", "holds"),
    [
        (DESIRED.uid, {}, True),
        (None, {"app.kubernetes.io/managed-by": "box-app-operator"}, True),
        (None, {}, False),
        (UID("someone-else"), {"app.kubernetes.io/managed-by": "box-app-operator"}, False),
    ],
)
def test_what_a_secret_of_another_holds_proves_nothing(owner: UID | None, labels: dict[str, str], holds: bool) -> None:
    """Only one that is this object's own, or a backup that was restored: without a controller, with our label."""
    world = ready_world(ADOPT)
    changed = look(world, secret=replace(world.secret, owner_uid=owner, labels=labels))

    assert (ONE.fingerprint in held_by_value(ADOPT, changed.observed)) is holds


@pytest.mark.parametrize("deleting", [True, False])
def test_the_status_shows_nothing_of_an_app_that_the_object_may_not_have(deleting: bool) -> None:
    """What it recorded before stays while that is said."""
    world, recorded = adopting(deleting=deleting), {"clientID": CLIENT_ID, "corsDomains": ["https://before.example"]}
    body = {"metadata": {"generation": 1}, "spec": {}, "status": recorded}

    shown = build_status(body, world.desired, world.observed, decide(world), NOON)

    assert {name: value for name, value in shown.items() if name in FROM_BOX} == ({} if deleting else recorded)


def test_only_changed_entries_wake_anybody() -> None:
    """Of ten thousand objects an entry wakes those that it may give an app to."""
    other = replace(ENTRY, client_id=ClientID("d" * 32))

    assert changed_entries((ENTRY, other), (other, ENTRY)) == set()
    assert changed_entries((ENTRY,), (ENTRY, other)) == {other}
    assert changed_entries((ENTRY, other), (DELETABLE, other)) == {ENTRY, DELETABLE}
