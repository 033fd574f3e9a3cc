"""Passes over an app whose keys people hand over, where Box says whose a key is and where it does not."""

from collections.abc import Iterator, Mapping
from dataclasses import fields, is_dataclass
from datetime import timedelta
from typing import Any

import pytest
from tests.contract.clients import Clients
from tests.reconcile.people import CONSOLE_BY_PERSON, People
from tests.reconcile.test_passes import KEY, PAUSE, Stage
from tests.sandbox.world import Box, ManualClock

from box_app_operator.cache.identities import Identities
from box_app_operator.model.box import fingerprint_of
from box_app_operator.model.conditions import parse_conditions
from box_app_operator.ports import Token

KEYS = {"importFrom": {"name": "keys"}}
PROOF, WHOSE = "/2.0/files/1", "/2.0/users/me"


class AssistedStage(Stage):
    """One app whose keys a person hands over."""

    def __init__(self, box: Box, clock: ManualClock) -> None:
        super().__init__(box, Clients(box.client), clock, tokens=KEYS)
        self.people = People(box)
        self.link.has_console, self.link.console = False, None

    async def resync(self) -> None:
        """Everything is looked at again."""
        self.link.identities.resync()
        self.reconciler.clear_refusals(KEY)
        await self.turn()

    def restart(self) -> None:
        """Another process."""
        self.link.identities = Identities()
        self.reconciler = self.restarted()

    def mark(self) -> int:
        """The end of the log of calls."""
        return len(self.box.traffic.log)

    def asked(self, mark: int) -> int:
        """How often Box was asked about keys since then."""
        return len([entry for entry in self.box.traffic.log[mark:] if entry["path"] in (PROOF, WHOSE)])

    async def key_of(self, name: str) -> str:
        """A key of another app."""
        return await self.people.generate(await self.people.authorized(name))

    def message(self, type_: str) -> str:
        """What a condition says."""
        return parse_conditions(self.status)[type_].message

    def values_in_memory(self) -> list[str]:
        """Every value of a token that the reconciler remembers."""
        return [token.reveal() for token in _tokens_in(self.reconciler._memory_of(KEY))]


async def hand_over_key(stage: AssistedStage) -> tuple[Any, str]:
    """A person makes an app and hands a key over; returns both."""
    app = await stage.people.authorized("Viewer")
    key = await stage.people.generate(app)
    stage.cluster.kept["keys"] = {"primary": key}
    stage.edit(clientID=app["client_id"])
    await stage.turn()
    assert stage.token == key
    return app, key


def _tokens_in(thing: object) -> Iterator[Token]:
    if isinstance(thing, Token):
        yield thing
    elif is_dataclass(thing):
        for field in fields(thing):
            yield from _tokens_in(getattr(thing, field.name))
    elif isinstance(thing, Mapping):
        for key, value in thing.items():
            yield from _tokens_in(key)
            yield from _tokens_in(value)
    elif isinstance(thing, list | tuple | set | frozenset):
        for value in thing:
            yield from _tokens_in(value)


@pytest.fixture
def telling(open_box: Box, clock: ManualClock) -> AssistedStage:
    """Where Box says whose a key is."""
    return AssistedStage(open_box, clock)


@pytest.fixture
def quiet(silent: Box, clock: ManualClock) -> AssistedStage:
    """Where it does not."""
    return AssistedStage(silent, clock)


@pytest.fixture(params=["telling", "quiet"])
def stage(request: pytest.FixtureRequest) -> AssistedStage:
    """Either."""
    stage: AssistedStage = request.getfixturevalue(request.param)
    return stage


async def test_a_look_at_rest_costs_one_call(stage: AssistedStage) -> None:
    """Also the first one of another process, and nothing is written."""
    await hand_over_key(stage)
    await stage.turn(3)
    writes, mark = len(stage.cluster.writes), stage.mark()
    for number in range(1, 4):
        await stage.resync()
        assert stage.asked(mark) == number
    stage.restart()

    await stage.turn(3)
    assert stage.asked(mark) == 4
    await stage.resync()

    assert stage.asked(mark) == 5
    assert len(stage.cluster.writes) == writes


async def test_a_link_that_connects_anew_is_waited_for(telling: AssistedStage) -> None:
    """Nobody wakes an object when the link is back without having been in trouble: it looks again by itself."""
    await hand_over_key(telling)
    telling.link.platform = None
    assert await telling.reconciler.reconcile(KEY) == PAUSE.total_seconds()

    telling.link.platform = telling.clients.platform
    telling.clock.pass_by(PAUSE)
    await telling.reconciler.reconcile(KEY)
    assert telling.said("Ready") == ("True", "Ready")


async def test_a_lost_key_is_not_asked_for_in_its_own_slot(stage: AssistedStage) -> None:
    """Both Secrets are gone, and the process is another: the console still has the key in the primary slot."""
    await hand_over_key(stage)
    stage.cluster.kept.clear()
    lose_secret(stage)
    stage.restart()

    await stage.turn()

    assert "Generate Key for the Secondary" in stage.status["nextSteps"][-1]["what"]
    assert stage.status["tokens"]["active"]["slot"] == "primary"


def lose_secret(stage: AssistedStage) -> None:
    """Somebody deletes the published Secret."""
    assert stage.cluster.secret is not None
    stage.cluster.drop_secret(stage.cluster.secret.name)
    stage.cluster.tell(stage.store)


