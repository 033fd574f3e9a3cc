"""What a step that worked changes in an observed world: a model for properties of ``plan``, and no imitation of Box.

It asks the imitation of Box in ``tests.fakes.box`` what Box makes of an app. A step that Box would refuse raises
``BoxWouldRefuseError``, because a plan must not count on being refused.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TypeVar

from tests.fakes.box import BoxWouldRefuseError, new_app, with_token, without_token

from box_app_operator.core.plan import Delays, Plan, plan
from box_app_operator.model.box import (
    UID,
    AppID,
    Authorization,
    AuthorizationState,
    BoxApp,
    ClientID,
    Fingerprint,
    IssuedToken,
    PendingToken,
    Refusal,
    Slot,
    UnlistedTokens,
    fingerprint_of,
)
from box_app_operator.model.conditions import Previous
from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import Mode, Observed, WorkloadView
from box_app_operator.model.secret import SecretView
from box_app_operator.model.steps import (
    AddFinalizer,
    CreateApp,
    DeleteApp,
    DeleteSecret,
    MintToken,
    ProveToken,
    PublishSecret,
    RemoveFinalizer,
    RenameApp,
    RestartWorkload,
    RevokeSlot,
    SetCorsDomains,
    Step,
    SubmitApp,
)
from box_app_operator.secret.contents import contents_of
from box_app_operator.secret.published import active_token

T = TypeVar("T")

IN_CLUSTER_PROBLEMS = ("EnterpriseNotFound", "NamespaceNotAllowed", "AdoptionNotAllowed", "InvalidSpec")
"""Problems that somebody in the cluster must mend."""
NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
GRACE = timedelta(minutes=5)
MAX_STEPS = 20
"""More steps than any world here can need."""

APP_ID = AppID("4711")
CLIENT_ID = ClientID("ly1nj6n11vionaie65emwzk575hnnmrk")


class ImpossibleWorldError(AssertionError):
    """A test built a world that cannot be observed."""


@dataclass(frozen=True)
class World:
    """What is wanted and what is there. ``minted`` counts the tokens that were ever generated."""

    desired: Desired
    observed: Observed
    minted: int = 0

    def __post_init__(self) -> None:
        """Refuse worlds that no observation could find."""
        wrong = [text for text, so in _contradictions(self.desired, self.observed).items() if so]
        if wrong:
            raise ImpossibleWorldError("; ".join(wrong))

    @property
    def app(self) -> BoxApp:
        """The app, which must exist."""
        assert self.observed.app is not None
        return self.observed.app

    @property
    def secret(self) -> SecretView:
        """The Secret with the token, which must exist."""
        assert self.observed.secret is not None
        return self.observed.secret

    def live(self, now: datetime = NOON) -> dict[Slot, Fingerprint]:
        """The live tokens by slot."""
        tokens = self.observed.app.tokens if self.observed.app else {}
        return {slot: token.fingerprint for slot, token in tokens.items() if token.is_live(now)}

    def published(self) -> Fingerprint | None:
        """The fingerprint of what the Secret holds as its token."""
        secret = self.observed.secret
        return secret.fingerprints.get(self.desired.secret.keys.token) if secret else None


def _contradictions(desired: Desired, observed: Observed) -> dict[str, bool]:
    app, pending, problem, secret = observed.app, observed.pending, observed.problem, observed.secret
    tokens = observed.source.issued if observed.source else ()
    return {
        "an app is seen although none were listed": app is not None and not observed.known,
        "an app is seen where Box lists none": app is not None and observed.mode is not Mode.AUTOMATED,
        "the app seen is not the one wanted": app is not None
        and (desired.client_id not in (None, app.client_id) or app.owner_uid not in (None, desired.uid)),
        "a token is held that is in no slot": pending is not None
        and pending.fingerprint not in {token.fingerprint for token in tokens},
        "a held token is published already": pending is not None
        and secret is not None
        and pending.fingerprint in secret.fingerprints.values(),
        "two slots hold the same token": len({token.fingerprint for token in tokens}) < len(tokens),
        "the app's own trouble is called Box's": problem is not None
        and problem.in_cluster != (problem.reason in IN_CLUSTER_PROBLEMS),
        "the Secret of another name is seen": secret is not None
        and (secret.namespace, secret.name) != (desired.namespace, desired.secret.name),
    }


def pretend(world: World, step: Step) -> World:
    """The world after a step that worked.

    Raises:
        BoxWouldRefuseError: it cannot work.
    """
    match step:
        case AddFinalizer():
            return _set_pending(world, True)
        case RemoveFinalizer():
            return _set_pending(world, False)
        case CreateApp(name, reference, _):
            return _create(world, name, reference)
        case DeleteApp(app_id):
            _expect(world, app_id)
            if not world.observed.adoption.may_delete:
                raise BoxWouldRefuseError("nobody allowed the app to be deleted")
            return look(world, app=None, pending=None)
        case MintToken():
            return _mint(world, step)
        case ProveToken(fingerprint):
            return _prove(world, fingerprint)
        case PublishSecret():
            return _publish(world, step)
        case RevokeSlot():
            return _revoke(world, step)
        case DeleteSecret(name, _):
            return look(
                world, renamed_secrets=tuple(each for each in world.observed.renamed_secrets if each.name != name)
            )
        case RestartWorkload(ref, fingerprint):
            view = WorkloadView(ref, token=fingerprint, restarted_at=NOON)
            return look(world, workloads={**world.observed.workloads, ref: view})
        case _:
            return _edit(world, step)


def _edit(world: World, step: RenameApp | SetCorsDomains | SubmitApp) -> World:
    app = _expect(world, step.app_id)
    match step:
        case RenameApp(_, name):
            return look(world, app=replace(app, name=name, revision=app.revision + 1))
        case SetCorsDomains(_, domains):
            return look(world, app=replace(app, cors_domains=domains, revision=app.revision + 1))
        case SubmitApp():
            return look(world, app=decided(app, AuthorizationState.PENDING))


def decided(app: BoxApp, state: AuthorizationState, *, enabled: bool = False) -> BoxApp:
    """The app after something changed its authorization."""
    authorization = Authorization(state, enabled, submitted_at=NOON)
    return replace(app, authorization=authorization, revision=app.revision + 1)


def approved(world: World) -> World:
    """The world after the admin authorized and enabled the app."""
    return look(world, app=decided(world.app, AuthorizationState.AUTHORIZED, enabled=True))


def crashed(world: World) -> World:
    """The world after a crash: what was held in memory is lost, all else stays."""
    return look(world, pending=None)


def look(world: World, **changes: object) -> World:
    """The same world, with some of what is observed changed."""
    return replace(world, observed=replace(world.observed, **changes))  # type: ignore[arg-type]


def _set_pending(world: World, has_finalizer: bool) -> World:
    return replace(world, desired=replace(world.desired, has_finalizer=has_finalizer))


def _expect(world: World, app_id: AppID) -> BoxApp:
    if world.observed.app is None or world.observed.app.id != app_id:
        raise BoxWouldRefuseError("there is no such app")
    if world.observed.claimed_by is not None:
        raise BoxWouldRefuseError("the app belongs to another object")
    return world.observed.app


def _create(world: World, name: str, reference: str) -> World:
    if world.observed.app is not None:
        raise BoxWouldRefuseError("there is an app with this reference already")
    return look(world, app=new_app(APP_ID, CLIENT_ID, name, reference))


def _mint(world: World, step: MintToken) -> World:
    app = _expect(world, step.app_id)
    fingerprint = fingerprint_of(f"minted {world.minted}")
    expires_at = NOON + timedelta(days=step.expires_in_days) if step.expires_in_days else None
    changed = with_token(app, step.slot, IssuedToken(fingerprint, NOON, expires_at))
    after = look(world, app=changed, pending=PendingToken(fingerprint, days=step.expires_in_days))
    return replace(after, minted=world.minted + 1)


def _prove(world: World, fingerprint: Fingerprint) -> World:
    pending = world.observed.pending
    if pending is None or pending.fingerprint != fingerprint:
        raise BoxWouldRefuseError("the token to be proven is not held")
    return look(world, pending=replace(pending, proven=True))


def _publish(world: World, step: PublishSecret) -> World:
    app, secret, pending = _expect(world, world.app.id), world.observed.secret, world.observed.pending
    is_held = pending is not None and pending.fingerprint == step.fingerprint
    stands = secret is not None and step.fingerprint in secret.fingerprints.values()
    if not is_held and not stands:
        raise BoxWouldRefuseError("nobody has the value of the token to be published")
    slot = app.slot_of(step.fingerprint)
    if slot is None:
        raise BoxWouldRefuseError("the app has no such token")
    written = published_secret(world.desired, app, slot, world.observed)
    remembered = replace(world.observed.remembered, active=step.fingerprint)
    return look(world, secret=written, pending=None if is_held else pending, remembered=remembered)


def unlisted(app: BoxApp, mode: Mode) -> UnlistedTokens:
    """What is known of the tokens of this app in a mode in which Box lists no apps."""
    if mode is Mode.CLIENT_CREDENTIALS:
        issued = tuple(replace(token, client_id=token.client_id or app.client_id) for token in app.issued)
        return UnlistedTokens(app.client_id, issued, follows_spec=False)
    slots = {token.fingerprint: slot for slot, token in app.tokens.items()}
    return UnlistedTokens(app.client_id, app.issued, slots, app.is_usable)


def in_mode(world: World, mode: Mode, **changes: object) -> World:
    """The same world in another mode, after some of what is observed changed.

    The Secret of an access token is as it is after that was published.
    """
    seen = replace(world.observed, mode=mode, **changes)  # type: ignore[arg-type]
    if seen.app is None or mode is Mode.AUTOMATED:
        return replace(world, observed=seen)
    seen = replace(seen, app=None, unlisted=unlisted(seen.app, mode))
    token = active_token(world.desired, seen, NOON) if mode is Mode.CLIENT_CREDENTIALS else None
    if token is not None and seen.unlisted is not None:
        seen = replace(seen, secret=published_secret(world.desired, seen.unlisted, token, replace(seen, secret=None)))
    return replace(world, observed=seen)


def published_secret(
    desired: Desired, source: BoxApp | UnlistedTokens, token: Slot | IssuedToken, observed: Observed | None = None
) -> SecretView:
    """The Secret as it is after this token was published; without an observation as the first of all."""
    app, others = (source, None) if isinstance(source, BoxApp) else (None, source)
    observed = replace(observed or Observed(known=True), app=app, unlisted=others)
    published = app.tokens[token] if app is not None and isinstance(token, Slot) else token
    assert isinstance(published, IssuedToken)
    existing, wanted = observed.secret, contents_of(desired, observed, published, NOON)
    labels, notes, data = (existing.labels, existing.annotations, existing.fingerprints) if existing else ({}, {}, {})
    return SecretView(
        namespace=desired.namespace,
        name=desired.secret.name,
        uid=existing.uid if existing else UID("secret-1"),
        resource_version=str(int(existing.resource_version) + 1) if existing else "1",
        owner_uid=desired.uid,
        labels={**_left(labels, wanted.gone_labels), **wanted.labels},
        annotations={**_left(notes, wanted.gone_annotations), **wanted.annotations},
        fingerprints={**_left(data, wanted.gone_keys), **wanted.fingerprints},
    )


def _left(there: Mapping[str, T], gone: frozenset[str]) -> dict[str, T]:
    return {key: value for key, value in there.items() if key not in gone}


def _revoke(world: World, step: RevokeSlot) -> World:
    app, pending = _expect(world, step.app_id), world.observed.pending
    left = without_token(app, step.slot, step.fingerprint)
    ends = pending is not None and pending.fingerprint == step.fingerprint
    return look(world, app=left, pending=None if ends else pending)


def decide(
    world: World, previous: Previous | None = None, refusals: Mapping[Step, Refusal] | None = None, now: datetime = NOON
) -> Plan:
    """The plan for a world."""
    return plan(
        world.desired,
        world.observed,
        now,
        previous=previous or {},
        refusals=refusals or {},
        delays=Delays(outage=GRACE),
    )


@dataclass(frozen=True)
class Course:
    """How a world came to rest: every world on the way, and every step between two of them."""

    worlds: tuple[World, ...]
    steps: tuple[Step, ...]
    plan: Plan

    @property
    def end(self) -> World:
        """The world at rest."""
        return self.worlds[-1]


def run_its_course(world: World, previous: Previous | None = None) -> Course:
    """Do the first step of the plan, look again, and so on until nothing is left to do."""
    worlds = [world]
    steps: list[Step] = []
    for _ in range(MAX_STEPS):
        decision = decide(worlds[-1], previous)
        if not decision.steps:
            return Course(tuple(worlds), tuple(steps), decision)
        steps.append(decision.steps[0])
        worlds.append(pretend(worlds[-1], decision.steps[0]))
    raise AssertionError(f"not settled after {MAX_STEPS} steps: {steps}")
