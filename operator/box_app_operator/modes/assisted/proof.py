"""Asking Box about one key: does it live, and whose is it? What Box said is remembered in the object's memory.

The proof is a call that App Tokens may make by Box's own list. Whose a key is Box may tell or not: a key is never
refused because it does not.
"""

from dataclasses import dataclass

from box_app_operator.cache.attempts import PlatformAnswers
from box_app_operator.cache.identities import Identities
from box_app_operator.model.box import AppID
from box_app_operator.model.platform_view import Identity, Verdict
from box_app_operator.ports import Platform, Token


@dataclass(frozen=True, slots=True)
class BoxAccess:
    """Box's public API for one enterprise. ``enterprise_id`` is whose a key must be, None for any enterprise."""

    platform: Platform
    identities: Identities
    enterprise_id: str | None


@dataclass(frozen=True, slots=True)
class Candidate:
    """A key to ask Box about. ``name`` is what people call it, ``was_published`` tells that it was proven before."""

    token: Token
    name: str
    was_published: bool


async def judge(key: Candidate, box: BoxAccess, answers: PlatformAnswers, app_id: AppID | None) -> None:
    """Ask Box about a key.

    Args:
        app_id: the app that the object's keys belong to, None while it is not known.

    Raises:
        TransientError: Box did not answer, or not in a way that says anything about the key.
    """
    fingerprint = key.token.fingerprint
    verdict, who = await _ask(key, box, answers.identities.get(fingerprint))
    message = ""
    if who is not None:
        answers.identities[fingerprint] = who
    if who is not None and verdict is Verdict.LIVE:
        known = answers.identity.app_id if answers.identity is not None else app_id
        verdict = _belongs(who, known, box.enterprise_id)
        message = _complaint(verdict, who, known, box.enterprise_id, answers.came_first)
        if verdict is Verdict.LIVE:
            answers.came_first = answers.came_first or (key.name if known is None else "")
            answers.identity = who
    answers.verdicts[fingerprint], answers.messages[fingerprint] = verdict, message


async def _ask(key: Candidate, box: BoxAccess, known: Identity | None) -> tuple[Verdict, Identity | None]:
    """What becomes of the key, and whose it is.

    A new key is proven, then asked whose it is. One that was published was proven then: it costs one call, be it the
    one or the other. For a refusal of the latter says, too, that Box knows the token.
    """
    answer: Identity | Verdict | None = None
    asked = known is None and (not key.was_published or box.identities.may_ask_again())
    if asked and key.was_published:
        answer = await box.identities.ask(box.platform, key.token)
        if isinstance(answer, Identity) or answer is Verdict.NARROW:
            box.identities.note(answer)
            return Verdict.LIVE, answer if isinstance(answer, Identity) else None
        if answer is Verdict.DISABLED:
            return Verdict.DISABLED, None
    verdict = await box.platform.prove(key.token)
    if verdict is Verdict.NARROW and key.was_published:
        # It may read no files any more; but it is live, and pods have it.
        verdict = Verdict.LIVE
    if asked and verdict is Verdict.LIVE:
        answer = answer if key.was_published else await box.identities.ask(box.platform, key.token)
        box.identities.note(answer)
    return verdict, answer if isinstance(answer, Identity) else known


def _belongs(who: Identity, app_id: AppID | None, enterprise: str | None) -> Verdict:
    if who.app_id is None:
        return Verdict.A_PERSONS
    if enterprise is not None and who.enterprise_id not in (None, enterprise):
        return Verdict.OTHER_ENTERPRISE
    return Verdict.LIVE if app_id in (None, who.app_id) else Verdict.OTHER_APP


def _complaint(verdict: Verdict, who: Identity, app_id: AppID | None, enterprise: str | None, came_first: str) -> str:
    match verdict:
        case Verdict.A_PERSONS:
            return f"it acts for {who.login}, a person; is it a developer token? Generate a key for the app instead."
        case Verdict.OTHER_ENTERPRISE:
            return f"it belongs to enterprise {who.enterprise_id}, not to {enterprise}."
        case Verdict.OTHER_APP:
            first = f" {came_first} came first." if came_first else ""
            return f"it belongs to app {who.app_id} ({who.name}), not to app {app_id}.{first}"
        case _:
            return ""
