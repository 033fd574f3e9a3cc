"""Looking at an app without a console endpoint: keys that people hand over, and what Box's public API says of them.

Never writes. A key that Box was asked about is not asked about again before the next resync; one that has ended, never.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import datetime

from box_app_operator.cache.attempts import PlatformAnswers
from box_app_operator.model.box import ClientID, Fingerprint, IssuedToken, Slot, UnlistedTokens
from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import Observed
from box_app_operator.model.platform_view import KeyView, PlatformView, Verdict
from box_app_operator.modes.assisted.decide import UNLISTED
from box_app_operator.modes.assisted.proof import BoxAccess, Candidate, judge
from box_app_operator.modes.assisted.slots import choose_pending, published_token, slot_of_published, tokens_by_slot
from box_app_operator.modes.common.access import given_secret
from box_app_operator.modes.common.keys import Keys, client_value, complaint_about
from box_app_operator.ports import Cluster, Platform
from box_app_operator.secret.published import client_said_by, own_secret, published_fingerprints

SAMPLE_HOST = "box-app-operator-probe"
"""Stands for the ``*`` of a wildcard origin."""
SAMPLE_ORIGIN = f"https://{SAMPLE_HOST}.invalid"
"""An origin that no spec lists: the domain cannot exist. Source: RFC 2606."""


class AssistedObserver:
    """Adds to an observation what can be known without a console endpoint."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def look(
        self, desired: Desired, seen: Observed, box: BoxAccess, answers: PlatformAnswers, now: datetime
    ) -> Observed:
        """Ask Box about each key that is not known yet, and about each origin."""
        store = Keys(self._cluster, desired, seen, answers)
        keys, published = await store.handed_over(), published_token(desired, seen)
        before = published_fingerprints(desired, seen)
        _doubt_replaced(desired, seen, keys, answers)
        for fingerprint, name in _in_order(published, keys, answers).items():
            token = await store.value(fingerprint) if fingerprint not in answers.verdicts else None
            if token is not None:
                await judge(Candidate(token, name, fingerprint in before), box, answers, seen.remembered.app_id)
        keys = tuple(_judged(key, answers) for key in keys)
        tokens = tokens_by_slot(desired, seen, keys, answers, now)
        usable = [token.fingerprint for token in tokens.values() if token.accepted]
        if usable and not desired.deleting:
            await _try_origins(desired, seen, usable, store, box.platform, answers)
        standing = {token.fingerprint for token in tokens.values()}
        answers.values = {fingerprint: store.found[fingerprint] for fingerprint in standing & store.found.keys()}
        answers.keep_only({*_in_order(published, keys, answers), *before, *standing})
        unidentified = box.identities.answers is False and not answers.identities.keys() >= set(usable)
        found = replace(
            await self._platform_view(desired, keys, published, answers),
            unidentified=unidentified,
            at_hand=frozenset(store.found),
        )
        pending = choose_pending(desired, seen, keys, tokens)
        return replace(seen, unlisted=_source(desired, seen, tokens), platform_view=found, pending=pending)

    async def _platform_view(
        self, desired: Desired, keys: tuple[KeyView, ...], published: Fingerprint | None, answers: PlatformAnswers
    ) -> PlatformView:
        who, verdicts = answers.identity, answers.verdicts.values()
        given = (await given_secret(desired, self._cluster)).strip()
        secret = client_value(given)
        wrong = bool(given) and secret is None
        return PlatformView(
            keys=keys,
            published=answers.verdicts.get(published) if published is not None else None,
            app_id=who.app_id if who else None,
            name=who.name if who else "",
            disabled=Verdict.DISABLED in verdicts and Verdict.LIVE not in verdicts,
            origins=dict(answers.origins),
            can_revoke=bool(desired.client_id) and secret is not None and not answers.revocation_refused,
            ended=frozenset(answers.ended),
            trouble=complaint_about(*desired.client_secret) if desired.client_secret and wrong else None,
        )


