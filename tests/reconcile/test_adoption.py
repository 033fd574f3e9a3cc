"""Passes over an app that the operator did not register: what happens without an entry, and once it is gone again."""

from typing import Any

import pytest
from tests.contract.clients import Clients
from tests.fakes.cluster import NAME, NAMESPACE, manifest
from tests.reconcile.test_passes import KEY, Stage
from tests.sandbox.world import Box, ManualClock

from box_app_operator.model.box import AdoptionEntry

CORS = {"domains": ["https://a.example.com"]}


class AdoptingStage(Stage):
    """One object that names the app of a person."""

    def writes(self) -> list[str]:
        """What the operator changed in Box since the last time this was asked, as method and path."""
        seen, self.seen = getattr(self, "seen", 0), len(self.box.traffic.log)
        told = self.box.traffic.log[seen:]
        return [f"{entry['method']} {entry['path']}" for entry in told if entry["method"] != "GET"]

    def say(self, **status: Any) -> None:
        """The tenant writes into the object's status."""
        self.change_app(status={**self.cluster.app.get("status", {}), **status})

    async def adopt(self, app: Any) -> str:
        """With an entry, until the token is published; returns the token."""
        self.allow(app)
        await self.turn()
        return self.token

    async def the_app(self, app: Any) -> Any:
        """As it is now, without what changes by itself."""
        found = await self.box.app_of(app)
        self.writes()
        return found


async def stage_for(box: Box, clients: Clients, clock: ManualClock, **spec: Any) -> tuple[Any, AdoptingStage]:
    """An app that a person made, with a key of theirs, and an object that names it."""
    app = await box.authorized("Theirs")
    await box.mint(app, "secondary")
    stage = AdoptingStage(box, clients, clock, **{"clientID": app["client_id"], "cors": CORS, **spec})
    return await stage.the_app(app), stage


async def test_nothing_is_changed_in_box_without_an_entry(open_box: Box, clients: Clients, clock: ManualClock) -> None:
    """No name, no domains, no token; not even the finalizer, so that the object can go as it came."""
    app, stage = await stage_for(open_box, clients, clock)

    await stage.turn(3)

    assert stage.said("Registered") == ("False", "AdoptionNotAllowed")
    assert stage.said("Stalled") == ("True", "AdoptionNotAllowed")
    assert stage.writes() == []
    assert await stage.the_app(app) == app
    assert stage.cluster.writes == ["status"]
    assert stage.cluster.events == ["AdoptionNotAllowed"]
    assert not stage.cluster.app["metadata"].get("finalizers")
    assert set(stage.status) == {"conditions", "observedGeneration"}


async def test_an_entry_is_enough(open_box: Box, clients: Clients, clock: ManualClock) -> None:
    """Name, domains and a token, at the next look."""
    app, stage = await stage_for(open_box, clients, clock)
    await stage.turn()

    await stage.adopt(app)

    adopted = await stage.the_app(app)
    assert stage.said("Ready") == ("True", "Ready")
    assert (adopted["name"], adopted["cors_domains"]) == ("Viewer", CORS["domains"])
    assert adopted["tokens"]["secondary"] == app["tokens"]["secondary"]


async def test_with_the_entry_gone_everything_stays(open_box: Box, clients: Clients, clock: ManualClock) -> None:
    """The Secret keeps its token, Box is left alone, the status keeps what it recorded; with it back all goes on."""
    app, stage = await stage_for(open_box, clients, clock)
    token, before = await stage.adopt(app), dict(stage.status)
    adopted = await stage.the_app(app)

    stage.link.adoption = ()
    stage.edit(displayName="Another Name", cors={"domains": []})
    await stage.turn(2)

    assert stage.said("Ready") == ("False", "AdoptionNotAllowed")
    assert stage.said("TokenReady") == ("True", "Published")
    assert (stage.token, stage.is_live(token), stage.writes()) == (token, True, [])
    assert await stage.the_app(app) == adopted
    assert stage.status["tokens"] == before["tokens"]
    stage.allow(app)
    await stage.turn()
    assert stage.said("Ready") == ("True", "Ready")
    assert (stage.token, (await stage.the_app(app))["name"]) == (token, "Another Name")


