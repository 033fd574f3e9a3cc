"""What is believed of an enterprise's apps where older and newer news meet. The sandbox's pages: ``tests/contract``."""

from dataclasses import replace

import pytest
from tests.fakes.box import FakeBox
from tests.fakes.fates import Fates
from tests.unit.pretend import NOON

from box_app_operator.cache.apps import Listing
from box_app_operator.errors import TransientError
from box_app_operator.model.box import BoxApp
from box_app_operator.ports import Page


@pytest.fixture
def box() -> FakeBox:
    """A Box without apps."""
    return FakeBox(Fates(), lambda: NOON)


async def listed(box: FakeBox, listing: Listing | None = None) -> Listing:
    """A listing that knows what there is."""
    listing = listing or Listing()
    await listing.refresh(box, 0)
    return listing


def renamed(box: FakeBox, app: BoxApp, name: str) -> BoxApp:
    """Somebody gives the app another name."""
    return box.put(replace(app, name=name))


async def test_a_name_that_went_on_to_another_app_is_that_apps(box: FakeBox) -> None:
    """Whichever of the two is heard of first: in upper or lower case it is the same name, and nobody gave it up."""
    freed: list[str] = []
    first, second = box.register("Shared", ""), box.register("Second", "")
    listing = await listed(box, Listing(freed.append))
    renamed(box, first, "SHARED")
    await listing.refresh(box, 0)
    assert freed == []

    listing.force(replace(second, name="Shared"))
    listing.drop(first.id)

    found = listing.by_name("Shared")
    assert found is not None
    assert found.id == second.id


async def test_older_views_never_replace_newer_ones(box: FakeBox) -> None:
    """A view of a lower or the same revision is no news and changes nothing; a higher one is."""
    old = box.register("Old", "")
    listing = await listed(box)
    new = renamed(box, old, "New")
    await listing.refresh(box, 0)

    assert not listing.update(old)
    assert not listing.update(replace(new, name="As new"))
    assert listing.by_id(old.id) == new
    assert listing.update(replace(new, revision=new.revision + 1, name="Newer"))


async def test_a_view_from_before_does_not_bring_a_dropped_app_back(box: FakeBox) -> None:
    """An answer that was on its way while the app was deleted is older than the deletion."""
    late = box.register("Viewer", "")
    listing = await listed(box)
    box.remove(late.id)
    await listing.refresh(box, 0)

    listing.update(late)
    assert listing.by_id(late.id) is None


async def test_an_app_that_was_taken_for_gone_is_found_again(box: FakeBox) -> None:
    """A 404 that was a mistake: the answer to a later question counts, though its revision is no newer."""
    answer = box.register("Viewer", "")
    listing = await listed(box)
    listing.drop(answer.id)

    listing.restore(answer)

    assert listing.by_id(answer.id) == answer


async def test_an_own_change_is_newer_than_a_list_that_was_asked_for_before_it(box: FakeBox) -> None:
    """A page may be older than the answer to a call that was made while it was read."""
    made, list_apps = box.register("Before", ""), box.list_apps
    listing = await listed(box)

    async def slow(marker: str | None) -> Page:
        page = await list_apps(marker)
        listing.update(await box.rename_app(made.id, "After"))
        return page

    box.list_apps = slow  # type: ignore[method-assign]
    listing.start_over()
    await listing.refresh(box, 0)

    app = listing.by_id(made.id)
    assert app is not None
    assert app.name == "After"


async def test_a_console_that_forgets_its_own_cursors_is_not_listed_in_a_loop(box: FakeBox) -> None:
    """The first unknown cursor leads to a new listing; the second in a row is trouble that backs off."""
    listing = await listed(box)

    async def unknown(cursor: str, wait_seconds: float) -> None:
        return None

    box.changes = unknown  # type: ignore[method-assign,assignment]  # a console without a memory

    with pytest.raises(TransientError):
        await listing.refresh(box, 0)
    assert listing.cursor is None


async def test_news_of_a_listing_that_broke_off_is_told_later(box: FakeBox) -> None:
    """What the first page told is news also when the second never came; nothing is believed to be gone before."""
    box.register("First", "")
    listing, list_apps = Listing(), box.list_apps

    async def breaks_off(marker: str | None) -> Page:
        if marker == "more":
            raise TransientError("BoxUnavailable", "no second page")
        return replace(await list_apps(None), marker="more")

    box.list_apps = breaks_off  # type: ignore[method-assign]  # a console that stumbles
    with pytest.raises(TransientError):
        await listing.refresh(box, 0)
    assert not listing.known
    box.list_apps = list_apps  # type: ignore[method-assign]  # and recovers

    assert [app.name for app in await listing.refresh(box, 0)] == ["First"]
    assert listing.known
