"""What one look may find of an app, as functions of what is wanted."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

from tests.fakes.cluster import claimant_of
from tests.gitops.record import Look
from tests.unit.examples import BOTH, ONE, TWO, app_for, found, ready_world
from tests.unit.pretend import APP_ID, NOON, World, decided, in_mode, published_secret, unlisted
from tests.unit.strategies import foreign_secret

from box_app_operator.model.box import AuthorizationState, IssuedToken, PendingToken, Problem, Slot
from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import MAX_REPLACEMENTS, Leaving, Mode, NameHolder, Observed, Pace
from box_app_operator.model.platform_view import KeyView, PlatformView, Verdict

LIVE = replace(ONE, accepted=True)
OVER = replace(ONE, expires_at=NOON)
OLD = replace(LIVE, created_at=NOON - timedelta(days=55), expires_at=NOON + timedelta(days=5))


# What is seen through a console endpoint


def nothing(desired: Desired) -> Observed:
    """Box knows no such app."""
    return Observed(known=True, claimant=claimant_of(desired))


def with_name_about_to_be_free(desired: Desired) -> Observed:
    """Another object's app has the name, and is being deleted."""
    return replace(nothing(desired), name_holder=NameHolder("billing", "former", Leaving.DELETED))


def standing(state: AuthorizationState, *, enabled: bool = False) -> Look:
    """The app has no token, and stands so with the admin."""
    return lambda desired: Observed(known=True, app=decided(app_for(desired), state, enabled=enabled))


def authorized(desired: Desired) -> Observed:
    """The app is authorized and has no token yet."""
    return Observed(known=True, app=app_for(desired))


def limited(desired: Desired) -> Observed:
    """The token is lost, as were those before it."""
    return replace(authorized(desired), pace=Pace(NOON - timedelta(minutes=1), MAX_REPLACEMENTS))


def settled(desired: Desired) -> Observed:
    """The Secret holds a live token."""
    return ready_world(desired).observed


def settled_but(state: AuthorizationState, token: IssuedToken = ONE) -> Look:
    """The Secret holds a token, and the app stands so with the admin."""

    def look(desired: Desired) -> Observed:
        seen = ready_world(desired, primary=token).observed
        assert seen.app is not None
        return replace(seen, app=decided(seen.app, state))

    return look


def overdue(desired: Desired) -> Observed:
    """The token in the Secret has expired."""
    return ready_world(desired, primary=OVER).observed


def with_other_origins(desired: Desired) -> Observed:
    """All is well but for the CORS domains."""
    seen = settled(desired)
    assert seen.app is not None
    return replace(seen, app=replace(seen.app, cors_domains=()))


def pending_with_other_origins(desired: Desired) -> Observed:
    """The admin has not decided yet, and the CORS domains are not set."""
    app = app_for(desired, cors_domains=())
    return Observed(known=True, app=decided(app, AuthorizationState.PENDING))


def rotated(desired: Desired) -> Observed:
    """Another token took the place of the previous one, which is still live."""
    seen = settled(desired)
    assert seen.app is not None
    app = replace(seen.app, tokens={Slot.PRIMARY: ONE, Slot.SECONDARY: replace(TWO, expires_at=NOON + timedelta(58))})
    remembered = replace(seen.remembered, active=TWO.fingerprint, retiring=ONE.fingerprint)
    return replace(seen, app=app, secret=published_secret(desired, app, Slot.SECONDARY, seen), remembered=remembered)


def conflicting(desired: Desired) -> Observed:
    """Somebody else has a Secret of that name."""
    return replace(authorized(desired), secret=foreign_secret(desired))


def renamed_and_conflicting(desired: Desired) -> Observed:
    """The same, and the app still has another name."""
    return replace(conflicting(desired), app=app_for(desired, name="Old Name"))


def by_hand_in_box(desired: Desired) -> Observed:
    """A person made the app, and nobody allowed its adoption."""
    return found(desired, app_for(desired, reference=""))


