"""Downscoped tokens: short-lived, with fewer rights, each in a Secret of its own, made anew before it runs out.

Box makes one from the active token and forgets where it came from: it lives for about an hour, whatever becomes of the
token that it was made from (box/developer.box.com, embed/ui-elements/access). So it is made anew after a rotation too.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime
from typing import Any

from box_app_operator.model.box import Fingerprint, Refusal, RefusalKind, fingerprint_of
from box_app_operator.model.conditions import Reason, earliest, format_time, reason_of
from box_app_operator.model.desired import Desired, DownscopedSpec, SecretKeys
from box_app_operator.model.finding import Finding, Notice, lacking, settle
from box_app_operator.model.observed import Observed
from box_app_operator.model.secret import SecretView, TokenRecord, annotations_of
from box_app_operator.model.steps import DeleteSecret, RefreshDownscoped, RevokeDownscoped, Step
from box_app_operator.secret.annotations import ADDED_KEYS
from box_app_operator.secret.conflict import conflict_with, is_conflict
from box_app_operator.secret.contents import Contents, differences, without_leftovers
from box_app_operator.secret.published import secret_labels
from box_app_operator.tokens.active import Current, is_from_the_future

OWN_KEYS = frozenset({SecretKeys().token, SecretKeys().expires_at})
"""The names of its keys without ``spec.tokens.secret.keys``."""


def mark_of(spec: DownscopedSpec) -> str:
    """A short text that changes with scopes and resource."""
    return hashlib.sha256(" ".join([*sorted(spec.scopes), spec.resource or ""]).encode()).hexdigest()[:16]


def annotations_for(
    spec: DownscopedSpec, parent: Fingerprint, fingerprint: Fingerprint, issued_at: datetime, expires_at: datetime
) -> dict[str, str]:
    """What the Secret of a downscoped token tells of it."""
    wanted = mark_of(spec)
    return annotations_of(
        TokenRecord(fingerprint, issued_at=issued_at, expires_at=expires_at, parent=parent, wanted=wanted)
    )


def downscoped_data(desired: Desired, expires_at: datetime) -> dict[str, str]:
    """The data of the Secret of a downscoped token, apart from the token itself."""
    return {desired.secret.keys.expires_at: format_time(expires_at)}


def downscoped_contents(
    step: RefreshDownscoped,
    desired: Desired,
    there: SecretView | None,
    fingerprint: Fingerprint,
    issued_at: datetime,
    expires_at: datetime,
) -> Contents:
    """What the Secret of a downscoped token must hold."""
    keys = desired.secret.keys
    annotations = annotations_for(step.spec, step.parent, fingerprint, issued_at, expires_at)
    names = {keys.token, keys.expires_at}
    if names != OWN_KEYS:
        annotations[ADDED_KEYS] = ",".join(sorted(names))
    data = {key: fingerprint_of(text) for key, text in downscoped_data(desired, expires_at).items()}
    contents = Contents(desired.uid, labels_for(desired), annotations, {**data, keys.token: fingerprint})
    return without_leftovers(contents, there, frozenset(), OWN_KEYS)


def labels_for(desired: Desired) -> dict[str, str]:
    """The operator's own labels; those of the spec are meant for the Secret of the App Token."""
    return {key: text for key, text in secret_labels(desired).items() if key not in desired.secret.labels}


def is_downscoped(secret: SecretView) -> bool:
    """Was it made for a downscoped token?"""
    return secret.record.parent is not None


