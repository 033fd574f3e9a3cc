"""Tokens through the console endpoint, when a look at the listing is not enough, and who leaves a name to whom."""

from dataclasses import replace
from typing import Any

import pytest
from tests.fakes.cluster import NAMESPACE, claimant_of, manifest, reference_of
from tests.fakes.fates import Fate
from tests.unit.shell import Shell

from box_app_operator.api.spec import FINALIZER, HAND_OVER_ANNOTATION
from box_app_operator.cache.cluster import NamespaceView
from box_app_operator.errors import TransientError
from box_app_operator.model.box import UID, AdoptionEntry, AppID, ClientID, Fingerprint, PendingToken, Reference, Slot
from box_app_operator.model.observed import Leaving, Observed, RememberedStatus
from box_app_operator.model.steps import ClaimApp, MintToken, RevokeSlot
from box_app_operator.modes.automated.client import AutomatedClient
from box_app_operator.modes.automated.name_holder import find_name_holder
from box_app_operator.ports import Token

MINT = MintToken(AppID("1"), Slot.PRIMARY, 30)
HELD = {"finalizers": [FINALIZER]}
GOES = {**HELD, "deletionTimestamp": "2026-03-01T12:00:00Z"}


async def look(shell: Shell, seen: Observed | None = None) -> Observed:
    """One look at the object's app."""
    client = AutomatedClient(shell.store, shell.cluster, shell)
    return await client.observe(shell.desired, seen or Observed(), shell.link, shell.memory.answers)


@pytest.mark.parametrize("fate", [Fate.LOST_BEFORE, Fate.LOST_AFTER])
async def test_what_was_not_answered_is_not_believed(shell: Shell, fate: Fate) -> None:
    """Of a token that was generated nobody has the value; one that was to end may live, and may be repeated."""
    client, app = AutomatedClient(shell.store, shell.cluster, shell), shell.register()
    shell.fail_next(fate)
    with pytest.raises(TransientError):
        await client.obtain_token(MINT, shell.desired, shell.link, shell.memory)
    assert shell.memory.pending is None
    shell.box.empty(app.id, Slot.PRIMARY)

    await client.obtain_token(MINT, shell.desired, shell.link, shell.memory)
    (live,) = shell.box.live(app.id)
    assert shell.memory.pending == PendingToken(live, days=30)

    shell.link.listing.restore(shell.box.apps[app.id])
    step, before = RevokeSlot(app.id, Slot.PRIMARY, live), shell.link.listing.by_id(app.id)
    shell.fail_next(fate)
    with pytest.raises(TransientError):
        await client.revoke_token(step, shell.desired, Observed(), shell.link, shell.memory)
    assert (shell.link.listing.by_id(app.id), shell.memory.pending) == (before, PendingToken(live, days=30))

    await client.revoke_token(step, shell.desired, Observed(), shell.link, shell.memory)
    left = shell.link.listing.by_id(app.id)
    assert (left and left.tokens, shell.memory.pending, shell.box.live(app.id)) == ({}, None, set())


async def test_a_look_costs_no_call_unless_a_call_was_not_answered(shell: Shell) -> None:
    """Then Box is asked once, and a token that it does not have is let go. No value of a key is kept here."""
    app = shell.register()
    shell.memory.answers.values = {Fingerprint("key"): Token("a key of the time without a console")}
    shell.fail_next(Fate.CRASH_BEFORE)
    assert (await look(shell)).app == app
    assert shell.memory.answers.values == {}
    assert shell.fates.next, "no call was made"

    shell.fates.next.clear()
    _, seen = shell.generate(app)
    shell.box.empty(app.id, Slot.PRIMARY)
    seen = await look(shell, replace(seen, doubtful=True))
    assert (seen.app, seen.doubtful, seen.pending) == (shell.box.apps[app.id], False, None)


@pytest.mark.parametrize("said", ["1", "4711", "../../x", None])
async def test_an_app_is_not_believed_gone_before_box_was_asked(shell: Shell, said: Any) -> None:
    """The listing lacks it, and no status need tell of it: it is found by its reference. Nobody to ask: not now."""
    app = shell.register()
    shell.generate(app)
    shell.link.listing.drop(app.id)
    shell.edit(metadata=GOES)
    seen = Observed(remembered=RememberedStatus(said))
    shell.link.console = None
    with pytest.raises(TransientError, match="no connection"):
        await look(shell, seen)

    shell.link.console = shell.box
    assert (await look(shell, seen)).app == shell.box.apps[app.id]


