"""Listing and watching apps: pages, cursors, waiting, deletions. And: all that is described was seen."""

import asyncio
from typing import Any

import pytest
from tests.fakes.link import rest
from tests.sandbox.world import ADMIN, APPS, CONSOLE, Box, ManualClock, in_process, only_some_tests_run, unseen

from box_sandbox import SandboxConfig


async def apps_of(box: Box, **query: object) -> Any:
    """A listing, or changes."""
    return await box.call("GET", APPS, 200, params=query)


async def blocked(box: Box, **query: object) -> asyncio.Task[Any]:
    """A call that is held by the sandbox."""
    task = asyncio.create_task(apps_of(box, wait=60, **query))
    await rest()
    assert not task.done(), "the call was not held"
    return task


async def test_pages_hold_every_app_once(box: Box) -> None:
    """The pages of one listing hold every app once, in one order, and share one cursor; the last has no marker."""
    made = [(await box.register(f"App {number}"))["id"] for number in range(7)]

    pages = [await apps_of(box, limit=3)]
    while pages[-1]["next_marker"] and len(pages) < 9:
        pages.append(await apps_of(box, limit=3, marker=pages[-1]["next_marker"]))

    assert [len(page["entries"]) for page in pages] == [3, 3, 1]
    assert [app["id"] for page in pages for app in page["entries"]] == made
    assert len({page["cursor"] for page in pages}) == 1


async def test_what_changes_between_pages_is_told_again(box: Box) -> None:
    """The cursor of a listing stands for its first page."""
    first, second = await box.register("First"), await box.register("Second")
    page = await apps_of(box, limit=1)
    await box.decide(first)
    last = await apps_of(box, limit=1, marker=page["next_marker"])

    changed = await apps_of(box, changed_since=last["cursor"])
    assert [app["id"] for app in last["entries"]] == [second["id"]]
    assert [app["id"] for app in changed["entries"]] == [first["id"]]


@pytest.mark.parametrize("field", ["reference", "client_id"])
async def test_filters_find_one_app(box: Box, field: str) -> None:
    """Exactly the app that was asked for, in the listing and among the changes; no app for another value."""
    cursor = (await apps_of(box))["cursor"]
    await box.register("Other", "ns/other/uid")
    app = await box.register("Viewer", "ns/viewer/uid")

    for query in ({}, {"changed_since": cursor}):
        assert (await apps_of(box, **query, **{field: app[field]}))["entries"] == [app]
        assert (await apps_of(box, **query, **{field: "ns/view"}))["entries"] == []


async def test_changes_come_once_as_they_are_now(box: Box) -> None:
    """Only apps that changed after the cursor, each once, the latest change last; then nothing more."""
    first, second, _ = [await box.register(name) for name in ("First", "Second", "Third")]
    cursor = (await apps_of(box))["cursor"]
    await box.decide(second)
    await box.decide(first)
    await box.decide(second, "disable")

    changed = await apps_of(box, changed_since=cursor)
    assert [app["id"] for app in changed["entries"]] == [first["id"], second["id"]]
    assert changed["entries"] == [await box.app_of(first), await box.app_of(second)]
    assert (await apps_of(box, changed_since=changed["cursor"]))["entries"] == []


async def test_more_changes_than_the_limit_come_in_parts(box: Box) -> None:
    """The oldest first, with a cursor behind them, so that following cursors misses nothing."""
    cursor = (await apps_of(box))["cursor"]
    made = [(await box.register(f"App {number}"))["id"] for number in range(5)]

    told: list[str] = []
    for size in (2, 2, 1, 0):
        page = await apps_of(box, changed_since=cursor, limit=2)
        assert (len(page["entries"]), page["next_marker"]) == (size, None)
        told, cursor = told + [app["id"] for app in page["entries"]], page["cursor"]
    assert told == made


async def test_a_held_call_wakes_up_at_a_change(box: Box) -> None:
    """It is held while nothing changes, and answered at once by every kind of change."""
    app = await box.authorized()
    path = f"{APPS}/{app['id']}"

    async def change(method: str, rest: str, status: int, **arguments: Any) -> None:
        cursor = (await apps_of(box))["cursor"]
        waiting = await blocked(box, changed_since=cursor)
        await box.call(method, path + rest, status, bearer=ADMIN, **arguments)
        page = await asyncio.wait_for(waiting, 60)
        assert [each["id"] for each in page["entries"]] == [app["id"]]

    await change("PATCH", "", 200, json={"name": "Renamed"})
    await change("PUT", "/cors_domains", 200, json={"domains": ["https://a.com"]})
    await change("POST", "/tokens/primary", 201, json={"expires_in_days": 30})
    await change("DELETE", "/tokens/primary", 204)
    await change("POST", "/authorization/decision", 200, json={"decision": "require_reauthorization"})
    await change("POST", "/authorization", 202)
    await change("DELETE", "", 204)


