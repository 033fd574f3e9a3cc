"""Worlds to try: everything that can be wanted and observed, in small domains that shrink to something readable.

The first alternative of every choice is the plainest, because Hypothesis shrinks towards it.
"""

from dataclasses import replace
from datetime import timedelta

from hypothesis import strategies as st
from tests.fakes.cluster import claimant_of, reference_of
from tests.unit.pretend import APP_ID, CLIENT_ID, NOON, World, in_mode, published_secret
from tests.unit.status_invariants import GOOD, NOT_GOOD

from box_app_operator.model.box import (
    UID,
    AdoptionEntry,
    Authorization,
    AuthorizationState,
    BoxApp,
    Fingerprint,
    IssuedToken,
    PendingToken,
    Problem,
    Refusal,
    RefusalKind,
    Slot,
    fingerprint_of,
)
from box_app_operator.model.conditions import FACETS, Condition, Reason
from box_app_operator.model.desired import ClientGrant, DeletionPolicy, Desired, Rotation, SecretKeys, SecretSpec
from box_app_operator.model.observed import Adoption, Mode, Observed, RememberedStatus
from box_app_operator.model.platform_view import KeyView, PlatformView, Verdict
from box_app_operator.model.secret import SecretView
from box_app_operator.model.steps import Step
from box_app_operator.modes.automated.ownership import may_delete

UID_HERE = UID("6e1f9f0c-6f0a-4f0e-9b43-1f2a3b4c5d6e")
ORIGINS = ("https://app.acme.com", "https://*.internal.acme.com", "http://localhost:3000")
OCCUPIED: tuple[tuple[Slot, ...], ...] = ((), (Slot.PRIMARY,), (Slot.SECONDARY,), tuple(Slot), tuple(Slot))
LOST = fingerprint_of("a token that is in no slot any more")

DESIRED = Desired(
    namespace="billing",
    name="viewer",
    uid=UID_HERE,
    generation=1,
    created_at="2026-03-01T11:00:00Z",
    enterprise="default",
    display_name="Acme Viewer",
    client_id=None,
    submit=True,
    secret=SecretSpec("viewer-box-token"),
    token_days=60,
    cors_domains=(),
    deletion_policy=DeletionPolicy.REVOKE_TOKENS,
    suspended=False,
    deleting=False,
    force_delete=False,
    has_finalizer=True,
    reconcile_request=None,
    rotation=Rotation(overlap=timedelta()),
)
"""The plainest wish. Its overlap is over at once, so that a world comes to rest without time passing."""

AUTHORIZED = Authorization(AuthorizationState.AUTHORIZED, enabled=True, submitted_at=NOON, decided_at=NOON)

ENTRY = AdoptionEntry(CLIENT_ID, DESIRED.namespace, DESIRED.name)
ENTRIES = ((replace(ENTRY, allow_delete=True),), (ENTRY,), ())
"""What the owner of the enterprise may have allowed: everything, everything but deletion, nothing."""
Entries = tuple[AdoptionEntry, ...] | None

origins = st.lists(st.sampled_from(ORIGINS), unique=True, max_size=2).map(tuple)


@st.composite
def desireds(draw: st.DrawFn, /, **fixed: object) -> Desired:
    """What a manifest can ask for; ``fixed`` are fields that the test needs to be so."""
    secret = SecretSpec(
        name="viewer-box-token",
        keys=draw(st.sampled_from([SecretKeys(), SecretKeys(token="TOKEN")])),
        labels=draw(st.sampled_from([{}, {"team": "billing"}])),
    )
    wish = replace(
        DESIRED,
        client_id=draw(st.sampled_from([None, CLIENT_ID])),
        submit=draw(st.sampled_from([True, False])),
        secret=secret,
        token_days=draw(st.sampled_from([60, 30, None])),
        cors_domains=draw(origins),
        deletion_policy=draw(st.sampled_from([DeletionPolicy.REVOKE_TOKENS, *DeletionPolicy])),
        suspended=draw(st.sampled_from([False, False, True])),
        deleting=draw(st.sampled_from([False, False, True])),
        force_delete=draw(st.sampled_from([False, False, True])),
        has_finalizer=draw(st.sampled_from([True, True, False])),
        reconcile_request=draw(st.sampled_from([None, "again"])),
    )
    return replace(wish, **fixed)  # type: ignore[arg-type]


