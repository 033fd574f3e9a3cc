"""The token facet: the only place that may decide to mint, publish or revoke.

Rules, with the numbers of the design:

1. Not authorized: mint nothing, leave what exists alone.
2. No active token: mint into a free slot; with both occupied, revoke the older orphan first if it is ours to revoke.
3. A minted token is proven before it is published; a rejected one is revoked.
5. A live token of unknown value beside the active one is revoked, if it is ours to revoke.

(Rule 4, rotation, is not decided here yet.)
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

from box_app_operator.core.conditions import Reason, format_time
from box_app_operator.core.finding import Finding, good, mend, stall, unknown, wait
from box_app_operator.core.model import (
    AuthorizationState,
    BoxApp,
    Desired,
    Fingerprint,
    HeldToken,
    Observed,
    SecretView,
    Slot,
    SlotToken,
    fingerprint_of,
)
from box_app_operator.core.steps import MintToken, ProveToken, PublishSecret, RevokeSlot, Step

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "box-app-operator"
APP_LABEL = "boxapps.dev/app"
FINGERPRINT_ANNOTATION = "boxapps.dev/fingerprint"

TYPE = "TokenReady"


def check_tokens(desired: Desired, observed: Observed, now: datetime) -> Finding:
    """Does the Secret hold a live token, and is no other token live?"""
    app, secret = observed.app, observed.secret
    if secret is not None and not owns_secret(desired, observed):
        return _conflict(secret)
    if app is None:
        return unknown(TYPE, "Waits until the app is registered.")
    active = active_slot(desired, observed, now)
    if active is not None:
        return _check_active(desired, observed, app, active)
    if not _usable(app):
        return _check_unusable(app, secret)
    if observed.namespace_ends:
        return wait(TYPE, Reason.AWAITING_TOKEN, "The namespace is being deleted: no token is generated any more.")
    if observed.held is not None:
        return _check_held(app, observed.held)
    return _check_free_slot(desired, observed, app, now)


def _check_unusable(app: BoxApp, secret: SecretView | None) -> Finding:
    held = set(secret.fingerprints.values()) if secret is not None else set()
    if any(token.fingerprint in held for token in app.tokens.values()):
        message = "The token in the Secret is over. Another is generated once a Box admin authorized the app again."
        return wait(TYPE, Reason.TOKEN_EXPIRED, message)
    return wait(TYPE, Reason.AWAITING_AUTHORIZATION, "Box gives out tokens only once a Box admin authorized the app.")


def _conflict(secret: SecretView) -> Finding:
    return stall(
        TYPE,
        Reason.SECRET_CONFLICT,
        f"Secret {secret.name!r} exists and belongs to someone else; it is left untouched. "
        "Delete it, or choose another name in spec.tokens.secret.name.",
    )


def _usable(app: BoxApp) -> bool:
    return app.authorization.state is AuthorizationState.AUTHORIZED and app.authorization.enabled


def owns_secret(desired: Desired, observed: Observed) -> bool:
    """Is the Secret of the wanted name this object's own?

    It is by its owner reference; or, with the reference stripped by hand, when it still holds what this object
    published.
    """
    secret = observed.secret
    if secret is None or secret.owner_uid is not None:
        return secret is not None and secret.owner_uid == desired.uid
    return not observed.remembered.fingerprints.isdisjoint(secret.fingerprints.values())


def active_slot(desired: Desired, observed: Observed, now: datetime) -> Slot | None:
    """The slot whose live token is the one that the Secret holds; None when there is none."""
    app, secret = observed.app, observed.secret
    if app is None or secret is None or not owns_secret(desired, observed):
        return None
    held = set(secret.fingerprints.values())
    return next((slot for slot, token in app.tokens.items() if token.fingerprint in held and token.is_live(now)), None)


def _check_active(desired: Desired, observed: Observed, app: BoxApp, slot: Slot) -> Finding:
    token, secret = app.tokens[slot], observed.secret
    message = f"Secret {desired.secret.name!r} holds the token of the {slot} slot, {_until(token)}."
    if secret is None or not _as_wanted(secret, desired, app, slot):
        publish = PublishSecret(app.id, slot, token.fingerprint)
        return mend(TYPE, Reason.AWAITING_TOKEN, f"Secret {desired.secret.name!r} is about to be mended.", publish)
    return good(TYPE, Reason.PUBLISHED, message, *_tidy(desired, observed, app, slot))


def _tidy(desired: Desired, observed: Observed, app: BoxApp, active: Slot) -> tuple[Step, ...]:
    other = app.tokens.get(active.other)
    if other is None or not _usable(app) or not _ours(desired, observed, other.fingerprint):
        return ()
    return (RevokeSlot(app.id, active.other, other.fingerprint),)


def _ours(desired: Desired, observed: Observed, fingerprint: Fingerprint) -> bool:
    """May this token be revoked? On an adopted app only what the operator itself published or holds."""
    held = observed.held is not None and observed.held.fingerprint == fingerprint
    return desired.client_id is None or held or fingerprint in observed.remembered.fingerprints


def _check_held(app: BoxApp, held: HeldToken) -> Finding:
    match held.proven:
        case None:
            return mend(TYPE, Reason.AWAITING_TOKEN, "A new token is being proven.", ProveToken(held.fingerprint))
        case True:
            publish = PublishSecret(app.id, held.slot, held.fingerprint)
            return mend(TYPE, Reason.AWAITING_TOKEN, "A new token is about to be published.", publish)
        case False:
            revoke = RevokeSlot(app.id, held.slot, held.fingerprint)
            return mend(TYPE, Reason.TOKEN_REJECTED, "Box does not accept the token that it generated.", revoke)


def _check_free_slot(desired: Desired, observed: Observed, app: BoxApp, now: datetime) -> Finding:
    free = next((slot for slot in Slot if slot not in app.tokens), None)
    if free is not None:
        mint = MintToken(app.id, free, desired.token_days)
        return mend(TYPE, Reason.AWAITING_TOKEN, "A token is about to be generated.", mint)
    slot = _expendable(desired, observed, app, now)
    if slot is None:
        return wait(TYPE, Reason.SLOTS_OCCUPIED, _occupied(app))
    revoke = RevokeSlot(app.id, slot, app.tokens[slot].fingerprint)
    return mend(TYPE, Reason.AWAITING_TOKEN, f"The lost token in the {slot} slot is about to be revoked.", revoke)


def _expendable(desired: Desired, observed: Observed, app: BoxApp, now: datetime) -> Slot | None:
    """The slot to empty: a dead token before a live one, the older before the newer."""
    ours = [
        slot
        for slot, token in app.tokens.items()
        if not token.is_live(now) or _ours(desired, observed, token.fingerprint)
    ]
    return min(ours, key=lambda slot: (app.tokens[slot].is_live(now), app.tokens[slot].created_at), default=None)


def _occupied(app: BoxApp) -> str:
    older = min(app.tokens, key=lambda slot: app.tokens[slot].created_at)
    return (
        "Both slots hold tokens that the operator did not generate. Revoke one of them in the Developer Console, "
        f"for example the older one in the {older} slot (generated {format_time(app.tokens[older].created_at)})."
    )


def _until(token: SlotToken) -> str:
    return f"valid until {format_time(token.expires_at)}" if token.expires_at else "which never expires"


def plain_data(desired: Desired, app: BoxApp, slot: Slot) -> dict[str, str]:
    """The Secret's data apart from the token itself."""
    keys, expires_at = desired.secret.keys, app.tokens[slot].expires_at
    return {
        keys.client_id: app.client_id,
        keys.slot: str(slot),
        keys.expires_at: format_time(expires_at) if expires_at else "",
    }


def secret_labels(desired: Desired) -> dict[str, str]:
    """The labels that the Secret carries, the operator's own last so that they win."""
    return {**desired.secret.labels, MANAGED_BY: MANAGER, APP_LABEL: desired.name}


def secret_annotations(desired: Desired, fingerprint: Fingerprint) -> dict[str, str]:
    """The annotations that the Secret carries."""
    return {**desired.secret.annotations, FINGERPRINT_ANNOTATION: fingerprint}


def _as_wanted(secret: SecretView, desired: Desired, app: BoxApp, slot: Slot) -> bool:
    token = app.tokens[slot].fingerprint
    data = {key: fingerprint_of(value) for key, value in plain_data(desired, app, slot).items()}
    return (
        secret.owner_uid == desired.uid
        and secret.fingerprints == {**data, desired.secret.keys.token: token}
        and _contains(secret.labels, secret_labels(desired))
        and _contains(secret.annotations, secret_annotations(desired, token))
    )


def _contains(have: Mapping[str, str], wanted: Mapping[str, str]) -> bool:
    return wanted.items() <= have.items()
