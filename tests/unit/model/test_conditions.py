"""The table of conditions: for every reason one world that has it, and the words that say who must do what next."""

import re
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.unit.examples import (
    ADOPT,
    ADOPTED_FULL,
    CLAIMED,
    CONFLICT,
    CORS,
    GONE,
    NO_TOKEN,
    NOTHING,
    ONE,
    WITH_CORS,
    adopting,
    app_for,
    holding,
    look,
    ready_world,
    said,
    standing,
    troubled,
)
from tests.unit.pretend import APP_ID, CLIENT_ID, NOON, World, decide, decided
from tests.unit.strategies import DESIRED, ENTRY

import box_app_operator
from box_app_operator.model.box import AppID, AuthorizationState, Problem, Refusal, RefusalKind, Slot
from box_app_operator.model.conditions import (
    FACETS,
    Condition,
    Reason,
    format_time,
    merge_conditions,
    parse_conditions,
    reason_of,
)
from box_app_operator.model.desired import DeletionPolicy
from box_app_operator.model.finding import Finding, good, mend, settle, stall, unknown, wait
from box_app_operator.model.observed import Observed
from box_app_operator.model.steps import SetCorsDomains, SubmitApp

S = AuthorizationState
OVER = {Slot.PRIMARY: replace(ONE, expires_at=NOON)}
EXPIRED_UNAUTHORIZED = look(ready_world(), app=decided(app_for(tokens=OVER), S.PENDING))
DISABLED = look(ready_world(), app=decided(ready_world().app, S.AUTHORIZED))
TABLE: list[tuple[World, str, str, str, list[str]]] = [
    (ready_world(), "Registered", "True", "Registered", ["app 4711"]),
    (ready_world(ADOPT), "Registered", "True", "Adopted", [CLIENT_ID]),
    (NOTHING, "Registered", "Unknown", "NotYetKnown", ["about to be registered"]),
    (
        World(ADOPT, Observed(known=True)),
        "Registered",
        "False",
        "AppNotFound",
        ["spec.clientID", "'default'", CLIENT_ID],
    ),
    (
        CLAIMED,
        "Registered",
        "False",
        "ManagedElsewhere",
        ["BoxCustomApp of another namespace", "Delete one of the two"],
    ),
    (
        look(CLAIMED, claimed_by="billing/older"),
        "Registered",
        "False",
        "ManagedElsewhere",
        ["BoxCustomApp billing/older", "Delete one of the two"],
    ),
    (
        adopting(),
        "Registered",
        "False",
        "AdoptionNotAllowed",
        ["owner of BoxEnterprise 'default'", "spec.adoption: - {"],
    ),
    (
        adopting(ENTRY, deletion_policy=DeletionPolicy.DELETE),
        "Registered",
        "False",
        "InvalidSpec",
        ["spec.deletionPolicy", "another deletionPolicy", "allowDelete: true"],
    ),
    (troubled("EnterpriseNotFound", stalled=False), "Registered", "False", "EnterpriseNotFound", ["in the way"]),
    (troubled("NamespaceNotAllowed", stalled=True), "Registered", "False", "NamespaceNotAllowed", ["in the way"]),
    (NOTHING, "Authorized", "Unknown", "NotYetKnown", ["for the app to be registered"]),
    (ready_world(), "Authorized", "True", "Authorized", ["admin"]),
    (standing(S.NOT_SUBMITTED), "Authorized", "False", "NotSubmitted", ["not been submitted"]),
    (
        standing(S.NOT_SUBMITTED, submit=False),
        "Authorized",
        "False",
        "NotSubmitted",
        ["submit the app in the Developer Console"],
    ),
    (standing(S.PENDING), "Authorized", "False", "PendingApproval", ["Box admin must authorize", CLIENT_ID]),
    (standing(S.DECLINED), "Authorized", "False", "Declined", ["Ask them why", "reconcile-requested-at"]),
    (standing(S.AUTHORIZED), "Authorized", "False", "Disabled", ["Box admin must enable it", CLIENT_ID]),
    (standing(S.REAUTHORIZATION_REQUIRED), "Authorized", "False", "ReauthorizationRequired", ["authorize it again"]),
    (ready_world(), "TokenReady", "True", "Published", ["'viewer-box-token'", "primary", "until 2026-04-29T12:00:00Z"]),
    (NOTHING, "TokenReady", "Unknown", "NotYetKnown", ["for the app to be registered"]),
    (DISABLED, "TokenReady", "False", "TokenRejected", ["Pods get 401", "Box admin must enable it", CLIENT_ID]),
    (standing(S.PENDING), "TokenReady", "False", "AwaitingAuthorization", ["after a Box admin has authorized"]),
    (EXPIRED_UNAUTHORIZED, "TokenReady", "False", "TokenExpired", ["Pods get 401", "expired at", "Box admin"]),
    (NO_TOKEN, "TokenReady", "False", "AwaitingToken", ["about to be generated"]),
    (holding(None), "TokenReady", "False", "AwaitingToken", ["being proven"]),
    (holding(True), "TokenReady", "False", "AwaitingToken", ["about to be published"]),
    (holding(False), "TokenReady", "False", "TokenRejected", ["does not accept"]),
    (
        CONFLICT,
        "TokenReady",
        "False",
        "SecretConflict",
        ["controlled by Deployment 'web'", "leaves it as it is", "Choose another name in spec.tokens.secret.name"],
    ),
    (ADOPTED_FULL, "TokenReady", "False", "SlotsOccupied", ["Revoke one", "Developer Console", "secondary slot"]),
    (NOTHING, "CORSSynced", "Unknown", "NotYetKnown", ["for the app to be registered"]),
    (ready_world(), "CORSSynced", "True", "NotConfigured", ["lists no CORS domains"]),
    (ready_world(WITH_CORS), "CORSSynced", "True", "Synced", ["1 CORS domain"]),
    (look(ready_world(WITH_CORS), app=app_for()), "CORSSynced", "Unknown", "NotYetKnown", ["differ from the spec"]),
    (ready_world(), "Ready", "True", "Ready", ["holds the token"]),
    (standing(S.PENDING), "Ready", "False", "PendingApproval", ["Box admin must authorize"]),
    (DISABLED, "Ready", "False", "TokenRejected", ["Pods get 401", "Box admin must enable it", CLIENT_ID]),
    (EXPIRED_UNAUTHORIZED, "Ready", "False", "TokenExpired", ["Pods get 401", "expired at", "Box admin"]),
    (troubled("BoxUnavailable", stalled=False), "Ready", "Unknown", "BoxUnavailable", ["in the way"]),
    (troubled("EnterpriseNotReady", stalled=False), "Ready", "Unknown", "EnterpriseNotReady", ["in the way"]),
    (World(replace(DESIRED, suspended=True), Observed()), "Ready", "Unknown", "Suspended", ["Set it to false"]),
    (World(replace(DESIRED, suspended=True), Observed()), "TokenReady", "Unknown", "Suspended", ["Not checked"]),
    (World(GONE, Observed()), "Ready", "False", "Deleting", ["force-delete"]),
]


