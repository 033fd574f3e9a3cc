"""One pass over one object: observe, plan and execute, until no steps are left.

A step that was refused is not tried again before its time, whoever asks for another pass: so the news of an own write
can never turn a failure into a storm of calls. Other steps go on meanwhile.
"""

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import partial

from box_app_operator.api.remembered import status_of
from box_app_operator.api.spec import Resource
from box_app_operator.cache.attempts import Memory
from box_app_operator.cache.cluster import Store
from box_app_operator.core.audit import has_happened, record_of
from box_app_operator.core.plan import Delays, Plan, plan
from box_app_operator.enterprise.protocols import Link
from box_app_operator.errors import OperatorError, StalledError, TransientError
from box_app_operator.execute.executor import IN_CLUSTER, Executor
from box_app_operator.model import steps
from box_app_operator.model.box import Refusal, RefusalKind, Slot
from box_app_operator.model.conditions import Reason, parse_conditions
from box_app_operator.model.observed import Observed
from box_app_operator.model.steps import Step
from box_app_operator.modes.registry import RULES
from box_app_operator.observability.metrics import STEPS, AppLog, Stopwatch, requests_noted
from box_app_operator.observe.observer import Observer
from box_app_operator.observe.secrets import SecretObserver
from box_app_operator.ports import Clock
from box_app_operator.secret.contest import paused
from box_app_operator.secret.published import own_secrets
from box_app_operator.tokens.rotation import last_replacement, last_replacement_in_status

logger = logging.getLogger(__name__)

MAX_STEPS = 40
"""More steps than any pass can need: beyond it something contradicts itself, and the pass ends until later."""

GONE = Observed(), Plan((), (), complete=False)


@dataclass(frozen=True, slots=True)
class PassDependencies:
    """What every pass needs."""

    store: Store
    observer: Observer
    secrets: SecretObserver
    clock: Clock
    backoff: Callable[[int], float]
    delays: Delays