async def test_a_held_call_sleeps_on_when_others_change(box: Box) -> None:
    """A filter holds for waking up too."""
    app, other = await box.register("App", "ns/app/1"), await box.register("Other", "ns/other/2")
    waiting = await blocked(box, changed_since=(await apps_of(box))["cursor"], reference="ns/app/1")

    await box.decide(other)
    await rest()
    assert not waiting.done()
    await box.decide(app)
    assert [each["id"] for each in (await asyncio.wait_for(waiting, 60))["entries"]] == [app["id"]]


async def test_a_held_call_ends_with_nothing(box: Box) -> None:
    """When the time is over there are no entries, and the cursor is good for the next call."""
    await box.register()
    cursor = (await apps_of(box))["cursor"]

    page = await apps_of(box, changed_since=cursor, wait=0.01)
    assert page == {"entries": [], "next_marker": None, "cursor": cursor}


async def test_a_held_call_ends_when_the_sandbox_stops(box: Box) -> None:
    """Nobody is held by a sandbox that stops."""
    waiting = await blocked(box, changed_since=(await apps_of(box))["cursor"])

    box.app.state.stopping.set()
    async with box.sandbox.changed:
        box.sandbox.changed.notify_all()
    assert (await asyncio.wait_for(waiting, 60))["entries"] == []


async def test_a_deleted_app_is_told_among_the_changes(box: Box) -> None:
    """It is marked, keeps its fields, holds no token, and never appears in a listing."""
    app = await box.authorized()
    await box.mint(app)
    cursor = (await apps_of(box))["cursor"]
    await box.call("DELETE", f"{APPS}/{app['id']}", 204)

    (entry,) = (await apps_of(box, changed_since=cursor))["entries"]
    assert (entry["deleted"], entry["id"], entry["reference"]) == (True, app["id"], app["reference"])
    assert entry["tokens"] == {"primary": None, "secondary": None}
    assert (await apps_of(box))["entries"] == []


@pytest.mark.parametrize("cursor", ["", "1", "-", "x-1", "²", "9" * 5000, "future", "malformed"])
async def test_an_unknown_cursor_is_refused(box: Box, cursor: str) -> None:
    """400 ``invalid_cursor``: the client lists everything again."""
    known = (await apps_of(box))["cursor"]
    cursor = {"future": known[:-1] + "99", "malformed": known + "²"}.get(cursor, cursor)

    error = await box.call("GET", APPS, 400, params={"changed_since": cursor})
    assert error["code"] == "invalid_cursor"


async def test_a_cursor_of_another_life_is_refused(box: Box, clock: ManualClock) -> None:
    """A sandbox that forgot everything does not take a cursor from before for its own."""
    await box.register()
    cursor = (await apps_of(box))["cursor"]

    async with in_process(SandboxConfig(CONSOLE, ADMIN, now=clock)) as other:
        await other.register("One")
        await other.register("Two")
        await other.call("GET", APPS, 400, params={"changed_since": cursor})


@pytest.mark.parametrize("marker", ["", "1", "x:1", ":", "9" * 5000, "²:1"])
async def test_an_unknown_marker_is_refused(box: Box, marker: str) -> None:
    """400 ``invalid_marker``."""
    error = await box.call("GET", APPS, 400, params={"marker": marker})
    assert error["code"] == "invalid_marker"


@pytest.mark.parametrize("limit", ["", "0", "-1", "1001", "ten", "²", "9" * 5000])
async def test_a_limit_out_of_range_is_refused(box: Box, limit: str) -> None:
    """400 ``invalid_limit``, in both forms."""
    cursor = (await apps_of(box))["cursor"]
    for query in ({}, {"changed_since": cursor}):
        error = await box.call("GET", APPS, 400, params={"limit": limit, **query})
        assert error["code"] == "invalid_limit"


@pytest.mark.parametrize("wait", ["abc", "-1", "nan", "-inf", "1,5"])
async def test_a_wait_that_is_no_time_is_refused(box: Box, wait: str) -> None:
    """400 ``bad_request``."""
    error = await box.call("GET", APPS, 400, params={"wait": wait, "changed_since": (await apps_of(box))["cursor"]})
    assert error["code"] == "bad_request"


async def test_revisions_only_grow(box: Box) -> None:
    """Every change of any app has a higher revision than every change before."""
    first, second = await box.register("First"), await box.register("Second")
    revisions = [app["revision"] for app in (first, second)]
    revisions += [(await box.decide(app))["revision"] for app in (first, second, first)]
    await box.call("DELETE", f"{APPS}/{second['id']}", 204)
    revisions.append((await box.register("Third"))["revision"])

    assert revisions == sorted(set(revisions))


async def test_the_listing_is_refused_as_everything_else_is(box: Box) -> None:
    """401 without the credential; 429 and 5XX when they are ordered."""
    await box.call("GET", APPS, 401, bearer="wrong")
    for status, code in ((429, "rate_limit_exceeded"), (503, "unavailable")):
        box.order(kind="status", status=status, code=code, retry_after=1)
        answer = await box.call("GET", APPS, status)
        assert answer["code"] == code


def test_all_that_is_described_was_seen(request: pytest.FixtureRequest) -> None:
    """The tests of this file have seen every described status of the listing."""
    if only_some_tests_run(request.config):
        pytest.skip("only meaningful after all tests of this file")
    assert unseen(listing=True) == set()