@pytest.mark.parametrize(
    ("world", "type_", "status", "reason", "words"),
    TABLE,
    ids=[f"{row[1]}-{row[3]}-{i}" for i, row in enumerate(TABLE)],
)
def test_each_world_has_its_reason_and_says_who_acts(
    world: World, type_: str, status: str, reason: str, words: list[str]
) -> None:
    """The table of design section 4, row by row."""
    condition = said(decide(world), type_)

    assert (condition.status, condition.reason) == (status, reason)
    for word in words:
        assert word in condition.message


@pytest.mark.parametrize(
    ("world", "extra"),
    [
        (ready_world(), None),
        (standing(S.PENDING), "Reconciling"),
        (standing(S.AUTHORIZED), "Reconciling"),
        (standing(S.DECLINED), "Stalled"),
        (CONFLICT, "Stalled"),
        (CLAIMED, "Stalled"),
        (adopting(), "Stalled"),
        (adopting(ENTRY, deletion_policy=DeletionPolicy.DELETE), "Stalled"),
        (ADOPTED_FULL, "Reconciling"),
        (World(ADOPT, Observed(known=True)), "Stalled"),
        (troubled("EnterpriseNotFound", stalled=False), "Reconciling"),
        (troubled("NamespaceNotAllowed", stalled=True), "Stalled"),
        (troubled("BoxUnavailable", stalled=False), "Reconciling"),
        (World(GONE, Observed()), "Reconciling"),
        (World(replace(DESIRED, suspended=True), Observed()), None),
    ],
)
def test_waiting_for_an_admin_is_reconciling_and_for_the_author_stalled(world: World, extra: str | None) -> None:
    """So that kstatus and Argo CD tell progress from failure."""
    present = {condition.type for condition in decide(world).conditions} & {"Stalled", "Reconciling"}

    assert present == ({extra} if extra else set())


