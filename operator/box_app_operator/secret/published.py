"""The Secret that pods mount: what it holds, whose it is, and what it carries once a token is in it."""

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import replace
from datetime import datetime

from box_app_operator.model.box import (
    ClientID,
    Fingerprint,
    IssuedToken,
    Slot,
    TokenSource,
    fingerprint_of,
    known_token,
    other_token,
)
from box_app_operator.model.conditions import format_time
from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import Observed
from box_app_operator.model.secret import SecretView, TokenRecord, annotations_of
from box_app_operator.secret.annotations import added, expiry_text

MANAGED_BY = "app.kubernetes.io/managed-by"
MANAGER = "box-app-operator"
APP_LABEL = "boxapps.dev/app"


def _expiry_seen(token: IssuedToken) -> str:
    return expiry_text(
        round((token.expires_at - token.created_at).total_seconds() / 86400) if token.expires_at else None
    )


def owns_secret(desired: Desired, observed: Observed) -> bool:
    """Is the Secret of the wanted name this object's own?

    It is by its owner reference. Without any controller it is when it holds what the object published, or with the
    operator's label a token of the object's own app: a backup that was restored, for example. Or when this process
    wrote it, and another writer removes the reference each time.
    """
    secret = observed.secret
    if secret is None or secret.owner_uid is not None:
        return secret is not None and secret.owner_uid == desired.uid
    if secret.uid in observed.disowned:
        return True
    known, source = set(observed.remembered.fingerprints), observed.source
    if source is not None and secret.labels.get(MANAGED_BY) == MANAGER:
        known |= {token.fingerprint for token in source.issued}
    return not known.isdisjoint(secret.fingerprints.values())


def active_token(desired: Desired, observed: Observed, now: datetime) -> IssuedToken | None:
    """The live token that the Secret holds; None when there is none."""
    if observed.source is None or observed.secret is None or not owns_secret(desired, observed):
        return None
    return live_token_in(desired, observed.secret, observed.source, now)


def live_token_in(desired: Desired, secret: SecretView, source: TokenSource, now: datetime) -> IssuedToken | None:
    """The live token that a Secret holds: under the token's own key, or else under any other."""
    live = {token.fingerprint for token in source.issued if token.is_live(now)}
    return known_token(source, token_in(desired, secret, live))


def token_in(desired: Desired, secret: SecretView, tokens: AbstractSet[Fingerprint]) -> Fingerprint | None:
    """The one of these tokens that a Secret holds. The token's own key counts first: others may have a copy."""
    own = secret.fingerprints.get(desired.secret.keys.token)
    others = (fingerprint for fingerprint in secret.fingerprints.values() if fingerprint in tokens)
    return own if own in tokens else next(others, None)


def token_of(secret: SecretView, desired: Desired) -> Fingerprint | None:
    """The token in a Secret: the one that was published, whatever its key is by now, or that of its own key."""
    noted = secret.record.fingerprint
    return noted if secret.holds(noted) else secret.fingerprints.get(desired.secret.keys.token)


def is_original(secret: SecretView) -> bool:
    """Was it published under this very name, and is no copy of it?"""
    return secret.record.secret_name == secret.name


def slot_said_by(secret: SecretView, desired: Desired) -> Slot | None:
    """The slot that a Secret names for its token; None when it names none."""
    said = secret.fingerprints.get(desired.secret.keys.slot)
    return next((slot for slot in Slot if fingerprint_of(str(slot)) == said), None)


def client_said_by(secret: SecretView, known: Iterable[str | None]) -> ClientID | None:
    """The client id that a Secret names for its token: in its annotation, or as one of those known in its data."""
    in_data = (ClientID(client_id) for client_id in known if client_id and secret.holds(fingerprint_of(client_id)))
    return secret.record.client_id or next(in_data, None)


