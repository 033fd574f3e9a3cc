"""Looking at an app without a console endpoint: keys that people hand over, and what Box's public API says of them.

Never writes. A key that Box was asked about is not asked about again before the next resync; one that is over, never.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime

from box_app_operator.core.by_hand import NOBODY
from box_app_operator.core.desired import Desired
from box_app_operator.core.former import FormerApp, FormerToken
from box_app_operator.core.hand import Hand, Identity, KeyView, Verdict
from box_app_operator.core.model import (
    AppID,
    Authorization,
    AuthorizationState,
    BoxApp,
    ClientID,
    Fingerprint,
    Slot,
    SlotToken,
)
from box_app_operator.core.observed import Observed
from box_app_operator.core.publication import is_access_token, publication_of
from box_app_operator.core.published import client_said_by, own_secrets, published_fingerprints
from box_app_operator.errors import TransientError
from box_app_operator.memory import Memory
from box_app_operator.ports import Cluster, Platform, Token
from box_app_operator.slots import STANDING, choose_held, dated, is_asked_for, tokens_by_slot

NO_KEY = "1!"
"""So begin tokens that the OAuth endpoints give out. Source: Box's notice of 2021 about longer tokens, which App Tokens
were exempt from."""
SAMPLE_HOST = "box-app-operator-probe"
"""Stands for the ``*`` of a wildcard origin."""
SAMPLE_ORIGIN = f"https://{SAMPLE_HOST}.invalid"
"""An origin that nobody asks for: the domain cannot exist. Source: RFC 2606."""


class ByHand:
    """Adds to an observation what can be known without a console endpoint."""

    def __init__(self, cluster: Cluster) -> None:
        self._cluster = cluster

    async def look(
        self,
        desired: Desired,
        seen: Observed,
        platform: Platform,
        memory: Memory,
        enterprise: str | None,
        now: datetime,
    ) -> Observed:
        """Ask Box about each key that is not known yet, and about each origin.

        Args:
            enterprise: id of the enterprise that a key must belong to, None for any.
        """
        keys = await self._handed_over(desired, memory)
        published = await self._published(desired, seen, memory)
        before = published_fingerprints(desired, seen)
        for fingerprint in {*(key.fingerprint for key in keys), published, *before} - {None}:
            if fingerprint not in memory.hand.verdicts and fingerprint in memory.hand.values:
                await _ask(memory, platform, fingerprint, seen.remembered.app_id, enterprise)
        keys = tuple(_judged(key, memory) for key in keys)
        tokens = tokens_by_slot(desired, seen, keys, published, memory, now)
        seen = replace(seen, held=choose_held(desired, seen, keys, tokens, memory))
        usable = (token.fingerprint for token in tokens.values() if token.accepted)
        live = next((memory.hand.values[each] for each in usable if each in memory.hand.values), None)
        if live is not None and not desired.deleting:
            await _try_origins(desired, seen, live, platform, memory)
        return replace(seen, app=_app(desired, seen, tokens, memory), hand=await self._hand(desired, keys, memory))

    async def look_back(
        self,
        desired: Desired,
        seen: Observed,
        platform: Platform,
        memory: Memory,
        told: tuple[FormerToken, ...],
        now: datetime,
    ) -> FormerApp | None:
        """The app from before the client credentials, with the keys that may still be live.

        Args:
            told: those that Secret and status tell of.
        """
        await self._handed_over(desired, memory)
        await self._published(desired, seen, memory)
        standing = [each for each in told if await _stands(each.fingerprint, desired, seen, platform, memory, now)]
        if not standing:
            return None
        tokens = {each.slot: dated(desired, seen, each.fingerprint, memory, now) for each in standing}
        can_revoke = (
            await self.client_secret(desired) is not None
            and not memory.hand.revocation_refused
            and desired.client_id is not None
            and all(each.fingerprint in memory.hand.values for each in standing)
        )
        return FormerApp(_left_app(desired, seen, standing, tokens), in_console=False, can_revoke=can_revoke)

    async def _hand(self, desired: Desired, keys: tuple[KeyView, ...], memory: Memory) -> Hand:
        who, verdicts = memory.hand.identity, memory.hand.verdicts.values()
        return Hand(
            keys=keys,
            app_id=who.app_id if who else None,
            name=who.name if who else "",
            disabled=Verdict.DISABLED in verdicts and Verdict.LIVE not in verdicts,
            origins=dict(memory.hand.origins),
            can_revoke=await self.client_secret(desired) is not None and not memory.hand.revocation_refused,
            ended=frozenset(memory.hand.ended),
        )

    async def client_secret(self, desired: Desired) -> Token | None:
        """The client's secret, if the spec names one and it is there."""
        if desired.client_secret is None:
            return None
        name, key = desired.client_secret
        value = ((await self._cluster.read_values(desired.namespace, name)) or {}).get(key, b"")
        text = _text(value)
        return Token(text) if text else None

    async def _handed_over(self, desired: Desired, memory: Memory) -> tuple[KeyView, ...]:
        if desired.import_from is None:
            return ()
        values = await self._cluster.read_values(desired.namespace, desired.import_from)
        return tuple(_read(slot, values, memory) for slot in Slot if values is not None and str(slot) in values)

    async def _published(self, desired: Desired, seen: Observed, memory: Memory) -> Fingerprint | None:
        """The token in the object's own Secret, with its value in memory as soon as it must be asked about."""
        secret = next(iter(own_secrets(desired, seen)), None)
        fingerprint = secret.fingerprints.get(desired.secret.keys.token) if secret is not None else None
        if secret is None or fingerprint is None or is_access_token(publication_of(secret), desired):
            # An access token says nothing of the app that keys are handed over for.
            return None
        if fingerprint not in memory.hand.values:
            token = await self._cluster.read_token(desired.namespace, secret.name, fingerprint)
            if token is not None:
                memory.hand.values[fingerprint] = token
        return fingerprint


