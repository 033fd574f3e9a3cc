"""Everything that the sandbox knows, in memory, and in a SQLite file when one is given."""

import asyncio
import itertools
import random
import re
from collections.abc import Iterable
from datetime import datetime, timedelta

from box_sandbox.config import SandboxConfig
from box_sandbox.state.model import (
    ENTERPRISE,
    AccessToken,
    Account,
    App,
    AppKind,
    IssuedToken,
    Item,
    ItemType,
    Slot,
    TokenKind,
    User,
    digest,
)
from box_sandbox.state.store import Store
from box_sandbox.state.values import new_client_id, new_client_secret, new_login, new_token

FIRST_USER = 30_000_000_000
"""Assumed, like the ids of service accounts."""
FIRST_ITEM = 300_000_000_000
"""Assumed: files and folders share one row of numbers."""


class Sandbox:
    """The state, and the changes that it goes through."""

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self.console_token = config.console_token
        self.access_token_seconds = config.access_token_seconds
        self.clock_offset_seconds = config.clock_offset_seconds
        self.taken_names = set(config.taken_names)
        self.apps: dict[str, App] = {}
        self.users: dict[str, User] = {}
        self.tokens: dict[str, AccessToken] = {}
        self.issued: list[tuple[str, str]] = []
        self.revision = 0
        self.changed = asyncio.Condition()
        self._approvals: set[asyncio.Task[None]] = set()
        self._newest_item = FIRST_ITEM
        self._store = Store(config.state_file)
        self._load()

    def now(self) -> datetime:
        """The time, as Box's clock has it."""
        return self.config.now() + timedelta(seconds=self.clock_offset_seconds)

    # Apps

    def live(self) -> Iterable[App]:
        """Apps that are not deleted."""
        return (app for app in self.apps.values() if not app.deleted)

    def changed_after(self, revision: int) -> list[App]:
        """Apps that changed later, deleted ones too, in the order of their changes."""
        newest_first = reversed(self.apps.values())
        return list(itertools.takewhile(lambda app: app.revision > revision, newest_first))[::-1]

    def cursor(self, revision: int) -> str:
        """The moment of a revision, as a text that another life of the sandbox does not know."""
        return f"{self._store.life}-{revision}"

    def revision_of(self, cursor: str) -> int | None:
        """The moment that a cursor stands for; None for one that was never given out."""
        life, _, number = cursor.partition("-")
        known = life == self._store.life and re.fullmatch("[0-9]{1,18}", number) is not None
        return int(number) if known and int(number) <= self.revision else None

    def find(self, text: str) -> App | None:
        """An app by id, name or client id."""
        return next((app for app in self.live() if text in (app.id, app.name, app.client_id)), None)

    def name_is_taken(self, name: str, by_other_than: str = "") -> bool:
        """Names are unique across all of Box. That case does not count is assumed."""
        names = {app.name.lower() for app in self.live() if app.id != by_other_than}
        return name.lower() in names | {taken.lower() for taken in self.taken_names}

    def create(
        self,
        name: str,
        reference: str = "",
        key: str = "",
        *,
        kind: AppKind = "app_token",
        enterprise: str = ENTERPRISE,
        user_access: bool = False,
    ) -> App:
        """A new app.

        The service account of an App Token app exists at once, that of any other app once it is authorized, before
        which nothing can be seen of it (box/developer.box.com, pages/platform/user-types). An App Token app has no
        client secret: its page shows none (Box community 360049151174), so that it has none is assumed.
        """
        number, now = str(1_000_000 + len(self.apps) * 7 + random.randrange(7)), self.now()
        app = App(
            id=number,
            client_id=new_client_id(),
            client_secret=new_client_secret() if kind == "client_credentials" else "",
            name=name,
            reference=reference,
            key=key,
            login=new_login(number),
            created_at=now,
            modified_at=now,
            kind=kind,
            enterprise=enterprise,
            user_access=user_access,
        )
        self.apps[number] = app
        return app

    def new_secret(self, app: App) -> str:
        """A client secret in place of the old one, which ends at once (assumed)."""
        app.client_secret = new_client_secret()
        self._save(app)
        return app.client_secret

    async def touch(self, app: App) -> None:
        """Note that an app changed, and tell those who wait for it."""
        self.revision += 1
        app.revision, app.modified_at = self.revision, self.now()
        # To the end: the apps are kept in the order of their last changes.
        self.apps[app.id] = self.apps.pop(app.id)
        self._save(app)
        async with self.changed:
            self.changed.notify_all()

    async def hand_over(self, app: App, reference: str) -> None:
        """Note another owner. Whoever had the app does not find it again by the key of its creation."""
        app.reference, app.key = reference, ""
        await self.touch(app)

    async def submit(self, app: App) -> None:
        """Ask the admin. Idempotent: an app that waits or is authorized stays as it is."""
        if app.authorization.state in ("pending", "authorized"):
            return None
        app.authorization.state, app.authorization.submitted_at = "pending", self.now()
        app.authorization.decided_at = None
        if self.config.auto_approve_seconds == 0:
            return await self.decide(app, "authorize")
        self._approve_later(app)
        await self.touch(app)
        return None

    def resume(self) -> None:
        """Take up what a sandbox that was stopped had before it: apps that wait for the automatic approval."""
        for app in self.live():
            if app.authorization.state == "pending":
                self._approve_later(app)

    def _approve_later(self, app: App) -> None:
        if self.config.auto_approve_seconds is not None:
            task = asyncio.create_task(self._auto_approve(app, self.config.auto_approve_seconds))
            self._approvals.add(task)
            task.add_done_callback(self._approvals.discard)

    async def _auto_approve(self, app: App, seconds: float) -> None:
        await asyncio.sleep(seconds)
        if app.authorization.state == "pending" and not app.deleted:
            await self.decide(app, "authorize")

    async def decide(self, app: App, decision: str) -> None:
        """What the admin does in the Admin Console."""
        authorization = app.authorization
        match decision:
            case "authorize":
                authorization.state, authorization.enabled = "authorized", True
            case "decline":
                authorization.state, authorization.enabled = "declined", False
            case "require_reauthorization":
                authorization.state = "reauthorization_required"
            case "enable" | "disable":
                authorization.enabled = decision == "enable"
        authorization.decided_at = self.now()
        await self.touch(app)

    async def delete(self, app: App) -> None:
        """The app goes, with its tokens and its content."""
        for slot in list(app.tokens):
            self._kill(app, slot)
        app.deleted, app.items = True, {}
        await self.touch(app)

    # Tokens

    async def mint(self, app: App, slot: Slot, days: int | None) -> str:
        """A key for a slot: 32 letters and digits, shown once (box/developer.box.com, applications/app-tokens)."""
        expires_at = self.now() + timedelta(days=days) if days is not None else None
        value = self.issue(app, "app_token", expires_at, slot=slot)
        app.tokens[slot] = IssuedToken(digest(value)[:16], self.now(), expires_at)
        await self.touch(app)
        return value

    def issue(
        self,
        app: App,
        kind: TokenKind,
        expires_at: datetime | None,
        *,
        slot: Slot | None = None,
        user: str | None = None,
        scopes: list[str] | None = None,
        resource: str | None = None,
    ) -> str:
        """Something to authenticate with. Only its hash is kept, and its value where tests asked for that."""
        value = new_token(kind)
        token = AccessToken(digest(value), app.id, slot, expires_at, scopes, resource, kind=kind, user=user)
        self.tokens[token.hash] = token
        self._save_token(token)
        if self.config.reveal_issued_tokens:
            self.issued.append((value, app.id))
        return value

    async def revoke(self, app: App, slot: Slot) -> None:
        """Empty a slot."""
        self._kill(app, slot)
        await self.touch(app)

    def _kill(self, app: App, slot: Slot) -> None:
        gone = app.tokens.pop(slot, None)
        for token in self.tokens.values():
            if gone is not None and token.app_id == app.id and token.hash.startswith(gone.fingerprint):
                token.revoked = True
                self._save_token(token)

    async def expire(self, app: App, slot: Slot) -> None:
        """Let the token in a slot be over now. It stays in its slot (assumed)."""
        shown = app.tokens[slot]
        shown.expires_at = self.now()
        for token in self.tokens.values():
            if token.app_id == app.id and token.hash.startswith(shown.fingerprint):
                token.expires_at = shown.expires_at
                self._save_token(token)
        await self.touch(app)

    async def revoke_value(self, token: AccessToken) -> None:
        """Revoke through ``/oauth2/revoke``; a key's slot is empty afterwards (assumed)."""
        app = self.apps[token.app_id]
        slot = next((slot for slot, shown in app.tokens.items() if token.hash.startswith(shown.fingerprint)), None)
        if slot is not None:
            return await self.revoke(app, slot)
        token.revoked = True
        self._save_token(token)
        return None

    def authenticate(self, value: str) -> AccessToken | None:
        """The live token with this value."""
        token = self.tokens.get(digest(value))
        over = token is not None and token.expires_at is not None and token.expires_at <= self.now()
        return None if token is None or token.revoked or over else token

    # Accounts and their content

    def add_user(self, login: str, name: str, enterprise: str) -> User:
        """A new managed user."""
        now = self.now()
        user = User(str(FIRST_USER + len(self.users)), name, login, enterprise, now, now)
        self.users[user.id] = user
        self._save(user)
        return user

    def developer_of(self, enterprise: str) -> User:
        """The person who works at the Developer Console of an enterprise."""
        login = f"developer@{enterprise}.example"
        known = (user for user in self.users.values() if user.login == login)
        return next(known, None) or self.add_user(login, "Developer", enterprise)

    def account_of(self, token: AccessToken) -> Account:
        """Whom a token acts as."""
        return self.users[token.user] if token.user is not None else self.apps[token.app_id]

    def accounts(self) -> Iterable[Account]:
        """All service accounts and users."""
        return (*self.live(), *self.users.values())

    def add_item(self, account: Account, type_: ItemType, name: str, parent: str, content: bytes) -> Item:
        """Keep a file or a folder."""
        self._newest_item += 1
        item = Item(str(self._newest_item), type_, name, parent, self.now(), content)
        account.items[item.id] = item
        self._save(account)
        return item

    def remove_item(self, account: Account, item: Item) -> None:
        """Delete a file or a folder."""
        del account.items[item.id]
        self._save(account)

    # Persistence

    def _load(self) -> None:
        for app in sorted(self._store.read("apps", App), key=lambda app: app.revision):
            self.apps[app.id] = app
            self.revision = app.revision
        self.users = {user.id: user for user in self._store.read("users", User)}
        self.tokens = {token.hash: token for token in self._store.read("tokens", AccessToken)}
        for account in self.accounts():
            self._newest_item = max(self._newest_item, *map(int, account.items), 0)

    def _save(self, account: Account) -> None:
        self._store.write("apps" if isinstance(account, App) else "users", account.id, account)

    def _save_token(self, token: AccessToken) -> None:
        self._store.write("tokens", token.hash, token)

    def close(self) -> None:
        """Wait for nothing any more, and close the file."""
        for task in self._approvals:
            task.cancel()
        self._store.close()