async def test_of_two_that_an_entry_allows_the_first_to_claim_has_the_app() -> None:
    """The other's status, which its tenant may write, gives it nothing; it is told where the app is by no name."""
    shell = Shell(clientID="client-1")
    app = shell.box.register("Theirs", "")
    shell.link.listing.restore(app)
    shell.link.adoption = (AdoptionEntry(ClientID("client-1"), NAMESPACE), AdoptionEntry(ClientID("client-1"), "else"))
    body = manifest(uid="older", created="2020-01-01T00:00:00Z", clientID="client-1")
    metadata = {**body["metadata"], "namespace": "else", "name": "older"}
    shell.store.put_namespace("else", NamespaceView(UID("e"), "1", {}))
    older = shell.store.put_app(
        {**body, "metadata": metadata, "status": {"clientID": "client-1", "appID": "1"}}
    ).desired

    claim = (await look(shell)).claim
    assert claim == ClaimApp(app.id, reference_of(shell.desired, adopted=True), app.revision)
    claimed = await shell.box.claim_app(claim.app_id, claim.reference, claim.revision)
    shell.link.listing.restore(claimed)

    assert (await look(shell)).app == claimed
    client = AutomatedClient(shell.store, shell.cluster, shell)
    seen = await client.observe(older, Observed(), shell.link, shell.memory.answers)
    assert (seen.app, seen.claim) == (None, None)
    assert seen.problem is not None
    assert (seen.problem.reason, NAMESPACE in seen.problem.message) == ("AdoptionNotAllowed", False)


@pytest.mark.parametrize(
    ("watched", "told", "reason"),
    [((), None, None), (("billing",), None, "AdoptionNotAllowed"), ((), "billing/viewer", None)],
    ids=["gone", "out of sight", "handed over"],
)
async def test_an_object_that_cannot_be_seen_counts_as_alive(
    watched: tuple[str, ...], told: str | None, reason: str | None
) -> None:
    """Nothing is taken from it without ``from``; one that is seen may hand its app over."""
    shell = Shell(clientID="client-1")
    shell.store.watched = watched
    entry = AdoptionEntry(ClientID("client-1"), NAMESPACE)
    theirs = replace(claimant_of(shell.desired), namespace="else", namespace_uid=UID("e"), uid=UID("theirs"))
    shell.link.listing.restore(shell.box.register("Theirs", str(Reference(theirs, adopted=False))))
    shell.link.adoption = (entry,) if told is None else ()
    if told is not None:
        meta = {**manifest(uid="theirs")["metadata"], "namespace": "else", "annotations": {HAND_OVER_ANNOTATION: told}}
        shell.store.put_app({**manifest(), "metadata": meta})

    seen = await look(shell)

    assert (seen.problem.reason if seen.problem else None, seen.claim is not None) == (reason, reason is None)


async def test_the_end_of_an_object_hides_nothing_of_anothers_app() -> None:
    """It names the app, which has no token yet: the last look asks for its own app, and finds none."""
    shell = Shell(clientID="client-1")
    shell.edit(metadata=GOES)
    theirs = replace(claimant_of(shell.desired), namespace="else", namespace_uid=UID("e"), uid=UID("theirs"))
    app = shell.box.register("Theirs", str(Reference(theirs, adopted=False)))
    shell.link.listing.restore(app)

    assert (await look(shell)).app is None
    assert shell.link.listing.by_id(app.id) == app


async def test_an_object_without_a_client_id_finds_what_another_life_of_it_had() -> None:
    """By the wanted name and its own; not where only one of them is the same."""
    shell = Shell()
    earlier = replace(claimant_of(shell.desired), uid=UID("earlier"))
    app = shell.box.register("Viewer", str(Reference(earlier, adopted=False)))
    shell.link.listing.restore(app)
    assert (await look(shell)).claim == ClaimApp(app.id, reference_of(shell.desired), app.revision)

    other = str(Reference(replace(earlier, name="other"), adopted=False))
    shell.link.listing.restore(shell.box.put(replace(app, reference=other)))
    seen = await look(shell)
    assert (seen.claim, seen.problem, seen.claimed_by) == (None, None, None)


@pytest.mark.parametrize(
    ("wants", "metadata", "spec", "leaving"),
    [
        ("Free", HELD, {}, Leaving.RENAMED),
        ("viewer", HELD, {}, None),
        ("Mine", HELD, {}, None),
        ("Free", {}, {}, None),
        ("Free", HELD, {"suspend": True}, None),
        ("Viewer", GOES, {"deletionPolicy": "Delete"}, Leaving.DELETED),
        ("Viewer", GOES, {}, None),
    ],
    ids=["renamed", "keeps it", "in a circle", "not held", "suspended", "deleted", "goes without its app"],
)
def test_a_name_is_waited_for_only_while_its_holder_leaves_it(
    shell: Shell, wants: str, metadata: Any, spec: Any, leaving: Leaving | None
) -> None:
    """Anything else is for a person to change. Two that want each other's name would wait for ever."""
    shell.edit(metadata=HELD)
    body = manifest(uid="u", **{"displayName": wants, **spec})
    shell.store.put_app({**body, "metadata": {**body["metadata"], **metadata, "name": "other"}})
    for name, reference in (("Viewer", f"{NAMESPACE}/other/u"), ("Mine", reference_of(shell.desired))):
        shell.link.listing.restore(shell.box.register(name, reference))

    holder = find_name_holder(shell.desired, shell.link, shell.store)

    assert (holder.leaving if holder is not None else None) == leaving
