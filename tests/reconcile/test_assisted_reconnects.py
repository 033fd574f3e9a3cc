"""Passes over an app without a console endpoint, against the sandbox, while the link to Box comes and goes."""

import pytest
from tests.contract.clients import Clients
from tests.reconcile.people import People
from tests.reconcile.test_passes import KEY, PAUSE, Stage
from tests.sandbox.world import Box, ManualClock


class AssistedStage(Stage):
    """One app that people made, with a key that they handed over."""

    async def make(self) -> None:
        """The app and its key, and an object that names both."""
        people = People(self.box)
        app = await people.authorized()
        self.link.has_console = False
        self.cluster.kept["keys"] = {"primary": await people.generate(app)}
        self.edit(clientID=app["client_id"], tokens={"importFrom": {"name": "keys"}})


@pytest.fixture
async def stage(open_box: Box, clients: Clients, clock: ManualClock) -> AssistedStage:
    """An app of the mode Assisted."""
    stage = AssistedStage(open_box, clients, clock)
    await stage.make()
    return stage


async def test_a_link_that_connects_anew_is_waited_for(stage: AssistedStage) -> None:
    """Nobody wakes an object when the link is back without having been in trouble: it looks again by itself."""
    stage.link.platform = None

    assert await stage.reconciler.reconcile(KEY) == PAUSE.total_seconds()

    stage.link.platform = stage.clients.platform
    stage.clock.pass_by(PAUSE)
    await stage.reconciler.reconcile(KEY)
    assert stage.said("Ready") == ("True", "Ready")