class Pass:
    """One pass. It counts as failed once, however many of its steps met trouble.

    Attributes:
        resource: the object as it was looked at last.
    """

    def __init__(
        self,
        resource: Resource,
        memory: Memory,
        link: Link | None,
        executor: Executor,
        deps: PassDependencies,
    ) -> None:
        self._log = AppLog(logger, *resource.key)
        self.resource = resource
        self._memory = memory
        self._link = link
        self._executor = executor
        self._deps = deps
        self._secret_is_fresh = False
        self._unreachable: TransientError | None = None
        self._pause_seconds: float | None = None
        self._done: set[Step] = set()
        self._refusals_cleared = self._human_acts = 0

    async def run(self) -> tuple[Observed, Plan]:
        """Work until nothing is left to do; returns what was seen last, and the plan without steps.

        Raises:
            OperatorError: Box or the cluster had to be asked and did not answer, or steps never come to an end.
        """
        for _ in range(MAX_STEPS):
            resource, desired = self.resource, self.resource.desired
            # Also a request that comes in the middle of a pass makes refused steps worth another try.
            self._memory.renew(desired)
            self._refusals_cleared, self._human_acts = self._memory.refusals_cleared, self._memory.human_acts
            observed = self._paced(resource, await self._deps.observer.observe(resource, self._memory))
            self._memory.keep_seen(observed)
            if self._refusals_cleared == self._memory.refusals_cleared:
                # Otherwise everything is worth another look.
                self._memory.workloads |= observed.workloads
            decided = self._plan(resource, observed)
            self._memory.note(decided.notices)
            if observed.known and observed.problem is None:
                self._memory.find_done(partial(has_happened, observed=observed), self._deps.clock.now())
            if not self._secret_is_fresh and (_rests_on_secret(decided) or _misses_secret(observed)):
                await self._deps.secrets.refresh(desired)
                self._secret_is_fresh = True
            elif decided.steps:
                await self._try(decided.steps[0], resource, observed)
            elif self._deps.store.apps.get(resource.key) is resource:
                return observed, decided
            # Otherwise the object changed while it was looked at: what was found is not said of a newer spec.
            if not self._reread():
                return GONE
        raise TransientError(Reason.NOT_YET_KNOWN, f"not settled after {MAX_STEPS} steps")

    def _reread(self) -> bool:
        """Go on with the object as it is by now; False when it is gone."""
        found = self._deps.store.apps.get(self.resource.key)
        if found is None or found.desired.uid != self.resource.desired.uid:
            return False
        self.resource = found
        return True

    def _paced(self, resource: Resource, observed: Observed) -> Observed:
        """With how soon another token may follow: from memory, and after a restart from what was recorded."""
        clock, pace = self._deps.clock, self._memory.pace
        now, monotonic = clock.now(), clock.monotonic()
        record = last_replacement(own_secrets(resource.desired, observed), now)
        if record is None and pace.since is None:
            previous = parse_conditions(status_of(resource.body))
            record = last_replacement_in_status(previous, observed.remembered, now)
        pace.note(record, now, monotonic)
        return replace(observed, pace=pace.pace(now, monotonic, self._deps.delays.rotation))

    def _plan(self, resource: Resource, observed: Observed) -> Plan:
        now = self._deps.clock.now()
        self._memory.expire(now)
        return plan(
            resource.desired,
            observed,
            now,
            previous=parse_conditions(status_of(resource.body)),
            refusals=self._memory.refusals,
            delays=self._deps.delays,
        )

    async def _try(self, step: Step, resource: Resource, observed: Observed) -> None:
        if isinstance(step, steps.PublishSecret | steps.RefreshDownscoped) and self._is_paused(step):
            return
        if step in self._done:
            self._contradict(step)
        elif self._unreachable is not None and not isinstance(step, IN_CLUSTER):
            self._put_off(step, self._unreachable)
        else:
            await self._do(step, resource, observed)

    def _is_paused(self, step: steps.PublishSecret | steps.RefreshDownscoped) -> bool:
        """Is it too early to put right once more what another writer changes back each time?"""
        secret = self.resource.desired.secret.name if isinstance(step, steps.PublishSecret) else step.spec.secret
        upkeep, now = self._memory.upkeep_of(secret), self._deps.clock.now()
        until = upkeep.paused_until(step.mends, self._deps.backoff, now)
        if until is None or until <= now:
            return False
        self._memory.refusals[step] = paused(self.resource.desired, secret, step.mends, until)
        return True

    async def _do(self, step: Step, resource: Resource, observed: Observed) -> None:
        watch, kind = Stopwatch(), type(step).__name__
        with requests_noted() as requests:
            outcome = await self._outcome(step, resource, observed)
        about = {"step": kind, "duration_seconds": round(watch.seconds, 3)}
        about |= {"box_request_id": " ".join(requests)} if requests else {}
        match outcome:
            case TransientError() as error:
                self._log.warning("%s", error, extra=about)
                self._memory.doubtful |= error.uncertain and not isinstance(step, IN_CLUSTER)
                self._unreachable = error if error.unreachable else None
                self._doubt(step, observed, error)
                self._put_off(step, error)
            case OperatorError() as error:
                self._log.info("%s", error, extra=about)
                self._refuse(step, error)
            case said:
                self._log.info("%s", said, extra=about)
                self._done.add(step)
                self._record(step, observed)
                self._beware_of_rejected_tokens(step, observed)
        STEPS.labels(kind, _result_of(outcome)).inc()

    async def _outcome(self, step: Step, resource: Resource, observed: Observed) -> str | OperatorError:
        """What was done, in a few words, or why it was not."""
        try:
            return await self._executor.execute(step, resource, observed)
        except OperatorError as error:
            return error

    def _refuse(self, step: Step, error: OperatorError) -> None:
        if error.reason in (Reason.CREDENTIAL_REJECTED, Reason.CREDENTIAL_FORBIDDEN):
            # The enterprise's matter, not this object's: its link finds out, and the step is tried again.
            if error.reason == Reason.CREDENTIAL_REJECTED and self._link is not None:
                self._link.reconnect()
            self._put_off(step, TransientError(Reason.BOX_UNAVAILABLE, error.message))
            return
        kind = RefusalKind.STALLED if isinstance(error, StalledError) else RefusalKind.AWAITING_HUMAN
        acted = kind is RefusalKind.AWAITING_HUMAN and self._memory.human_acts != self._human_acts
        if acted or self._memory.refusals_cleared != self._refusals_cleared:
            # Something was put right while Box was being asked about what was there before: Box is asked again.
            self._memory.answers.clear_refusals()
            return
        self._memory.refusals[step] = Refusal(kind, error.reason, error.message)

    def _put_off(self, step: Step, error: TransientError) -> None:
        """Not again before the backoff has ended; a failed minting puts off every kind of minting."""
        if self._pause_seconds is None:
            self._memory.failures += 1
            self._pause_seconds = self._deps.backoff(self._memory.failures)
        self._pause_seconds = max(self._pause_seconds, error.retry_after_seconds or 0.0)
        until = self._deps.clock.now() + timedelta(seconds=self._pause_seconds)
        refusal = Refusal(RefusalKind.TRANSIENT, error.reason, error.message, until)
        for same in _like(step):
            self._memory.refusals[same] = refusal

    def _record(self, step: Step, observed: Observed) -> None:
        now = self._deps.clock.now()
        self._memory.unsure.pop(step, None)
        record = record_of(step, self.resource.desired, observed, now)
        if record is not None:
            self._memory.record(record, now)

    def _doubt(self, step: Step, observed: Observed, error: TransientError) -> None:
        """Its answer was lost: whether it deserves its Event shows at the next look."""
        record = record_of(step, self.resource.desired, observed, self._deps.clock.now()) if error.uncertain else None
        if record is not None:
            self._memory.unsure[step] = record

    def _beware_of_rejected_tokens(self, step: Step, observed: Observed) -> None:
        """After a rejected token the next one waits for the backoff: the reason for the first holds for the second."""
        pending = self._memory.pending
        if isinstance(step, steps.ProveToken) and pending is not None and pending.proven is False:
            error = TransientError(Reason.TOKEN_REJECTED, "Box rejected the token that it generated.")
            app = observed.app
            again = steps.MintToken(app.id, Slot.PRIMARY, None) if app is not None else steps.ObtainAccessToken()
            self._put_off(again, error)

    def _contradict(self, step: Step) -> None:
        """A step that worked is asked for again: whoever took it made something else of it."""
        match step:
            case steps.SetCorsDomains():
                message = "Box keeps other CORS domains than it was given. Write them in spec.cors.domains as Box does."
                self._refuse(step, StalledError(Reason.ORIGIN_REJECTED, message))
            case steps.RenameApp(_, name):
                message = f"Box keeps another name than {name!r}. Write spec.displayName as Box does."
                self._refuse(step, StalledError(Reason.NAME_INVALID, message))
            case _:
                message = f"{type(step).__name__} succeeded, but its effect is gone; does another client revert it?"
                self._log.warning("%s", message)
                self._put_off(step, TransientError(Reason.NOT_YET_KNOWN, message))