def _doubt_replaced(desired: Desired, seen: Observed, keys: tuple[KeyView, ...], answers: PlatformAnswers) -> None:
    """Ask about the published key again, when another one is handed over under the name of its slot.

    A slot holds one key: either that one was revoked, or the new one has the wrong name. Box knows which.
    """
    published = published_token(desired, seen)
    new = [key for key in keys if key.fingerprint != published and key.fingerprint not in answers.verdicts]
    if published is not None and slot_of_published(desired, seen, keys) in {key.slot for key in new}:
        answers.verdicts.pop(published, None)


def _in_order(
    published: Fingerprint | None, keys: Sequence[KeyView], answers: PlatformAnswers
) -> dict[Fingerprint, str]:
    """The keys to ask Box about, with what people call them.

    Where they belong to different apps, the first counts: the one in the object's own Secret, then ``primary``.
    """
    first = {published: "The token in the Secret"} if published is not None else {}
    handed_over = {key.fingerprint: f"Key {str(key.slot)!r}" for key in keys if key.fingerprint is not None}
    return {
        **first,
        **handed_over,
        **{fingerprint: "" for fingerprint in answers.values if fingerprint not in {*first, *handed_over}},
    }


MESSAGES = {
    Verdict.DEAD: "Box does not accept it: it was revoked, has expired, or was not copied whole.",
    Verdict.NARROW: "it has fewer rights than a key of the app; is it a downscoped token?",
    Verdict.DISABLED: "Box says that the app is disabled.",
}


def _judged(key: KeyView, answers: PlatformAnswers) -> KeyView:
    if key.fingerprint is None:
        return key
    verdict = answers.verdicts.get(key.fingerprint, Verdict.DISABLED)
    return replace(key, verdict=verdict, message=answers.messages.get(key.fingerprint) or MESSAGES.get(verdict, ""))


def _source(desired: Desired, seen: Observed, tokens: Mapping[Slot, IssuedToken]) -> UnlistedTokens | None:
    """None while the spec names no app; but what is left of one must end with the object all the same."""
    if not desired.client_id and not (desired.deleting and tokens):
        return None
    return UnlistedTokens(
        client_id=desired.client_id or _left_behind(desired, seen),
        issued=tuple(tokens.values()),
        slots={token.fingerprint: slot for slot, token in tokens.items()},
        is_usable=not tokens or any(token.accepted for token in tokens.values()),
    )


def _left_behind(desired: Desired, seen: Observed) -> ClientID | None:
    """Whose the tokens are of an object that names no app: its enterprise had a console endpoint
    once."""
    secret = own_secret(desired, seen)
    return seen.remembered.client_id or (client_said_by(secret, ()) if secret is not None else None)


async def _try_origins(
    desired: Desired,
    seen: Observed,
    usable: Sequence[Fingerprint],
    store: Keys,
    platform: Platform,
    answers: PlatformAnswers,
) -> None:
    """Each origin of the spec once, and those that Box allowed before and the spec dropped.

    At the next resync only those are tried again that were not as they should be.
    """
    wanted = desired.cors_domains or (UNLISTED,)
    if not answers.origins and seen.remembered.is_current and seen.remembered.origins == desired.cors_domains:
        # The last pass of another process found them in order.
        answers.origins = {origin: origin != UNLISTED for origin in wanted}
    if answers.try_origins_again:
        in_order = {origin: origin in desired.cors_domains for origin in answers.origins}
        answers.origins = {
            origin: allowed for origin, allowed in answers.origins.items() if allowed == in_order[origin]
        }
        answers.try_origins_again = False
    due = [origin for origin in dict.fromkeys([*wanted, *seen.remembered.allowed]) if origin not in answers.origins]
    token = await store.any_value(usable) if due else None
    if token is not None:
        for origin in due:
            sample = origin.replace("*", SAMPLE_HOST) if origin else SAMPLE_ORIGIN
            answers.origins[origin] = await platform.allows_origin(token, sample)
    answers.origins = {origin: allowed for origin, allowed in answers.origins.items() if allowed or origin in wanted}
