"""The operator's listing against the sandbox: everything once, then only what changed."""

import msgspec
import pytest
from tests.contract.clients import Clients, refused
from tests.sandbox.world import APPS, Box

from box_app_operator.cache.apps import Listing
from box_app_operator.errors import AwaitingHumanError, TransientError
from box_app_operator.model.box import UID, AppID, ClientID
from box_sandbox.state.model import App


async def listed(clients: Clients) -> Listing:
    """A listing that knows what there is."""
    listing = Listing()
    await listing.refresh(clients.console, 0)
    return listing


async def test_everything_is_found_in_every_way(open_box: Box, clients: Clients) -> None:
    """By id, by client id, by the uid in the reference; apps of another make only by the first two."""
    ours = await open_box.register("Ours", "ns/ours/uid-1")
    theirs = await open_box.register("Theirs", "made by hand")
    listing = await listed(clients)

    assert listing.known
    assert len(listing) == 2
    for app in (ours, theirs):
        for found in (listing.by_id(AppID(app["id"])), listing.by_client(ClientID(app["client_id"]))):
            assert found is not None
            assert found.name == app["name"]
    assert listing.by_uid(UID("uid-1")) == listing.by_id(AppID(ours["id"]))
    assert listing.by_uid(UID("made by hand")) is None


async def test_every_name_that_becomes_free_is_told(open_box: Box, clients: Clients) -> None:
    """By deletion or renaming, here or at the console, also of an app that came and went between two looks."""
    freed: list[str] = []
    deleted, renamed = await open_box.register("Deleted"), await open_box.register("Renamed")
    listing = Listing(freed.append)
    await listing.refresh(clients.console, 0)
    assert freed == []
    assert listing.by_name("deleted") == listing.by_id(AppID(deleted["id"])) is not None

    passing = await open_box.register("Passing")
    for app in (deleted, passing):
        await open_box.call("DELETE", f"{APPS}/{app['id']}", 204)
    await open_box.call("PATCH", f"{APPS}/{renamed['id']}", 200, json={"name": "Other"})
    await listing.refresh(clients.console, 0)

    assert set(freed) == {"Deleted", "Passing", "Renamed"}
    assert [listing.by_name(name) for name in ("Deleted", "Passing", "Renamed")] == [None] * 3
    assert listing.by_name("OTHER") == listing.by_id(AppID(renamed["id"])) is not None
    freed.clear()
    listing.drop(AppID(renamed["id"]))
    assert (freed, listing.by_name("Other")) == (["Other"], None)


async def test_pages_are_read_to_the_end(open_box: Box, clients: Clients, monkeypatch: pytest.MonkeyPatch) -> None:
    """All apps, in as many calls as there are pages."""
    monkeypatch.setattr("box_app_operator.box.console.PAGE_SIZE", 2)
    for number in range(5):
        await open_box.register(f"App {number}")
    before = len(open_box.traffic.log)

    assert len(await listed(clients)) == 5
    assert len(open_box.traffic.log) - before == 3


async def test_only_news_come_afterwards(open_box: Box, clients: Clients) -> None:
    """One call tells what is new, changed and gone; nothing is told twice."""
    first, second = await open_box.register("First"), await open_box.register("Second")
    listing = await listed(clients)
    await open_box.decide(first)
    await open_box.call("DELETE", f"{APPS}/{second['id']}", 204)
    third = await open_box.register("Third")
    before = len(open_box.traffic.log)

    news = await listing.refresh(clients.console, 0)
    assert {app.id for app in news} == {first["id"], second["id"], third["id"]}
    assert len(open_box.traffic.log) - before == 1
    assert listing.by_id(AppID(second["id"])) is None
    assert listing.by_client(ClientID(second["client_id"])) is None
    assert await listing.refresh(clients.console, 0) == []


