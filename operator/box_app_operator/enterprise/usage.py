"""Which BoxCustomApps keep a BoxEnterprise from being removed, and what it says meanwhile. Pure.

Without the enterprise nothing could be tidied up in Box for them any more. So a finalizer holds it as long as an app of
it has one, and no longer: a BoxEnterprise that no app uses can be deleted without the operator.
"""

import hashlib
from collections.abc import Sequence

from box_app_operator.api.fields import mapping
from box_app_operator.api.spec import FINALIZER, FORCE_DELETE_ANNOTATION, GROUP, Body, finalizers_of
from box_app_operator.model.conditions import Condition, Reason

_LONGEST_NAME = 63
"""Source: Kubernetes, the name of a qualified name as finalizers are."""
_HASH_DIGITS = 12


def finalizer_of(lease: str | None) -> str:
    """The finalizer of one installation of the operator on BoxEnterprises.

    Several of them, each with namespaces of its own, may look after apps of one enterprise: each holds it for its own
    apps, and removes no other installation's finalizer.

    Args:
        lease: ``namespace/name`` of the Lease that the replicas of the installation share; None without an election.
    """
    if lease is None:
        return FINALIZER
    name = lease.replace("/", ".")
    if len(name) > _LONGEST_NAME:
        digest = hashlib.sha256(lease.encode()).hexdigest()[:_HASH_DIGITS]
        name = f"{name[: _LONGEST_NAME - _HASH_DIGITS - 1].rstrip('-.')}-{digest}"
    return f"{GROUP}/{name}"


def is_operators(finalizer: str) -> bool:
    """Is it one of this operator's, of whatever installation?"""
    return finalizer.startswith(f"{GROUP}/")


def is_deleting(body: Body) -> bool:
    """Was the object deleted, and is only held?"""
    return body["metadata"].get("deletionTimestamp") is not None


def is_forced(body: Body) -> bool:
    """May the object be removed although something in Box may need it?"""
    annotations = body["metadata"].get("annotations") or {}
    return is_deleting(body) and annotations.get(FORCE_DELETE_ANNOTATION) == "true"


def wanted_finalizers(body: Body, own: str, *, needed: bool) -> list[str]:
    """The finalizers that a BoxEnterprise should have.

    Args:
        own: the finalizer of this installation.
        needed: do apps that this installation looks after need the enterprise?
    """
    present = finalizers_of(body)
    if is_forced(body):
        return [finalizer for finalizer in present if not is_operators(finalizer)]
    if not needed:
        return [finalizer for finalizer in present if finalizer != own]
    # Kubernetes takes no new ones once the object is being deleted.
    return present if own in present or is_deleting(body) else [*present, own]


def uses_enterprise(app: Body, *, allowed: bool) -> bool:
    """Does something in Box belong to this BoxCustomApp, or is it about to?

    Args:
        allowed: may its namespace use the enterprise? Where it may not, a finalizer counts only for what was made in
            Box before: whoever may write a BoxCustomApp may write a finalizer into it.
    """
    status = mapping(app.get("status"))
    return FINALIZER in finalizers_of(app) and (allowed or any(status.get(name) for name in ("appID", "clientID")))


def deleting_condition(name: str, count: int, others: Sequence[str], trouble: Condition | None) -> Condition:
    """The condition ``Ready`` of a BoxEnterprise that was deleted. Apps are counted and never named.

    Args:
        count: apps that still use it.
        others: finalizers that are not this operator's.
        trouble: what keeps Box from being asked, so that those apps may not be able to go.
    """
    if count:
        users = "1 BoxCustomApp still uses it" if count == 1 else f"{count} BoxCustomApps still use it"
        message = f"{users}. It is removed as soon as they are deleted."
        message += f" {trouble.message.rstrip('.')}." if trouble is not None and trouble.status != "True" else ""
        message += (
            " To remove it at once, and leave Box as it is, run: "
            f"kubectl annotate boxenterprise {name} {FORCE_DELETE_ANNOTATION}=true"
        )
    else:
        message = f"No BoxCustomApp uses it any more. Other finalizers hold it: {', '.join(others)}"
    return Condition("Ready", "False", Reason.DELETING, message)
