"""The token facet: the only place that may decide to mint, publish or revoke.

Rules, with the numbers of the design:

1. Not authorized: mint nothing, leave what exists alone.
2. No active token: mint into a free slot; with both occupied, revoke the least useful first if it is ours to revoke.
3. A minted token is proven before it is published; a rejected one is revoked.
4. Rotation is due: mint into the other slot, prove, publish, phase the previous token out.
5. A live token of unknown value beside the active one is revoked, if it is ours to revoke.

How a token is obtained and ended is the mode's matter: the rules ask it for the step.
"""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Protocol

from box_app_operator.model.box import AppID, Fingerprint, IssuedToken, PendingToken, TokenSource
from box_app_operator.model.conditions import Reason, earliest, format_time
from box_app_operator.model.desired import Desired
from box_app_operator.model.finding import (
    CONSOLE,
    Finding,
    Notice,
    Task,
    TaskKind,
    Who,
    app_page,
    good,
    mend,
    unknown,
    wait,
)
from box_app_operator.model.observed import Observed
from box_app_operator.model.secret import read_record
from box_app_operator.model.steps import DeleteSecret, ProveToken, PublishSecret, Step
from box_app_operator.secret.conflict import conflict_with
from box_app_operator.secret.contents import contents_of, differences
from box_app_operator.secret.published import live_token_in, own_fingerprints, owns_secret
from box_app_operator.tokens.active import Current, current_of
from box_app_operator.tokens.refused import KEPT
from box_app_operator.tokens.restarts import Restarts, check_restarts
from box_app_operator.tokens.retirement import Retirement, check_renamed, check_retirement
from box_app_operator.tokens.rotation import (
    Cause,
    check_replacement,
    rotation_cause,
    rotation_notice,
    rotation_waits_until,
)

TYPE = "TokenReady"
NO_TOKENS_YET = "Box issues tokens only after a Box admin has authorized the app."


class TokenSteps(Protocol):
    """The steps by which a mode obtains and ends tokens."""

    def obtain(self, desired: Desired, observed: Observed) -> tuple[Step, ...]:
        """The step that obtains another token; none while there is no place for it."""

    def revoke(self, observed: Observed, token: Fingerprint) -> tuple[Step, ...]:
        """The step that ends this token; none where it is not known."""


def check_tokens(
    desired: Desired, observed: Observed, now: datetime, restart_window: timedelta, steps: TokenSteps
) -> Finding:
    """Does the Secret hold a live token, is it young enough, and is no other token live that should not be?"""
    source, secret = observed.source, observed.secret
    if secret is not None and not owns_secret(desired, observed):
        return conflict_with(desired, secret, "spec.tokens.secret.name")
    if source is None:
        return unknown(TYPE, "Waiting for the app to be registered.")
    current = current_of(desired, observed, now)
    if current is not None:
        return _check_active(current, restart_window, steps)
    if observed.namespace_is_terminating:
        return wait(TYPE, Reason.AWAITING_TOKEN, "The namespace is being deleted, so no new token is generated.")
    held = (live_token_in(desired, secret, source, now) for secret in observed.renamed_secrets)
    moving = next((token for token in held if token is not None), None)
    if moving is not None:
        publish = PublishSecret(moving.fingerprint)
        return mend(TYPE, Reason.AWAITING_TOKEN, f"The token moves to Secret {desired.secret.name!r}.", publish)
    if not _is_usable(source):
        return wait(TYPE, Reason.AWAITING_AUTHORIZATION, NO_TOKENS_YET)
    if observed.pending is not None:
        return _check_pending(observed, observed.pending, steps)
    limited = check_replacement(observed.pace, desired.secret.name, now)
    return limited if limited is not None else _check_free_slot(desired, observed, source, now, steps)


def _is_usable(source: TokenSource) -> bool:
    """Rule 1."""
    return source.is_usable


def _check_active(current: Current, restart_window: timedelta, steps: TokenSteps) -> Finding:
    desired, observed = current.desired, current.observed
    contents = contents_of(desired, observed, current.token, current.now)
    mends = differences(current.secret, contents)
    publish = (PublishSecret(current.fingerprint, mends),) if mends else ()
    if current.secret.fingerprints.get(desired.secret.keys.token) != current.fingerprint:
        # Under another key: pods do not find it.
        return mend(TYPE, Reason.AWAITING_TOKEN, f"Secret {desired.secret.name!r} is about to be repaired.", *publish)
    if not _is_usable(current.source):
        # Alive as far as its dates go, and of no use to pods: what they see comes first in ``refused``.
        return mend(TYPE, Reason.TOKEN_REJECTED, KEPT, *publish)
    message = f"Secret {desired.secret.name!r} holds {current.described}, {_until(current.token)}."
    # What ends an overlap must not go ahead of the write that begins it anew, should that one fail.
    current = replace(current, record=read_record(contents.annotations))
    restarts = check_restarts(current, restart_window)
    cause = rotation_cause(current) if not observed.namespace_is_terminating else None
    limit = _check_pace(current, cause)
    step, other = _check_other(current, restarts, steps, due=cause is not None and limit.over)
    renamed_waits = [(secret, check_renamed(current, secret)) for secret in observed.renamed_secrets]
    # A renamed Secret is deleted before its token is revoked.
    gone = tuple(DeleteSecret(secret.name, secret.uid) for secret, retirement in renamed_waits if retirement.over)
    waits = [other, limit, *(retirement for _, retirement in renamed_waits)]
    sentences = [message, restarts.message, *(retirement.message for retirement in waits)]
    moments = [restarts.look_again_at, *(retirement.look_again_at for retirement in waits)]
    return Finding(
        good(TYPE, Reason.PUBLISHED, " ".join(filter(None, sentences))).condition,
        # Mended first; but what is changed back each time, or refused, keeps nothing else from being done.
        (*publish, *restarts.steps, *gone, *step),
        notices=(*restarts.notices, *(notice for retirement in waits for notice in retirement.notices)),
        look_again_at=earliest(moments),
    )