@st.composite
def authorizations(draw: st.DrawFn) -> Authorization:
    """Where an app can stand with the admin; most often authorized, because more is possible then."""
    state = draw(st.sampled_from([AuthorizationState.AUTHORIZED, AuthorizationState.AUTHORIZED, *AuthorizationState]))
    asked = None if state is AuthorizationState.NOT_SUBMITTED else NOON - timedelta(days=2)
    answered = asked if state in (AuthorizationState.AUTHORIZED, AuthorizationState.DECLINED) else None
    return Authorization(state, draw(st.sampled_from([True, False])), asked, answered)


@st.composite
def slot_tokens(draw: st.DrawFn, slot: Slot) -> IssuedToken:
    """A token as Box shows it, live or past its time; 30 days after day 30 is the very moment of expiry."""
    age = timedelta(days=draw(st.sampled_from([1, 0, 30, 59, 61])))
    lifetime = draw(st.sampled_from([None, 30, 60]))
    created_at = NOON - age
    expires_at = created_at + timedelta(days=lifetime) if lifetime else None
    return IssuedToken(fingerprint_of(f"the {slot} token"), created_at, expires_at)


@st.composite
def box_apps(draw: st.DrawFn, desired: Desired) -> BoxApp:
    """The app that belongs to a wish."""
    return BoxApp(
        id=APP_ID,
        client_id=CLIENT_ID,
        name=draw(st.sampled_from([desired.display_name, "Old Name"])),
        reference=reference_of(desired, adopted=desired.client_id is not None),
        authorization=draw(authorizations()),
        tokens={slot: draw(slot_tokens(slot)) for slot in draw(st.sampled_from(OCCUPIED))},
        cors_domains=draw(st.one_of(st.just(desired.cors_domains), origins)),
        revision=draw(st.integers(1, 3)),
    )


def foreign_secret(desired: Desired) -> SecretView:
    """A Secret of the wanted name that belongs to someone else."""
    data = {"password": fingerprint_of("somebody's")}
    owner = {"owner_uid": UID("someone-else"), "owner_kind": "Deployment", "owner_name": "web"}
    about = {"uid": UID("foreign"), "resource_version": "1", "labels": {}, "annotations": {}, "fingerprints": data}
    return SecretView(desired.namespace, desired.secret.name, **owner, **about)


@st.composite
def secret_views(draw: st.DrawFn, desired: Desired, app: BoxApp | None) -> SecretView | None:
    """The Secret: absent, as published, edited by hand, stripped of its owner, or someone else's."""
    if draw(st.integers(0, 5)) == 0:
        return foreign_secret(desired)
    if app is None or not app.tokens:
        stale = SecretView(desired.namespace, desired.secret.name, UID("s"), "1", desired.uid, {}, {}, {"x": LOST})
        return draw(st.sampled_from([None, stale]))
    slot = draw(st.sampled_from(sorted(app.tokens)))
    whole = published_secret(desired, app, slot)
    edited = {**whole.fingerprints, desired.secret.keys.token: LOST}
    return draw(
        st.sampled_from(
            [
                None,
                whole,
                whole,
                whole,
                replace(whole, labels={}),
                replace(whole, annotations={}),
                replace(whole, fingerprints=edited),
                replace(whole, fingerprints={}),
                replace(whole, owner_uid=None),
            ]
        )
    )


@st.composite
def held_tokens(draw: st.DrawFn, app: BoxApp | None, secret: SecretView | None) -> PendingToken | None:
    """A minted token that is not published yet; only one that is in a slot can be held."""
    published = set(secret.fingerprints.values()) if secret else set()
    free = [slot for slot, token in (app.tokens if app else {}).items() if token.fingerprint not in published]
    if not free or app is None or not draw(st.booleans()):
        return None
    slot = draw(st.sampled_from(sorted(free)))
    return PendingToken(app.tokens[slot].fingerprint, draw(st.sampled_from([None, True, False])))


