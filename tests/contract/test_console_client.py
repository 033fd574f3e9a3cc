"""The operator's client for the Console API against the sandbox: what each call gives, and how each goes wrong."""

from collections.abc import Awaitable, Callable

import pytest
from tests.contract.clients import Clients, check_secrets, refused
from tests.sandbox.world import APPS, Box

from box_app_operator.errors import AwaitingHumanError, StalledError, TransientError
from box_app_operator.model.box import AppID, Fingerprint, Slot, fingerprint_of

NOBODY = AppID("404")
PRIMARY = Slot.PRIMARY

Call = Callable[[Clients, AppID], Awaitable[object]]
CALLS: dict[str, Call] = {
    "list_apps": lambda clients, _: clients.console.list_apps(None),
    "changes": lambda clients, _: clients.console.changes("1", 0),
    "find_app": lambda clients, _: clients.console.find_app("ns/viewer/uid"),
    "get_app": lambda clients, app: clients.console.get_app(app),
    "create_app": lambda clients, _: clients.console.create_app("New", "ns/new/uid", "key"),
    "rename_app": lambda clients, app: clients.console.rename_app(app, "Renamed"),
    "claim_app": lambda clients, app: clients.console.claim_app(app, "ns/other/uid", 2),
    "delete_app": lambda clients, app: clients.console.delete_app(app),
    "submit_app": lambda clients, app: clients.console.submit_app(app),
    "mint_token": lambda clients, app: clients.console.mint_token(app, PRIMARY, 30),
    "revoke_slot": lambda clients, app: clients.console.revoke_slot(app, PRIMARY, Fingerprint("0" * 16)),
    "set_cors_domains": lambda clients, app: clients.console.set_cors_domains(app, ("https://a.com",)),
}
every_call = pytest.mark.parametrize("call", CALLS.values(), ids=CALLS)


async def test_every_call_has_its_effect(open_box: Box, clients: Clients) -> None:
    """The way of an app through the console, seen by the client and by the sandbox."""
    console = clients.console
    made = await console.create_app("Viewer", "ns/viewer/uid", "key")
    assert (await console.create_app("Viewer", "ns/viewer/uid", "key")).id == made.id
    assert await console.find_app("ns/viewer/uid") == made
    assert await console.find_app("ns/viewer") is None
    assert (await console.rename_app(made.id, "Renamed")).name == "Renamed"
    assert (await console.submit_app(made.id)).authorization.state.value == "pending"
    await open_box.decide({"id": made.id})

    token = await console.mint_token(made.id, PRIMARY, 60)
    app = await console.get_app(made.id)
    assert app is not None
    assert app.tokens[PRIMARY].fingerprint == token.fingerprint == fingerprint_of(token.reveal())
    assert set(app.tokens) == {PRIMARY}
    assert (await console.set_cors_domains(made.id, ("https://a.com",))).cors_domains == ("https://a.com",)

    await console.revoke_slot(made.id, PRIMARY, token.fingerprint)
    await console.revoke_slot(made.id, PRIMARY, token.fingerprint)
    assert not await clients.platform.accepts(token)
    await console.delete_app(made.id)
    await console.delete_app(made.id)
    assert await console.get_app(made.id) is None


async def test_of_two_claims_one_has_its_effect(open_box: Box, clients: Clients) -> None:
    """The other heals by looking again, and finds whose the app is."""
    made = await clients.console.create_app("Viewer", "ns/viewer/uid", "key")

    taken = await clients.console.claim_app(made.id, "ns/first/uid", made.revision)

    assert (taken.owner_uid, taken.revision > made.revision) == ("uid", True)
    claim = clients.console.claim_app(made.id, "ns/second/uid", made.revision)
    error = await refused(claim, TransientError, open_box)
    assert (error.reason, error.uncertain) == ("BoxUnavailable", True)
    assert await clients.console.get_app(made.id) == taken


@pytest.mark.parametrize("status", [400, 405])
async def test_an_endpoint_that_cannot_hand_over_is_named(open_box: Box, clients: Clients, status: int) -> None:
    """It is of an earlier version: nothing heals by trying again."""
    open_box.order(kind="status", status=status)

    error = await refused(CALLS["claim_app"](clients, NOBODY), StalledError, open_box)
    assert "Bring it up to date" in error.message


@pytest.mark.parametrize("call", ["create_app", "rename_app"])
async def test_a_taken_or_wrong_name_is_the_authors(open_box: Box, clients: Clients, call: str) -> None:
    """StalledError with NameTaken and NameInvalid."""
    await open_box.register("Taken")
    own = AppID((await open_box.register("Own"))["id"])

    def named(name: str) -> Awaitable[object]:
        console = clients.console
        return console.create_app(name, "", "new") if call == "create_app" else console.rename_app(own, name)

    assert (await refused(named("Taken"), StalledError, open_box)).reason == "NameTaken"
    assert (await refused(named(" "), StalledError, open_box)).reason == "NameInvalid"


