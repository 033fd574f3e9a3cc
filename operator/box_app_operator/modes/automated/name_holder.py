"""Looking for the object whose app has the name that another object wants, and whether it gives it up. Never writes."""

from dataclasses import dataclass

from box_app_operator.api.remembered import parse_remembered, shown_conditions
from box_app_operator.api.spec import Resource
from box_app_operator.cache.cluster import Store
from box_app_operator.enterprise.protocols import Link
from box_app_operator.model.box import BoxApp, name_key
from box_app_operator.model.desired import DeletionPolicy, Desired
from box_app_operator.model.observed import Leaving, NameHolder
from box_app_operator.modes.automated.ownership import may_delete


@dataclass(frozen=True, slots=True)
class _Holding:
    """An app and the object that it belongs to. ``stalled`` tells that the object's status says so."""

    app: BoxApp
    owner: Desired
    stalled: bool


def find_name_holder(desired: Desired, link: Link, store: Store) -> NameHolder | None:
    """The other object whose app has the wanted name and is about to give it up; None when none is known to."""
    found = _find(desired.display_name, link, store)
    if found is None or found.owner.uid == desired.uid:
        return None
    leaving = _leaving(found, link, store)
    return NameHolder(found.owner.namespace, found.owner.name, leaving) if leaving is not None else None


def _find(name: str, link: Link, store: Store) -> _Holding | None:
    app = link.listing.by_name(name)
    owner = _object_of(app, store) if app is not None else None
    if app is None or owner is None:
        return None
    stalled = any(item[:2] == ("Stalled", "True") for item in shown_conditions(owner.body))
    return _Holding(app, owner.desired, stalled)


def _object_of(app: BoxApp, store: Store) -> Resource | None:
    """The object that the app was registered for, or that has adopted it."""
    key = store.key_of(app.owner_uid) if app.owner_uid is not None else None
    if key is not None:
        return store.apps.get(key)
    first = next(iter(store.claims(app.client_id)), None)
    has_it = first is not None and parse_remembered(first.body).client_id == app.client_id
    return first if has_it else None


def _leaving(held: _Holding, link: Link, store: Store) -> Leaving | None:
    if held.owner.deleting:
        return Leaving.DELETED if _deletes_app(held, link, store) else None
    return Leaving.RENAMED if _is_renamed(held, link, store) else None


def _deletes_app(held: _Holding, link: Link, store: Store) -> bool:
    """Does the app go with its object? With any other policy it stays in Box, and so does its name."""
    owner = held.owner
    deletes = owner.deletion_policy is DeletionPolicy.DELETE and owner.has_finalizer and not owner.force_delete
    claimant = store.claimant(owner)
    return deletes and claimant is not None and may_delete(held.app, claimant, link.adoption)


def _is_renamed(held: _Holding, link: Link, store: Store) -> bool:
    """Can the app get the name that its object wants? Objects may wait for each other in a row, but not in a circle."""
    seen = {held.app.id}
    while _wants_another_name(held):
        following = _find(held.owner.display_name, link, store)
        if following is None:
            return link.listing.by_name(held.owner.display_name) is None
        if following.owner.deleting:
            return _deletes_app(following, link, store)
        if following.app.id in seen:
            return False
        seen.add(following.app.id)
        held = following
    return False


def _wants_another_name(held: _Holding) -> bool:
    owner = held.owner
    works = owner.has_finalizer and not owner.invalid and not owner.suspended and not held.stalled
    return works and name_key(owner.display_name) != name_key(held.app.name)
