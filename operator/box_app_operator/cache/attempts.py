"""What is remembered of one object between passes. Lost in a crash, and nothing depends on it."""

from collections.abc import Callable, Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from box_app_operator.cache.pace import PaceMemory
from box_app_operator.model.box import UID, Fingerprint, PendingToken, Refusal, RefusalKind
from box_app_operator.model.conditions import Reason, earliest
from box_app_operator.model.desired import Desired, WorkloadRef
from box_app_operator.model.finding import Notice
from box_app_operator.model.observed import Contest, Observed, WorkloadView
from box_app_operator.model.platform_view import FINAL, Identity, Verdict
from box_app_operator.model.steps import RefreshDownscoped, Step
from box_app_operator.ports import Granted, Token
from box_app_operator.secret.contents import OWNER
from box_app_operator.secret.contest import Upkeep

REPEAT_AFTER = timedelta(minutes=10)
"""How long the same Event about a finished step is not repeated: a writer that changes a field back again and again
must not fill the list of Events."""


@dataclass(slots=True)
class PlatformAnswers:
    """What Box's public API answered about an app, until the next resync.

    ``verdicts``, ``messages``, ``identities`` and ``first_seen`` are of keys, by fingerprint: what Box makes of it,
    what is wrong with it, whom it acts for, and since when it is known. ``values`` are those of the keys that stand in
    the app's slots, two at most, and of no others: their Secrets may get lost, and the operator must still prove that
    they have ended. ``identity`` is whom all keys must act for, and ``came_first`` the key that decided it. ``origins``
    says what was found of each, ``try_origins_again`` that those that are not in order are due. ``revocation_refused``
    tells that Box does not let the client revoke, ``unauthorized`` that it waits for the admin; ``ended`` are access
    tokens and downscoped ones that were revoked, or must be left to their end.
    """

    verdicts: dict[Fingerprint, Verdict] = field(default_factory=dict)
    messages: dict[Fingerprint, str] = field(default_factory=dict)
    identities: dict[Fingerprint, Identity] = field(default_factory=dict)
    first_seen: dict[Fingerprint, datetime] = field(default_factory=dict)
    identity: Identity | None = None
    came_first: str = ""
    values: dict[Fingerprint, Token] = field(default_factory=dict)
    origins: dict[str, bool] = field(default_factory=dict)
    try_origins_again: bool = False
    revocation_refused: bool = False
    unauthorized: bool = False
    ended: set[Fingerprint] = field(default_factory=set)

    def clear_refusals(self) -> None:
        """What may have changed is asked again."""
        self.verdicts = {fingerprint: verdict for fingerprint, verdict in self.verdicts.items() if verdict in FINAL}
        self.try_origins_again = True
        self.revocation_refused = False

    def keep_only(self, known: AbstractSet[Fingerprint]) -> None:
        """Forget every key but these."""
        answers: tuple[dict[Fingerprint, Any], ...] = (self.verdicts, self.messages, self.identities, self.first_seen)
        for found in answers:
            for fingerprint in found.keys() - known:
                del found[fingerprint]