def _result_of(outcome: str | OperatorError) -> str:
    if isinstance(outcome, str):
        return "done"
    return "transient" if isinstance(outcome, TransientError) else "refused"


def _like(step: Step) -> list[Step]:
    """The steps that meet the same trouble: a token in the other slot, or of another lifetime, is no other."""
    if not isinstance(step, steps.MintToken):
        return [step]
    return [steps.MintToken(step.app_id, slot, days) for slot in Slot for days in (None, 30, 60)]


def in_conflict(decided: Plan) -> bool:
    """Is there a foreign Secret in the way? Only Secrets with our label are watched, so it must be looked for."""
    reasons = {condition.reason for condition in decided.conditions}
    return Reason.SECRET_CONFLICT in reasons and not reasons & {Reason.SUSPENDED, Reason.DELETING}


def _misses_secret(observed: Observed) -> bool:
    """Is a person about to be asked, although the Secret may only have lost the label that it is watched by?"""
    return not RULES[observed.mode].sees_whole_app and observed.known and observed.secret is None


def _rests_on_secret(decided: Plan) -> bool:
    """Does what comes next depend on the Secret, so that a memory of it is not good enough?"""
    return isinstance(next(iter(decided.steps), None), steps.SECRET_STEPS) or in_conflict(decided)