def _check_pace(current: Current, cause: Cause | None) -> Retirement:
    """May the rotation that is due begin, or did another token come into the Secret right before?"""
    until = rotation_waits_until(current, cause) if cause is not None else None
    if cause is None or until is None:
        return Retirement(True)
    message = f"{cause.value}. It waits until {format_time(until)}, because the last rotation was a short while ago."
    notices = (rotation_notice(current.observed.pace.pause),) if cause is Cause.DATE else ()
    return Retirement(False, message, until, notices)


def _check_other(
    current: Current, restarts: Restarts, steps: TokenSteps, *, due: bool
) -> tuple[tuple[Step, ...], Retirement]:
    """What becomes of the token beside the active one; read it from top to bottom."""
    observed, other, pending = current.observed, current.other, current.observed.pending
    done = Retirement(True)
    if other is None:
        return (steps.obtain(current.desired, observed) if due else ()), done
    revoke = steps.revoke(observed, other.fingerprint)
    if pending is not None and pending.fingerprint == other.fingerprint:
        return _check_pending(observed, pending, steps).steps, done
    if not other.is_live(current.now):
        return revoke, done
    if not _ours(current.desired, observed, other.fingerprint):
        return (), _blocked(current.source, other) if due else done
    if not current.was_published(other.fingerprint):
        return revoke, done
    retirement = check_retirement(current, hurry=due)
    if retirement.over and (due or not restarts.pending):
        return revoke, retirement
    return (), retirement


def _blocked(source: TokenSource, token: IssuedToken) -> Retirement:
    slot = source.slot_of(token.fingerprint)
    message = (
        f"The token is due to be replaced, and the {slot} slot holds another whose value the operator does not have "
        f"(generated {format_time(token.created_at)}). Revoke that one in the Developer Console."
    )
    return Retirement(False, message, notices=(Notice(Reason.SLOTS_OCCUPIED, message),))


def _ours(desired: Desired, observed: Observed, fingerprint: Fingerprint) -> bool:
    """May this token be revoked? On an app that a person made only what the operator itself published or holds."""
    created = observed.app is not None and observed.app.was_created
    return created or fingerprint in own_fingerprints(desired, observed)


def _check_pending(observed: Observed, pending: PendingToken, steps: TokenSteps) -> Finding:
    match pending.proven:
        case None:
            return mend(TYPE, Reason.AWAITING_TOKEN, "A new token is being proven.", ProveToken(pending.fingerprint))
        case True:
            publish = PublishSecret(pending.fingerprint)
            return mend(TYPE, Reason.AWAITING_TOKEN, "A new token is about to be published.", publish)
        case False:
            revoke = steps.revoke(observed, pending.fingerprint)
            return mend(TYPE, Reason.TOKEN_REJECTED, "Box does not accept the token that it generated.", *revoke)


def _check_free_slot(
    desired: Desired, observed: Observed, source: TokenSource, now: datetime, steps: TokenSteps
) -> Finding:
    obtain = steps.obtain(desired, observed)
    if obtain:
        return mend(TYPE, Reason.AWAITING_TOKEN, "A token is about to be generated.", *obtain)
    token = _expendable(desired, observed, source, now)
    if token is None:
        return _occupied(source, observed.app.id if observed.app is not None else None)
    message = f"The lost token in the {source.slot_of(token.fingerprint)} slot is about to be revoked."
    finding = mend(TYPE, Reason.AWAITING_TOKEN, message, *steps.revoke(observed, token.fingerprint))
    if not token.is_live(now) or token.fingerprint not in observed.remembered.fingerprints:
        return finding
    why = "The Secret was lost and both slots are occupied. The older token is revoked, although pods may still use it."
    return finding.with_notices(Notice(Reason.RETIRED_IN_USE, why))


def _expendable(desired: Desired, observed: Observed, source: TokenSource, now: datetime) -> IssuedToken | None:
    """The token to end: dead before live, never published before what pods may hold, older before newer."""
    remembered = observed.remembered

    def usefulness(token: IssuedToken) -> tuple[bool, bool, bool, datetime]:
        published = token.fingerprint in remembered.fingerprints
        return token.is_live(now), published, token.fingerprint == remembered.active, token.created_at

    ours = [token for token in source.issued if not token.is_live(now) or _ours(desired, observed, token.fingerprint)]
    return min(ours, key=usefulness, default=None)


def _occupied(source: TokenSource, app_id: AppID | None) -> Finding:
    older = min(source.issued, key=lambda token: token.created_at)
    what = (
        "Revoke one of the two tokens in the Developer Console, for example the older one in the "
        f"{source.slot_of(older.fingerprint)} slot (generated {format_time(older.created_at)})."
    )
    message = f"Both slots hold tokens whose values the operator does not have. {what}"
    finding = wait(TYPE, Reason.SLOTS_OCCUPIED, message)
    where = app_page(app_id) if app_id is not None else CONSOLE
    return replace(finding, tasks=(Task(TaskKind.REVOKE_KEY, Who.APP_TEAM, what, where),))


def _until(token: IssuedToken) -> str:
    if token.expires_at is None:
        return "which never expires"
    # Box does not tell when a key expires that a person generated.
    doubt = " if it was generated as spec.tokens.expiry says" if token.accepted else ""
    return f"valid until {format_time(token.expires_at)}{doubt}"
