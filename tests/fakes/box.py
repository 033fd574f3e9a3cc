"""The one imitation of Box that runs without HTTP: console and platform in memory, knowing every token's value.

What Box makes of an app are pure functions, which the model of steps in ``tests.unit.pretend`` asks, too. The sandbox
is not imitated here: contract tests, passes and the operator as a process talk to the real one.
Beside the apps of the console there are two with client credentials, of which nothing but access tokens is seen.
"""

import contextlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from tests.fakes.fates import Fates

from box_app_operator.errors import StalledError, TransientError
from box_app_operator.model.box import (
    AppID,
    Authorization,
    AuthorizationState,
    BoxApp,
    ClientID,
    Fingerprint,
    IssuedToken,
    Slot,
    fingerprint_of,
)
from box_app_operator.model.desired import ClientGrant
from box_app_operator.model.platform_view import Identity, Verdict
from box_app_operator.ports import Granted, Page, Token

ACCESS_SECONDS = 4175
"""So long an access token lives."""
CLIENTS = ("granted-1", "granted-2")
"""The client ids of the two apps with client credentials."""


class BoxWouldRefuseError(AssertionError):
    """Something was asked for that Box or Kubernetes cannot do. Its text is Box's code, where Box has one."""


def new_app(app: AppID, client: ClientID, name: str, reference: str) -> BoxApp:
    """As it was registered."""
    authorization = Authorization(AuthorizationState.NOT_SUBMITTED, enabled=False)
    return BoxApp(app, client, name, reference, authorization, {}, (), 1)


def with_token(app: BoxApp, slot: Slot, token: IssuedToken) -> BoxApp:
    """The app with a token in a free slot, which Box gives to an authorized app only."""
    if app.authorization.state is not AuthorizationState.AUTHORIZED or not app.authorization.enabled:
        raise BoxWouldRefuseError("app_not_authorized")
    if slot in app.tokens:
        raise BoxWouldRefuseError("slot_occupied")
    return replace(app, tokens={**app.tokens, slot: token}, revision=app.revision + 1)


def without_token(app: BoxApp, slot: Slot, fingerprint: Fingerprint | None = None) -> BoxApp:
    """The app after the token in a slot was revoked, if it is this one; any when none is named."""
    if slot not in app.tokens or fingerprint not in (None, app.tokens[slot].fingerprint):
        raise BoxWouldRefuseError("precondition_failed")
    tokens = {other: token for other, token in app.tokens.items() if other is not slot}
    return replace(app, tokens=tokens, revision=app.revision + 1)


@contextlib.contextmanager
def _as_answers() -> Iterator[None]:
    """What Box refuses reaches the operator as its clients report it."""
    try:
        yield
    except BoxWouldRefuseError as refusal:
        raise TransientError("AwaitingToken", str(refusal), uncertain=True) from None


@dataclass
class Issued:
    """A token that was ever generated. ``by_hand`` tells that a person did."""

    value: str
    app: AppID
    by_hand: bool = False

    @property
    def fingerprint(self) -> Fingerprint:
        """Of the value."""
        return fingerprint_of(self.value)


@dataclass
class Child:
    """A downscoped token: what it was made from, and its end."""

    parent: Fingerprint
    ends: datetime