async def test_an_origin_that_box_refuses_is_the_authors(open_box: Box, clients: Clients) -> None:
    """StalledError with OriginRejected names it."""
    app = AppID((await open_box.register())["id"])
    call = clients.console.set_cors_domains(app, ("https://good.com", "https://bad.com/path"))

    error = await refused(call, StalledError, open_box)
    assert error.reason == "OriginRejected"
    assert "https://bad.com/path" in error.message


async def test_a_slot_that_is_not_free_is_looked_at_again(open_box: Box, clients: Clients) -> None:
    """Minting: 409 and 403 ``app_not_authorized`` heal by looking again."""
    app = await open_box.register()
    number = AppID(app["id"])

    error = await refused(clients.console.mint_token(number, PRIMARY, 30), TransientError, open_box)
    assert (error.reason, error.uncertain, "app_not_authorized" in error.message) == ("AwaitingToken", True, True)
    await open_box.decide(app)
    await clients.console.mint_token(number, PRIMARY, 30)
    error = await refused(clients.console.mint_token(number, PRIMARY, 30), TransientError, open_box)
    assert (error.reason, error.uncertain, "slot_occupied" in error.message) == ("AwaitingToken", True, True)


async def test_another_token_is_not_revoked(open_box: Box, clients: Clients) -> None:
    """412 heals by looking again, and the token works on."""
    app = await open_box.authorized()
    token = await clients.console.mint_token(AppID(app["id"]), PRIMARY, None)

    call = clients.console.revoke_slot(AppID(app["id"]), PRIMARY, Fingerprint("0" * 16))
    error = await refused(call, TransientError, open_box)
    assert (error.reason, error.uncertain) == ("AwaitingToken", True)
    assert await clients.platform.accepts(token)


@every_call
async def test_a_refused_credential_awaits_a_human(open_box: Box, call: Call) -> None:
    """401, and 403 that is not about the app, are AwaitingHumanError about the credential, for every call."""
    wrong = Clients(open_box.client, credential="wrong-credential")
    error = await refused(call(wrong, NOBODY), AwaitingHumanError, open_box)
    assert error.reason == "CredentialRejected"
    check_secrets(error, {"wrong-credential"})

    open_box.order(kind="status", status=403)
    error = await refused(call(Clients(open_box.client), NOBODY), AwaitingHumanError, open_box)
    assert error.reason == "CredentialForbidden"


@every_call
@pytest.mark.parametrize("status", [500, 502, 503, 504])
async def test_a_server_error_heals(open_box: Box, clients: Clients, call: Call, status: int) -> None:
    """TransientError that may have had its effect, with the server's Retry-After; the gate stays open."""
    open_box.order(kind="status", status=status, retry_after=9)
    error = await refused(call(clients, NOBODY), TransientError, open_box)

    assert (error.reason, error.uncertain, error.retry_after_seconds) == ("BoxUnavailable", True, 9)
    assert not error.unreachable
    await clients.console.list_apps(None)


@every_call
@pytest.mark.parametrize("kind", ["cut_before", "cut_after", "half_body"])
async def test_a_broken_connection_heals(open_box: Box, clients: Clients, call: Call, kind: str) -> None:
    """TransientError: nobody answered, and the effect is uncertain."""
    app = await open_box.authorized()
    open_box.order(kind=kind)

    error = await refused(call(clients, AppID(app["id"])), TransientError, open_box)
    assert (error.reason, error.uncertain, error.unreachable) == ("BoxUnavailable", True, True)


READ = [name for name in CALLS if name not in ("delete_app", "revoke_slot")]


@pytest.mark.parametrize("name", READ)
async def test_garbage_heals(open_box: Box, clients: Clients, name: str) -> None:
    """TransientError that may have had its effect, for every call whose answer is read."""
    app = AppID((await open_box.authorized())["id"])
    cursor = (await clients.console.list_apps(None)).cursor
    open_box.order(kind="garbage")

    call = clients.console.changes(cursor, 0) if name == "changes" else CALLS[name](clients, app)
    error = await refused(call, TransientError, open_box)
    assert (error.reason, error.uncertain, error.unreachable) == ("BoxUnavailable", True, False)


async def test_a_time_without_a_zone_is_refused(open_box: Box, clients: Clients) -> None:
    """It could be any hour of a day: the trouble is named, no token is taken for older or younger than it is."""
    made = await clients.console.create_app("Viewer", "ns/viewer/uid", "key")
    await clients.console.submit_app(made.id)
    open_box.order(kind="no_zone", count=None)

    error = await refused(clients.console.get_app(made.id), TransientError, open_box)
    assert error.message.startswith(f"GET {APPS}/{made.id} answered 200 with a body that cannot be read: ")
    assert "has no time zone; write times as in 2026-03-01T12:00:00Z" in error.message
