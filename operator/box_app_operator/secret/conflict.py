"""A Secret of a wanted name that another owner has: whose it is, and what waits until the name is free.

It is never touched, and no message asks to delete it: what it holds may be a token that pods use.
"""

from dataclasses import replace

from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import Desired
from box_app_operator.model.finding import Finding, stall, wait
from box_app_operator.model.secret import SecretView
from box_app_operator.model.steps import CreateApp, SubmitApp

TYPE = "TokenReady"
KIND = "BoxCustomApp"


def conflict_with(desired: Desired, secret: SecretView, field: str) -> Finding:
    """The condition of an object whose Secret's name is taken.

    Args:
        field: where the spec names the Secret.
    """
    name, uid = repr(secret.name), secret.owner_uid
    if uid is not None and (secret.owner_kind, secret.owner_name) == (KIND, desired.name):
        message = (
            f"Secret {name} belongs to an earlier BoxCustomApp {desired.name!r}: Kubernetes is about to delete it."
        )
        return wait(TYPE, Reason.SECRET_CONFLICT, message)
    if uid is not None:
        whose = f"is controlled by {secret.owner_kind} {secret.owner_name!r}"
    elif secret.record.fingerprint is not None:
        whose = "has no controller, and holds what was published for another BoxCustomApp, or for an earlier one"
    else:
        whose = "has no controller, and this BoxCustomApp did not make it"
    message = (
        f"Secret {name} {whose}. The operator leaves it as it is, because pods may use it. Choose another name in "
        f"{field}."
    )
    return stall(TYPE, Reason.SECRET_CONFLICT, message)


def is_conflict(finding: Finding) -> bool:
    """Is a Secret's name taken?"""
    return finding.condition.reason == Reason.SECRET_CONFLICT


def held_back(finding: Finding) -> Finding:
    """Nothing is registered or submitted while there is no place for the token."""
    if finding.condition.type not in ("Registered", "Authorized") or finding.condition.status == "True":
        return finding
    steps = tuple(step for step in finding.steps if not isinstance(step, CreateApp | SubmitApp))
    if steps == finding.steps and not finding.tasks:
        return finding
    message = "Waiting for the name of the Secret to become free. See TokenReady."
    return replace(finding, steps=steps, tasks=()).with_message(message)
