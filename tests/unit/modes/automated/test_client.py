"""Tokens through the console endpoint, when a look at the listing is not enough, and who leaves a name to whom."""

from dataclasses import replace
from typing import Any

import pytest
from tests.fakes.cluster import NAMESPACE, manifest
from tests.fakes.fates import Fate
from tests.unit.shell import Shell

from box_app_operator.api.spec import FINALIZER
from box_app_operator.errors import TransientError
from box_app_operator.model.box import AdoptionEntry, AppID, ClientID, Fingerprint, PendingToken, Slot
from box_app_operator.model.observed import Leaving, Observed, RememberedStatus
from box_app_operator.model.steps import MintToken, RevokeSlot
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


@pytest.mark.parametrize(
    ("namespace", "reference", "claimed_by"),
    [
        ("elsewhere", "", "elsewhere/older"),
        ("a third one", "", None),
        ("elsewhere", "elsewhere/former/uid", "elsewhere/former"),
        ("elsewhere", f"{NAMESPACE}/viewer/another-uid", "elsewhere/older"),
    ],
    ids=["older", "older, without an entry", "registered for another", "registered in another life"],
)
async def test_of_those_that_an_entry_allows_the_oldest_has_the_app(
    namespace: str, reference: str, claimed_by: str | None
) -> None:
    """What the status of one without an entry says, which its tenant may write, keeps nobody from the app."""
    shell = Shell(clientID="client-1")
    shell.link.listing.restore(shell.box.register("Theirs", reference))
    shell.link.adoption = (
        AdoptionEntry(ClientID("client-1"), NAMESPACE),
        AdoptionEntry(ClientID("client-1"), namespace),
    )
    body = manifest(uid="older", created="2020-01-01T00:00:00Z", clientID="client-1")
    metadata = {**body["metadata"], "namespace": "elsewhere", "name": "older"}
    shell.store.put_app({**body, "metadata": metadata, "status": {"clientID": "client-1", "appID": "1"}})

    assert (await look(shell)).claimed_by == claimed_by


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
    for name, reference in (("Viewer", f"{NAMESPACE}/other/u"), ("Mine", shell.desired.reference)):
        shell.link.listing.restore(shell.box.register(name, reference))

    holder = find_name_holder(shell.desired, shell.link, shell.store)

    assert (holder.leaving if holder is not None else None) == leaving