@dataclass(slots=True)
class Memory:
    """The memory of one object.

    ``pending`` is a token that is not published yet, ``token`` its value where it was minted. ``doubtful`` tells that a
    call's answer was lost. ``refusals`` are steps that are not tried again for now; ``failures`` counts passes in a row
    that met trouble. ``workloads`` are those that were looked at for the token in the Secret. ``notices`` are those
    that came up, with whether an Event was written. ``records`` are Events about finished steps that are not written
    yet, and ``recorded_at`` is when each of the last ones came up. ``unsure`` are steps whose answer was lost, with the
    Event that they would be worth. ``used_by_written_at`` is when the pods on the previous token were last reported.
    ``name_freed`` tells that another app gave up the wanted name since the last look. ``pace`` is how soon tokens
    followed each other. ``without_enterprise_since`` is when its BoxEnterprise was missed first. ``answers`` is for
    apps without a console endpoint. ``upkeep`` tells of each Secret what was written into it; ``exchanged`` are
    downscoped tokens that could not be written into theirs yet, by the name of the Secret, with when Box gave them out.
    ``refusals_cleared`` and ``human_acts`` count how often refused steps were cleared, all of them or those that wait
    for a person: what is refused later for what was seen before must not count.
    """

    pending: PendingToken | None = None
    token: Token | None = None
    doubtful: bool = False
    refusals: dict[Step, Refusal] = field(default_factory=dict)
    failures: int = 0
    generation: int = 0
    request: str | None = None
    workloads: dict[WorkloadRef, WorkloadView] = field(default_factory=dict)
    notices: dict[Notice, bool] = field(default_factory=dict)
    records: list[Notice] = field(default_factory=list)
    recorded_at: dict[Notice, datetime] = field(default_factory=dict)
    unsure: dict[Step, Notice] = field(default_factory=dict)
    used_by_written_at: datetime | None = None
    name_freed: bool = False
    without_enterprise_since: datetime | None = None
    answers: PlatformAnswers = field(default_factory=PlatformAnswers)
    pace: PaceMemory = field(default_factory=PaceMemory)
    upkeep: dict[str, Upkeep] = field(default_factory=dict)
    exchanged: dict[str, tuple[RefreshDownscoped, Granted, datetime]] = field(default_factory=dict)
    refusals_cleared: int = 0
    human_acts: int = 0

    def upkeep_of(self, secret: str) -> Upkeep:
        """What was written into a Secret, and what became of it."""
        return self.upkeep.get(secret, Upkeep())

    def disowned(self, now: datetime) -> frozenset[UID]:
        """The Secrets that were written for the object, and that lose their owner reference to another writer each
        time.
        """
        known = ((upkeep.uid, upkeep.contest(now).names) for upkeep in self.upkeep.values())
        return frozenset(uid for uid, names in known if uid is not None and OWNER in names)

    def contests(self, secrets: Iterable[str], now: datetime) -> dict[str, Contest]:
        """Those of these Secrets in which another writer changes something back each time."""
        found = {name: self.upkeep_of(name).contest(now) for name in secrets}
        return {name: contest for name, contest in found.items() if contest.names}

    def set_pending(self, pending: PendingToken, token: Token) -> None:
        """Keep a minted token until it is published."""
        self.pending, self.token = pending, token

    def drop_pending(self, fingerprint: Fingerprint) -> None:
        """Forget this token, if it is the pending one."""
        if self.pending is not None and self.pending.fingerprint == fingerprint:
            self.pending = self.token = None

    def keep_seen(self, observed: Observed) -> None:
        """Store what a look found out about the pending token, and about a call whose answer was lost."""
        self.pending, self.doubtful = observed.pending, observed.doubtful
        if self.pending is None:
            self.token = None

    def value_of(self, fingerprint: Fingerprint) -> Token | None:
        """The value of a token: minted and not published yet, or standing in a slot of the app."""
        minted = self.token is not None and self.token.fingerprint == fingerprint
        return self.token if minted else self.answers.values.get(fingerprint)

    def renew(self, desired: Desired) -> None:
        """A new spec, a new request to reconcile, or a name that became free makes refused steps worth another try."""
        if self.name_freed:
            self._keep(lambda refusal: refusal.reason != Reason.NAME_TAKEN)
            self.name_freed = False
        asked_anew = desired.reconcile_request not in (None, self.request)
        if desired.generation != self.generation or asked_anew:
            self.clear_refusals()
            self.answers.origins.clear()
        if desired.generation != self.generation:
            self.exchanged.clear()
        if asked_anew:
            # Box may call the app by another name by now.
            self.answers.identities.clear()
        self.generation = desired.generation
        if asked_anew:
            self.request = desired.reconcile_request

    def clear_refusals(self) -> None:
        """Everything is worth another try, and another look."""
        self.refusals_cleared += 1
        self.refusals.clear()
        self.workloads.clear()
        self.answers.clear_refusals()

    def free_name(self) -> bool:
        """Another app gave up the wanted name. Tells whether a refused step waits for that.

        It is noted in any case: a call that is under way may be about to be refused for the app that had the name.
        """
        self.name_freed = True
        return any(refusal.reason == Reason.NAME_TAKEN for refusal in self.refusals.values())

    def note(self, notices: Iterable[Notice]) -> None:
        """Something came up that people should hear of; nothing twice."""
        for notice in notices:
            self.notices.setdefault(notice, False)

    def unwritten(self) -> list[Notice]:
        """Notices without an Event so far."""
        return [notice for notice, written in self.notices.items() if not written]

    def mark_written(self, still: Iterable[Notice]) -> None:
        """Events were written for all; what does not come up any more may get one again another time."""
        self.notices = dict.fromkeys(still, True)

    def record(self, notice: Notice, now: datetime) -> None:
        """Keep an Event about a finished step until it is written; one that repeats comes up once in ten minutes."""
        self.recorded_at = {known: at for known, at in self.recorded_at.items() if abs(now - at) < REPEAT_AFTER}
        if notice not in self.recorded_at:
            self.recorded_at[notice] = now
            self.records.append(notice)

    def find_done(self, happened: Callable[[Step], bool], now: datetime) -> None:
        """Record each step whose answer was lost and that has reached its goal, as Box and the Secret show."""
        for step in [lost for lost in self.unsure if happened(lost)]:
            self.record(self.unsure.pop(step), now)

    def take_records(self) -> list[Notice]:
        """The Events about finished steps that are to be written now."""
        taken, self.records = self.records, []
        return taken

    def clear_human_refusals(self) -> None:
        """Something changed in Box: what waited for a person there is worth another try."""
        self.human_acts += 1
        self._keep(lambda refusal: refusal.kind is not RefusalKind.AWAITING_HUMAN)

    def expire(self, now: datetime) -> None:
        """Forget refusals that have expired."""
        self._keep(lambda refusal: refusal.until is None or refusal.until > now)

    def _keep(self, wanted: Callable[[Refusal], bool]) -> None:
        self.refusals = {step: refusal for step, refusal in self.refusals.items() if wanted(refusal)}

    @property
    def in_trouble(self) -> bool:
        """Is there anything that time will heal? What another writer changes back each time holds nothing up."""
        return any(
            refusal.kind is RefusalKind.TRANSIENT and refusal.reason != Reason.SECRET_CHANGED_BACK
            for refusal in self.refusals.values()
        )

    @property
    def retry_at(self) -> datetime | None:
        """When the first refused step may be tried again."""
        return earliest(refusal.until for refusal in self.refusals.values())
