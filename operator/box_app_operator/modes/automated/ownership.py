"""Whose app is it? By which right a BoxCustomApp has an app in Box, or gets one that another object has. Pure.

Whoever may write a BoxCustomApp may write any client id into it, and a console endpoint has power over every app of the
enterprise. So a client id gives no right to an app. What counts is the reference at the app, which only the operator
writes; whether the object that it names is alive; and what the owner of the enterprise wrote into ``spec.adoption``.
"""

import enum
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from box_app_operator.model.box import AdoptionEntry, BoxApp, Claimant, ClientID, Fingerprint, Reference, name_key


class Right(enum.Enum):
    """Why an object may have an app, or may not; the first that holds counts."""

    MINE = "the reference names this object"
    LOST = "this object had it, and another one has it by now"
    MINE_AGAIN = "an earlier life of this object had it, in the same life of the namespace"
    HANDED_OVER = "the object that has it hands it over to this one"
    GIVEN = "the owner of the enterprise wrote an entry"
    PROVEN = "this object's Secret holds a live token of it, and the object that had it is gone"
    NONE = "none of these"


@dataclass(frozen=True, slots=True)
class Holder:
    """What is known of the object that a reference names.

    ``alive`` tells that it is in this cluster, or in a namespace of this cluster that is not watched.
    ``hands_over_to`` is the "namespace/name" in its annotation.
    """

    alive: bool = False
    hands_over_to: str | None = None


@dataclass(frozen=True, slots=True)
class Claim:
    """An object that wants an app.

    ``client_id`` is what its spec names. ``tokens`` are the values in its own Secret. ``had_app`` tells that its status
    records that it had an app, ``asks_again`` that a person asks for the app anew since it was lost.
    """

    claimant: Claimant
    display_name: str
    client_id: ClientID | None
    tokens: frozenset[Fingerprint] = frozenset()
    had_app: bool = False
    asks_again: bool = False


def right_of(app: BoxApp, claim: Claim, holder: Holder, entries: Iterable[AdoptionEntry]) -> Right:
    """By which right the object has the app, or may take it over."""
    reference, claimant = app.owner, claim.claimant
    if reference is None:
        given = any(_is_meant(entry, app, claimant) and entry.client_id is not None for entry in entries)
        return Right.GIVEN if given else Right.NONE
    if reference.owner.uid == claimant.uid:
        return Right.MINE
    if claim.had_app and not claim.asks_again:
        return Right.LOST
    rules: dict[Right, Callable[[], bool]] = {
        Right.MINE_AGAIN: lambda: not holder.alive and _is_mine_again(reference.owner, app, claim),
        Right.HANDED_OVER: lambda: holder.hands_over_to == claimant.place and claim.client_id == app.client_id,
        Right.GIVEN: lambda: any(_gives(entry, app, reference.owner, claimant, holder) for entry in entries),
        Right.PROVEN: lambda: not holder.alive and _is_proven(reference.owner, app, claim),
    }
    return next((right for right, holds in rules.items() if holds()), Right.NONE)


def may_delete(app: BoxApp, claimant: Claimant, entries: Iterable[AdoptionEntry]) -> bool:
    """May the app be deleted in Box with the object that has it? One that a person made only with ``allowDelete``."""
    return app.was_created or any(entry.allow_delete and _is_meant(entry, app, claimant) for entry in entries)


def _is_mine_again(owner: Claimant, app: BoxApp, claim: Claim) -> bool:
    claimant = claim.claimant
    same_life = (owner.cluster, owner.namespace, owner.namespace_uid) == (
        claimant.cluster,
        claimant.namespace,
        claimant.namespace_uid,
    )
    same_name = owner.name == claimant.name and name_key(app.name) == name_key(claim.display_name)
    return same_life and (same_name or claim.client_id == app.client_id)


def _is_proven(owner: Claimant, app: BoxApp, claim: Claim) -> bool:
    """A restored backup looks like this: the Secret is there, and the object that it was made for is not."""
    live = {token.fingerprint for token in app.issued}
    return owner.namespace == claim.claimant.namespace and not live.isdisjoint(claim.tokens)


def _is_meant(entry: AdoptionEntry, app: BoxApp, claimant: Claimant) -> bool:
    """Does the entry speak of this object, and perhaps of this app?"""
    named = entry.namespace == claimant.namespace and entry.name in (None, claimant.name)
    this_life = entry.namespace_uid in (None, claimant.namespace_uid)
    return named and this_life and entry.client_id in (None, app.client_id)


def _gives(entry: AdoptionEntry, app: BoxApp, owner: Claimant, claimant: Claimant, holder: Holder) -> bool:
    """Does the entry give the object an app that another object had?"""
    came_from = entry.from_cluster in (None, owner.cluster) and entry.from_namespace_uid in (None, owner.namespace_uid)
    if not came_from or not _is_meant(entry, app, claimant):
        return False
    if entry.client_id is None and not _is_namesake(entry, owner, claimant):
        return False
    if holder.alive:
        return entry.from_owner == owner.place
    elsewhere = owner.cluster not in ("", claimant.cluster)
    return entry.from_cluster is not None if elsewhere else not _is_spent(entry, owner, claimant)


def _is_namesake(entry: AdoptionEntry, owner: Claimant, claimant: Claimant) -> bool:
    """An entry for a whole cluster or namespace gives to each object what one of its name had."""
    whole = entry.from_cluster is not None or entry.from_namespace_uid is not None
    same_namespace = entry.from_namespace_uid is not None or owner.namespace == claimant.namespace
    return whole and same_namespace and owner.name == claimant.name


def _is_spent(entry: AdoptionEntry, owner: Claimant, claimant: Claimant) -> bool:
    """Was it used by an earlier life of the namespace? Whoever has the name next did not get the entry."""
    other_life = owner.namespace_uid not in ("", claimant.namespace_uid)
    unnamed = entry.namespace_uid is None and entry.from_namespace_uid is None
    return unnamed and owner.namespace == entry.namespace and other_life


def is_elsewhere(reference: Reference, claimant: Claimant) -> bool:
    """Does it name an object in another cluster?"""
    return reference.owner.cluster not in ("", claimant.cluster)