@st.composite
def remembered_statuses(draw: st.DrawFn, app: BoxApp | None) -> RememberedStatus:
    """What the object's status says of an earlier pass."""
    if app is None or not draw(st.booleans()):
        return RememberedStatus()
    known: list[Fingerprint] = [LOST, *(token.fingerprint for token in app.tokens.values())]
    return RememberedStatus(app.id, app.client_id, active=draw(st.sampled_from(known)))


def problems(*, in_cluster: bool | None = None) -> st.SearchStrategy[Problem]:
    """Something that keeps Box from being asked, begun before or beyond the grace."""
    reasons = {
        False: [Reason.BOX_UNAVAILABLE, Reason.ENTERPRISE_NOT_READY],
        True: [Reason.ENTERPRISE_NOT_FOUND, Reason.NAMESPACE_NOT_ALLOWED, Reason.ADOPTION_NOT_ALLOWED],
    }
    fault = {
        Reason.NAMESPACE_NOT_ALLOWED: {"stalled": True},
        Reason.ADOPTION_NOT_ALLOWED: {"stalled": True},
        Reason.ENTERPRISE_NOT_FOUND: {"awaited": True},
    }
    since = st.sampled_from([NOON, NOON - timedelta(minutes=4), NOON - timedelta(minutes=5), NOON - timedelta(days=1)])
    kinds = [in_cluster] if in_cluster is not None else [False, True]
    return st.sampled_from([reason for kind in kinds for reason in reasons[kind]]).flatmap(
        lambda reason: since.map(
            lambda moment: Problem(reason, "Something is in the way.", moment, **fault.get(reason, {}))
        )
    )


@st.composite
def observations(draw: st.DrawFn, desired: Desired, *, healthy: bool = False, entries: Entries = None) -> Observed:
    """What one look can find; ``healthy`` leaves out whatever keeps Box from being asked."""
    problem = None if healthy else draw(st.one_of(st.none(), st.none(), problems()))
    known = healthy or draw(st.sampled_from([True, True, True, False]))
    there = known and draw(st.sampled_from([True, True, False]))
    app = draw(box_apps(desired)) if there else None
    secret = draw(secret_views(desired, app))
    if entries is None:
        entries = draw(st.sampled_from(ENTRIES)) if desired.deleting or not healthy else ENTRIES[0]
    observed = Observed(
        known=known,
        claimant=claimant_of(desired),
        app=app,
        secret=secret,
        pending=draw(held_tokens(app, secret)),
        problem=problem,
        remembered=draw(remembered_statuses(app)),
        pods=(),
    )
    if app is not None:
        deletable = may_delete(app, claimant_of(desired), entries)
        observed = replace(observed, adoption=_adoption(app, deletable=deletable))
        if (
            desired.deletion_policy is DeletionPolicy.DELETE
            and not deletable
            and problem is None
            and not desired.deleting
        ):
            invalid = Problem(Reason.INVALID_SPEC, "It may not be deleted.", NOON, stalled=True)
            observed = replace(observed, problem=invalid)
    free = app is None or desired.client_id is None or healthy
    return replace(observed, claimed_by=None if free or not draw(st.booleans()) else "other/viewer")


def _adoption(app: BoxApp, *, deletable: bool) -> Adoption:
    if app.was_created:
        return Adoption.NOT_NEEDED
    return Adoption.ALLOWED_WITH_DELETE if deletable else Adoption.ALLOWED


@st.composite
def worlds(draw: st.DrawFn, /, *, healthy: bool = False, entries: Entries = None, **fixed: object) -> World:
    """A wish and what was observed for it; with ``entries`` only with these of the enterprise's owner."""
    desired = draw(desireds(**fixed))
    return World(desired, draw(observations(desired, healthy=healthy, entries=entries)))


@st.composite
def platform_views(draw: st.DrawFn, world: World) -> PlatformView:
    """What Box's public API can say of the keys of an app, and of its client."""
    tokens = world.observed.app.tokens if world.observed.app is not None else {}
    keys = tuple(KeyView(slot, token.fingerprint, draw(st.sampled_from(Verdict))) for slot, token in tokens.items())
    return PlatformView(
        keys=keys if draw(st.booleans()) else (),
        published=draw(st.sampled_from([None, *Verdict])),
        disabled=draw(st.booleans()),
        unidentified=draw(st.booleans()),
        can_revoke=draw(st.booleans()),
        trouble=draw(st.sampled_from([None, "It is not accepted."])),
        unauthorized=draw(st.booleans()),
    )


