"""May this object have this app? One that was not registered for it needs an entry of the enterprise's owner.

Whoever may write a BoxCustomApp may write any client id into it, and a console endpoint has power over every app of the
enterprise. So the client id alone gives no right to an app. The reference at the app does, which only the operator
writes, and an entry in ``BoxEnterprise.spec.adoption`` does, which only the owner of the enterprise writes.
"""

import enum
import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime

from box_app_operator.model.box import AdoptionEntry, BoxApp, Problem, owner_in, uid_in
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import DeletionPolicy, Desired
from box_app_operator.model.observed import Adoption, Observed

_YAML_WORDS = frozenset({"true", "false", "yes", "no", "on", "off", "y", "n", "null"})
"""Bare words that YAML 1.1 reads as something else than text."""


class _Right(enum.IntEnum):
    """What one entry gives, from nothing to everything: entries for the same app add up."""

    NOTHING = 0
    USE = 1
    DELETE = 2


def adoption_of(app: BoxApp, claimant: Desired, entries: Iterable[AdoptionEntry]) -> Adoption:
    """What the reference and the entries say about an app and a BoxCustomApp that asks for it."""
    if uid_in(app.reference) == claimant.uid:
        return Adoption.NOT_NEEDED
    match max((_right(entry, app, claimant) for entry in entries), default=_Right.NOTHING):
        case _Right.NOTHING:
            return Adoption.MISSING
        case _Right.USE:
            return Adoption.ALLOWED
        case _Right.DELETE:
            return Adoption.ALLOWED_WITH_DELETE


def _right(entry: AdoptionEntry, app: BoxApp, claimant: Desired) -> _Right:
    named = entry.name in (None, claimant.name)
    if entry.client_id != app.client_id or entry.namespace != claimant.namespace or not named:
        return _Right.NOTHING
    return _Right.DELETE if entry.allow_delete else _Right.USE


def belongs_to_another(app: BoxApp, claimant: Desired) -> bool:
    """Was the app registered for a BoxCustomApp of another name? No entry changes that."""
    return owner_in(app.reference) not in (None, f"{claimant.namespace}/{claimant.name}")


def with_adoption(desired: Desired, seen: Observed, entries: Sequence[AdoptionEntry], now: datetime) -> Observed:
    """What was observed, with what the entries say of the app, and with the problem where they do not allow it.

    For an object that is being deleted it is no problem: see ``deletion``.
    """
    app = seen.app
    if app is None:
        return seen
    if belongs_to_another(app, desired):
        # That it is managed elsewhere is found out beside this, and no entry would help.
        return replace(seen, adoption=Adoption.MISSING)
    seen = replace(seen, adoption=adoption_of(app, desired, entries))
    if seen.problem is not None or desired.deleting:
        return seen
    return replace(seen, problem=_problem(desired, app, seen.adoption, now))


def _problem(desired: Desired, app: BoxApp, adoption: Adoption, now: datetime) -> Problem | None:
    deletes = desired.deletion_policy is DeletionPolicy.DELETE
    entry, owner = entry_text(desired, app), f"owner of BoxEnterprise {desired.enterprise!r}"
    if adoption is Adoption.MISSING:
        message = (
            f"The Box app with client id {app.client_id} was not registered by this BoxCustomApp. "
            f"The {owner} can allow it to be adopted by adding to spec.adoption: {entry}"
        )
        return Problem(Reason.ADOPTION_NOT_ALLOWED, message, now, stalled=True)
    if adoption is Adoption.ALLOWED and deletes:
        message = (
            "spec.deletionPolicy is Delete, and this BoxCustomApp may not delete the app that it adopted. "
            f"Choose another deletionPolicy, or ask the {owner} to add to spec.adoption: {entry}"
        )
        return Problem(Reason.INVALID_SPEC, message, now, stalled=True)
    return None


def entry_text(desired: Desired, app: BoxApp) -> str:
    """The entry that allows what the spec asks for, as one line of YAML to paste."""
    fields = {"clientID": app.client_id, "namespace": desired.namespace, "name": desired.name}
    texts = [f"{key}: {_yaml(text)}" for key, text in fields.items()]
    texts += ["allowDelete: true"] if desired.deletion_policy is DeletionPolicy.DELETE else []
    return f"- {{{', '.join(texts)}}}"


def _yaml(text: str) -> str:
    """A text as YAML reads it back: ``true``, ``1e5`` and ``12`` are names that Kubernetes allows."""
    plain = re.fullmatch(r"[A-Za-z][-A-Za-z0-9.]*", text) and text.lower() not in _YAML_WORDS
    return text if plain else json.dumps(text)
