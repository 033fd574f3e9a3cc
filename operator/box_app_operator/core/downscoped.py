"""Downscoped tokens: short-lived, with fewer rights, each in a Secret of its own, made anew before it runs out.

Box makes one from the active token and forgets where it came from: it lives for about an hour, whatever becomes of the
token that it was made from (box/developer.box.com, embed/ui-elements/access). So it is made anew after a rotation too.
"""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import datetime
from typing import Any

from box_app_operator.core.conditions import Reason, format_time
from box_app_operator.core.current import Current, current_of
from box_app_operator.core.desired import Desired, DownscopedSpec
from box_app_operator.core.finding import Finding
from box_app_operator.core.model import Fingerprint, SecretView, fingerprint_of
from box_app_operator.core.observed import Observed
from box_app_operator.core.published import (
    EXPIRES_AT,
    FINGERPRINT,
    ISSUED_AT,
    notes_are,
    publication_of,
    secret_labels,
)
from box_app_operator.core.steps import DeleteSecret, RefreshDownscoped, Step

PARENT = "boxapps.dev/downscoped-from"
WANTED = "boxapps.dev/downscoped-as"


def mark_of(spec: DownscopedSpec) -> str:
    """A short text that changes with scopes and resource."""
    return hashlib.sha256(" ".join([*sorted(spec.scopes), spec.resource or ""]).encode()).hexdigest()[:16]


def annotations_for(
    spec: DownscopedSpec, parent: Fingerprint, fingerprint: Fingerprint, issued_at: datetime, expires_at: datetime
) -> dict[str, str]:
    """What the Secret of a downscoped token tells of it."""
    return {
        FINGERPRINT: fingerprint,
        PARENT: parent,
        WANTED: mark_of(spec),
        ISSUED_AT: issued_at.isoformat(),
        EXPIRES_AT: expires_at.isoformat(),
    }


def labels_for(desired: Desired) -> dict[str, str]:
    """The operator's own labels; those of the spec are meant for the Secret of the App Token."""
    return {key: text for key, text in secret_labels(desired).items() if key not in desired.secret.labels}


def is_downscoped(secret: SecretView) -> bool:
    """Was it made for a downscoped token?"""
    return PARENT in secret.annotations


def with_downscoped(finding: Finding, desired: Desired, observed: Observed, now: datetime) -> Finding:
    """The finding about tokens, with what there is to do for downscoped ones."""
    current = current_of(desired, observed, now)
    if current is None or finding.condition.status != "True" or observed.namespace_ends:
        return finding
    foreign = [name for name, view in observed.downscoped.items() if view is not None and not _is_ours(view, desired)]
    steps: list[Step] = [DeleteSecret(each.name, each.uid) for each in observed.left_over]
    moments = [finding.look_again_at]
    for spec in (each for each in desired.downscoped if each.secret not in foreign):
        view = observed.downscoped.get(spec.secret)
        due = _due_at(spec, view, current)
        if due is None or due <= now:
            steps.append(RefreshDownscoped(spec, current.fingerprint))
        else:
            moments.append(due)
    again = min((moment for moment in moments if moment is not None), default=None)
    whole = replace(finding, steps=(*finding.steps, *steps), look_again_at=again)
    return _conflict(whole, foreign[0]) if foreign else whole


def _is_ours(secret: SecretView, desired: Desired) -> bool:
    """By its owner; or, with the reference stripped by hand, by everything else that it still carries."""
    if secret.owner_uid is not None:
        return secret.owner_uid == desired.uid
    return is_downscoped(secret) and labels_for(desired).items() <= secret.labels.items()


def _conflict(finding: Finding, name: str) -> Finding:
    """Everything else goes on."""
    message = (
        f"Secret {name!r} exists and belongs to someone else; it is left untouched. Delete it, or choose another name "
        "in spec.downscopedTokens."
    )
    condition = replace(finding.condition, status="False", reason=Reason.SECRET_CONFLICT, message=message)
    return replace(finding, condition=condition, stalled=True)


def _due_at(spec: DownscopedSpec, secret: SecretView | None, current: Current) -> datetime | None:
    """When the token is to be made anew; None for at once."""
    if secret is None:
        return None
    told, notes = publication_of(secret), secret.annotations
    token = secret.fingerprints.get(current.desired.secret.keys.token)
    if told.issued_at is None or told.expires_at is None or token is None or token != notes.get(FINGERPRINT):
        return None
    wanted = annotations_for(spec, current.fingerprint, token, told.issued_at, told.expires_at)
    labels, keys = labels_for(current.desired), current.desired.secret.keys
    data = {keys.token: token, keys.expires_at: fingerprint_of(format_time(told.expires_at))}
    if secret.owner_uid != current.desired.uid or secret.fingerprints != data:
        return None
    if not notes_are(notes, wanted) or not labels.items() <= secret.labels.items():
        return None
    # A refreshBefore that outlasts the token must not make one after another.
    least = told.issued_at + (told.expires_at - told.issued_at) / 10
    return max(told.expires_at - spec.refresh_before, least)


def downscoped_status(desired: Desired, observed: Observed) -> list[dict[str, Any]]:
    """The downscoped tokens, by the name of their Secret."""
    shown = []
    for spec in desired.downscoped:
        secret = observed.downscoped.get(spec.secret)
        if secret is None or secret.owner_uid != desired.uid:
            continue
        told = publication_of(secret)
        expiry = {"expiryTime": format_time(told.expires_at)} if told.expires_at else {}
        shown.append({"secretName": spec.secret, "fingerprint": secret.annotations.get(FINGERPRINT, ""), **expiry})
    return shown
