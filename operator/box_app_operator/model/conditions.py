"""Conditions: their types and reasons, and how a new set takes the place of an old one.

``status`` reads True, False or Unknown. The first five types are always present, with ``Ready`` summing up the
others; ``Stalled`` and ``Reconciling`` are present only while they are True. Together they read correctly in
kstatus: Reconciling is in progress, Stalled is failed.
"""

import enum
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal

Status = Literal["True", "False", "Unknown"]


class Reason(enum.StrEnum):
    """Why a condition is as it is; also the reason of the Event about it."""

    # Registered
    REGISTERED = "Registered"
    ADOPTED = "Adopted"
    NAME_TAKEN = "NameTaken"
    NAME_INVALID = "NameInvalid"
    APP_NOT_FOUND = "AppNotFound"
    MANAGED_ELSEWHERE = "ManagedElsewhere"
    ENTERPRISE_NOT_FOUND = "EnterpriseNotFound"
    ENTERPRISE_NOT_READY = "EnterpriseNotReady"
    NAMESPACE_NOT_ALLOWED = "NamespaceNotAllowed"
    ADOPTION_NOT_ALLOWED = "AdoptionNotAllowed"
    INVALID_SPEC = "InvalidSpec"
    AWAITING_CLIENT_ID = "AwaitingClientID"
    # Authorized
    AUTHORIZED = "Authorized"
    NOT_SUBMITTED = "NotSubmitted"
    PENDING_APPROVAL = "PendingApproval"
    DECLINED = "Declined"
    DISABLED = "Disabled"
    REAUTHORIZATION_REQUIRED = "ReauthorizationRequired"
    # TokenReady
    PUBLISHED = "Published"
    AWAITING_AUTHORIZATION = "AwaitingAuthorization"
    AWAITING_TOKEN = "AwaitingToken"
    TOKEN_REJECTED = "TokenRejected"
    TOKEN_EXPIRED = "TokenExpired"
    SECRET_CONFLICT = "SecretConflict"
    SECRET_REFUSED = "SecretRefused"
    SLOTS_OCCUPIED = "SlotsOccupied"
    DOWNSCOPE_REFUSED = "DownscopeRefused"
    # CORSSynced
    SYNCED = "Synced"
    NOT_CONFIGURED = "NotConfigured"
    ORIGIN_REJECTED = "OriginRejected"
    AWAITING_HUMAN = "AwaitingHuman"
    # Events alone
    SECRET_CHANGED_BACK = "SecretChangedBack"
    WORKLOAD_NOT_FOUND = "WorkloadNotFound"
    RETIRED_IN_USE = "RetiredInUse"
    LEFT_TO_EXPIRE = "LeftToExpire"
    TOKEN_ROTATED = "TokenRotated"
    TOKEN_REVOKED = "TokenRevoked"
    SECRET_RECREATED = "SecretRecreated"
    CORS_CHANGED = "CORSChanged"
    APP_RENAMED = "AppRenamed"
    APP_DELETED = "AppDeleted"
    DRIFT_CORRECTED = "DriftCorrected"
    # TokenReady, and an Event beside it while it is True
    ROTATION_LIMITED = "RotationLimited"
    # several
    NOT_YET_KNOWN = "NotYetKnown"
    BOX_UNAVAILABLE = "BoxUnavailable"
    READY = "Ready"
    SUSPENDED = "Suspended"
    DELETING = "Deleting"
    # BoxEnterprise
    CREDENTIAL_MISSING = "CredentialMissing"
    CREDENTIAL_REJECTED = "CredentialRejected"
    CREDENTIAL_FORBIDDEN = "CredentialForbidden"
    CA_INVALID = "CAInvalid"


REASONS = frozenset(Reason)


def reason_of(word: str) -> Reason:
    """The reason that an error's word stands for; NotYetKnown for a word that no condition uses."""
    return Reason(word) if word in REASONS else Reason.NOT_YET_KNOWN


FACETS = ("Registered", "Authorized", "TokenReady", "CORSSynced")
"""The types that ``Ready`` sums up, in the order in which they are reached."""
TYPES = frozenset((*FACETS, "Ready", "Stalled", "Reconciling"))


@dataclass(frozen=True, slots=True)
class Condition:
    """One condition, before it is known since when it has been so.

    ``observed_generation`` is that of the spec for which it was found; None for the present one.
    """

    type: str
    status: Status
    reason: str
    message: str = ""
    observed_generation: int | None = None


Previous = Mapping[str, Condition]
"""Conditions by type, as the last pass left them."""


def parse_conditions(status: Mapping[str, Any]) -> dict[str, Condition]:
    """The conditions that a ``status`` holds, by type. Those of another version's types and reasons are left out."""
    return {
        item["type"]: Condition(
            item["type"], item["status"], item["reason"], item.get("message", ""), item.get("observedGeneration")
        )
        for item in status.get("conditions") or ()
        if item["type"] in TYPES and item["reason"] in REASONS
    }


def merge_conditions(
    new: Iterable[Condition], old: Sequence[Mapping[str, Any]], generation: int, now: datetime
) -> list[dict[str, Any]]:
    """New conditions in the shape of ``metav1.Condition``; those that were not looked at keep their own generation.

    ``lastTransitionTime`` (whole seconds) moves only where ``status`` changes.
    """
    since = {(item["type"], item["status"]): item["lastTransitionTime"] for item in old if "lastTransitionTime" in item}
    return [
        {
            "type": condition.type,
            "status": condition.status,
            "reason": str(condition.reason),
            "message": condition.message,
            "observedGeneration": _generation(condition, generation),
            "lastTransitionTime": since.get((condition.type, condition.status), format_time(now)),
        }
        for condition in new
    ]


def _generation(condition: Condition, present: int) -> int:
    """No pass has looked at a generation that is yet to come: a status that says so was edited or restored."""
    return present if condition.observed_generation is None else min(condition.observed_generation, present)


def parse_time(text: object) -> datetime | None:
    """A time with its zone, as an annotation has it; None for anything else.

    So it is for a time from which no duration could be counted on, or back.
    """
    try:
        moment = datetime.fromisoformat(text) if isinstance(text, str) else None
    except ValueError:
        return None
    return moment if moment is not None and moment.tzinfo and 1000 < moment.year < 9000 else None


def earliest(moments: Iterable[datetime | None]) -> datetime | None:
    """The first of these moments; None where there is none."""
    return min((moment for moment in moments if moment is not None), default=None)


def format_time(moment: datetime) -> str:
    """RFC 3339 in whole seconds, as Kubernetes writes it."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
