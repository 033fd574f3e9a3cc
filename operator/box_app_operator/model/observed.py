"""What one look at Box and at the cluster found. Values only."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from box_app_operator.model.box import (
    UID,
    AppID,
    BoxApp,
    Claimant,
    ClientID,
    Fingerprint,
    PendingToken,
    Problem,
    Slot,
    TokenSource,
    UnlistedTokens,
)
from box_app_operator.model.desired import WorkloadRef
from box_app_operator.model.platform_view import PlatformView
from box_app_operator.model.secret import SecretView
from box_app_operator.model.steps import ClaimApp

PAUSE = timedelta(minutes=10)
"""Between two rotations by date, and between two replacements of lost tokens after the first three."""
MAX_REPLACEMENTS = 3
"""So many lost tokens in a row are replaced at once."""
ON_REQUEST = 10
"""On request a rotation comes after a part of the pause: once a minute."""
QUIET = 3
"""So many pauses without a new token, and lost ones count from the beginning again."""


class Leaving(enum.Enum):
    """How an app is about to give up its name. The values are the words for people."""

    DELETED = "is being deleted"
    RENAMED = "is about to be renamed"


@dataclass(frozen=True, slots=True)
class NameHolder:
    """Another BoxCustomApp, ``namespace`` and ``name``, whose app has the wanted name and is about to give it up."""

    namespace: str
    name: str
    leaving: Leaving


class UseKind(enum.Enum):
    """How a pod gets at a Secret."""

    FIXED = "fixed"
    """``env``, ``envFrom`` or ``subPath``: the value of the moment at which the container started."""
    MOUNTED = "mounted"
    """A plain or projected volume: the kubelet brings it up to date."""


@dataclass(frozen=True, slots=True)
class SecretUse:
    """One use of a Secret by a running pod. ``since`` is when the container started, or the pod for a volume."""

    secret: str
    kind: UseKind
    since: datetime


@dataclass(frozen=True, slots=True)
class PodView:
    """A pod that is not over. ``token`` is the fingerprint that its template was marked with at a restart.

    ``uses`` holds only what runs: a container that has not started yet will get what the Secret holds then.
    """

    uid: UID
    name: str
    token: Fingerprint | None
    uses: tuple[SecretUse, ...]


@dataclass(frozen=True, slots=True)
class WorkloadView:
    """A workload that may be restarted.

    ``token`` and ``restarted_at`` tell of the operator's own last restart. ``reloader_secrets`` are the Secrets whose
    changes Stakater Reloader restarts it for, ``reloader_auto`` tells that it does so for every Secret it refers to.
    """

    ref: WorkloadRef
    exists: bool = True
    resource_version: str = ""
    token: Fingerprint | None = None
    restarted_at: datetime | None = None
    reloader_auto: bool = False
    reloader_secrets: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RememberedStatus:
    """What the object's status says before this pass.

    ``restarted`` are the workloads that were restarted for the active token, as "Kind/name". ``dates`` are when a
    token was issued and when it expires, ``slots`` where it stood. ``origins`` are those that the app had when they
    were last what the spec asked for, None when they were not; ``is_current`` tells that this was for the
    present spec, and that no other look was requested since. ``allowed`` are those that Box allowed last.
    ``asked_to_revoke_at`` is since when a person is asked to revoke a key. ``claim_uid`` is the uid under which an
    object had the app last: of this object, unless the status was restored from a backup.
    """

    app_id: AppID | None = None
    client_id: ClientID | None = None
    active: Fingerprint | None = None
    retiring: Fingerprint | None = None
    restarted: tuple[str, ...] = ()
    dates: Mapping[Fingerprint, tuple[datetime, datetime | None]] = field(default_factory=dict)
    slots: Mapping[Fingerprint, Slot] = field(default_factory=dict)
    origins: tuple[str, ...] | None = None
    is_current: bool = False
    allowed: tuple[str, ...] = ()
    asked_to_revoke_at: datetime | None = None
    claim_uid: UID | None = None

    @property
    def issued_at(self) -> datetime | None:
        """When the active token was issued, where the status tells."""
        dates = self.dates.get(self.active) if self.active is not None else None
        return dates[0] if dates is not None else None

    @property
    def fingerprints(self) -> frozenset[Fingerprint]:
        """The tokens that were published before."""
        return frozenset(fingerprint for fingerprint in (self.active, self.retiring) if fingerprint)


class Mode(enum.Enum):
    """How the steps of Box's Developer Console are done, and how tokens come about."""

    AUTOMATED = "through a console endpoint"
    ASSISTED = "by a person"
    CLIENT_CREDENTIALS = "not at all: access tokens come from the Client Credentials Grant"