def own_secrets(desired: Desired, observed: Observed) -> tuple[SecretView, ...]:
    """The Secrets that this object published: that of the wanted name first."""
    wanted = (observed.secret,) if observed.secret is not None and owns_secret(desired, observed) else ()
    return (*wanted, *observed.renamed_secrets)


def own_secret(desired: Desired, observed: Observed) -> SecretView | None:
    """The first of them."""
    return next(iter(own_secrets(desired, observed)), None)


def published_fingerprints(desired: Desired, observed: Observed) -> set[Fingerprint]:
    """What pods got at some time, as far as Secrets and status tell; also other values of these Secrets."""
    found = set(observed.remembered.fingerprints)
    for secret in own_secrets(desired, observed):
        found |= {*secret.fingerprints.values(), *((secret.record.previous,) if secret.record.previous else ())}
    return found


def own_fingerprints(desired: Desired, observed: Observed) -> set[Fingerprint]:
    """Tokens that are known to be of this operator's making: published at some time, or held to be."""
    pending = {observed.pending.fingerprint} if observed.pending is not None else set()
    return published_fingerprints(desired, observed) | pending


def to_be_ended(desired: Desired, observed: Observed) -> set[Fingerprint]:
    """What ends with the object on an app that a person made. An annotation is no reason to revoke anything."""
    pending = {observed.pending.fingerprint} if observed.pending is not None else set()
    return held_by_value(desired, observed) | pending | observed.remembered.fingerprints


def held_by_value(desired: Desired, observed: Observed) -> set[Fingerprint]:
    """What the object's own Secrets hold, by value: whoever wrote it there had the token itself.

    One without a controller counts with the operator's label: a backup that was restored, for example.
    """
    secret = observed.secret
    restored = secret is not None and secret.owner_uid is None and secret.labels.get(MANAGED_BY) == MANAGER
    wanted = (secret,) if secret is not None and (restored or secret.owner_uid == desired.uid) else ()
    return {
        fingerprint for secret in (*wanted, *observed.renamed_secrets) for fingerprint in secret.fingerprints.values()
    }


def plain_data(desired: Desired, source: TokenSource, token: IssuedToken) -> dict[str, str]:
    """The Secret's data apart from the token itself; an access token has no slot, and may be of an unknown client."""
    keys, slot = desired.secret.keys, source.slot_of(token.fingerprint)
    client_id = token.client_id or source.client_id
    return {
        **({keys.client_id: client_id} if client_id is not None else {}),
        **({keys.slot: str(slot)} if slot is not None else {}),
        keys.expires_at: format_time(token.expires_at) if token.expires_at else "",
    }


def secret_labels(desired: Desired) -> dict[str, str]:
    """The labels that the Secret carries, the operator's own last so that they win."""
    return {**desired.secret.labels, MANAGED_BY: MANAGER, APP_LABEL: desired.name}


def secret_annotations(
    desired: Desired, observed: Observed, source: TokenSource, token: IssuedToken, now: datetime
) -> dict[str, str]:
    """The annotations that the Secret carries once this token is in it."""
    stands = next((secret for secret in own_secrets(desired, observed) if secret.holds(token.fingerprint)), None)
    if stands is None:
        record = _new_token(desired, observed, source, token, now)
    else:
        record = _same_token(desired, observed, source, token, stands, now)
    record = replace(
        record,
        fingerprint=token.fingerprint,
        secret_name=desired.secret.name,
        client_id=token.client_id,
        issued_at=token.created_at,
        expires_at=token.expires_at,
    )
    return {**desired.secret.annotations, **annotations_of(record), **added(desired)}


