"""Passes over an app whose spec asks for another authentication, which is another app in Box: there and back."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.contract.clients import Clients
from tests.reconcile.people import BY_HAND, People
from tests.reconcile.test_client_credentials import SPEC, GrantStage
from tests.reconcile.test_passes import KEY, Stage
from tests.sandbox.world import Box, ManualClock

from box_app_operator.model.box import fingerprint_of

HOUR, LIFE = timedelta(hours=1), timedelta(seconds=4175)
KEYS = {"importFrom": {"name": "keys"}}


class ChangingStage(GrantStage):
    """One app that begins with App Tokens.

    Args:
        by_hand: there is no console endpoint.
    """

    def __init__(self, box: Box, clients: Clients, clock: ManualClock, *, by_hand: bool = False, **spec: Any) -> None:
        Stage.__init__(self, box, clients, clock, **spec)
        self.people = People(box)
        if by_hand:
            self.link.has_console, self.link.console = False, None

    def edit(self, *dropped: str, **spec: Any) -> None:
        """Another spec."""
        kept = {key: value for key, value in self.cluster.app["spec"].items() if key not in dropped}
        metadata = {**self.cluster.app["metadata"], "generation": self.cluster.app["metadata"]["generation"] + 1}
        self.store.put_app(self.cluster.change(metadata=metadata, spec={**kept, **spec}))

    def ask_for_credentials(self) -> None:
        """The spec asks for client credentials."""
        self.edit(**SPEC)

    def ask_for_app_tokens(self, **spec: Any) -> None:
        """The spec asks for App Tokens."""
        self.edit("authentication", "clientCredentials", **spec)

    async def make_app_token(self) -> str:
        """Registered, approved, published; returns the token."""
        await self.approve()
        await self.turn()
        return self.token

    async def move(self) -> Any:
        """The spec asks for client credentials, which are there; returns their app."""
        app = await self.make("Other")
        await self.hand_over(app)
        self.ask_for_credentials()
        await self.turn()
        return app

    async def live_on(self, time: timedelta) -> None:
        """Access tokens are renewed for so long."""
        for _ in range(int(time / (HOUR / 4))):
            self.clock.pass_by(HOUR / 4)
            await self.turn()

    @property
    def token(self) -> str:
        """What is published."""
        return self.cluster.values["BOX_APP_TOKEN"]

    @property
    def status(self) -> Any:
        """The object's status."""
        return self.cluster.app["status"]

    def retiring(self) -> str | None:
        """The fingerprint of the token that is phased out, as people are told."""
        found: str | None = self.status["tokens"].get("retiring", {}).get("fingerprint")
        return found

    def is_live(self, token: str) -> bool:
        """Does Box accept it?"""
        return self.box.sandbox.authenticate(token) is not None

    def live(self) -> list[str]:
        """All tokens that Box accepts, but for access tokens that end by themselves."""
        return [value for value, _ in self.box.sandbox.issued if self.is_live(value) and not value.startswith("1!")]


@pytest.fixture
def stage(open_box: Box, clients: Clients, clock: ManualClock) -> ChangingStage:
    """An app that the operator registers."""
    return ChangingStage(open_box, clients, clock)


# From App Tokens to client credentials


@pytest.mark.parametrize("expiry", ["60d", "Never"])
async def test_client_credentials_take_over_at_once(
    open_box: Box, clients: Clients, clock: ManualClock, expiry: str
) -> None:
    """Whatever the App Token still had to live; it stays live for the overlap, and people are told."""
    stage = ChangingStage(open_box, clients, clock, tokens={"expiry": expiry})
    first = await stage.make_app_token()
    mine = stage.app["id"]

    other = await stage.move()

    assert stage.token != first
    assert stage.client_ids() == {other["client_id"]}
    assert stage.said("Ready") == ("True", "Ready")
    assert stage.status.keys().isdisjoint({"appID", "consoleURL"})
    assert stage.is_live(first)
    assert stage.retiring() == fingerprint_of(first)
    assert stage.told["former-app-tokens"] == f"{mine}/primary/{fingerprint_of(first)}"