@pytest.mark.parametrize("was", ["EnterpriseNotFound", "NamespaceNotAllowed"])
def test_what_is_there_by_now_is_not_said_to_be_missing(was: str) -> None:
    """Not even for the grace of an outage: Box is out of reach, or the BoxEnterprise that came is not ready."""
    problem = Problem("EnterpriseNotReady", "Its credential is missing.", NOON)
    before = {type_: Condition(type_, "False", was, "It is missing.") for type_ in ("Registered", "Ready")}

    plan = decide(World(DESIRED, Observed(problem=problem)), before)

    assert plan.complete
    for type_ in ("Registered", "Ready"):
        assert said(plan, type_) == Condition(type_, "Unknown", "EnterpriseNotReady", "Its credential is missing.")


REFUSED = "It was refused."
CHANGE = SetCorsDomains(APP_ID, CORS)
DIFFER = mend("CORSSynced", Reason.NOT_YET_KNOWN, "They differ.", CHANGE)
ASKED = mend("Authorized", Reason.NOT_SUBMITTED, "Not yet.", CHANGE)
WAITS = "Not yet. That must wait: It was refused."


@pytest.mark.parametrize(
    ("finding", "kind", "reason", "expected"),
    [
        (DIFFER, RefusalKind.STALLED, "OriginRejected", stall("CORSSynced", Reason.ORIGIN_REJECTED, REFUSED)),
        (DIFFER, RefusalKind.AWAITING_HUMAN, "Disabled", wait("CORSSynced", Reason.DISABLED, REFUSED)),
        (DIFFER, RefusalKind.TRANSIENT, "AwaitingToken", wait("CORSSynced", Reason.AWAITING_TOKEN, REFUSED)),
        (ASKED, RefusalKind.TRANSIENT, "BoxUnavailable", wait("Authorized", Reason.NOT_SUBMITTED, WAITS)),
        (ASKED, RefusalKind.TRANSIENT, "KubernetesConflict", wait("Authorized", Reason.NOT_SUBMITTED, WAITS)),
        (
            DIFFER,
            RefusalKind.TRANSIENT,
            "BoxUnavailable",
            unknown("CORSSynced", f"They differ. That must wait: {REFUSED}", Reason.BOX_UNAVAILABLE),
        ),
    ],
)
def test_a_refusal_ends_the_steps_and_says_why(finding: Finding, kind: RefusalKind, reason: str, expected: Any) -> None:
    """The refusal's own words; a passing trouble only adds to what was found."""
    assert settle(finding, {finding.steps[0]: Refusal(kind, reason, REFUSED)}) == expected


@pytest.mark.parametrize("kind", RefusalKind)
def test_a_refused_tidying_up_does_not_spoil_what_is_good(kind: RefusalKind) -> None:
    """The Secret works; the orphan beside it waits for its turn."""
    tidy = good("TokenReady", Reason.PUBLISHED, "It works.", CHANGE, SubmitApp(AppID("1")))

    settled = settle(tidy, {CHANGE: Refusal(kind, "BoxUnavailable", REFUSED)})

    assert (settled.condition.status, settled.condition.reason) == ("True", Reason.PUBLISHED)
    assert settled.condition.message == f"It works. The next step must wait: {REFUSED}"
    assert settled.steps == (SubmitApp(AppID("1")),)


