"""Passes over an app with client credentials, against the sandbox, with a clock that stands still."""

from datetime import timedelta
from typing import Any

import pytest
from tests.contract.clients import Clients
from tests.reconcile.people import People
from tests.reconcile.test_passes import KEY, PAUSE, Stage
from tests.sandbox.world import Box, ManualClock

LIFE = timedelta(seconds=4175)
SUBJECT = {"type": "enterprise", "id": "1234567"}
SPEC = {
    "authentication": "ClientCredentials",
    "clientCredentials": {"secretRef": {"name": "creds"}, "subject": SUBJECT},
}
KIND = {"kind": "client_credentials"}


class GrantStage(Stage):
    """One app with client credentials, and the people who made it."""

    def __init__(self, box: Box, clients: Clients, clock: ManualClock) -> None:
        super().__init__(box, clients, clock, **SPEC)
        self.people = People(box)

    async def make(self, name: str) -> Any:
        """A person makes an app, which is authorized."""
        return await self.people.authorized(name, **KIND)

    async def hand_over(self, app: Any, secret: str | None = None) -> None:
        """Put client id and secret where the operator looks for them."""
        known = secret or await self.people.secret(app)
        self.cluster.kept["creds"] = {"clientID": app["client_id"], "clientSecret": known}

    async def make_ready(self) -> Any:
        """An app whose access token is published; returns it."""
        app = await self.make("Viewer")
        await self.hand_over(app)
        await self.turn()
        assert self.said("Ready") == ("True", "Ready")
        return app

    @property
    def told(self) -> dict[str, str]:
        """The operator's annotations on the Secret, without their prefix."""
        assert self.cluster.secret is not None
        return {key.removeprefix("boxapps.dev/"): text for key, text in self.cluster.secret.annotations.items()}

    def client_ids(self) -> set[str]:
        """What is said of whose the published token is: by the Secret, its annotation and the status."""
        return {self.cluster.values["BOX_CLIENT_ID"], self.told["client-id"], self.cluster.app["status"]["clientID"]}

    def tamper(self, drop: str, **values: str) -> None:
        """Somebody takes an annotation off, and changes what the Secret holds."""
        assert self.cluster.secret is not None
        notes = {key: text for key, text in self.cluster.secret.annotations.items() if key != f"boxapps.dev/{drop}"}
        self.change_secret(values, annotations=notes)


@pytest.fixture
def stage(open_box: Box, clients: Clients, clock: ManualClock) -> GrantStage:
    """An app without any wish."""
    return GrantStage(open_box, clients, clock)


async def test_other_credentials_are_used_once(stage: GrantStage) -> None:
    """At the next pass; neither the one after it nor another process asks again."""
    first = await stage.make_ready()
    other = await stage.make("Other")
    assert stage.client_ids() == {first["client_id"]}

    await stage.hand_over(other)

    await stage.turn()
    assert stage.client_ids() == {other["client_id"]}
    await stage.turn(3)
    stage.reconciler = stage.restarted()
    await stage.turn(3)
    assert (stage.issued, stage.cluster.writes.count("secret")) == (2, 2)


async def test_a_token_that_is_held_stays_whose_it_is(stage: GrantStage) -> None:
    """The credentials change between obtaining and publishing: first it is published as what it is, then replaced."""
    first, other = await stage.make("Viewer"), await stage.make("Other")
    await stage.hand_over(first)
    stage.box.order(kind="status", status=500, method="GET", path="/2.0/files/1")
    await stage.turn()
    await stage.hand_over(other)
    stage.box.order(kind="status", status=500, method="POST", path="/oauth2/token")
    stage.clock.pass_by(PAUSE)

    await stage.turn()

    assert stage.client_ids() == {first["client_id"]}
    assert stage.said("Ready") == ("True", "Ready")
    stage.clock.pass_by(2 * PAUSE)
    await stage.turn()
    assert stage.client_ids() == {other["client_id"]}


@pytest.mark.parametrize(("data", "tokens"), [({}, 1), ({"BOX_CLIENT_ID": "of somebody"}, 2)])
async def test_a_removed_client_id_is_put_back_from_the_data(
    stage: GrantStage, data: dict[str, str], tokens: int
) -> None:
    """As of a Secret from before there was the annotation; if nothing tells whose the token is, another is obtained."""
    app = await stage.make_ready()
    stage.tamper("client-id", **data)

    await stage.turn()

    assert stage.client_ids() == {app["client_id"]}
    assert stage.issued == tokens


async def test_a_deletion_waits_for_wrong_credentials_no_longer_than_the_token_lives(stage: GrantStage) -> None:
    """Somebody may correct them; once the token is over there is nothing left to wait for."""
    app = await stage.make_ready()
    await stage.hand_over(app, "not-the-secret")
    stage.delete()

    assert await stage.turn() == LIFE.total_seconds()
    assert stage.store.apps.get(KEY) is not None
    stage.clock.pass_by(LIFE)
    await stage.turn()

    assert stage.store.apps.get(KEY) is None
