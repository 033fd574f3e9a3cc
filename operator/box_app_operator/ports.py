"""What observing and executing need from the outside: protocols, so that the core never meets httpx or Kubernetes."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from box_app_operator.api.spec import Body
from box_app_operator.model.box import UID, AppID, BoxApp, Fingerprint, Slot, fingerprint_of
from box_app_operator.model.desired import ClientGrant, WorkloadRef
from box_app_operator.model.observed import WorkloadView
from box_app_operator.model.platform_view import Identity, Verdict
from box_app_operator.model.secret import SecretView
from box_app_operator.secret.contents import Contents


class Clock(Protocol):
    """The only way to learn the time."""

    def now(self) -> datetime:
        """The time, aware, in UTC. It may be set, forward or back."""

    def monotonic(self) -> float:
        """Seconds since some moment, on a clock that cannot be set."""


class Token:
    """A token's value, wrapped so that it can be handed on but not printed, logged, pickled or compared by accident."""

    __slots__ = ("_value",)

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """The value itself: only for the one call that needs it."""
        return self._value

    @property
    def fingerprint(self) -> Fingerprint:
        """What may be shown of it."""
        return fingerprint_of(self._value)

    def __repr__(self) -> str:
        return f"<Token {self.fingerprint}>"

    def __reduce__(self) -> str:
        raise TypeError("a token is not pickled")


@dataclass(frozen=True, slots=True)
class Page:
    """A part of the listing.

    ``gone`` are apps that were deleted, ``unreadable`` those of which only the id was understood. ``cursor`` is where
    the next look begins.
    """

    apps: tuple[BoxApp, ...]
    gone: tuple[BoxApp, ...]
    marker: str | None
    cursor: str
    unreadable: tuple[AppID, ...] = ()


class Console(Protocol):
    """Whatever performs the Developer Console's steps for one enterprise."""

    async def list_apps(self, marker: str | None) -> Page:
        """One page of all apps."""

    async def changes(self, cursor: str, wait_seconds: float) -> Page | None:
        """Apps that changed since the cursor; waits for a change. None when the cursor is no longer known."""

    async def find_app(self, reference: str) -> BoxApp | None:
        """The app that carries this reference."""

    async def get_app(self, app: AppID) -> BoxApp | None:
        """The app as it is now; None when it is gone."""

    async def create_app(self, name: str, reference: str, key: str) -> BoxApp:
        """Register an app; the same key gives the same app."""

    async def rename_app(self, app: AppID, name: str) -> BoxApp:
        """Give the app a new name."""

    async def claim_app(self, app: AppID, reference: str, revision: int) -> BoxApp:
        """Mark the app with another reference, if it is still as it was at this revision."""
        ...

    async def delete_app(self, app: AppID) -> None:
        """Delete the app; one that is gone is success."""

    async def submit_app(self, app: AppID) -> BoxApp:
        """Ask the admin for authorization."""

    async def mint_token(self, app: AppID, slot: Slot, expires_in_days: int | None) -> Token:
        """Generate a token in a free slot."""

    async def revoke_slot(self, app: AppID, slot: Slot, fingerprint: Fingerprint) -> None:
        """Revoke the token in a slot, if it is still this one; an empty slot is success."""

    async def set_cors_domains(self, app: AppID, domains: tuple[str, ...]) -> BoxApp:
        """Make the CORS domains exactly these."""


@dataclass(frozen=True, slots=True)
class Granted:
    """An access token that Box gave out, and for how many seconds."""

    token: Token
    seconds: int


class Platform(Protocol):
    """Box's public API."""

    async def ping(self) -> None:
        """Does Box answer?"""

    async def prove(self, token: Token) -> Verdict:
        """What becomes of this token? LIVE, DISABLED, DEAD or NARROW."""

    async def accepts(self, token: Token) -> bool:
        """Does Box accept this token? False only when Box says clearly that it does not."""

    async def identify(self, token: Token) -> Identity | Verdict | None:
        """Who does this token act for? A verdict when Box refuses it; None when Box does not say."""

    async def allows_origin(self, token: Token, origin: str) -> bool:
        """May a browser call from this origin with the app's tokens?"""

    async def grant(self, client_id: str, client_secret: Token, subject: ClientGrant) -> Granted:
        """An access token for a client and its secret."""

    async def exchange(self, token: Token, scopes: tuple[str, ...], resource: str | None) -> Granted:
        """A token with fewer rights, for a while."""

    async def revoke(self, token: Token, client_id: str, client_secret: Token) -> None:
        """Revoke a token; success, too, if it has already ended."""


class Cluster(Protocol):
    """What the operator reads and writes in Kubernetes for one app. Writers return the object as it then is."""

    async def read_secret(self, namespace: str, name: str) -> SecretView | None:
        """The Secret as it is now, as fingerprints."""

    async def read_values(self, namespace: str, name: str) -> Mapping[str, bytes] | None:
        """The data of a Secret that a person keeps; None when there is none."""

    async def read_token(self, namespace: str, name: str, fingerprint: Fingerprint) -> Token | None:
        """The value with this fingerprint, if the Secret still holds it."""

    async def write_secret(self, app: Body, secret: "SecretWrite", existing: SecretView | None) -> SecretView:
        """Create the Secret, or write what is the operator's own into the one that ``existing`` saw."""

    async def delete_secret(self, namespace: str, name: str, uid: UID) -> None:
        """Delete the Secret, if it is still this one; one that is gone is success."""

    async def read_workload(self, namespace: str, ref: WorkloadRef) -> WorkloadView:
        """The workload as it is now, also when it is not there."""

    async def restart_workload(
        self, namespace: str, workload: WorkloadView, fingerprint: Fingerprint, now: datetime
    ) -> WorkloadView:
        """Mark the pod template, so that the pods are made anew; only if the workload is still as it was seen."""

    async def add_finalizer(self, app: Body) -> Body:
        """Put the operator's finalizer on the object."""

    async def remove_finalizer(self, app: Body) -> Body | None:
        """Take it off again; None when the object is gone."""

    async def write_status(self, app: Body, status: Mapping[str, Any]) -> Body | None:
        """Replace the object's status; None when the object is gone."""

    async def emit_event(self, app: Body, *, warning: bool, reason: str, message: str, now: datetime) -> None:
        """Tell those who look at the object; never raises."""


@dataclass(frozen=True, slots=True)
class SecretWrite:
    """A Secret to be written. ``data`` is what may be seen; the token goes under ``token_key``.

    ``contents`` are labels, annotations, and what must go. ``fields`` are the fields of the spec that parts of the
    Secret come from, by the path in the Secret.
    """

    name: str
    token_key: str
    token: Token
    data: Mapping[str, str]
    contents: Contents
    fields: Mapping[str, str] = field(default_factory=dict)