async def test_until_then_all_that_is_said_is_true_of_the_app_token(stage: ChangingStage) -> None:
    """The credentials are missing: the Secret stays as it is, pods have what they need, and a person is asked."""
    first = await stage.make_app_token()
    before, app = stage.cluster.secret, stage.app
    stage.ask_for_credentials()

    await stage.turn(3)

    assert stage.cluster.secret == before
    assert (stage.token, stage.cluster.values["BOX_CLIENT_ID"]) == (first, app["client_id"])
    assert (stage.status["appID"], stage.status["clientID"]) == (app["id"], app["client_id"])
    assert stage.said("Ready") == ("True", "Ready")
    assert "'creds'" in stage.status["nextSteps"][0]["what"]
    assert stage.live() == [first]


@pytest.mark.parametrize("restarts", [False, True])
async def test_the_app_token_ends_with_its_overlap(
    open_box: Box, clients: Clients, clock: ManualClock, restarts: bool
) -> None:
    """While access tokens come and go, also with another process each time. In the end one token is published."""
    rotation = {"overlap": "3h", "retire": "AfterOverlap"}
    stage = ChangingStage(open_box, clients, clock, tokens={"rotation": rotation})
    first = await stage.make_app_token()
    await stage.move()

    for _ in range(11):
        await stage.live_on(HOUR / 4)
        assert stage.is_live(first)
        assert stage.is_live(stage.token)
        assert stage.retiring() == fingerprint_of(first)
        if restarts:
            stage.reconciler = stage.restarted()
    assert stage.issued >= 5
    await stage.live_on(HOUR / 4)

    assert stage.live() == []
    assert stage.app["tokens"] == {"primary": None, "secondary": None}
    assert stage.retiring() is None
    await stage.live_on(HOUR)
    assert stage.told.keys().isdisjoint({"former-app-tokens", "former-app-since"})
    assert stage.said("Ready") == ("True", "Ready")


async def test_access_tokens_that_are_not_renewed_shorten_no_overlap(
    open_box: Box, clients: Clients, clock: ManualClock
) -> None:
    """The App Token stands in nobody's way, also when the credentials are refused from the second time on."""
    rotation = {"overlap": "3h", "retire": "AfterOverlap"}
    stage = ChangingStage(open_box, clients, clock, tokens={"rotation": rotation})
    first = await stage.make_app_token()
    await stage.hand_over(await stage.move(), "not-the-secret")

    await stage.live_on(2 * HOUR)

    assert stage.said("TokenReady") == ("False", "TokenRejected")
    assert stage.live() == [first]
    await stage.hand_over(next(each.public() for each in stage.box.sandbox.live() if each.name == "Other"))
    stage.reconciler.forgive(KEY)
    await stage.live_on(HOUR)
    assert stage.said("Ready") == ("True", "Ready")
    assert stage.live() == []


async def test_the_wait_is_over_at_its_very_moment(open_box: Box, clients: Clients, clock: ManualClock) -> None:
    """Nobody has to look by chance."""
    rotation = {"overlap": "10m", "retire": "AfterOverlap"}
    stage = ChangingStage(open_box, clients, clock, tokens={"rotation": rotation})
    await stage.make_app_token()
    await stage.move()

    assert await stage.turn() == timedelta(minutes=10).total_seconds()


async def test_both_slots_end(stage: ChangingStage) -> None:
    """The spec changed in the middle of a rotation: two App Tokens have pods."""
    await stage.make_app_token()
    stage.edit(tokens={"expiry": "30d"})
    await stage.turn()
    both = stage.live()
    assert len(both) == 2

    await stage.move()

    assert stage.live() == both
    await stage.live_on(2 * HOUR)
    assert stage.live() == []


async def test_a_key_that_was_generated_in_vain_ends_at_once(stage: ChangingStage) -> None:
    """Of a registered app all tokens are the operator's own; no pod ever got this one."""
    first = await stage.make_app_token()
    await stage.box.mint(stage.app, "secondary")

    await stage.move()

    assert stage.live() == [first]


