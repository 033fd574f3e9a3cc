"""Downscoped tokens: short-lived, with fewer rights, each in a Secret of its own, made anew before it runs out.

Box makes one from the active token and forgets where it came from: it lives for about an hour, whatever becomes of the
token that it was made from (box/developer.box.com, embed/ui-elements/access). So it is made anew after a rotation too.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from box_app_operator.core.conditions import Reason, format_time, reason_of
from box_app_operator.core.current import Current, current_of
from box_app_operator.core.desired import Desired, DownscopedSpec
from box_app_operator.core.finding import Finding, lacking, settle
from box_app_operator.core.model import Fingerprint, Refusal, RefusalKind, SecretView, fingerprint_of
from box_app_operator.core.observed import Observed
from box_app_operator.core.publication import EXPIRES_AT, FINGERPRINT, ISSUED_AT, publication_of
from box_app_operator.core.published import notes_are, secret_labels
from box_app_operator.core.steps import DeleteSecret, RefreshDownscoped, RevokeDownscoped, Step

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


def settle_with_downscoped(
    finding: Finding, desired: Desired, observed: Observed, now: datetime, refusals: Mapping[Step, Refusal]
) -> Finding:
    """The settled finding about tokens, with what there is to do for downscoped ones, and what is in the way.

    Pods wait for the Secret of a downscoped token as for any other: without it the app is not ready.
    """
    current = current_of(desired, observed, now)
    if current is None or finding.condition.status != "True" or observed.namespace_ends:
        return settle(finding, refusals)
    gone = tuple(DeleteSecret(each.name, each.uid) for each in observed.left_over)
    settled = settle(replace(finding, steps=(*finding.steps, *gone)), refusals)
    for spec in desired.downscoped:
        settled = _with_one(settled, spec, current, refusals)
    return settled


def _with_one(finding: Finding, spec: DownscopedSpec, current: Current, refusals: Mapping[Step, Refusal]) -> Finding:
    view = current.observed.downscoped.get(spec.secret)
    if view is not None and not _is_ours(view, current.desired):
        return _without(finding, Reason.SECRET_CONFLICT, _conflict(spec.secret), stalled=True)
    due = _due_at(spec, view, current)
    if due is not None and due > current.now:
        return _look_again(finding, due)
    step = RefreshDownscoped(spec, current.fingerprint)
    if step not in refusals:
        return replace(finding, steps=(*finding.steps, step))
    return _refused(finding, spec, current, refusals[step])


def _refused(finding: Finding, spec: DownscopedSpec, current: Current, refusal: Refusal) -> Finding:
    """A passing trouble is one once the Secret holds no token that is live and as it was asked for."""
    until = _good_until(spec, current)
    if until is not None and refusal.kind is not RefusalKind.STALLED:
        words = f"The next downscoped token of Secret {spec.secret!r} must wait: {refusal.message}"
        return _look_again(lacking(_said(finding, words), reason_of(refusal.reason)), until)
    reason = Reason.AWAITING_TOKEN if refusal.kind is RefusalKind.TRANSIENT else reason_of(refusal.reason)
    words = f"Secret {spec.secret!r} gets no downscoped token as the spec asks for it: {refusal.message}"
    return _without(finding, reason, words, stalled=refusal.kind is RefusalKind.STALLED)


def _without(finding: Finding, reason: Reason, words: str, *, stalled: bool) -> Finding:
    """Not ready for want of a token. All troubles are told; the reason is that of the first, or of the author's.

    A conflict comes before any other: by its reason it is known that a Secret must be looked for which is not watched.
    """
    condition = finding.condition
    if condition.status == "True":
        bad = replace(condition, status="False", reason=reason, message=words)
        return replace(finding, condition=bad, stalled=stalled)
    first = reason is Reason.SECRET_CONFLICT or (stalled and not finding.stalled)
    worse = replace(condition, reason=reason) if first else condition
    return _said(replace(finding, condition=worse, stalled=finding.stalled or stalled), words)


def _said(finding: Finding, words: str) -> Finding:
    return replace(finding, condition=replace(finding.condition, message=f"{finding.condition.message} {words}"))


def _look_again(finding: Finding, at: datetime) -> Finding:
    known = finding.look_again_at
    return replace(finding, look_again_at=at if known is None else min(at, known))


def _is_ours(secret: SecretView, desired: Desired) -> bool:
    """By its owner; or, with the reference stripped by hand, by everything else that it still carries."""
    if secret.owner_uid is not None:
        return secret.owner_uid == desired.uid
    return is_downscoped(secret) and labels_for(desired).items() <= secret.labels.items()


def _conflict(name: str) -> str:
    return (
        f"Secret {name!r} exists and belongs to someone else; it is left untouched. Delete it, or choose another name "
        "in spec.downscopedTokens."
    )


def _good_until(spec: DownscopedSpec, current: Current) -> datetime | None:
    """Until when the Secret holds a token with the scopes and the resource of the spec; None when it holds none."""
    view = current.observed.downscoped.get(spec.secret)
    if view is None or view.annotations.get(WANTED) != mark_of(spec):
        return None
    token, expires_at = view.fingerprints.get(current.desired.secret.keys.token), publication_of(view).expires_at
    if token is None or token != view.annotations.get(FINGERPRINT) or expires_at is None:
        return None
    return expires_at if expires_at > current.now else None


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


def next_to_revoke(desired: Desired, observed: Observed, now: datetime) -> RevokeDownscoped | None:
    """A live downscoped token of an object that goes, where there are credentials to revoke it with."""
    views = [view for view in observed.downscoped.values() if view is not None and _is_ours(view, desired)]
    for view in [*views, *observed.left_over] if observed.hand.can_revoke else []:
        fingerprint, expires_at = view.annotations.get(FINGERPRINT), publication_of(view).expires_at
        is_live = fingerprint in view.fingerprints.values() and expires_at is not None and expires_at > now
        if fingerprint is not None and is_live and fingerprint not in observed.hand.ended:
            return RevokeDownscoped(view.name, Fingerprint(fingerprint))
    return None


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