def _read(slot: Slot, values: Mapping[str, bytes], memory: Memory) -> KeyView:
    """A key as a person put it there; white space around it is nobody's intention."""
    raw = values[str(slot)]
    if not raw.strip():
        return KeyView(slot, None, Verdict.UNREADABLE, "it is empty.")
    text = _text(raw)
    if text is None:
        return KeyView(slot, None, Verdict.UNREADABLE, "it is not text; put the key there as the console shows it.")
    if len(text.split()) > 1:
        return KeyView(
            slot, None, Verdict.UNREADABLE, "there is white space inside; put one key there and nothing else."
        )
    if text.startswith(NO_KEY):
        words = f"it is no key of an app, for it begins with {NO_KEY!r}; is it a downscoped token?"
        return KeyView(slot, None, Verdict.UNREADABLE, words)
    token = Token(text)
    memory.hand.values[token.fingerprint] = token
    return KeyView(slot, token.fingerprint, Verdict.LIVE)


def _text(raw: bytes) -> str | None:
    try:
        text = raw.decode("ascii").strip()
    except UnicodeDecodeError:
        return None
    return text if all(character.isprintable() or character.isspace() for character in text) else None


async def _stands(
    fingerprint: Fingerprint, desired: Desired, seen: Observed, platform: Platform, memory: Memory, now: datetime
) -> bool:
    """May a key from before the client credentials be live? Whose it is was found out when it was published."""
    value, verdicts = memory.hand.values.get(fingerprint), memory.hand.verdicts
    if value is None and fingerprint not in verdicts:
        return is_asked_for(fingerprint, desired, seen, now)
    if value is not None and fingerprint not in verdicts:
        try:
            answer = await platform.identify(value)
        except TransientError:
            # The access tokens must not wait for the answer.
            return True
        verdicts[fingerprint] = answer if isinstance(answer, Verdict) else Verdict.LIVE
    return verdicts[fingerprint] in STANDING


def _left_app(desired: Desired, seen: Observed, keys: list[FormerToken], tokens: dict[Slot, SlotToken]) -> BoxApp:
    secret = next(iter(own_secrets(desired, seen)), None)
    known = (desired.client_id, seen.remembered.client_id)
    client_id = client_said_by(secret, known) if secret is not None else None
    return BoxApp(
        id=next((each.app_id for each in keys if each.app_id is not None), AppID("")),
        client_id=client_id or ClientID(""),
        name=desired.display_name,
        reference="",
        authorization=Authorization(AuthorizationState.AUTHORIZED, enabled=True),
        tokens=tokens,
        cors_domains=(),
        revision=0,
    )


