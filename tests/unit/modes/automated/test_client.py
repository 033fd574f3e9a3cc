"""Tokens through the console endpoint, when a look at the listing is not enough, and who leaves a name to whom."""

from dataclasses import replace
from typing import Any

import pytest
from tests.fakes.cluster import NAMESPACE, manifest
from tests.fakes.fates import Fate
from tests.unit.shell import Shell

from box_app_operator.api.spec import FINALIZER
from box_app_operator.errors import TransientError
from box_app_operator.model.box import AppID, PendingToken, Slot
from box_app_operator.model.names import Leaving
from box_app_operator.model.observed import Observed
from box_app_operator.model.steps import MintToken, RevokeSlot
from box_app_operator.modes.automated.client import AutomatedClient
from box_app_operator.modes.automated.name_holder import find_name_holder

MINT = MintToken(AppID("1"), Slot.PRIMARY, 30)
HELD = {"finalizers": [FINALIZER]}
GOES = {**HELD, "deletionTimestamp": "2026-03-01T12:00:00Z"}


async def look(shell: Shell, seen: Observed | None = None) -> Observed:
    """One look at the object's app."""
    client = AutomatedClient(shell.store, shell.cluster, shell)
    return await client.observe(shell.desired, seen or Observed(), shell.link, shell.memory.answers)


@pytest.mark.parametrize("fate", [Fate.LOST_BEFORE, Fate.LOST_AFTER])
async def test_what_was_not_answered_is_not_believed(fate: Fate) -> None:
    """Of a token that was generated nobody has the value; one that was to end may live, and may be repeated."""
    shell = Shell()
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


async def test_a_look_costs_no_call_unless_a_call_was_not_answered() -> None:
    """Then Box is asked once, and a token that it does not have is let go."""
    shell = Shell()
    app = shell.register()
    shell.fail_next(Fate.CRASH_BEFORE)
    assert (await look(shell)).app == app
    assert shell.fates.next, "no call was made"

    shell.fates.next.clear()
    _, seen = shell.generate(app)
    shell.box.empty(app.id, Slot.PRIMARY)
    seen = await look(shell, replace(seen, doubtful=True))
    assert (seen.app, seen.doubtful, seen.pending) == (shell.box.apps[app.id], False, None)


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
    wants: str, metadata: Any, spec: Any, leaving: Leaving | None
) -> None:
    """Anything else is for a person to change. Two that want each other's name would wait for ever."""
    shell = Shell()
    shell.edit(metadata=HELD)
    body = manifest(uid="u", **{"displayName": wants, **spec})
    shell.store.put_app({**body, "metadata": {**body["metadata"], **metadata, "name": "other"}})
    for name, reference in (("Viewer", f"{NAMESPACE}/other/u"), ("Mine", shell.desired.reference)):
        shell.link.listing.restore(shell.box.register(name, reference))

    holder = find_name_holder(shell.desired, shell.link, shell.store)

    assert (holder.leaving if holder is not None else None) == leaving