async def test_what_is_not_published_yet_is_never_called_an_access_token(stage: ChangingStage) -> None:
    """A token was generated, Box was away when it was to be proven, and then the spec changed."""
    await stage.approve()
    stage.box.order(kind="status", status=500, method="GET", path="/2.0/files/1")
    await stage.turn()
    assert stage.issued == 1

    other = await stage.move()

    assert stage.client_ids() == {other["client_id"]}
    assert stage.token.startswith("1!")
    assert stage.live() == []


async def test_keys_of_people_stay(open_box: Box, clients: Clients, clock: ManualClock) -> None:
    """Of an adopted app only what was published is revoked, also when the spec does not name it any more."""
    app = await open_box.authorized("Viewer")
    key = await open_box.mint(app, "secondary")
    stage = ChangingStage(open_box, clients, clock, clientID=app["client_id"])
    stage.allow(app)
    await stage.turn()
    first = stage.token
    stage.edit("clientID")

    await stage.move()

    assert set(stage.live()) == {first, key}
    await stage.live_on(2 * HOUR)
    assert stage.live() == [key]


async def test_a_lost_secret_forgets_no_app_token(open_box: Box, clients: Clients, clock: ManualClock) -> None:
    """The credentials were missing and the Secret was deleted meanwhile: the status tells."""
    app = await open_box.authorized("Viewer")
    stage = ChangingStage(open_box, clients, clock, clientID=app["client_id"])
    stage.allow(app)
    await stage.turn()
    stage.ask_for_credentials()
    stage.store.drop_secret("billing", "viewer-box-token")
    stage.cluster.secret = None
    await stage.turn(3)
    assert len(stage.live()) == 1

    await stage.hand_over(await stage.make("Other"))
    await stage.turn()

    await stage.live_on(2 * HOUR)
    assert stage.live() == []


@pytest.mark.parametrize("drop", ["former-app-tokens", "former-app-since"])
async def test_what_the_secret_told_of_it_is_put_back(stage: ChangingStage, drop: str) -> None:
    """The status names it still. Nobody knows any more since when: its overlap begins anew."""
    first = await stage.make_app_token()
    await stage.move()
    told = stage.told
    stage.clock.pass_by(HOUR / 4)
    stage.tamper(drop)

    await stage.turn()

    assert stage.told["former-app-tokens"].endswith(f"/primary/{fingerprint_of(first)}")
    assert stage.told["former-app-since"] >= told["former-app-since"]
    assert stage.live() == [first]
    await stage.live_on(2 * HOUR)
    assert stage.live() == []


# The end


@pytest.mark.parametrize(
    ("policy", "apps", "end"),
    [("RevokeTokens", ["Other", "Viewer"], "TokenRevoked"), ("Delete", ["Other"], "AppDeleted")],
)
@pytest.mark.parametrize("moved", [True, False])
async def test_a_deletion_ends_the_app_token_too(
    stage: ChangingStage, policy: str, apps: list[str], end: str, moved: bool
) -> None:
    """In its overlap, and before the access token is there; an app that the operator registered goes by the policy."""
    await stage.make_app_token()
    if moved:
        await stage.move()
    else:
        await stage.make("Other")
        stage.ask_for_credentials()
    stage.edit(deletionPolicy=policy)
    await stage.turn()
    stage.delete()

    await stage.turn()

    assert stage.store.app(KEY) is None
    assert stage.live() == []
    assert not stage.is_live(stage.token)
    assert sorted(each.name for each in stage.box.sandbox.live()) == apps
    assert stage.cluster.events == ["Ready", *(["TokenRevoked"] if moved else []), end]


async def test_a_deletion_asks_box_for_an_app_that_the_listing_lacks(
    open_box: Box, clients: Clients, clock: ManualClock
) -> None:
    """It was adopted, and the spec does not name it any more."""
    app = await open_box.authorized("Viewer")
    stage = ChangingStage(open_box, clients, clock, clientID=app["client_id"])
    stage.allow(app)
    await stage.turn()
    await stage.move()
    stage.edit("clientID")
    await stage.turn()
    stage.link.listing.drop(app["id"])
    stage.delete()

    await stage.reconciler.reconcile(KEY)

    assert stage.store.app(KEY) is None
    assert stage.live() == []


