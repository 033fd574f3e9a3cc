"""Which of several BoxCustomApps has the older claim to an app that they name by its client id. No calls."""

from __future__ import annotations

from box_app_operator.api.enterprise import selects
from box_app_operator.api.spec import Body, enterprise_of
from box_app_operator.cache.cluster import Store
from box_app_operator.enterprise.protocols import Link
from box_app_operator.model.box import UID, BoxApp, owner_in, uid_in
from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import Adoption, Observed
from box_app_operator.modes.automated.adoption import Claimant, adoption_of, belongs_to_another, claimant_of


def claimed_by(desired: Desired, seen: Observed, store: Store, link: Link) -> str | None:
    """The other BoxCustomApp that an app to be adopted belongs to; None when it is free.

    Only those count that could have it: of the same enterprise, in a namespace that the enterprise allows, and where a
    console endpoint has power over the app, with an entry that allows it.
    """
    app = seen.app
    if app is None or desired.client_id is None:
        return None
    if link.has_console and belongs_to_another(app, claimant_of(desired)):
        return owner_in(app.reference)
    if link.has_console and (seen.adoption is Adoption.MISSING or uid_in(app.reference) == desired.uid):
        return None
    claims = store.claims(desired.client_id)
    first = next((body for body in claims if _may_have(app, body, desired.enterprise, store, link)), None)
    if first is None or first["metadata"]["uid"] == desired.uid:
        return None
    return f"{first['metadata']['namespace']}/{first['metadata']['name']}"


def _may_have(app: BoxApp, body: Body, enterprise: str, store: Store, link: Link) -> bool:
    """Could this BoxCustomApp have the app of this enterprise that it names?"""
    meta = body["metadata"]
    if enterprise_of(body) != enterprise or not selects(link.selector, store.labels_of(meta["namespace"])):
        return False
    claimant = Claimant(meta["namespace"], meta["name"], UID(meta["uid"]))
    return not link.has_console or adoption_of(app, claimant, link.adoption) is not Adoption.MISSING
