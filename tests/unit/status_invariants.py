"""What must be true of every ``status`` that the operator writes, numbered; imported by every suite that reads one.

    1  all five condition types are there, each once
    2  observedGeneration stands in the status and in every condition, and all agree; only a type that was not looked at
       may be behind, and then Ready says why
    3  Stalled and Reconciling are there only with status True, and never both
    4  Ready True: every other type is True
    5  Ready not True: Stalled or Reconciling says who is waited for, or the app is suspended
    6  a reason is known, and is one of those that its type may have
    7  lastTransitionTime moves only when status changes, and never backwards
    8  nothing looks like a token: no 32 letters and digits other than the client id, or one that is called a client id
    9  a message is there, and ends where a sentence may end
    10 Ready has the words of a type that it sums up: while it is True TokenReady's message; else status, reason and
       message of one that is not True, unless it has a cause of its own
    11 TokenReady is not True where Authorized is False: Box refuses the tokens of such an app. But with client
       credentials of another app Authorized speaks of that one, before its token takes the place of the present one

Knows nothing of pytest, so that any runner can use it.
"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from box_app_operator.model.conditions import FACETS, Reason

ALWAYS = (*FACETS, "Ready")
ONLY_WHEN_TRUE = ("Stalled", "Reconciling")

PASSING = frozenset({Reason.NOT_YET_KNOWN, Reason.BOX_UNAVAILABLE, Reason.SUSPENDED})
"""Any type may be unknown, and any may have been about to change when Box went out of reach."""
NOT_LOOKED_AT = frozenset(
    {
        Reason.BOX_UNAVAILABLE,
        Reason.DELETING,
        Reason.ENTERPRISE_NOT_FOUND,
        Reason.ENTERPRISE_NOT_READY,
        Reason.NAMESPACE_NOT_ALLOWED,
        Reason.ADOPTION_NOT_ALLOWED,
        Reason.INVALID_SPEC,
    }
)
"""Reasons of Ready with which other types are as they were found for an earlier spec."""

GOOD: Mapping[str, frozenset[str]] = {
    "Registered": frozenset({Reason.REGISTERED, Reason.ADOPTED}),
    "Authorized": frozenset({Reason.AUTHORIZED}),
    "TokenReady": frozenset({Reason.PUBLISHED}),
    "CORSSynced": frozenset({Reason.SYNCED, Reason.NOT_CONFIGURED}),
    "Ready": frozenset({Reason.READY}),
}
"""Reasons of a condition that is True."""

NOT_GOOD: Mapping[str, frozenset[str]] = {
    "Registered": PASSING
    | {
        Reason.NAME_TAKEN,
        Reason.NAME_INVALID,
        Reason.APP_NOT_FOUND,
        Reason.MANAGED_ELSEWHERE,
        Reason.AWAITING_CLIENT_ID,
        Reason.ENTERPRISE_NOT_FOUND,
        Reason.ENTERPRISE_NOT_READY,
        Reason.NAMESPACE_NOT_ALLOWED,
        Reason.ADOPTION_NOT_ALLOWED,
        Reason.INVALID_SPEC,
    },
    "Authorized": PASSING
    | {
        Reason.NOT_SUBMITTED,
        Reason.PENDING_APPROVAL,
        Reason.DECLINED,
        Reason.DISABLED,
        Reason.REAUTHORIZATION_REQUIRED,
    },
    # Disabled: the platform says so when a new token is proven, before the listing does.
    # InvalidSpec: Kubernetes refuses the Secret, for example its labels.
    "TokenReady": PASSING
    | {
        Reason.AWAITING_AUTHORIZATION,
        Reason.AWAITING_TOKEN,
        Reason.TOKEN_REJECTED,
        Reason.TOKEN_EXPIRED,
        Reason.SECRET_CONFLICT,
        Reason.SECRET_REFUSED,
        Reason.SLOTS_OCCUPIED,
        Reason.DOWNSCOPE_REFUSED,
        Reason.ROTATION_LIMITED,
        Reason.DISABLED,
        Reason.INVALID_SPEC,
    },
    "CORSSynced": PASSING | {Reason.ORIGIN_REJECTED, Reason.AWAITING_HUMAN},
}
"""Reasons of a condition that is False or Unknown."""

OF_READY_ALONE = frozenset({Reason.BOX_UNAVAILABLE, Reason.ENTERPRISE_NOT_READY, Reason.SUSPENDED, Reason.DELETING})
"""Reasons of Ready that come from none of the types that it sums up."""

TOKEN_LIKE = re.compile(r"(?<![A-Za-z0-9])(?<!client id )[A-Za-z0-9]{32}(?![A-Za-z0-9])")
READABLE_END = re.compile(r"[A-Za-z0-9.)\]}\"'!?]$")
"""A curly bracket is the end of something to paste."""

Body = Mapping[str, Any]


def check_status(old: Body | None, body: Body) -> None:
    """Raise AssertionError with every invariant that an object's status violates.

    Args:
        old: the whole object as it was before; None when it had no status yet.
        body: the whole object as it is now.
    """
    violated = list(violations(old, body))
    assert not violated, "the status violates:\n" + "\n".join(violated)


def violations(old: Body | None, body: Body) -> Iterator[str]:
    """One line for each violation, beginning with its number."""
    status = body.get("status") or {}
    conditions = list(status.get("conditions") or ())
    by_type = {condition["type"]: condition for condition in conditions}
    yield from _each_type_once(conditions)
    yield from _generations(body, status, conditions)
    yield from _presence(by_type)
    if "Ready" in by_type:
        yield from _ready(by_type)
    yield from _refusal(by_type)
    for condition in conditions:
        yield from _reason(condition)
        yield from _message(condition)
    before = ((old or {}).get("status") or {}).get("conditions") or ()
    yield from _transitions({condition["type"]: condition for condition in before}, by_type)
    yield from _tokens(body, status)


def _each_type_once(conditions: list[Body]) -> Iterator[str]:
    types = [condition["type"] for condition in conditions]
    yield from (f"1 {type_} is missing" for type_ in ALWAYS if type_ not in types)
    yield from (f"1 {type_} stands there twice" for type_ in sorted(set(types)) if types.count(type_) > 1)
    yield from (f"1 {type_} is not a known type" for type_ in types if type_ not in (*ALWAYS, *ONLY_WHEN_TRUE))


def _generations(body: Body, status: Body, conditions: list[Body]) -> Iterator[str]:
    observed = status.get("observedGeneration")
    newest = body["metadata"].get("generation", observed)
    if not isinstance(observed, int) or observed > newest:
        yield f"2 observedGeneration is {observed}, the object's generation is {newest}"
    reason = next((condition["reason"] for condition in conditions if condition["type"] == "Ready"), "")
    for condition in conditions:
        seen = condition.get("observedGeneration")
        behind = isinstance(seen, int) and isinstance(observed, int) and seen < observed
        may_be = condition["type"] in FACETS and reason in NOT_LOOKED_AT
        if seen != observed and not (behind and may_be):
            yield f"2 {condition['type']} has observedGeneration {seen}, not {observed}"


def _presence(by_type: Mapping[str, Body]) -> Iterator[str]:
    present = [type_ for type_ in ONLY_WHEN_TRUE if type_ in by_type]
    for type_ in present:
        if by_type[type_]["status"] != "True":
            yield f"3 {type_} is there with status {by_type[type_]['status']}"
    if len(present) > 1:
        yield "3 Stalled and Reconciling are there at once"


def _ready(by_type: Mapping[str, Body]) -> Iterator[str]:
    ready, present = by_type["Ready"], [type_ for type_ in ONLY_WHEN_TRUE if type_ in by_type]
    not_true = [type_ for type_ in FACETS if type_ in by_type and by_type[type_]["status"] != "True"]
    if ready["status"] == "True":
        yield from (f"4 Ready is True and {type_} is not" for type_ in not_true)
        if "TokenReady" in by_type and ready["message"] != by_type["TokenReady"]["message"]:
            yield "10 Ready is True, and says something else than TokenReady"
        return
    if not present and ready["reason"] != Reason.SUSPENDED:
        yield f"5 Ready is {ready['status']} ({ready['reason']}), and neither Stalled nor Reconciling is there"
    if ready["reason"] not in OF_READY_ALONE and _said(ready) not in [_said(by_type[type_]) for type_ in not_true]:
        yield f"10 Ready is {ready['status']} ({ready['reason']}) in words that no other condition has"


def _said(condition: Body) -> tuple[str, ...]:
    return condition["status"], condition["reason"], condition.get("message", "")


def _refusal(by_type: Mapping[str, Body]) -> Iterator[str]:
    status = {type_: by_type[type_]["status"] for type_ in ("Authorized", "TokenReady") if type_ in by_type}
    another = "takes its place" in by_type.get("TokenReady", {}).get("message", "")
    if status == {"Authorized": "False", "TokenReady": "True"} and not another:
        yield f"11 TokenReady is True although Authorized is False ({by_type['Authorized']['reason']})"


def _reason(condition: Body) -> Iterator[str]:
    type_, reason = condition["type"], condition["reason"]
    if reason not in frozenset(Reason):
        yield f"6 {type_} has the unknown reason {reason!r}"
    elif type_ in FACETS:
        allowed = GOOD[type_] if condition["status"] == "True" else NOT_GOOD[type_]
        if reason not in allowed:
            yield f"6 {type_} {condition['status']} may not have the reason {reason}"
    elif type_ == "Ready" and (condition["status"] == "True") != (reason in GOOD["Ready"]):
        yield f"6 Ready {condition['status']} may not have the reason {reason}"


def _message(condition: Body) -> Iterator[str]:
    message = condition.get("message", "")
    if not message.strip():
        yield f"9 {condition['type']} has no message"
    elif not READABLE_END.search(message):
        yield f"9 {condition['type']} has a message that ends in {message[-1]!r}"


def _transitions(before: Mapping[str, Body], after: Mapping[str, Body]) -> Iterator[str]:
    for type_ in before.keys() & after.keys():
        was, is_ = before[type_], after[type_]
        moved = is_["lastTransitionTime"] != was["lastTransitionTime"]
        if moved and is_["status"] == was["status"]:
            yield f"7 {type_} moved its lastTransitionTime although it stayed {is_['status']}"
        if is_["lastTransitionTime"] < was["lastTransitionTime"]:
            yield f"7 {type_} moved its lastTransitionTime backwards"


def _tokens(body: Body, status: Body) -> Iterator[str]:
    client_ids = {status.get("clientID"), (body.get("spec") or {}).get("clientID")}
    values = [value for task in status.get("nextSteps") or () for value in task.get("values") or ()]
    client_ids |= {value["value"] for value in values if value["name"] == "Client ID"}
    for path, text in _texts(status, "status"):
        # Never the match itself: it may be a token.
        if any(found not in client_ids for found in TOKEN_LIKE.findall(text)):
            yield f"8 {path} holds something that looks like a token"


def _texts(value: Any, path: str) -> Iterator[tuple[str, str]]:
    if isinstance(value, str):
        yield path, value
    elif isinstance(value, Mapping):
        for name, child in value.items():
            yield from _texts(child, f"{path}.{name}")
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _texts(child, f"{path}[{index}]")