# And back


async def test_app_tokens_take_over_when_there_is_one(stage: ChangingStage) -> None:
    """An access token stays until then. It cannot be renewed nor revoked, and nobody waits for its end."""
    app = await stage.make("Other")
    await stage.hand_over(app)
    stage.ask_for_credentials()
    await stage.turn()
    first = stage.token
    stage.ask_for_app_tokens()
    await stage.turn()
    assert (stage.token, stage.cluster.values["BOX_CLIENT_ID"]) == (first, app["client_id"])
    assert stage.said("Ready") == ("False", "PendingApproval")

    mine = next(each for each in stage.box.sandbox.live() if each.name == "Viewer")
    await stage.box.decide({"id": mine.id})
    await stage.turn()

    assert stage.said("Ready") == ("True", "Ready")
    assert stage.cluster.values["BOX_CLIENT_ID"] == stage.status["clientID"] == mine.client_id
    assert stage.live() == [stage.token]
    assert stage.told.keys().isdisjoint({"client-id", "subject"})
    assert stage.told["previous-fingerprint"] == fingerprint_of(first)
    assert stage.retiring() is None


async def test_there_and_back_phases_out_what_pods_got_first(stage: ChangingStage) -> None:
    """The first App Token is in its overlap still: it is the previous one again, and the overlap goes on."""
    first = await stage.make_app_token()
    await stage.move()
    since = stage.told["former-app-since"]
    await stage.live_on(HOUR / 2)

    stage.ask_for_app_tokens()
    await stage.turn()

    assert stage.said("Ready") == ("True", "Ready")
    assert stage.live() == [first, stage.token]
    assert stage.told["rotated-at"] == since
    assert stage.retiring() == fingerprint_of(first)
    await stage.live_on(HOUR)
    assert stage.live() == [stage.token]


async def test_a_deletion_tells_of_an_access_token_whose_credentials_are_unknown(stage: ChangingStage) -> None:
    """The spec does not name them any more, and no App Token took its place yet."""
    await stage.hand_over(await stage.make("Other"))
    stage.ask_for_credentials()
    await stage.turn()
    stage.ask_for_app_tokens()
    await stage.turn()
    stage.delete()

    await stage.turn()

    assert stage.store.app(KEY) is None
    assert stage.cluster.events == ["Ready", "LeftToExpire"]


# Where a person generates and revokes keys


@pytest.fixture
def by_hand(open_box: Box, clients: Clients, clock: ManualClock) -> ChangingStage:
    """An app of the mode Assisted."""
    rotation = {"overlap": "1h", "retire": "AfterOverlap"}
    return ChangingStage(open_box, clients, clock, by_hand=True, tokens={**KEYS, "rotation": rotation})


async def hand_over_key(stage: ChangingStage, name: str = "Viewer") -> tuple[Any, str]:
    """A person makes an app and hands a key over; returns both."""
    app = await stage.people.authorized(name)
    key = await stage.people.generate(app)
    stage.cluster.kept["keys"] = {"primary": key}
    stage.edit(clientID=app["client_id"])
    await stage.turn()
    assert stage.token == key
    return app, key


async def revoke(stage: ChangingStage, app: Any) -> None:
    """A person presses Revoke, and the operator looks again."""
    await stage.people.call("DELETE", f"{BY_HAND}/{app['id']}/tokens/primary", 204)
    stage.reconciler.forgive(KEY)
    await stage.turn()


@pytest.mark.parametrize("restarts", [False, True])
async def test_a_person_revokes_the_key_of_before(by_hand: ChangingStage, restarts: bool) -> None:
    """When its overlap is over, on the page of the app that it is of; that they did it is proven."""
    app, key = await hand_over_key(by_hand)
    await by_hand.move()
    assert by_hand.token != key
    assert by_hand.retiring() == fingerprint_of(key)
    assert "nextSteps" not in by_hand.status
    if restarts:
        by_hand.reconciler = by_hand.restarted()

    await by_hand.live_on(HOUR)

    (step,) = by_hand.status["nextSteps"]
    assert step["what"] == "Press Revoke for the Primary Access Token."
    assert step["where"].endswith(f"/app/{app['id']}")
    assert by_hand.said("Ready") == ("True", "Ready")
    await by_hand.live_on(HOUR)
    assert by_hand.is_live(key)
    assert by_hand.status["nextSteps"] == [step]
    await revoke(by_hand, app)
    assert "nextSteps" not in by_hand.status
    assert by_hand.retiring() is None