@st.composite
def worlds_without_console(draw: st.DrawFn, /, **fixed: object) -> World:
    """Worlds of the modes in which no console endpoint lists the apps: people act, or credentials are exchanged."""
    mode = draw(st.sampled_from([Mode.ASSISTED, Mode.CLIENT_CREDENTIALS]))
    granted = {"client_id": None, "grant": ClientGrant("creds", "enterprise", "1")}
    by_hand = {"client_id": draw(st.sampled_from([CLIENT_ID, None])), "import_from": "keys"}
    world = draw(worlds(**fixed))
    view = draw(platform_views(world))
    desired = replace(world.desired, **(granted if mode is Mode.CLIENT_CREDENTIALS else by_hand))
    observed = replace(world.observed, adoption=Adoption.NOT_NEEDED, claimed_by=None)
    return in_mode(World(desired, observed), mode, platform_view=view)


def worlds_of_any_mode(**fixed: object) -> st.SearchStrategy[World]:
    """Worlds of all three modes."""
    return st.one_of(worlds(**fixed), worlds_without_console(**fixed))


def working_worlds() -> st.SearchStrategy[World]:
    """Worlds in which the operator may act and Box answers."""
    return worlds(healthy=True, suspended=False, deleting=False)


def authorized_worlds(**fixed: object) -> st.SearchStrategy[World]:
    """Working worlds whose app the admin authorized and enabled."""
    return (
        worlds(healthy=True, suspended=False, deleting=False, **fixed)
        .filter(lambda world: world.observed.app is not None)
        .map(lambda world: replace(world, observed=_authorized(world.observed)))
    )


def _authorized(observed: Observed) -> Observed:
    assert observed.app is not None
    return replace(observed, app=replace(observed.app, authorization=AUTHORIZED))


@st.composite
def facets(draw: st.DrawFn, type_: str) -> Condition:
    """A condition as an earlier pass may have left it."""
    status = draw(st.sampled_from(["True", "False", "Unknown"]))
    reasons = GOOD if status == "True" else NOT_GOOD
    return Condition(type_, status, draw(st.sampled_from(sorted(reasons[type_]))), "As it was.")  # type: ignore[arg-type]


@st.composite
def previous_conditions(draw: st.DrawFn) -> dict[str, Condition]:
    """The conditions of the last pass: none at all, or a whole set that fits together."""
    if draw(st.booleans()):
        return {}
    found = [draw(facets(type_)) for type_ in FACETS]
    if (found[1].status, found[2].status) == ("False", "True"):
        found[2] = Condition("TokenReady", "False", Reason.TOKEN_REJECTED, "As it was.")
    first = next((condition for condition in found if condition.status != "True"), None)
    if first is None:
        return {condition.type: condition for condition in [*found, Condition("Ready", "True", "Ready", "As it was.")]}
    extra = draw(st.sampled_from(["Reconciling", "Stalled"]))
    summary = [Condition("Ready", first.status, first.reason, first.message)]
    summary.append(Condition(extra, "True", first.reason, first.message))
    return {condition.type: condition for condition in [*found, *summary]}


REFUSED_WITH = (
    "BoxUnavailable",
    "AwaitingToken",
    "TokenRejected",
    "NameTaken",
    "OriginRejected",
    "CredentialRejected",
    "InvalidSpec",
    "Disabled",
    "Deleting",
    "KubernetesConflict",
    "KubernetesUnavailable",
)
"""Every reason that an error of ``box``, ``kube`` and ``execute`` carries."""


def refusals_of(step: Step, *kinds: RefusalKind) -> st.SearchStrategy[dict[Step, Refusal]]:
    """This step was refused, in any of the ways, or in one of these."""
    kind, word = st.sampled_from(kinds or tuple(RefusalKind)), st.sampled_from(REFUSED_WITH)
    return st.builds(Refusal, kind, word, st.just("It was refused.")).map(lambda refusal: {step: refusal})