def claimed(desired: Desired) -> Observed:
    """Another object has the app."""
    return replace(authorized(desired), claimed_by="other/viewer")


def occupied(desired: Desired) -> Observed:
    """Both slots hold keys that people generated."""
    return Observed(known=True, app=app_for(desired, tokens=BOTH))


def troubled(reason: str, *, by_spec: bool) -> Look:
    """Something outside of the app is in the way, for a day."""
    awaited = reason == "EnterpriseNotFound"
    problem = Problem(reason, "Something is in the way.", NOON - timedelta(days=1), by_spec, awaited)
    return lambda _: Observed(problem=problem)


# What is seen without one


def by_hand(desired: Desired, **platform_view: Any) -> Observed:
    """A person does the console's steps; there is no key yet."""
    known = unlisted(app_for(desired), Mode.ASSISTED) if desired.client_id else None
    return Observed(
        known=True, unlisted=known, mode=Mode.ASSISTED, pods=(), platform_view=PlatformView(**platform_view)
    )


def with_bad_key(desired: Desired) -> Observed:
    """The key that somebody handed over belongs to another app."""
    bad = KeyView(Slot.PRIMARY, TWO.fingerprint, Verdict.OTHER_APP, "it belongs to app 7, not to app 4711.")
    return by_hand(desired, keys=(bad,))


def with_good_key(desired: Desired) -> Observed:
    """A key was handed over and proven; it is not in the Secret yet."""
    pending = PendingToken(ONE.fingerprint, proven=True)
    seen = by_hand(desired, app_id=APP_ID, origins={"": False})
    known = unlisted(app_for(desired, tokens={Slot.PRIMARY: LIVE}), Mode.ASSISTED)
    return replace(seen, unlisted=known, pending=pending)


def settled_by_hand(token: IssuedToken = LIVE, *, enabled: bool = True, **platform_view: Any) -> Look:
    """A key that a person generated is in the Secret."""
    said = Verdict.LIVE if enabled else Verdict.DISABLED
    known = {
        "app_id": APP_ID,
        "published": said,
        "name": "Acme Viewer",
        "origins": {"": False},
        "disabled": not enabled,
    }

    def look(desired: Desired) -> Observed:
        world = ready_world(desired, primary=token)
        app = replace(world.app, authorization=replace(world.app.authorization, enabled=enabled))
        return in_mode(world, Mode.ASSISTED, platform_view=PlatformView(**{**known, **platform_view}), app=app).observed

    return look


def with_dead_key(desired: Desired) -> Observed:
    """Box does not accept the key in the Secret any more."""
    seen = settled_by_hand(published=Verdict.DEAD)(desired)
    assert seen.unlisted is not None
    return replace(seen, unlisted=replace(seen.unlisted, issued=(), slots={}))


def granted(*, pending: bool = False, **platform_view: Any) -> Look:
    """Box gives out tokens for client credentials; ``held`` tells that one is in the Secret."""

    def look(desired: Desired) -> Observed:
        seen = settled(desired) if pending else Observed(known=True, app=app_for(desired))
        known = PlatformView(**{"can_revoke": True, **platform_view})
        return in_mode(World(desired, seen), Mode.CLIENT_CREDENTIALS, platform_view=known).observed

    return look


MISSING = "Secret 'viewer-client' with the keys 'clientID' and 'clientSecret' is missing. Create it."


def without_credentials(desired: Desired) -> Observed:
    """Nobody created the Secret with the client credentials."""
    return granted(trouble=MISSING, can_revoke=False)(desired)


def without_renewal(desired: Desired) -> Observed:
    """Somebody deleted it, and the access token is due to be replaced."""
    return in_mode(
        ready_world(desired, primary=OLD), Mode.CLIENT_CREDENTIALS, platform_view=PlatformView(trouble=MISSING)
    ).observed