def settle_with_downscoped(
    finding: Finding, desired: Desired, observed: Observed, current: Current | None, refusals: Mapping[Step, Refusal]
) -> Finding:
    """The settled finding about tokens, with what there is to do for downscoped ones, and what is in the way.

    Pods wait for the Secret of a downscoped token as for any other: without it the app is not ready.
    """
    if observed.namespace_is_terminating:
        return settle(finding, refusals)
    if current is None:
        return _with_conflicts(settle(finding, refusals), desired, observed)
    if finding.condition.status != "True":
        return settle(finding, refusals)
    gone = tuple(DeleteSecret(secret.name, secret.uid) for secret in observed.left_over)
    settled = settle(replace(finding, steps=(*finding.steps, *gone)), refusals)
    for spec in desired.downscoped:
        settled = _with_one(settled, spec, current, refusals)
    return settled


def _with_conflicts(finding: Finding, desired: Desired, observed: Observed) -> Finding:
    """A name that is taken is found before there is any token: the admin would be asked in vain."""
    for spec in desired.downscoped:
        conflict = _conflict(spec, desired, observed)
        if conflict is not None and not is_conflict(finding):
            finding = replace(finding, condition=conflict.condition, stalled=conflict.stalled, tasks=())
    return finding


def _conflict(spec: DownscopedSpec, desired: Desired, observed: Observed) -> Finding | None:
    there = observed.downscoped.get(spec.secret)
    if there is None or _is_ours(there, desired, observed):
        return None
    return conflict_with(desired, there, "spec.downscopedTokens[].secretName")


def _with_one(finding: Finding, spec: DownscopedSpec, current: Current, refusals: Mapping[Step, Refusal]) -> Finding:
    conflict = _conflict(spec, current.desired, current.observed)
    if conflict is not None:
        return _without(finding, Reason.SECRET_CONFLICT, conflict.condition.message, stalled=conflict.stalled)
    step, due = _next(spec, current)
    if step is None:
        return _look_again(finding, due)
    if step not in refusals:
        return replace(finding, steps=(*finding.steps, step))
    return _refused(finding, spec, current, refusals[step])


def _refused(finding: Finding, spec: DownscopedSpec, current: Current, refusal: Refusal) -> Finding:
    """A passing trouble is one once the Secret holds no token that is live and as it was asked for."""
    until = _good_until(spec, current)
    if refusal.reason == Reason.SECRET_REFUSED:
        finding = finding.with_notices(Notice(Reason.SECRET_REFUSED, refusal.message))
    if until is not None and refusal.reason == Reason.SECRET_CHANGED_BACK:
        return _look_again(finding, until)
    if until is not None and refusal.kind is not RefusalKind.STALLED:
        message = f"The next downscoped token of Secret {spec.secret!r} must wait: {refusal.message}"
        return _look_again(lacking(finding.with_addition(message), reason_of(refusal.reason)), until)
    passing = refusal.kind is RefusalKind.TRANSIENT and refusal.reason != Reason.SECRET_REFUSED
    reason = Reason.AWAITING_TOKEN if passing else reason_of(refusal.reason)
    message = f"Secret {spec.secret!r} gets no downscoped token as the spec asks for it: {refusal.message}"
    return _without(finding, reason, message, stalled=refusal.kind is RefusalKind.STALLED)


def _without(finding: Finding, reason: Reason, message: str, *, stalled: bool) -> Finding:
    """Not ready for want of a token. All troubles are reported; the reason is that of the first, or of the author's.

    A conflict comes before any other: by its reason it is known that a Secret must be looked for which is not watched.
    """
    if finding.condition.status == "True":
        return replace(finding, stalled=stalled).with_message(message, reason=reason, status="False")
    first = reason is Reason.SECRET_CONFLICT or (stalled and not finding.stalled)
    worse = finding.with_addition(message, reason=reason if first else None)
    return replace(worse, stalled=finding.stalled or stalled)


def _look_again(finding: Finding, at: datetime) -> Finding:
    return replace(finding, look_again_at=earliest((finding.look_again_at, at)))


def _is_ours(secret: SecretView, desired: Desired, observed: Observed) -> bool:
    """By its owner; or, with the reference stripped by hand, by everything else that it still carries."""
    if secret.owner_uid is not None:
        return secret.owner_uid == desired.uid
    carries = is_downscoped(secret) and labels_for(desired).items() <= secret.labels.items()
    return carries or secret.uid in observed.disowned