async def test_a_key_whose_value_nobody_has_is_asked_for_until_its_deadline(by_hand: ChangingStage) -> None:
    """Another process, and the key is in no Secret any more: nothing can be proven."""
    await hand_over_key(by_hand)
    await by_hand.move()
    by_hand.cluster.kept.pop("keys")
    by_hand.reconciler = by_hand.restarted()
    await by_hand.live_on(2 * HOUR)
    assert len(by_hand.status["nextSteps"]) == 1

    by_hand.clock.pass_by(timedelta(days=7))
    await by_hand.turn()

    assert "nextSteps" not in by_hand.status


async def test_with_a_client_secret_nobody_is_asked(by_hand: ChangingStage) -> None:
    """The spec names the client of the key still."""
    app, key = await hand_over_key(by_hand)
    made = await by_hand.people.call("POST", f"{BY_HAND}/{app['id']}/client-secret", 201)
    by_hand.cluster.kept["client"] = {"secret": made["client_secret"]}
    by_hand.edit(clientSecretRef={"name": "client", "key": "secret"})
    await by_hand.move()
    assert by_hand.is_live(key)

    await by_hand.live_on(HOUR)

    assert not by_hand.is_live(key)
    assert "nextSteps" not in by_hand.status
    assert by_hand.retiring() is None


async def test_a_deletion_asks_for_the_key_of_before(by_hand: ChangingStage) -> None:
    """And goes once Box does not accept it any more."""
    app, _ = await hand_over_key(by_hand)
    await by_hand.move()
    by_hand.delete()

    await by_hand.turn()

    assert not by_hand.is_live(by_hand.token)
    assert [step["what"] for step in by_hand.status["nextSteps"]] == ["Press Revoke for the Primary Access Token."]
    await revoke(by_hand, app)
    assert by_hand.store.app(KEY) is None


async def test_an_access_token_is_no_key_that_a_person_could_revoke(by_hand: ChangingStage) -> None:
    """The spec asks for keys, there is none yet, and the object goes: nobody is asked for anything."""
    await by_hand.hand_over(await by_hand.make("Other"))
    by_hand.edit(**SPEC)
    await by_hand.turn()
    app = await by_hand.people.authorized("Viewer")
    by_hand.ask_for_app_tokens(clientID=app["client_id"])
    await by_hand.turn()
    assert "Generate Key for the Primary" in by_hand.status["nextSteps"][-1]["what"]
    assert "tokens" not in by_hand.status
    by_hand.delete()

    await by_hand.turn()

    assert by_hand.store.app(KEY) is None
    assert by_hand.cluster.events[-1] == "LeftToExpire"


async def test_an_access_token_does_not_say_which_app_keys_are_of(by_hand: ChangingStage) -> None:
    """It is that of another app. The first key says it, also when there was one of a third app before."""
    before, _ = await hand_over_key(by_hand, "Before")
    await by_hand.move()
    await by_hand.live_on(HOUR)
    await revoke(by_hand, before)
    by_hand.cluster.kept.pop("keys")
    access = by_hand.token

    by_hand.edit("authentication", "clientCredentials", "clientID")
    await by_hand.turn()
    assert by_hand.said("Ready") == ("False", "AwaitingClientID")
    assert by_hand.token == access
    app, _ = await hand_over_key(by_hand)

    assert by_hand.said("Ready") == ("True", "Ready")
    assert (by_hand.status["appID"], by_hand.status["clientID"]) == (app["id"], app["client_id"])
    assert "nextSteps" not in by_hand.status
    assert by_hand.told["previous-fingerprint"] == fingerprint_of(access)
