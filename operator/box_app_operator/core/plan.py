"""The decision: from what is wanted and what was observed to the next steps and the conditions. Pure and total.

The checks are a chain; ``Ready`` has the words of one of them that is not True. A step that was refused is not offered
again while its refusal is remembered, and its check says why instead.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from box_app_operator.core.deletion import check_deletion, describe_wait
from box_app_operator.model.box import Problem, Refusal
from box_app_operator.model.conditions import FACETS, Condition, Previous, Reason, earliest, reason_of
from box_app_operator.model.desired import Desired
from box_app_operator.model.finding import Finding, Notice, Task, lacking, settle, unknown
from box_app_operator.model.observed import PAUSE, NameHolder, Observed
from box_app_operator.model.steps import AddFinalizer, Step
from box_app_operator.modes.registry import RULES
from box_app_operator.secret.conflict import held_back, is_conflict
from box_app_operator.secret.contest import with_contests
from box_app_operator.tokens.active import Current, current_of
from box_app_operator.tokens.downscoped import settle_with_downscoped
from box_app_operator.tokens.refused import is_refused, published_of, with_refusal
from box_app_operator.tokens.rotation import as_asked_for, next_rotation

Refusals = Mapping[Step, Refusal]

WERE_MISSING = frozenset({Reason.ENTERPRISE_NOT_FOUND, Reason.NAMESPACE_NOT_ALLOWED})
"""What is not so any more once something is known of Box, be it only that it is out of reach."""


@dataclass(frozen=True, slots=True)
class Delays:
    """How long the operator waits, from its configuration.

    ``outage`` is how long Box may be out of reach before ``Ready`` says so. ``restart`` is how long a workload that
    several apps name waits for the rest of them to rotate. ``enterprise`` is how long a BoxEnterprise may be unknown
    before an object says so: it may have been applied together with the object. ``rotation`` is how soon one token may
    follow another, see ``Pace``.
    """

    outage: timedelta = timedelta(minutes=5)
    restart: timedelta = timedelta(minutes=1)
    enterprise: timedelta = timedelta()
    rotation: timedelta = PAUSE


@dataclass(frozen=True, slots=True)
class Plan:
    """What to do now and what to report once nothing is left to do.

    ``conditions`` holds every type that is present. ``complete`` is False while a passing trouble leaves nothing
    new to report. ``look_again_at`` is the next moment at which time alone changes the answer. ``notices`` become
    Events, once. ``tasks`` are for people.
    """

    steps: tuple[Step, ...]
    conditions: tuple[Condition, ...]
    complete: bool = True
    look_again_at: datetime | None = None
    notices: tuple[Notice, ...] = ()
    tasks: tuple[Task, ...] = ()


def plan(
    desired: Desired,
    observed: Observed,
    now: datetime,
    *,
    previous: Previous,
    refusals: Refusals,
    delays: Delays,
) -> Plan:
    """Decide the next steps and the conditions.

    Args:
        previous: conditions of the last pass, kept through a passing trouble.
        refusals: steps that were refused, and why.
    """
    if desired.deleting:
        return _plan_deletion(desired, observed, now, previous, refusals)
    if desired.suspended:
        return Plan((), _suspended())
    # Of the time when nothing was looked at.
    previous = {type_: known for type_, known in previous.items() if known.reason != Reason.SUSPENDED}
    if observed.problem is not None:
        return _plan_problem(observed.problem, now, previous, delays.outage)
    if not observed.known:
        # An app that was never looked for is not an app that is missing: nothing to do, nothing new to say.
        return Plan((), tuple(previous.values()), complete=False)
    if observed.claimed_by is not None:
        # The app is another object's: to this one it is as good as absent, or the two would fight over it.
        observed = replace(observed, app=None, unlisted=None, pending=None)
    return _plan_work(desired, observed, now, refusals, delays)


def _plan_work(desired: Desired, observed: Observed, now: datetime, refusals: Refusals, delays: Delays) -> Plan:
    current = current_of(desired, observed, now)
    findings = _find(desired, observed, current, now, refusals, delays)
    steps = tuple(step for finding in findings for step in finding.steps)
    if observed.app is not None and steps == (observed.claim,):
        # A reference that only wants to be brought up to date waits for another write: an upgrade writes nothing.
        steps = ()
    if not desired.has_finalizer:
        # Not even after AddFinalizer was refused: what is made in Box without it would outlive the object.
        steps = tuple(step for step in steps if isinstance(step, AddFinalizer))
    # What is known not to be so counts more than what cannot be known yet.
    cause = _cause(findings, falses_first=not RULES[observed.mode].sees_whole_app)
    # What Ready asks for is asked for first.
    asking = (*((cause,) if cause is not None else ()), *findings)
    tasks = tuple(dict.fromkeys(task for finding in asking for task in finding.tasks))
    return Plan(
        steps,
        _summed_up(findings, cause),
        look_again_at=_next_look(current, findings, now),
        notices=(*(notice for finding in findings for notice in finding.notices), *_stalled_while_good(findings)),
        tasks=tasks,
    )


def _find(
    desired: Desired,
    observed: Observed,
    current: Current | None,
    now: datetime,
    refusals: Refusals,
    delays: Delays,
) -> tuple[Finding, ...]:
    """What every check found, in the order of their steps."""
    rules = RULES[observed.mode]
    findings = [settle(finding, refusals) for finding in rules.check_app(desired, observed, now)]
    findings[0] = _wait_for_name(findings[0], desired, observed.name_holder)
    tokens = rules.check_tokens(desired, observed, now, delays.restart)
    tokens = settle_with_downscoped(tokens, desired, observed, current, refusals)
    tokens = _hold_against_spec(tokens, current)
    if is_conflict(tokens):
        findings = [held_back(finding) for finding in findings]
    authorized = next(finding.condition for finding in findings if finding.condition.type == "Authorized")
    published = published_of(desired, observed)
    refused = rules.check_refused(published, observed, now) if published is not None else None
    tokens = with_refusal(tokens, refused, authorized)
    return (*findings, with_contests(tokens, desired, observed))


def _wait_for_name(finding: Finding, desired: Desired, holder: NameHolder | None) -> Finding:
    """The finding about the registration: a name that is about to be free is waited for, and stalls no object.

    One of another namespace is another tenant's, and no name of it is shown.
    """
    if holder is None or not finding.stalled or finding.condition.reason != Reason.NAME_TAKEN:
        return finding
    known = holder.namespace == desired.namespace
    whose = f"BoxCustomApp {holder.namespace}/{holder.name}" if known else "a BoxCustomApp of another namespace"
    message = (
        f"The app of {whose} has the name {desired.display_name!r} and {holder.leaving.value}. "
        "You need not do anything: the registration continues as soon as the name is free in Box."
    )
    return replace(finding, stalled=False).with_message(message)


def _suspended() -> tuple[Condition, ...]:
    """Nothing is looked at, so nothing can be said; what was found before may be otherwise by now."""
    facet = "Not checked, because spec.suspend is true."
    message = "spec.suspend is true: the operator changes nothing in Box or in the Secret. Set it to false to resume."
    facets = (Condition(type_, "Unknown", Reason.SUSPENDED, facet) for type_ in FACETS)
    return (*facets, Condition("Ready", "Unknown", Reason.SUSPENDED, message))


def _stalled_while_good(findings: Iterable[Finding]) -> tuple[Notice, ...]:
    """What no change of ``Ready`` tells people of."""
    stalled = [finding.lacks for finding in findings if finding.lacks is not None and finding.lacks.type == "Stalled"]
    return tuple(Notice(reason_of(condition.reason), condition.message) for condition in stalled)


def _hold_against_spec(finding: Finding, current: Current | None) -> Finding:
    """Is the token in the Secret of another kind or lifetime than the spec asks for, with nothing left to do about it?

    So it is when a rotation is due and a foreign key stands in its slot.
    """
    if current is None or finding.condition.status != "True" or finding.steps:
        return finding
    if any(notice.reason is Reason.SLOTS_OCCUPIED for notice in finding.notices):
        return lacking(finding, Reason.SLOTS_OCCUPIED)
    return finding if as_asked_for(current) else lacking(finding, Reason.AWAITING_TOKEN)


def _next_look(current: Current | None, findings: Iterable[Finding], now: datetime) -> datetime | None:
    """The next moment at which something expires or is due; what is due already waits for something else than time."""
    dates = (current.token.expires_at, next_rotation(current)) if current else ()
    moments = [*dates, *(finding.look_again_at for finding in findings)]
    return earliest(moment for moment in moments if moment is not None and moment > now)


def _plan_deletion(desired: Desired, observed: Observed, now: datetime, previous: Previous, refusals: Refusals) -> Plan:
    finding = check_deletion(desired, observed, RULES[observed.mode], now)
    refusal = next((refusals[step] for step in finding.steps if step in refusals), None)
    if refusal is None:
        conditions = (*_kept(previous), finding.condition, _reconciling(finding.condition))
        return Plan(finding.steps, conditions, notices=finding.notices, tasks=finding.tasks)
    ready = Condition("Ready", "False", Reason.DELETING, describe_wait(desired, refusal.message))
    return Plan((), (*_kept(previous), ready, _reconciling(ready)), look_again_at=finding.look_again_at)


def _plan_problem(problem: Problem, now: datetime, previous: Previous, grace: timedelta) -> Plan:
    if problem.in_cluster:
        condition = Condition("Registered", "False", problem.reason, problem.message)
        registered = Finding(condition, stalled=problem.stalled)
        rest = [_last(type_, previous) for type_ in FACETS[1:]]
        return Plan((), _summed_up([registered, *rest], registered))
    last = [_last(type_, previous, problem) for type_ in FACETS]
    over_at = problem.since + grace
    if now < over_at and "Ready" in previous and previous["Ready"].reason not in WERE_MISSING:
        kept = (
            *_kept(previous),
            *(previous[type_] for type_ in ("Ready", "Stalled", "Reconciling") if type_ in previous),
        )
        return Plan((), kept, complete=False, look_again_at=over_at)
    ready = Condition("Ready", "Unknown", problem.reason, problem.message)
    return Plan((), (*(finding.condition for finding in last), ready, _reconciling(ready)))


def _last(type_: str, previous: Previous, problem: Problem | None = None) -> Finding:
    if type_ in previous and (problem is None or previous[type_].reason not in WERE_MISSING):
        return Finding(previous[type_])
    if problem is not None and type_ == FACETS[0]:
        return unknown(type_, problem.message, problem.reason)
    return unknown(type_, "Nothing is known yet.")


def _kept(previous: Previous) -> tuple[Condition, ...]:
    return tuple(_last(type_, previous).condition for type_ in FACETS)


def _cause(findings: Iterable[Finding], *, falses_first: bool) -> Finding | None:
    """Whose words ``Ready`` has: the first facet that is not True; None when all are.

    A token that Box refuses comes before whatever is only waited for. And as long as the Secret's name is taken, all
    else is waited for in vain.
    """
    by_type = {finding.condition.type: finding for finding in findings}
    facets, tokens = [by_type[type_] for type_ in FACETS], by_type["TokenReady"]
    first = next((facet for facet in facets if facet.condition.status != "True"), None)
    if first is None:
        return None
    if falses_first:
        first = next((facet for facet in facets if facet.condition.status == "False"), first)
    return tokens if is_conflict(tokens) or (is_refused(tokens) and not first.stalled) else first


def _summed_up(findings: Iterable[Finding], cause: Finding | None) -> tuple[Condition, ...]:
    """All conditions of these findings, with Ready, Stalled and Reconciling derived from them.

    Args:
        cause: what ``Ready`` is not True for, and in whose words; None when it is True.
    """
    by_type = {finding.condition.type: finding for finding in findings}
    facets = [by_type[type_] for type_ in FACETS]
    lacks = _most_urgent(finding.lacks for finding in facets)
    if cause is None:
        ready = Condition("Ready", "True", Reason.READY, by_type["TokenReady"].condition.message)
        return (*(finding.condition for finding in facets), ready, *([lacks] if lacks is not None else ()))
    ready = replace(cause.condition, type="Ready", observed_generation=None)
    stalled = next((finding.condition for finding in facets if finding.stalled), None)
    if stalled is None and lacks is not None and lacks.type == "Stalled":
        stalled = lacks
    extra = Condition("Stalled", "True", stalled.reason, stalled.message) if stalled else _reconciling(ready)
    return (*(finding.condition for finding in facets), ready, extra)


def _most_urgent(lacks: Iterable[Condition | None]) -> Condition | None:
    """What the author of the spec must mend comes before what is waited for."""
    found = [condition for condition in lacks if condition is not None]
    return next((condition for condition in found if condition.type == "Stalled"), next(iter(found), None))


def _reconciling(ready: Condition) -> Condition:
    return Condition("Reconciling", "True", ready.reason, ready.message)