class Adoption(enum.Enum):
    """Whom an app was made by, and what the object that has it may do. Decided by ``modes/automated/adoption``."""

    NOT_NEEDED = "an operator registered the app, or only a person acts on it"
    ALLOWED = "a person registered the app, and the owner of the enterprise allowed its use"
    ALLOWED_WITH_DELETE = "a person registered the app, and the owner of the enterprise allowed its deletion"

    @property
    def may_delete(self) -> bool:
        """May the app be deleted with the object?"""
        return self in (Adoption.NOT_NEEDED, Adoption.ALLOWED_WITH_DELETE)


@dataclass(frozen=True, slots=True)
class Contest:
    """Names of what another writer changes back in a Secret each time; if it stops, that ends at ``until``."""

    names: tuple[str, ...]
    until: datetime


@dataclass(frozen=True, slots=True)
class Pace:
    """When a token last took the place of another, on a clock that cannot be set; None when that is long ago or
    unknown.

    ``replacements`` is how many lost tokens were replaced in a row until then. ``pause`` is from the configuration.
    """

    replaced_at: datetime | None = None
    replacements: int = 0
    pause: timedelta = PAUSE

    def may_rotate_at(self, now: datetime, *, by_date: bool) -> datetime | None:
        """Until when the next rotation waits; None when it need not."""
        return self._later(now, self.pause if by_date else self.pause / ON_REQUEST)

    def may_replace_at(self, now: datetime) -> datetime | None:
        """Until when the replacement of a lost token waits; None when it need not."""
        return self._later(now, self.pause) if self.replacements >= MAX_REPLACEMENTS else None

    def replacements_after(self, now: datetime, *, lost: bool) -> int:
        """How many it were in a row, once another token took the place of the last one, which was lost or not."""
        quiet = self.replaced_at is None or now >= self.replaced_at + QUIET * self.pause
        return min((0 if quiet else self.replacements) + lost, MAX_REPLACEMENTS)

    def _later(self, now: datetime, span: timedelta) -> datetime | None:
        until = self.replaced_at + span if self.replaced_at is not None else now
        return until if until > now else None


@dataclass(frozen=True, slots=True)
class Observed:
    """What one look at Box and at the cluster found.

    ``known`` is False while the enterprise's apps have never been listed; ``app`` means nothing then. ``unlisted`` is
    what is known of the app's tokens in a mode in which Box does not list apps. ``claimant`` is this object as
    references name it. ``claim`` marks the app as this object's own; with ``app`` None that comes before all else.
    ``claimed_by`` names another BoxCustomApp that has the app, ``adoption`` tells what this one may do with it.
    ``doubtful`` tells that a call's answer was lost, and Box was not asked since.
    ``name_holder`` is another BoxCustomApp whose app has the wanted name and is about to give it up. ``secret`` is
    the Secret of the wanted name, whoever owns it; ``renamed_secrets`` are Secrets of other names that this object
    published earlier. ``namespace_is_terminating`` tells that the namespace is being deleted. ``pods`` are those
    of the namespace that refer to any Secret, None while they are not known or not needed. ``workloads`` holds
    those that were looked at; ``shared`` are those that other apps name for a restart too. ``downscoped`` are the
    Secrets of downscoped tokens by name, and ``left_over`` those that the spec does not ask for any more.
    ``platform_view`` is what is known without a console endpoint. ``contests`` are the Secrets, by name, in which
    another writer changes back what is the operator's own, and ``disowned`` those that lose their owner reference
    so. ``pace`` says how soon another token may follow.
    """

    known: bool = False
    app: BoxApp | None = None
    unlisted: UnlistedTokens | None = None
    claimant: Claimant | None = None
    claim: ClaimApp | None = None
    claimed_by: str | None = None
    adoption: Adoption = Adoption.NOT_NEEDED
    name_holder: NameHolder | None = None
    secret: SecretView | None = None
    renamed_secrets: tuple[SecretView, ...] = ()
    pending: PendingToken | None = None
    doubtful: bool = False
    problem: Problem | None = None
    remembered: RememberedStatus = RememberedStatus()
    namespace_is_terminating: bool = False
    pods: tuple[PodView, ...] | None = None
    workloads: Mapping[WorkloadRef, WorkloadView] = field(default_factory=dict)
    shared: frozenset[WorkloadRef] = frozenset()
    downscoped: Mapping[str, SecretView | None] = field(default_factory=dict)
    left_over: tuple[SecretView, ...] = ()
    mode: Mode = Mode.AUTOMATED
    platform_view: PlatformView = field(default_factory=PlatformView)
    disowned: frozenset[UID] = frozenset()
    contests: Mapping[str, Contest] = field(default_factory=dict)
    pace: Pace = field(default_factory=Pace)

    @property
    def source(self) -> TokenSource | None:
        """What tokens come from; None while there is no app."""
        return self.app if self.app is not None else self.unlisted