class FakeBox:
    """The truth of Box, and the two ports through which the operator sees it."""

    def __init__(self, fates: Fates, now: Callable[[], datetime]) -> None:
        self.fates, self.now = fates, now
        self.apps: dict[AppID, BoxApp] = {}
        self.gone: list[BoxApp] = []
        self.issued: dict[Fingerprint, Issued] = {}
        self.proven: set[Fingerprint] = set()
        self.access: dict[Fingerprint, tuple[str, datetime]] = {}
        self.children: dict[Fingerprint, Child] = {}
        self.keys: dict[str, AppID] = {}
        self.revision = 0
        self.before_write: Callable[[AppID, str, Fingerprint | None], None] = lambda *_: None
        self.before_claim: Callable[[AppID, str], None] = lambda *_: None
        self.before_mint: Callable[[AppID, Slot], None] = lambda *_: None
        self.before_grant: Callable[[], None] = lambda: None
        self.before_revoke: Callable[[AppID, Slot, Fingerprint], None] = lambda *_: None

    # The truth

    def put(self, app: BoxApp) -> BoxApp:
        """Note a change."""
        self.revision += 1
        self.apps[app.id] = replace(app, revision=self.revision)
        return self.apps[app.id]

    def register(self, name: str, reference: str) -> BoxApp:
        """A new app."""
        number = len(self.apps) + len(self.gone) + 1
        return self.put(new_app(AppID(str(number)), ClientID(f"client-{number}"), name, reference))

    def decide(self, app: AppID, state: AuthorizationState, *, enabled: bool) -> None:
        """What the admin does."""
        self.put(replace(self.apps[app], authorization=Authorization(state, enabled)))

    def generate(self, app: AppID, slot: Slot, days: int | None, *, by_hand: bool = False) -> Token:
        """A token into a free slot of an authorized app."""
        found = self._find(app)
        issued = Issued(f"Token{len(self.issued):027d}", app, by_hand)
        expires_at = self.now() + timedelta(days=days) if days is not None else None
        with _as_answers():
            self.put(with_token(found, slot, IssuedToken(issued.fingerprint, self.now(), expires_at)))
        self.issued[issued.fingerprint] = issued
        return Token(issued.value)

    def empty(self, app: AppID, slot: Slot, fingerprint: Fingerprint | None = None) -> None:
        """Revoke the token in a slot, if it is this one; any when none is named."""
        found = self.apps.get(app)
        if found is None or slot not in found.tokens:
            return
        with _as_answers():
            self.put(without_token(found, slot, fingerprint))

    def remove(self, app: AppID) -> None:
        """Delete an app."""
        found = self.apps.pop(app, None)
        if found is not None:
            self.revision += 1
            self.gone.append(replace(found, revision=self.revision, tokens={}))

    def live(self, app: AppID) -> set[Fingerprint]:
        """The tokens of an app that Box accepts."""
        found = self.apps.get(app)
        tokens = found.tokens.values() if found else ()
        return {token.fingerprint for token in tokens if token.is_live(self.now())}

    def live_access(self, client: str | None = None) -> set[Fingerprint]:
        """The access tokens of a client, or of both, that Box accepts."""
        mine = {each: until for each, (whose, until) in self.access.items() if client in (None, whose)}
        return {fingerprint for fingerprint, until in mine.items() if until > self.now()}

    def _find(self, app: AppID) -> BoxApp:
        if app not in self.apps:
            raise TransientError("BoxUnavailable", "app_not_found", uncertain=True)
        return self.apps[app]

    # The console

    async def list_apps(self, marker: str | None) -> Page:
        """All apps."""
        return Page(tuple(self.apps.values()), (), None, str(self.revision))

    async def changes(self, cursor: str, wait_seconds: float) -> Page | None:
        """What changed since."""
        since = int(cursor)
        news = tuple(app for app in self.apps.values() if app.revision > since)
        return Page(news, tuple(app for app in self.gone if app.revision > since), None, str(self.revision))

    async def find_app(self, reference: str) -> BoxApp | None:
        """By its mark."""
        found = (app for app in self.apps.values() if app.reference == reference)
        return self.fates.meet(lambda: next(found, None), reading=True)

    async def get_app(self, app: AppID) -> BoxApp | None:
        """By its id."""
        return self.fates.meet(lambda: self.apps.get(app), reading=True)

    async def create_app(self, name: str, reference: str, key: str) -> BoxApp:
        """The same key gives the same app."""

        def create() -> BoxApp:
            if key not in self.keys or self.keys[key] not in self.apps:
                self.keys[key] = self.register(name, reference).id
            return self.apps[self.keys[key]]

        return self.fates.meet(create)

    async def claim_app(self, app: AppID, reference: str, revision: int) -> BoxApp:
        """Another owner, if nothing changed since. The key of its creation is forgotten."""
        self.before_claim(app, reference)

        def claim() -> BoxApp:
            if self._find(app).revision != revision:
                raise TransientError("BoxUnavailable", "precondition_failed", uncertain=True)
            self.keys = {key: made for key, made in self.keys.items() if made != app}
            return self.put(replace(self.apps[app], reference=reference))

        return self.fates.meet(claim)

    async def rename_app(self, app: AppID, name: str) -> BoxApp:
        """Another name."""
        self.before_write(app, "renamed", None)
        return self.fates.meet(lambda: self.put(replace(self._find(app), name=name)))

    async def delete_app(self, app: AppID) -> None:
        """Gone is success."""
        self.before_write(app, "deleted", None)
        self.fates.meet(lambda: self.remove(app))

    async def submit_app(self, app: AppID) -> BoxApp:
        """Ask the admin."""
        self.before_write(app, "submitted", None)

        def submit() -> BoxApp:
            found = self._find(app)
            if found.authorization.state in (AuthorizationState.PENDING, AuthorizationState.AUTHORIZED):
                return found
            return self.put(replace(found, authorization=Authorization(AuthorizationState.PENDING, enabled=False)))

        return self.fates.meet(submit)

    async def mint_token(self, app: AppID, slot: Slot, expires_in_days: int | None) -> Token:
        """Generate a token."""
        self.before_write(app, "minted", None)
        self.before_mint(app, slot)
        return self.fates.meet(lambda: self.generate(app, slot, expires_in_days))

    async def revoke_slot(self, app: AppID, slot: Slot, fingerprint: Fingerprint) -> None:
        """Revoke a token."""
        self.before_write(app, "revoked", fingerprint)
        self.before_revoke(app, slot, fingerprint)
        self.fates.meet(lambda: self.empty(app, slot, fingerprint))

    async def set_cors_domains(self, app: AppID, domains: tuple[str, ...]) -> BoxApp:
        """Exactly these."""
        self.before_write(app, "changed", None)
        return self.fates.meet(lambda: self.put(replace(self._find(app), cors_domains=domains)))

    # The platform

    async def ping(self) -> None:
        """Somebody answers."""

    async def accepts(self, token: Token) -> bool:
        """Does Box accept it?"""

        def ask() -> bool:
            issued = self.issued[token.fingerprint]
            accepted = token.fingerprint in self.live(issued.app) | self.live_access()
            self.proven |= {token.fingerprint} if accepted else set()
            return accepted

        return self.fates.meet(ask, reading=True)

    async def grant(self, client_id: str, client_secret: Token, subject: ClientGrant) -> Granted:
        """An access token."""
        self.before_grant()

        def give() -> Granted:
            issued = Issued(f"1!Token{len(self.issued):027d}", AppID(client_id))
            self.issued[issued.fingerprint] = issued
            self.access[issued.fingerprint] = client_id, self.now() + timedelta(seconds=ACCESS_SECONDS)
            return Granted(Token(issued.value), ACCESS_SECONDS)

        return self.fates.meet(give)

    async def prove(self, token: Token) -> Verdict:
        """What becomes of it; a key of an app that is not authorized is refused for that."""

        def ask() -> Verdict:
            issued = self.issued.get(token.fingerprint)
            if issued is None or token.fingerprint not in self.live(issued.app):
                return Verdict.DEAD
            self.proven.add(token.fingerprint)
            return Verdict.LIVE if self.apps[issued.app].is_usable else Verdict.DISABLED

        return self.fates.meet(ask, reading=True)

    async def identify(self, token: Token) -> Identity | Verdict | None:
        """Whose it is."""

        def ask() -> Identity | Verdict:
            issued = self.issued.get(token.fingerprint)
            if issued is None or token.fingerprint not in self.live(issued.app):
                return Verdict.DEAD
            app = self.apps[issued.app]
            return Identity("service@box.example", app.name, app.id, None)

        return self.fates.meet(ask, reading=True)

    async def allows_origin(self, token: Token, origin: str) -> bool:
        """As the app's list says."""
        app = self.apps.get(self.issued[token.fingerprint].app)
        return self.fates.meet(lambda: app is not None and origin in app.cors_domains, reading=True)

    async def exchange(self, token: Token, scopes: tuple[str, ...], resource: str | None) -> Granted:
        """A downscoped token of one that is live."""

        def give() -> Granted:
            issued = self.issued[token.fingerprint]
            if token.fingerprint not in self.live(issued.app) | self.live_access():
                raise TransientError("AwaitingToken", "the token is over", uncertain=True)
            child = Token(f"1!Child{len(self.children):027d}")
            ends = self.now() + timedelta(seconds=ACCESS_SECONDS)
            self.children[child.fingerprint] = Child(token.fingerprint, ends)
            self.proven.add(child.fingerprint)
            return Granted(child, ACCESS_SECONDS)

        return self.fates.meet(give)

    async def revoke(self, token: Token, client_id: str, client_secret: Token) -> None:
        """By its own client alone; one that is over is success."""
        issued = self.issued.get(token.fingerprint)
        app = self.apps.get(issued.app) if issued is not None else None
        slot = app.slot_of(token.fingerprint) if app is not None else None
        if app is not None and slot is not None:
            self.before_revoke(app.id, slot, token.fingerprint)

        def end() -> None:
            if app is not None and slot is not None:
                return self.empty(app.id, slot, token.fingerprint)
            if token.fingerprint in self.children:
                self.children[token.fingerprint].ends = self.now()
            whose, _ = self.access.get(token.fingerprint, (client_id, self.now()))
            if whose != client_id:
                raise StalledError("TokenRejected", "Box does not let this client revoke the token.")
            self.access.pop(token.fingerprint, None)
            return None

        self.fates.meet(end)
