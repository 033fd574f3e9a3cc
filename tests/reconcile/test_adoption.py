"""Passes over an app that the operator did not register: what happens without an entry, and once it is gone again."""

from typing import Any

from tests.contract.clients import Clients
from tests.reconcile.test_passes import Stage
from tests.sandbox.world import Box, ManualClock

CORS = {"domains": ["https://a.example.com"]}


class AdoptingStage(Stage):
    """One object that names the app of a person."""

    def writes(self) -> list[str]:
        """What the operator changed in Box since the last time this was asked, as method and path."""
        seen, self.seen = getattr(self, "seen", 0), len(self.box.traffic.log)
        told = self.box.traffic.log[seen:]
        return [f"{entry['method']} {entry['path']}" for entry in told if entry["method"] != "GET"]

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


async def test_with_the_entry_gone_everything_goes_on(open_box: Box, clients: Clients, clock: ManualClock) -> None:
    """The app is the object's own since it was claimed; what a person generated stays theirs, to the end."""
    app, stage = await stage_for(open_box, clients, clock)
    stage.allow(app)
    await stage.turn()
    token, theirs = stage.token, app["tokens"]["secondary"]

    stage.link.adoption = ()
    stage.edit(displayName="Another Name", cors={"domains": []})
    await stage.turn(2)

    assert stage.said("Ready") == ("True", "Ready")
    assert (stage.token, (await stage.the_app(app))["name"]) == (token, "Another Name")
    stage.delete()
    await stage.turn(2)
    assert not stage.is_live(token)
    assert (await stage.the_app(app))["tokens"] == {"primary": None, "secondary": theirs}