def test_an_unknown_word_is_no_reason() -> None:
    """Words of Kubernetes and of tomorrow read as not yet known."""
    assert reason_of("NameTaken") is Reason.NAME_TAKEN
    assert reason_of("KubernetesConflict") is Reason.NOT_YET_KNOWN


def test_no_error_spells_its_reason() -> None:
    """A word with a typing error would read as not yet known, and nobody would notice."""
    spelled = re.compile(r'(?:Error|Problem|Refusal)\(\s*"[A-Za-z]+"')
    sources = Path(str(box_app_operator.__file__)).parent.rglob("*.py")

    assert [source.name for source in sources if spelled.search(source.read_text())] == []


def test_reasons_are_words_that_an_event_may_have() -> None:
    """CamelCase, as Kubernetes wants reasons of conditions and of Events."""
    assert all(reason.value.isalpha() and reason.value[0].isupper() for reason in Reason)
    assert FACETS == ("Registered", "Authorized", "TokenReady", "CORSSynced")


OLD = {
    "type": "Ready",
    "status": "False",
    "reason": "PendingApproval",
    "message": "Wait.",
    "observedGeneration": 1,
    "lastTransitionTime": "2026-01-01T00:00:00Z",
}


@pytest.mark.parametrize(
    ("condition", "since"),
    [
        (Condition("Ready", "False", "PendingApproval", "Wait."), OLD["lastTransitionTime"]),
        (Condition("Ready", "False", "Declined", "No."), OLD["lastTransitionTime"]),
        (Condition("Ready", "True", "Ready", "Yes."), format_time(NOON)),
        (Condition("Ready", "Unknown", "BoxUnavailable", "?"), format_time(NOON)),
        (Condition("Authorized", "False", "Declined", "No."), format_time(NOON)),
    ],
)
def test_the_transition_time_moves_only_with_the_status(condition: Condition, since: str) -> None:
    """Not with the reason, the message or the generation."""
    (merged,) = merge_conditions([condition], [OLD], 2, NOON)

    assert merged["lastTransitionTime"] == since
    assert merged["observedGeneration"] == 2
    assert (merged["type"], merged["status"], merged["reason"], merged["message"]) == (
        condition.type,
        condition.status,
        condition.reason,
        condition.message,
    )


def test_conditions_that_are_not_there_any_more_go() -> None:
    """Stalled and Reconciling are present only when True."""
    stalled = {**OLD, "type": "Stalled", "status": "True"}
    assert [
        each["type"] for each in merge_conditions([Condition("Ready", "True", "Ready")], [OLD, stalled], 1, NOON)
    ] == ["Ready"]


def test_conditions_are_read_back_as_they_were_written() -> None:
    """What one pass writes the next one remembers."""
    conditions = decide(standing(S.PENDING)).conditions
    status = {"conditions": merge_conditions(conditions, (), 1, NOON)}

    read = {condition.type: replace(condition, observed_generation=1) for condition in conditions}
    assert parse_conditions(status) == read
    assert parse_conditions({}) == {}


@pytest.mark.parametrize(("known", "written"), [(None, 4), (3, 3), (4, 4), (9, 4)])
def test_a_condition_that_was_not_looked_at_keeps_its_generation(known: int | None, written: int) -> None:
    """It speaks of the spec for which it was found, never of one that has yet to come."""
    (merged,) = merge_conditions([Condition("CORSSynced", "True", "Synced", "All.", known)], (), 4, NOON)

    assert merged["observedGeneration"] == written


@pytest.mark.parametrize("item", [{"type": "Happy", "reason": "Ready"}, {"type": "Ready", "reason": "BecauseISaySo"}])
def test_conditions_of_another_version_are_not_remembered(item: dict[str, str]) -> None:
    """A type or a reason that this version does not know cannot be kept through a trouble."""
    assert parse_conditions({"conditions": [{**item, "status": "True"}]}) == {}


def test_times_are_written_in_whole_seconds_of_utc() -> None:
    """As metav1.Time is."""
    assert format_time(NOON + timedelta(microseconds=999_999)) == "2026-03-01T12:00:00Z"
    assert format_time(datetime.fromisoformat("2026-03-01T04:00:00-08:00")) == "2026-03-01T12:00:00Z"
