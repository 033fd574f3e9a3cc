"""What stands in the slots of an app without a console endpoint, as far as can be known. No calls.

Box lists no keys: what is known are the Secret's token, the keys that a person handed over, and what the status says
was published before.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from box_app_operator.cache.attempts import PlatformAnswers
from box_app_operator.model.box import Fingerprint, IssuedToken, PendingToken, Slot
from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import Observed
from box_app_operator.model.platform_view import KeyView, Verdict
from box_app_operator.secret.published import own_secret, own_secrets, published_fingerprints, slot_said_by, token_of
from box_app_operator.tokens.rotation import retire_deadline

ASKED_FOR = timedelta(days=7)
"""So long a person is asked to revoke a token whose value is gone: what they did cannot be seen."""
STANDING = (Verdict.LIVE, Verdict.DISABLED)
"""What a token in a slot may be."""


def published_token(desired: Desired, seen: Observed) -> Fingerprint | None:
    """The App Token in the object's own Secret."""
    secret = own_secret(desired, seen)
    return token_of(secret, desired) if secret is not None else None


def tokens_by_slot(
    desired: Desired, seen: Observed, keys: tuple[KeyView, ...], answers: PlatformAnswers, now: datetime
) -> dict[Slot, IssuedToken]:
    """What stands in the slots, as far as can be known.

    The published token and the keys that Box accepts; and in a slot that none of these fills, what was published before
    and was not seen dead.
    """
    tokens: dict[Slot, IssuedToken] = {}
    published = published_token(desired, seen)
    if published is not None and answers.verdicts.get(published) in STANDING:
        tokens[slot_of_published(desired, seen, keys)] = _dated(desired, seen, published, answers, now)
    for key in keys:
        if key.fingerprint is None or key.verdict not in STANDING or key.fingerprint == published:
            continue
        slot = key.slot if key.slot not in tokens else key.slot.other
        if slot not in tokens:
            tokens[slot] = _dated(desired, seen, key.fingerprint, answers, now)
    for fingerprint, slot in _out_of_sight(desired, seen, tokens, now).items():
        known = any(token.fingerprint == fingerprint for token in tokens.values())
        if not known and slot not in tokens and answers.verdicts.get(fingerprint, Verdict.LIVE) in STANDING:
            tokens[slot] = _dated(desired, seen, fingerprint, answers, now)
    return tokens


def _out_of_sight(
    desired: Desired, seen: Observed, tokens: Mapping[Slot, IssuedToken], now: datetime
) -> dict[Fingerprint, Slot]:
    """Tokens that were published and are in no Secret any more, with the slot that they stood in.

    That one of them has ended cannot be proven. A previous one is asked for a while, from its deadline on; the last
    one that was published, as long as no other took its place.
    """
    found: dict[Fingerprint, Slot] = {}
    remembered, published = seen.remembered, published_token(desired, seen)
    shown = {token.fingerprint for token in tokens.values()}
    if remembered.active is not None and remembered.active != published and published not in shown:
        found[remembered.active] = remembered.slots.get(remembered.active, Slot.PRIMARY)
    secret = own_secret(desired, seen)
    record = secret.record if secret is not None else None
    retiring = remembered.retiring
    if record is None and retiring is not None and retiring in remembered.slots:
        # The Secret is gone with its record: the next one records it anew.
        found.setdefault(retiring, remembered.slots[retiring])
    # What the status does not speak of any more was proven to be over, or its deadline has passed.
    known = record is not None and record.previous in remembered.fingerprints
    if known and record is not None and record.previous is not None and record.published_at is not None:
        # From the status, and not beside the published token: that one may be over already.
        slot = remembered.slots.get(record.previous)
        deadline = retire_deadline(desired, record.rotated_at or record.published_at)
        # An operator that did not work for weeks has asked for nothing yet.
        asked_at = max(deadline, remembered.asked_to_revoke_at or now)
        if slot is not None and (now < asked_at + ASKED_FOR or desired.deleting):
            found[record.previous] = slot
    return found


def slot_of_published(desired: Desired, seen: Observed, keys: tuple[KeyView, ...]) -> Slot:
    """Where the published token stands: as the Secret says, or where the person has it."""
    secret = own_secret(desired, seen)
    slot, published = slot_said_by(secret, desired) if secret is not None else None, published_token(desired, seen)
    return slot or next((key.slot for key in keys if key.fingerprint == published), Slot.PRIMARY)


def _dated(
    desired: Desired, seen: Observed, fingerprint: Fingerprint, answers: PlatformAnswers, now: datetime
) -> IssuedToken:
    """Box tells neither when a key was generated nor when it expires: first seen, and as the spec says from then on."""
    dates = _recorded_dates(desired, seen, fingerprint) or seen.remembered.dates.get(fingerprint)
    if dates is not None and dates[1] is None and desired.token_days is not None:
        # The date was removed from the Secret by hand: what never expires is noted nowhere else.
        dates = dates[0], dates[0] + timedelta(days=desired.token_days)
    if dates is None:
        first_seen = answers.first_seen.setdefault(fingerprint, now.replace(microsecond=0))
        days = desired.token_days
        dates = first_seen, first_seen + timedelta(days=days) if days is not None else None
    return IssuedToken(fingerprint, *dates, accepted=answers.verdicts.get(fingerprint) is Verdict.LIVE)


def _recorded_dates(
    desired: Desired, seen: Observed, fingerprint: Fingerprint
) -> tuple[datetime, datetime | None] | None:
    for secret in own_secrets(desired, seen):
        if token_of(secret, desired) == fingerprint:
            record = secret.record
            return (record.issued_at, record.expires_at) if record.issued_at is not None else None
    return None


def choose_pending(
    desired: Desired, seen: Observed, keys: tuple[KeyView, ...], tokens: Mapping[Slot, IssuedToken]
) -> PendingToken | None:
    """The key to be published next: one that pods never had, or any when the Secret has none that is live.

    Of two, the one in the primary slot.
    """
    before = published_fingerprints(desired, seen)
    active = _active(desired, seen, tokens)
    fresh = [key for key in keys if key.verdict is Verdict.LIVE and key.fingerprint not in before]
    again = [key for key in keys if key.verdict is Verdict.LIVE and active is None]
    chosen = next(iter([*fresh, *again]), None)
    if chosen is None or chosen.fingerprint is None or chosen.fingerprint == active:
        return None
    slot = next((slot for slot, token in tokens.items() if token.fingerprint == chosen.fingerprint), None)
    return PendingToken(chosen.fingerprint, proven=True, days=desired.token_days) if slot is not None else None


def _active(desired: Desired, seen: Observed, tokens: Mapping[Slot, IssuedToken]) -> Fingerprint | None:
    secrets = own_secrets(desired, seen)
    known = [token.fingerprint for token in tokens.values()]
    return next((token for token in known if any(secret.holds(token) for secret in secrets)), None)