@pytest.mark.parametrize("policy", ["RevokeTokens", "Delete"])
@pytest.mark.parametrize("entry", ["none", "without allowDelete"])
async def test_a_deletion_leaves_the_app_and_the_keys_of_others(
    open_box: Box, clients: Clients, clock: ManualClock, policy: str, entry: str
) -> None:
    """What the Secret holds is revoked; the key of a person stays, although the tenant's status calls it active."""
    app, stage = await stage_for(open_box, clients, clock)
    token, theirs = await stage.adopt(app), app["tokens"]["secondary"]
    if entry == "none":
        stage.link.adoption = ()
        shown = stage.status["tokens"]["active"]
        stage.say(tokens={"active": {**shown, "slot": "secondary", "fingerprint": theirs["fingerprint"]}})
    stage.edit(deletionPolicy=policy)
    stage.delete()

    await stage.turn(2)

    assert stage.store.apps.get(KEY) is None
    assert not stage.is_live(token)
    assert (await stage.the_app(app))["tokens"]["secondary"] == theirs


async def test_delete_without_allow_delete_is_said_at_once(open_box: Box, clients: Clients, clock: ManualClock) -> None:
    """Before the app is touched, and not when the object is deleted; with the right entry the app goes with it."""
    app, stage = await stage_for(open_box, clients, clock, deletionPolicy="Delete")
    stage.allow(app)
    await stage.turn()
    assert stage.said("Registered") == ("False", "InvalidSpec")
    assert stage.writes() == []

    stage.allow(app, delete=True)
    await stage.turn()

    assert stage.said("Ready") == ("True", "Ready")
    stage.delete()
    await stage.turn()
    assert list(stage.box.sandbox.live()) == []


async def test_an_object_without_an_entry_keeps_nobody_from_the_app(
    open_box: Box, clients: Clients, clock: ManualClock
) -> None:
    """It is older, and its status, which its tenant may write, says that it has the app."""
    app, stage = await stage_for(open_box, clients, clock)
    older = manifest(clientID=app["client_id"])
    meta = {**older["metadata"], "namespace": "elsewhere", "uid": "older", "creationTimestamp": "2020-01-01T00:00:00Z"}
    stage.store.put_app({**older, "metadata": meta, "status": {"clientID": app["client_id"], "appID": app["id"]}})

    await stage.adopt(app)

    assert stage.said("Registered") == ("True", "Adopted")


async def test_of_two_with_an_entry_the_older_has_it(open_box: Box, clients: Clients, clock: ManualClock) -> None:
    """And the other is told no name of another namespace."""
    app, stage = await stage_for(open_box, clients, clock)
    older = manifest(clientID=app["client_id"])
    meta = {**older["metadata"], "namespace": "elsewhere", "uid": "older", "creationTimestamp": "2020-01-01T00:00:00Z"}
    stage.store.put_app({**older, "metadata": meta})
    stage.link.adoption = tuple(AdoptionEntry(app["client_id"], namespace) for namespace in (NAMESPACE, "elsewhere"))

    await stage.turn()

    assert stage.said("Registered") == ("False", "ManagedElsewhere")
    assert "elsewhere" not in str(stage.status)
    assert stage.writes() == []


@pytest.mark.parametrize(
    ("reference", "reason"),
    [
        (f"{NAMESPACE}/{NAME}/another-uid", "AdoptionNotAllowed"),
        ("elsewhere/viewer/another-uid", "ManagedElsewhere"),
        (f"{NAMESPACE}/other/another-uid", "ManagedElsewhere"),
    ],
)
async def test_a_reference_of_another_life_gives_nothing(
    open_box: Box, clients: Clients, clock: ManualClock, reference: str, reason: str
) -> None:
    """The same namespace and name is anybody's in another cluster; another name is another object's, entry or not."""
    app = await open_box.authorized("Theirs", reference)
    stage = AdoptingStage(open_box, clients, clock, clientID=app["client_id"])
    stage.writes()
    if reason == "ManagedElsewhere":
        stage.link.adoption = (AdoptionEntry(app["client_id"], NAMESPACE, allow_delete=True),)

    await stage.turn(2)

    assert stage.said("Registered") == ("False", reason)
    assert stage.writes() == []