async def test_a_key_that_took_the_place_of_another_at_the_console_stands_in_its_slot(stage: AssistedStage) -> None:
    """The person revoked the published key and generated another, before the next look: that one must stay."""
    app, _ = await hand_over_key(stage)
    await stage.people.call("DELETE", f"{CONSOLE_BY_PERSON}/{app['id']}/tokens/primary", 204)
    key = await stage.people.generate(app)
    stage.cluster.kept["keys"] = {"primary": key}

    await stage.turn()

    assert (stage.token, stage.status["tokens"]["active"]["slot"]) == (key, "primary")
    assert "nextSteps" not in stage.status


async def test_a_previous_key_is_remembered_although_the_secret_is_gone(stage: AssistedStage) -> None:
    """The status tells of it, until the next Secret does."""
    app, first = await hand_over_key(stage)
    second = await stage.people.generate(app, "secondary")
    stage.cluster.kept["keys"] = {"secondary": second}
    await stage.resync()
    assert stage.status["tokens"]["retiring"]["slot"] == "primary"

    lose_secret(stage)
    stage.restart()
    await stage.turn()

    assert stage.token == second
    assert stage.status["tokens"]["retiring"]["fingerprint"] == fingerprint_of(first)


async def test_an_operator_that_did_not_work_for_weeks_still_asks_for_the_previous_key(stage: AssistedStage) -> None:
    """Its value is gone and its deadline has passed; from the first request on it is asked for during a week."""
    app, _ = await hand_over_key(stage)
    stage.cluster.kept["keys"] = {"secondary": await stage.people.generate(app, "secondary")}
    await stage.resync()
    stage.restart()

    stage.clock.pass_by(timedelta(days=16))
    await stage.turn()
    assert [task["kind"] for task in stage.status["nextSteps"]] == ["RevokeKey"]

    stage.clock.pass_by(timedelta(days=6))
    await stage.resync()
    assert [task["kind"] for task in stage.status["nextSteps"]] == ["RevokeKey"]

    stage.clock.pass_by(timedelta(days=1))
    await stage.resync()
    assert ("nextSteps" in stage.status, "retiring" in stage.status["tokens"]) == (False, False)


async def test_a_client_secret_that_can_be_none_is_named(telling: AssistedStage) -> None:
    """It is not sent to Box; a person is asked to revoke, and told what is wrong with it."""
    app, _ = await hand_over_key(telling)
    telling.cluster.kept["client"] = {"secret": "gehéim"}
    rotation = {"overlap": "0s", "retire": "AfterOverlap"}
    telling.edit(clientSecretRef={"name": "client", "key": "secret"}, tokens={**KEYS, "rotation": rotation})
    telling.cluster.kept["keys"] |= {"secondary": await telling.people.generate(app, "secondary")}

    await telling.resync()
    await telling.resync()

    assert [step["what"] for step in telling.status["nextSteps"]] == ["Press Revoke for the Primary Access Token."]
    assert "Key 'secret' of Secret 'client' cannot be used" in telling.message("TokenReady")
    assert telling.calls("POST", "/oauth2/revoke") == 0


async def test_what_the_secret_holds_counts_before_any_key(telling: AssistedStage) -> None:
    """The status was lost: pods have this token, and it is not replaced by one of another app."""
    app, key = await hand_over_key(telling)
    telling.cluster.kept["keys"] = {"primary": await telling.key_of("Others")}
    telling.change_app(status={})
    telling.restart()

    await telling.turn()

    assert telling.token == key
    assert telling.status["appID"] == app["id"]
    assert "The token in the Secret came first." in telling.message("TokenReady")


# Values of keys


async def test_values_in_memory_are_those_of_live_keys(stage: AssistedStage) -> None:
    """At rest of the one that is published, during a rotation of the previous one too, and of none that is over."""
    app, first = await hand_over_key(stage)
    assert stage.values_in_memory() == [first]
    second = await stage.people.generate(app, "secondary")
    stage.cluster.kept["keys"] = {"secondary": second}
    await stage.resync()
    assert sorted(stage.values_in_memory()) == sorted([first, second])

    await stage.people.call("DELETE", f"/sandbox/v1/apps/{app['id']}/tokens/primary", 204)
    await stage.resync()

    assert stage.values_in_memory() == [second]
    await stage.people.call("DELETE", f"/sandbox/v1/apps/{app['id']}/tokens/secondary", 204)
    await stage.resync()
    assert stage.values_in_memory() == []


async def test_a_refused_key_is_not_kept_in_memory(telling: AssistedStage) -> None:
    """Of another app, of a person: nothing but fingerprints, and those only of keys that are there."""
    app, key = await hand_over_key(telling)
    for number in range(20):
        telling.cluster.kept["keys"] = {
            "primary": await telling.people.developer_token(app),
            "secondary": await telling.key_of(f"Others {number}"),
        }
        await telling.resync()
        assert telling.values_in_memory() == [key]

    answers = telling.reconciler._memory_of(KEY).answers  # type: ignore[union-attr]
    for known in (answers.verdicts, answers.messages, answers.identities, answers.first_seen):
        assert len(known) <= 3


async def test_the_end_of_a_key_is_proven_although_its_secrets_went_first(stage: AssistedStage) -> None:
    """As when a namespace is deleted."""
    app, _ = await hand_over_key(stage)
    stage.delete()
    await stage.turn()
    assert "Press Revoke" in stage.status["nextSteps"][0]["what"]
    stage.cluster.kept.clear()
    lose_secret(stage)
    await stage.resync()
    assert stage.store.apps.get(KEY) is not None

    await stage.people.call("DELETE", f"/sandbox/v1/apps/{app['id']}/tokens/primary", 204)
    await stage.resync()

    assert stage.store.apps.get(KEY) is None
