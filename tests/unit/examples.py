"""Worlds that are easy to name: a ready app, one that waits, one in conflict, and so on."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.fakes.cluster import claimant_of, reference_of
from tests.unit.pretend import APP_ID, CLIENT_ID, NOON, World, decided, look, published_secret
from tests.unit.strategies import AUTHORIZED, DESIRED, foreign_secret

from box_app_operator.core.plan import Plan
from box_app_operator.model.box import (
    AdoptionEntry,
    AuthorizationState,
    BoxApp,
    Fingerprint,
    IssuedToken,
    PendingToken,
    Problem,
    Slot,
)
from box_app_operator.model.conditions import Condition
from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import Observed, RememberedStatus
from box_app_operator.modes.automated.adoption import Found, with_ownership
from box_app_operator.modes.automated.ownership import Holder

CORS = ("https://app.acme.com",)
ONE = IssuedToken(Fingerprint("1" * 16), NOON - timedelta(days=1), NOON + timedelta(days=59))
TWO = IssuedToken(Fingerprint("2" * 16), NOON - timedelta(days=2), None)


def app_for(desired: Desired = DESIRED, **changes: object) -> BoxApp:
    """An authorized app without tokens that is the object's own; with a client id a person made it."""
    reference = reference_of(desired, adopted=desired.client_id is not None)
    app = BoxApp(APP_ID, CLIENT_ID, desired.display_name, reference, AUTHORIZED, {}, desired.cors_domains, 1)
    return replace(app, **changes)  # type: ignore[arg-type]


def ready_world(desired: Desired = DESIRED, **tokens: IssuedToken) -> World:
    """An app whose primary token is in the Secret."""
    app = app_for(desired, tokens={Slot.PRIMARY: ONE, **{Slot(slot): token for slot, token in tokens.items()}})
    secret = published_secret(desired, app, Slot.PRIMARY)
    remembered = RememberedStatus(app.id, app.client_id, ONE.fingerprint)
    return World(desired, Observed(known=True, app=app, secret=secret, remembered=remembered, pods=()))


def said(plan: Plan, type_: str) -> Condition:
    """The condition of this type."""
    return next(condition for condition in plan.conditions if condition.type == type_)


def tasks(plan: Plan) -> list[str]:
    """What a person should do."""
    return [step.what for step in plan.tasks]


ADOPT = replace(DESIRED, client_id=CLIENT_ID)


def adopting(*entries: AdoptionEntry, **wish: Any) -> World:
    """An object names an app that a person made, and the enterprise's owner allowed so much."""
    desired = replace(ADOPT, **wish)
    return World(desired, found(desired, app_for(desired, reference=""), *entries))


def found(desired: Desired, app: BoxApp, *entries: AdoptionEntry, alive: bool = False, **seen: Any) -> Observed:
    """What is observed once this app was found for the object. ``alive``: the object that has it is."""
    observed = Observed(known=True, claimant=claimant_of(desired), **seen)
    return with_ownership(desired, observed, Found(app, claimant_of(desired), Holder(alive), entries), NOON)


WITH_CORS = replace(DESIRED, cors_domains=CORS)
GONE = replace(DESIRED, deleting=True)
NOTHING = World(DESIRED, Observed(known=True, claimant=claimant_of(DESIRED)))
NO_TOKEN = World(DESIRED, Observed(known=True, app=app_for()))
PENDING = PendingToken(ONE.fingerprint)
BOTH = {Slot.PRIMARY: ONE, Slot.SECONDARY: TWO}


def standing(state: AuthorizationState, *, enabled: bool = False, **wish: Any) -> World:
    """A world without tokens whose app stands so with the admin."""
    desired = replace(DESIRED, **wish)
    return World(desired, Observed(known=True, app=decided(app_for(desired), state, enabled=enabled)))


def holding(proven: bool | None) -> World:
    """A token was minted and is not published yet."""
    app = app_for(tokens={Slot.PRIMARY: ONE})
    return World(DESIRED, Observed(known=True, app=app, pending=replace(PENDING, proven=proven)))


def troubled(reason: str, *, stalled: bool) -> World:
    """Something outside the app is in the way, for a day."""
    awaited = reason == "EnterpriseNotFound"
    problem = Problem(reason, "Box is in the way.", NOON - timedelta(days=1), stalled, awaited)
    return World(DESIRED, Observed(problem=problem))


ADOPTED_FULL = World(ADOPT, Observed(known=True, app=app_for(ADOPT, tokens=BOTH)))
CONFLICT = look(NO_TOKEN, secret=foreign_secret(DESIRED))
CLAIMED = World(ADOPT, Observed(known=True, app=app_for(ADOPT), claimed_by="other/viewer"))
