"""Passes over an app whose spec asks for another authentication, where a schema of another version let that through."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import pytest
from tests.contract.clients import Clients
from tests.reconcile.people import CONSOLE_BY_PERSON, People
from tests.reconcile.test_client_credentials import SPEC, GrantStage
from tests.reconcile.test_passes import KEY, Stage
from tests.sandbox.world import Box, ManualClock


class ChangedStage(GrantStage):
    """One app that begins with any authentication; credentials of another one are there."""

    def __init__(self, box: Box, clients: Clients, clock: ManualClock) -> None:
        Stage.__init__(self, box, clients, clock)
        self.people = People(box)

    async def change(self, *dropped: str, **spec: Any) -> None:
        """The spec changes, and the operator looks; nothing but a look at what is there is asked of Box."""
        mark = len(self.box.traffic.log)
        self.edit(*dropped, **spec)
        await self.turn(3)
        assert {entry["method"] for entry in self.box.traffic.log[mark:]} <= {"GET"}

    def mine(self) -> dict[str, Any]:
        """What must stay as it is."""
        return {"secret": self.cluster.secret, "values": self.cluster.values, "tokens": self.status["tokens"]}


async def automated(stage: ChangedStage) -> None:
    """The operator registers the app."""
    await stage.approve()
    await stage.turn()


async def assisted(stage: ChangedStage) -> None:
    """A person hands a key over."""
    stage.link.has_console, stage.link.console = False, None
    app = await stage.people.authorized()
    stage.cluster.kept["keys"] = {"primary": await stage.people.generate(app)}
    stage.edit(clientID=app["client_id"], tokens={"importFrom": {"name": "keys"}})
    await stage.turn()


async def granted(stage: ChangedStage) -> None:
    """Client credentials."""
    stage.edit(**SPEC)
    await stage.make_ready()


Begin = Callable[[ChangedStage], Coroutine[Any, Any, None]]
APP_TOKEN: tuple[str, ...] = ("authentication", "clientCredentials")


async def ask_for_the_other(stage: ChangedStage, begin: Begin) -> None:
    """Another authentication than in the beginning."""
    if begin is granted:
        return await stage.change(*APP_TOKEN)
    await stage.hand_over(await stage.make("Other"))
    return await stage.change(**SPEC)


@pytest.fixture
def stage(open_box: Box, clients: Clients, clock: ManualClock) -> ChangedStage:
    """An app without any wish."""
    return ChangedStage(open_box, clients, clock)


@pytest.mark.parametrize("begin", [automated, assisted, granted])
async def test_another_authentication_is_refused_and_changes_nothing(stage: ChangedStage, begin: Begin) -> None:
    """The author must set it back; after that all is as it was."""
    await begin(stage)
    before = stage.mine()
    assert stage.said("Ready") == ("True", "Ready")

    await ask_for_the_other(stage, begin)

    assert stage.said("Ready") == ("False", "InvalidSpec")
    assert stage.said("Stalled") == ("True", "InvalidSpec")
    assert stage.mine() == before
    assert stage.is_live(stage.token)
    await stage.change(*(APP_TOKEN if begin is not granted else ()), **(SPEC if begin is granted else {}))
    assert stage.said("Ready") == ("True", "Ready")
    assert stage.mine() == before


async def test_the_status_tells_of_an_app_without_a_token(stage: ChangedStage) -> None:
    """It is registered, and the admin has not decided yet: it is not left behind in Box."""
    await stage.turn()
    mine = stage.app["id"]

    await ask_for_the_other(stage, automated)

    assert stage.said("Ready") == ("False", "InvalidSpec")
    assert (stage.status["appID"], stage.issued, stage.cluster.secret) == (mine, 0, None)


@pytest.mark.parametrize("begin", [automated, assisted, granted])
async def test_a_deletion_ends_the_tokens_that_are_there(stage: ChangedStage, begin: Begin) -> None:
    """As it would have without the change; an access token whose credentials nobody names any more ends by itself."""
    await begin(stage)
    token, app = stage.token, stage.app
    await ask_for_the_other(stage, begin)
    stage.delete()

    await stage.turn()

    if begin is assisted:
        assert [step["what"] for step in stage.status["nextSteps"]] == ["Press Revoke for the Primary Access Token."]
        await stage.people.call("DELETE", f"{CONSOLE_BY_PERSON}/{app['id']}/tokens/primary", 204)
        stage.reconciler.clear_refusals(KEY)
        await stage.turn()
    assert stage.store.app(KEY) is None
    assert stage.is_live(token) == (begin is granted)
    assert ("LeftToExpire" in stage.cluster.events) == (begin is granted)