def _good_until(spec: DownscopedSpec, current: Current) -> datetime | None:
    """Until when the Secret holds a token with the scopes and the resource of the spec; None when it holds none."""
    view = current.observed.downscoped.get(spec.secret)
    if view is None or view.record.wanted != mark_of(spec):
        return None
    token, record = view.fingerprints.get(current.desired.secret.keys.token), view.record
    if token is None or token != record.fingerprint or record.expires_at is None:
        return None
    dated_ahead = record.issued_at is not None and is_from_the_future(record.issued_at, current.now)
    return record.expires_at if record.expires_at > current.now and not dated_ahead else None


def _next(spec: DownscopedSpec, current: Current) -> tuple[RefreshDownscoped | None, datetime]:
    """What is to be done with the Secret, or None; and when the token is to be made anew."""
    step, there = RefreshDownscoped(spec, current.fingerprint), current.observed.downscoped.get(spec.secret)
    record = there.record if there is not None else TokenRecord()
    if there is None or record.issued_at is None or record.expires_at is None:
        return step, current.now
    if is_from_the_future(record.issued_at, current.now):
        return step, current.now
    token = there.fingerprints.get(current.desired.secret.keys.token)
    if token is None or not _is_as_asked(there, token, step) or _is_redated(there, record.expires_at, current):
        return step, current.now
    # A refreshBefore that outlasts the token must not make one after another.
    least = record.issued_at + (record.expires_at - record.issued_at) / 10
    due = max(record.expires_at - spec.refresh_before, least)
    if due <= current.now:
        return step, due
    wanted = downscoped_contents(step, current.desired, there, token, record.issued_at, record.expires_at)
    mends = differences(there, wanted)
    return (replace(step, mends=mends) if mends else None), due


def _is_as_asked(there: SecretView, token: Fingerprint, step: RefreshDownscoped) -> bool:
    """Is it the token that the annotations tell of, made from the active one as the spec asks?"""
    record = there.record
    return (record.fingerprint, record.parent, record.wanted) == (token, step.parent, mark_of(step.spec))


def _is_redated(there: SecretView, expires_at: datetime, current: Current) -> bool:
    """Do data and annotation differ in when it expires? It is not known then, unless another writer changes one each
    time.
    """
    key, contest = current.desired.secret.keys.expires_at, current.observed.contests.get(there.name)
    differ = there.fingerprints.get(key) != fingerprint_of(format_time(expires_at))
    return differ and (contest is None or f"key {key}" not in contest.names)


def next_to_revoke(desired: Desired, observed: Observed, now: datetime) -> RevokeDownscoped | None:
    """A live downscoped token of an object that is being deleted, where there are credentials to revoke it with."""
    views = [view for view in observed.downscoped.values() if view is not None and _is_ours(view, desired, observed)]
    for view in [*views, *observed.left_over] if observed.platform_view.can_revoke else []:
        fingerprint, expires_at = view.record.fingerprint, view.record.expires_at
        is_live = view.holds(fingerprint) and expires_at is not None and expires_at > now
        if fingerprint is not None and is_live and fingerprint not in observed.platform_view.ended:
            return RevokeDownscoped(view.name, fingerprint)
    return None


def downscoped_status(desired: Desired, observed: Observed) -> list[dict[str, Any]]:
    """The downscoped tokens, by the name of their Secret."""
    shown = []
    for spec in desired.downscoped:
        secret = observed.downscoped.get(spec.secret)
        if secret is None or secret.owner_uid != desired.uid:
            continue
        record = secret.record
        expiry = {"expiryTime": format_time(record.expires_at)} if record.expires_at else {}
        shown.append({"secretName": spec.secret, "fingerprint": record.fingerprint or "", **expiry})
    return shown
