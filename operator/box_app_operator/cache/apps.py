"""The apps of one enterprise, kept up to date with one blocking call, however many apps there are."""

from collections.abc import Callable, Mapping

from box_app_operator.errors import TransientError
from box_app_operator.model.box import UID, AppID, BoxApp, ClientID, name_key
from box_app_operator.model.conditions import Reason
from box_app_operator.ports import Console, Page


class Listing:
    """What is known of an enterprise's apps.

    Older news never replace newer ones: ``revision`` decides. Only when everything is listed anew a lower one counts.

    Attributes:
        known: was everything listed once?
        heard: did the last look bring anything, if only the echo of an own write?
        losers: uids of objects whose app is another's by now, or is gone; whoever tells them empties it.
    """

    def __init__(self, name_freed: Callable[[str], None] = lambda _: None) -> None:
        """``name_freed`` is called with each name that an app had and has no longer."""
        self.known = False
        self.heard = False
        self.cursor: str | None = None
        self._cursor_is_fresh = False
        self._apps: dict[AppID, BoxApp] = {}
        self._gone: dict[AppID, int] = {}
        self._news: list[BoxApp] = []
        self._by_uid: dict[UID, AppID] = {}
        self._by_client: dict[ClientID, AppID] = {}
        self._by_name: dict[str, AppID] = {}
        self._name_freed = name_freed
        self.losers: set[UID] = set()

    def __len__(self) -> int:
        return len(self._apps)

    def by_uid(self, uid: UID) -> BoxApp | None:
        """The app that carries the reference of the object with this uid."""
        app = self._by_uid.get(uid)
        return self._apps.get(app) if app is not None else None

    def by_client(self, client_id: ClientID) -> BoxApp | None:
        """The app with this client id."""
        app = self._by_client.get(client_id)
        return self._apps.get(app) if app is not None else None

    def by_name(self, name: str) -> BoxApp | None:
        """The app that has this name, in upper or lower case."""
        app = self._by_name.get(name_key(name))
        return self._apps.get(app) if app is not None else None

    def by_id(self, app: AppID) -> BoxApp | None:
        """The app with this id."""
        return self._apps.get(app)

    def update(self, app: BoxApp) -> bool:
        """Take in what was seen of an app. Tells whether it was news."""
        known = self._apps.get(app.id)
        if app.revision <= (known.revision if known is not None else self._gone.get(app.id, -1)):
            return False
        self.force(app)
        return True

    def restore(self, app: BoxApp) -> None:
        """Take in the answer to a question that was asked just now, also when the app was taken for gone."""
        self._gone.pop(app.id, None)
        self.update(app)

    def force(self, app: BoxApp) -> None:
        """Take in how an app must be by now, until something newer is heard of it."""
        known = self._apps.get(app.id)
        self._apps[app.id] = app
        self._by_client[app.client_id] = app.id
        self._by_name[name_key(app.name)] = app.id
        if known is not None and name_key(known.name) != name_key(app.name):
            self._free_name(known)
        if known is not None and known.owner_uid not in (None, app.owner_uid):
            self._forget_owner(known)
        if app.owner_uid is not None:
            self._by_uid[app.owner_uid] = app.id

    def drop(self, app: AppID) -> BoxApp | None:
        """Forget an app that is gone."""
        gone = self._apps.pop(app, None)
        if gone is not None:
            # Remembered, so that a look from before does not bring it back.
            self._gone[app] = gone.revision
            self._by_client.pop(gone.client_id, None)
            self._forget_owner(gone)
            self._free_name(gone)
        return gone

    def _forget_owner(self, app: BoxApp) -> None:
        """The object that had this app does not have it any more."""
        uid = app.owner_uid
        if uid is not None and self._by_uid.get(uid) == app.id:
            del self._by_uid[uid]
            self.losers.add(uid)

    def _free_name(self, app: BoxApp) -> None:
        """This app has its name no longer."""
        key = name_key(app.name)
        if self._by_name.get(key) == app.id:
            del self._by_name[key]
        self._name_freed(app.name)

    async def refresh(self, console: Console, wait_seconds: float) -> list[BoxApp]:
        """Learn what is new: everything the first time, then what changed, waiting up to so long for a change.

        Returns the apps that are new, changed or gone, also those of an earlier look that broke off half way.

        Raises:
            TransientError, AwaitingHumanError: from the console; what is known stays.
        """
        await self._look(console, wait_seconds)
        news, self._news = self._news, []
        return news

    async def _look(self, console: Console, wait_seconds: float) -> None:
        if self.cursor is None:
            return await self._relist(console)
        page = await console.changes(self.cursor, wait_seconds)
        if page is None:
            # A console that knows none of its own cursors would otherwise be listed again and again without a pause.
            fresh, self.cursor, self._cursor_is_fresh = self._cursor_is_fresh, None, False
            if fresh:
                raise TransientError(
                    Reason.BOX_UNAVAILABLE, "The console does not know the cursor that it just gave out"
                )
            return await self._relist(console)
        self._cursor_is_fresh = False
        self.heard = bool(page.apps or page.gone or page.unreadable)
        self._take_in(page)
        self.cursor = page.cursor
        return None

    def start_over(self) -> None:
        """List everything again at the next look."""
        self.cursor = None

    async def _relist(self, console: Console) -> None:
        # Everything is listed anew: only what is buried from now on may hold an older answer back.
        self._gone.clear()
        # What is registered while the pages are read may be missing from them, and is not gone.
        before, seen, marker, cursor = dict(self._apps), set[AppID](), None, None
        while cursor is None or marker is not None:
            page = await console.list_apps(marker)
            # The first page's cursor: whatever changed since then is listed again.
            cursor, marker = cursor or page.cursor, page.marker
            seen |= {app.id for app in page.apps} | set(page.unreadable)
            self._take_in(page)
            self._news += [app for app in page.apps if self._restore(app, before)]
        dropped = [self.drop(app) for app in before.keys() - seen]
        self._news += [app for app in dropped if app is not None]
        self.cursor, self.known, self._cursor_is_fresh = cursor, True, True
        self.heard = bool(seen)

    def _restore(self, app: BoxApp, before: Mapping[AppID, BoxApp]) -> bool:
        """Take in a lower revision: after a restore from a backup the console begins again at earlier ones.

        But not of an app that something was heard of while the pages were read: a page may be older than that. Tells
        whether it was news.

        Args:
            before: what was known before the list was asked for.
        """
        known = self._apps.get(app.id)
        if known is None or known == app or known is not before.get(app.id):
            return False
        self.force(app)
        return True

    def _take_in(self, page: Page) -> None:
        self._news += [app for app in page.apps if self.update(app)]
        self._news += [app for app in page.gone if self.drop(app.id) is not None]
        for app in page.gone:
            # Also of one that was never seen, or had another name when it was; and Box may have freed the name of one
            # that is gone already only now.
            self._name_freed(app.name)
