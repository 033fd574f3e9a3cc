"""Everything that the sandbox knows, in memory, and in a SQLite file when one is given."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import random
import re
import secrets
import sqlite3
import string
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import msgspec

from box_sandbox.model import AccessToken, App, Item, ItemType, Slot, SlotToken, digest

ALPHANUMERIC = string.ascii_letters + string.digits
FIRST_ITEM = 300_000_000_000
"""Assumed: files and folders share one row of numbers."""


@dataclass(frozen=True, slots=True)
class SandboxConfig:
    """How the sandbox runs.

    ``auto_approve_seconds``: how long after its submission an app is authorized, None for never.
    ``requests_per_minute``: per caller, Box documents 1000 per user. ``reveal_issued_tokens``: tests may read every
    token's value back; Box never allows that.
    """

    console_token: str
    admin_token: str
    auto_approve_seconds: float | None = None
    taken_names: tuple[str, ...] = ()
    requests_per_minute: int = 1000
    reveal_issued_tokens: bool = False
    state_file: Path | None = None
    now: Callable[[], datetime] = field(default=lambda: datetime.now(UTC))


def random_text(alphabet: str, length: int) -> str:
    """Text that nobody can guess."""
    return "".join(secrets.choice(alphabet) for _ in range(length))


class Sandbox:
    """The state, and the changes that it goes through."""

    def __init__(self, config: SandboxConfig) -> None:
        self.config = config
        self.now = config.now
        self.console_token = config.console_token
        self.taken_names = set(config.taken_names)
        self.apps: dict[str, App] = {}
        self.tokens: dict[str, AccessToken] = {}
        self.issued: list[tuple[str, str]] = []
        self.revision = 0
        self.changed = asyncio.Condition()
        self._approvals: set[asyncio.Task[None]] = set()
        self._newest_item = FIRST_ITEM
        self._file = _open(config.state_file)
        # Cursors of another life of the sandbox must not pass for ours.
        self._life = _life(self._file)
        self._load()

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
        return f"{self._life}-{revision}"

    def revision_of(self, cursor: str) -> int | None:
        """The moment that a cursor stands for; None for one that was never given out."""
        life, _, number = cursor.partition("-")
        known = life == self._life and re.fullmatch("[0-9]{1,18}", number) is not None
        return int(number) if known and int(number) <= self.revision else None

    def find(self, text: str) -> App | None:
        """An app by id, name or client id."""
        return next((app for app in self.live() if text in (app.id, app.name, app.client_id)), None)

    def name_is_taken(self, name: str, by_other_than: str = "") -> bool:
        """Names are unique across all of Box. That case does not count is assumed."""
        names = {app.name.lower() for app in self.live() if app.id != by_other_than}
        return name.lower() in names | {taken.lower() for taken in self.taken_names}

    def create(self, name: str, reference: str, key: str) -> App:
        """A new app. Its service account exists at once (box/developer.box.com, pages/platform/user-types)."""
        number, now = str(1_000_000 + len(self.apps) * 7 + random.randrange(7)), self.now()
        app = App(
            id=number,
            client_id=random_text(string.ascii_lowercase + string.digits, 32),
            client_secret=random_text(ALPHANUMERIC, 32),
            name=name,
            reference=reference,
            key=key,
            login=f"AutomationUser_{number}_{random_text(ALPHANUMERIC, 10)}@boxdevedition.com",
            created_at=now,
            modified_at=now,
        )
        self.apps[number] = app
        return app

    async def touch(self, app: App) -> None:
        """Note that an app changed, and tell those who wait for it."""
        self.revision += 1
        app.revision, app.modified_at = self.revision, self.now()
        # To the end: the apps are kept in the order of their last changes.
        self.apps[app.id] = self.apps.pop(app.id)
        self._save(app)
        async with self.changed:
            self.changed.notify_all()

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
        value = self.issue(app, slot, expires_at)
        app.tokens[slot] = SlotToken(digest(value)[:16], self.now(), expires_at)
        await self.touch(app)
        return value

    def issue(
        self,
        app: App,
        slot: Slot | None,
        expires_at: datetime | None,
        scopes: list[str] | None = None,
        resource: str | None = None,
    ) -> str:
        """Something to authenticate with. Only its hash is kept, and its value where tests asked for that."""
        value = random_text(ALPHANUMERIC, 32)
        token = AccessToken(digest(value), app.id, slot, expires_at, scopes, resource)
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

    # Content

    def add_item(self, app: App, type_: ItemType, name: str, parent: str, content: bytes) -> Item:
        """Keep a file or a folder."""
        self._newest_item += 1
        item = Item(str(self._newest_item), type_, name, parent, self.now(), content)
        app.items[item.id] = item
        self._save(app)
        return item

    def remove_item(self, app: App, item: Item) -> None:
        """Delete a file or a folder."""
        del app.items[item.id]
        self._save(app)

    # Persistence

    def _load(self) -> None:
        if self._file is None:
            return
        apps = [msgspec.json.decode(text, type=App) for (text,) in self._file.execute("SELECT body FROM apps")]
        for app in sorted(apps, key=lambda app: app.revision):
            self.apps[app.id] = app
            self.revision = app.revision
            self._newest_item = max(self._newest_item, *map(int, app.items), 0)
        for (text,) in self._file.execute("SELECT body FROM tokens"):
            token = msgspec.json.decode(text, type=AccessToken)
            self.tokens[token.hash] = token

    def _save(self, app: App) -> None:
        self._write("apps", app.id, msgspec.json.encode(app))

    def _save_token(self, token: AccessToken) -> None:
        self._write("tokens", token.hash, msgspec.json.encode(token))

    def _write(self, table: str, key: str, body: bytes) -> None:
        if self._file is not None:
            upsert = f"INSERT INTO {table} VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body"
            with self._file:
                self._file.execute(upsert, (key, body))

    def close(self) -> None:
        """Wait for nothing any more, and close the file."""
        for task in self._approvals:
            task.cancel()
        if self._file is not None:
            with contextlib.suppress(sqlite3.Error):
                self._file.close()


def _open(path: Path | None) -> sqlite3.Connection | None:
    if path is None:
        return None
    file = sqlite3.connect(path)
    for table in ("apps", "tokens"):
        file.execute(f"CREATE TABLE IF NOT EXISTS {table} (id TEXT PRIMARY KEY, body BLOB)")
    return file


def _life(file: sqlite3.Connection | None) -> str:
    """A number that stays with the file, and is new without one."""
    fresh = secrets.randbelow(2**31 - 1) + 1
    if file is None:
        return f"{fresh:x}"
    (kept,) = file.execute("PRAGMA user_version").fetchone()
    if not kept:
        file.execute(f"PRAGMA user_version = {fresh}")
    return f"{kept or fresh:x}"