async def test_an_expired_cursor_leads_to_a_relist(open_box: Box, clients: Clients) -> None:
    """Everything is listed again at once; what went meanwhile is told and dropped."""
    kept, gone = await open_box.register("Kept", "ns/kept/1"), await open_box.register("Gone", "ns/gone/2")
    listing = await listed(clients)
    assert await listing.refresh(clients.console, 0) == []
    await open_box.call("DELETE", f"{APPS}/{gone['id']}", 204)
    new = await open_box.register("New", "ns/new/3")
    listing.cursor = "of-another-life"

    news = await listing.refresh(clients.console, 0)
    assert {app.id for app in news} == {gone["id"], new["id"]}
    assert listing.by_uid(UID("2")) is None
    assert listing.by_client(ClientID(gone["client_id"])) is None
    assert listing.by_id(AppID(kept["id"])) is not None
    assert len(listing) == 2
    assert await listing.refresh(clients.console, 0) == []


async def test_a_failed_look_keeps_what_is_known(open_box: Box, clients: Clients) -> None:
    """The error comes through; apps and cursor stay, and the next look misses nothing."""
    made = await open_box.register()
    listing = await listed(clients)
    await open_box.decide(made)

    for fault in ({"kind": "status", "status": 500}, {"kind": "half_body"}, {"kind": "garbage"}):
        open_box.order(**fault)
        await refused(listing.refresh(clients.console, 0), TransientError, open_box)
        assert listing.known
        assert len(listing) == 1
    open_box.order(kind="status", status=401)
    await refused(listing.refresh(clients.console, 0), AwaitingHumanError, open_box)
    assert [app.id for app in await listing.refresh(clients.console, 0)] == [made["id"]]


async def test_a_relist_brings_back_what_an_earlier_one_did_not_see(open_box: Box, clients: Clients) -> None:
    """A credential that sees less, and then the right one again: the apps are there as before."""
    made = await open_box.register()
    listing = await listed(clients)
    hidden = open_box.sandbox.apps.pop(made["id"])
    listing.start_over()
    assert [app.id for app in await listing.refresh(clients.console, 0)] == [made["id"]]
    assert listing.by_id(AppID(made["id"])) is None
    open_box.sandbox.apps[made["id"]] = hidden

    listing.start_over()
    news = await listing.refresh(clients.console, 0)

    assert [app.id for app in news] == [made["id"]]
    assert listing.by_client(ClientID(made["client_id"])) is not None


async def test_a_console_that_was_restored_from_a_backup_is_believed(open_box: Box, clients: Clients) -> None:
    """It begins again at earlier revisions, and knows no cursor of later ones: what it lists is how it is."""
    made, other = await open_box.register("Before", "ns/before/1"), await open_box.register("Other", "ns/other/2")
    backup = msgspec.json.encode(open_box.sandbox.apps), open_box.sandbox.revision
    listing = await listed(clients)
    for name in ("Later", "Latest"):
        await open_box.call("PATCH", f"{APPS}/{made['id']}", 200, json={"name": name})
        await listing.refresh(clients.console, 0)
    open_box.sandbox.apps, open_box.sandbox.revision = msgspec.json.decode(backup[0], type=dict[str, App]), backup[1]

    news = await listing.refresh(clients.console, 0)

    assert [(app.id, app.name) for app in news] == [(made["id"], "Before")]
    assert listing.by_uid(UID("1")) == news[0]
    await open_box.decide(other)
    assert [app.name for app in await listing.refresh(clients.console, 0)] == ["Other"]


async def test_one_unreadable_app_hides_no_other(open_box: Box, clients: Clients) -> None:
    """An app in a state that this operator does not know stays as it was known; the others are news as ever."""
    strange, plain = await open_box.register("Strange"), await open_box.register("Plain")
    listing = await listed(clients)
    open_box.sandbox.apps[strange["id"]].authorization.state = "suspended"  # type: ignore[assignment]  # a later API
    await open_box.decide(plain)

    listing.start_over()
    news = await listing.refresh(clients.console, 0)

    assert [app.name for app in news] == ["Plain"]
    known = listing.by_id(AppID(strange["id"]))
    assert known is not None
    assert known.authorization.state == "not_submitted"