def _new_token(
    desired: Desired, observed: Observed, source: TokenSource, token: IssuedToken, now: datetime
) -> TokenRecord:
    replaced = other_token(source, token.fingerprint)
    known, pending = own_fingerprints(desired, observed), observed.pending
    before = observed.remembered.active or _stood_there(desired, observed)
    previous = replaced.fingerprint if replaced and replaced.fingerprint in known else before
    return TokenRecord(
        published_at=now,
        published_for=desired.uid,
        previous=previous,
        rotated_at=_overlap_begins(desired, observed, previous, now),
        expiry=(expiry_text(pending.days) if pending else _expiry_seen(token)) if source.follows_spec else None,
        subject=desired.subject,
        moved_at=_moved_at(desired, observed, now),
        rotate_request=desired.rotate_request or _last_request(desired, observed),
        replacements=_replacements(desired, observed, previous, now),
    )


def _replacements(desired: Desired, observed: Observed, previous: Fingerprint | None, now: datetime) -> int:
    """With this token: it replaces a lost one, unless the Secret holds one that is live, or it is the first of all."""
    secret = own_secret(desired, observed)
    if previous is None and (secret is None or secret.record.fingerprint is None):
        return 0
    lost = active_token(desired, observed, now) is None
    return observed.pace.replacements_after(now, lost=lost)


def _stood_there(desired: Desired, observed: Observed) -> Fingerprint | None:
    """What the Secret held until now, although no status tells of it."""
    secret = own_secret(desired, observed)
    # That it ever held what it says is not proven: the annotation may have been edited.
    return secret.record.fingerprint if secret is not None and secret.holds(secret.record.fingerprint) else None


def _overlap_begins(
    desired: Desired, observed: Observed, previous: Fingerprint | None, now: datetime
) -> datetime | None:
    """Now, if pods could get the previous token until now; as recorded, if it had an overlap already; else never.

    Of a token that was being phased out when the Secret was lost it is not known since when: from now on, then.
    """
    for secret in own_secrets(desired, observed):
        if secret.holds(previous):
            return now
        if previous is not None and secret.record.previous == previous:
            return secret.record.rotated_at
    return now if previous is not None and previous == observed.remembered.retiring else None


def _moved_at(desired: Desired, observed: Observed, now: datetime) -> datetime | None:
    """Since when the Secret has this name, for as long as renamed ones are phased out."""
    secret = observed.secret if owns_secret(desired, observed) else None
    if secret is None or not observed.renamed_secrets or _moves(observed, secret, now):
        return None
    return secret.record.moved_at or secret.record.published_at


def _moves(observed: Observed, stands: SecretView, now: datetime) -> bool:
    """Does the token come from another Secret, or was this name left and taken back?"""
    since = stands.record.published_at
    others = (secret.record.published_at for secret in observed.renamed_secrets)
    taken_back = since is not None and any(other is not None and _follows(other, since, now) for other in others)
    return stands is not observed.secret or taken_back


def _follows(moment: datetime, since: datetime, now: datetime) -> bool:
    """Was it later? A date to come, written by a clock that was ahead, tells nothing beside one that has passed."""
    return moment > since and (moment <= now or since > now)


def _same_token(
    desired: Desired, observed: Observed, source: TokenSource, token: IssuedToken, stands: SecretView, now: datetime
) -> TokenRecord:
    """What is recorded stays; what was removed by hand is put again so that nothing is revoked too early."""
    record, other, moved = stands.record, other_token(source, token.fingerprint), _moves(observed, stands, now)
    # Also what the status calls active: it may have been lost with the annotation that another took its place.
    shown = observed.remembered.fingerprints
    forgotten = record.previous is None and other is not None and other.fingerprint in shown
    return replace(
        record,
        published_at=now if moved or record.published_at is None else record.published_at,
        previous=other.fingerprint if forgotten and other else record.previous,
        rotated_at=now if forgotten else record.rotated_at,
        expiry=record.expiry or _expiry_seen(token) if source.follows_spec else None,
        subject=record.subject or desired.subject,
        moved_at=None if moved else record.moved_at,
        parent=None,
        wanted=None,
    )


def _last_request(desired: Desired, observed: Observed) -> str | None:
    requests = (secret.record.rotate_request for secret in own_secrets(desired, observed))
    return next((request for request in requests if request), None)