async def _ask(
    memory: Memory, platform: Platform, fingerprint: Fingerprint, app_id: AppID | None, enterprise: str | None
) -> None:
    answer = await platform.identify(memory.hand.values[fingerprint])
    if isinstance(answer, Verdict):
        memory.hand.verdicts[fingerprint] = answer
        return
    known = memory.hand.identity.app_id if memory.hand.identity is not None else app_id
    verdict = _belongs(answer, known, enterprise)
    memory.hand.verdicts[fingerprint] = verdict
    memory.hand.words[fingerprint] = _complaint(verdict, answer, known, enterprise)
    if verdict is Verdict.LIVE:
        memory.hand.identity = answer


def _belongs(who: Identity, app_id: AppID | None, enterprise: str | None) -> Verdict:
    if who.app_id is None:
        return Verdict.A_PERSONS
    if enterprise is not None and who.enterprise_id not in (None, enterprise):
        return Verdict.OTHER_ENTERPRISE
    return Verdict.LIVE if app_id in (None, who.app_id) else Verdict.OTHER_APP


def _complaint(verdict: Verdict, who: Identity, app_id: AppID | None, enterprise: str | None) -> str:
    match verdict:
        case Verdict.A_PERSONS:
            return f"it acts for {who.login}, a person; is it a developer token? Generate a key for the app instead."
        case Verdict.OTHER_ENTERPRISE:
            return f"it belongs to enterprise {who.enterprise_id}, not to {enterprise}."
        case Verdict.OTHER_APP:
            return f"it belongs to app {who.app_id} ({who.name}), not to app {app_id}."
        case _:
            return ""


WORDS = {
    Verdict.DEAD: "Box does not accept it: it was revoked, has expired, or was not copied whole.",
    Verdict.NARROW: "it has fewer rights than a key of the app; is it a downscoped token?",
    Verdict.DISABLED: "Box says that the app is disabled.",
}


def _judged(key: KeyView, memory: Memory) -> KeyView:
    if key.fingerprint is None:
        return key
    verdict = memory.hand.verdicts.get(key.fingerprint, Verdict.DISABLED)
    return replace(key, verdict=verdict, words=memory.hand.words.get(key.fingerprint) or WORDS.get(verdict, ""))


def _app(desired: Desired, seen: Observed, tokens: dict[Slot, SlotToken], memory: Memory) -> BoxApp | None:
    if desired.client_id is None:
        return None
    disabled = bool(tokens) and not any(token.accepted for token in tokens.values())
    app_id = memory.hand.identity.app_id if memory.hand.identity is not None else seen.remembered.app_id
    allowed = tuple(origin for origin, is_allowed in memory.hand.origins.items() if is_allowed and origin)
    return BoxApp(
        id=AppID(app_id or ""),
        client_id=ClientID(desired.client_id),
        name=desired.display_name,
        reference=desired.reference,
        authorization=Authorization(AuthorizationState.AUTHORIZED, enabled=not disabled),
        tokens=tokens,
        cors_domains=allowed,
        revision=0,
    )


async def _try_origins(desired: Desired, seen: Observed, token: Token, platform: Platform, memory: Memory) -> None:
    """Each origin of the spec once, and those that Box allowed before and the spec dropped.

    At the next resync only those are tried again that were not as they should be.
    """
    hand, wanted = memory.hand, desired.cors_domains or (NOBODY,)
    if not hand.origins and seen.remembered.origins == desired.cors_domains:
        # The last pass of another process found them in order.
        hand.origins = {origin: origin != NOBODY for origin in wanted}
    if hand.try_origins_again:
        in_order = {origin: origin in desired.cors_domains for origin in hand.origins}
        hand.origins = {origin: allowed for origin, allowed in hand.origins.items() if allowed == in_order[origin]}
        hand.try_origins_again = False
    for origin in dict.fromkeys([*wanted, *seen.remembered.allowed]):
        if origin not in hand.origins:
            sample = origin.replace("*", SAMPLE_HOST) if origin else SAMPLE_ORIGIN
            hand.origins[origin] = await platform.allows_origin(token, sample)
    hand.origins = {origin: allowed for origin, allowed in hand.origins.items() if allowed or origin in wanted}
