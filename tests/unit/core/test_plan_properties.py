"""Properties of the plan over all worlds: it is total, it settles, and it keeps the invariants of the design."""

from dataclasses import replace
from datetime import timedelta

from hypothesis import assume, given
from hypothesis import strategies as st
from tests.unit.examples import found, said
from tests.unit.pretend import CLIENT_ID, NOON, Course, World, approved, crashed, decide, pretend, run_its_course
from tests.unit.strategies import (
    authorized_worlds,
    foreign_secret,
    previous_conditions,
    problems,
    refusals_of,
    working_worlds,
    worlds,
    worlds_of_any_mode,
    worlds_without_console,
)

from box_app_operator.core.plan import WERE_MISSING
from box_app_operator.model.box import (
    AdoptionEntry,
    AuthorizationState,
    IssuedToken,
    PendingToken,
    RefusalKind,
    Slot,
    fingerprint_of,
)
from box_app_operator.model.conditions import Condition, Reason
from box_app_operator.model.desired import DeletionPolicy
from box_app_operator.model.observed import Adoption
from box_app_operator.model.steps import (
    AddFinalizer,
    ClaimApp,
    CreateApp,
    DeleteApp,
    MintToken,
    ProveToken,
    PublishSecret,
    RemoveFinalizer,
    RenameApp,
    RevokeDownscoped,
    RevokeSlot,
    RevokeToken,
    SetCorsDomains,
    SubmitApp,
)

WHO_ACTS = {
    "PendingApproval": "admin",
    "NotSubmitted": "submit",
    "ReauthorizationRequired": "submit",
    "Disabled": "admin",
    "Declined": "admin",
    "AppNotFound": "spec.clientID",
    "SecretConflict": "spec.tokens.secret.name",
    "SlotsOccupied": "Revoke one",
}
"""For every reason at rest a word of its message that names who must act, or what."""


CONSOLE_STEPS = (CreateApp, ClaimApp, RenameApp, SetCorsDomains, SubmitApp, DeleteApp, MintToken, RevokeSlot)


def ready_of(course: Course) -> Condition:
    """The condition Ready at the end of a course."""
    return next(condition for condition in course.plan.conditions if condition.type == "Ready")


@given(world=worlds_of_any_mode(), previous=previous_conditions())
def test_planning_is_total_and_deterministic(world: World, previous: dict[str, Condition]) -> None:
    """Every world has a plan, and the same world has the same plan."""
    assert decide(world, previous) == decide(world, previous)


@given(world=working_worlds(), previous=previous_conditions())
def test_a_plan_that_worked_leaves_nothing_to_do(world: World, previous: dict[str, Condition]) -> None:
    """Steps and checks agree: what a step promises, its check accepts."""
    course = run_its_course(world, previous)

    assert decide(course.end, previous).steps == ()


@given(world=working_worlds())
def test_a_world_at_rest_is_ready_or_says_who_must_act(world: World) -> None:
    """Nothing ends in silence: Ready, or a reason with a message that names the next person."""
    course = run_its_course(world)
    ready, authorized = ready_of(course), said(course.plan, "Authorized")
    # Of a token that is refused for want of an authorization Ready says both.
    denied = ready.reason in ("TokenRejected", "TokenExpired") and authorized.status == "False"
    reason = authorized.reason if denied else ready.reason

    assert ready.status == "True" or WHO_ACTS[reason] in ready.message


@given(world=authorized_worlds(client_id=None))
def test_one_token_is_live_and_in_the_secret_once_a_registered_app_settles(world: World) -> None:
    """I1: after things settle exactly one token is live, and it is the one in the Secret."""
    assume(world.observed.secret is None or world.observed.secret.owner_uid is not None)
    assume(world.observed.secret != foreign_secret(world.desired))

    end = run_its_course(world).end

    assert list(end.live().values()) == [end.published()]
    assert set(end.app.tokens) == set(end.live())


@given(world=authorized_worlds(client_id=None), data=st.data())
def test_a_crash_between_any_two_steps_still_settles_to_one_live_token(world: World, data: st.DataObject) -> None:
    """The value of a minted token is lost in a crash, and nothing depends on it."""
    assume(world.observed.secret is None or world.observed.secret.owner_uid == world.desired.uid)
    course = run_its_course(world)
    moment = data.draw(st.integers(0, len(course.worlds) - 1))

    end = run_its_course(crashed(course.worlds[moment])).end

    assert list(end.live().values()) == [end.published()]


@given(world=working_worlds())
def test_nothing_is_minted_or_revoked_without_authorization(world: World) -> None:
    """Rule 1: not authorized and enabled means that tokens are left alone."""
    course = run_its_course(world)

    for before, step in zip(course.worlds, course.steps, strict=False):
        if isinstance(step, MintToken | RevokeSlot):
            authorization = before.app.authorization
            assert authorization.state is AuthorizationState.AUTHORIZED
            assert authorization.enabled


@given(world=working_worlds())
def test_only_a_proven_token_is_published(world: World) -> None:
    """Rule 3: what goes into the Secret was accepted by Box, or stood there already."""
    course = run_its_course(world)

    for before, step in zip(course.worlds, course.steps, strict=False):
        if isinstance(step, PublishSecret):
            pending, secret = before.observed.pending, before.observed.secret
            proven = pending is not None and pending.fingerprint == step.fingerprint and pending.proven is True
            assert proven or (secret is not None and step.fingerprint in secret.fingerprints.values())


@given(world=authorized_worlds(), slot=st.sampled_from(Slot))
def test_a_rejected_token_is_revoked_and_not_published(world: World, slot: Slot) -> None:
    """Rule 3: a token that Box does not accept never reaches the Secret, and does not stay live."""
    token = IssuedToken(fingerprint_of("a rejected token"), NOON, None)
    app = replace(world.app, tokens={**world.app.tokens, slot: token})
    pending = PendingToken(token.fingerprint, proven=False)
    course = run_its_course(replace(world, observed=replace(world.observed, app=app, pending=pending, secret=None)))

    assert PublishSecret(token.fingerprint) not in course.steps
    assert token.fingerprint not in course.end.live().values()


@given(world=working_worlds())
def test_the_secret_of_someone_else_is_never_touched(world: World) -> None:
    """A Secret that this object does not own is not written, and no token is made that could not be published."""
    stranger = replace(world.observed, secret=foreign_secret(world.desired), pending=None)
    course = run_its_course(replace(world, observed=stranger))

    assert not [step for step in course.steps if isinstance(step, PublishSecret | MintToken | RevokeSlot)]
    assert course.end.observed.secret == stranger.secret


@given(world=authorized_worlds(client_id=CLIENT_ID), deleting=st.booleans())
def test_foreign_tokens_of_an_adopted_app_are_never_revoked(world: World, deleting: bool) -> None:
    """On an adopted app only what this operator published or holds may be revoked while it is live."""
    policy = DeletionPolicy.REVOKE_TOKENS
    world = replace(world, desired=replace(world.desired, deleting=deleting, deletion_policy=policy))
    observed = world.observed
    ours = set(observed.remembered.fingerprints)
    ours |= {observed.pending.fingerprint} if observed.pending else set()
    secret = observed.secret
    if secret is not None and (secret.owner_uid == world.desired.uid or (secret.owner_uid is None and secret.labels)):
        # Without any controller, with the operator's label and by value with a token of this very app: it is its own.
        ours |= set(secret.fingerprints.values())
    foreign = set(world.live().values()) - ours

    assert foreign <= set(run_its_course(world).end.live().values())


@given(world=worlds(suspended=True, deleting=False), previous=previous_conditions())
def test_suspended_means_no_steps(world: World, previous: dict[str, Condition]) -> None:
    """spec.suspend leaves Box and the cluster as they are."""
    assert decide(world, previous).steps == ()


@given(world=worlds(deleting=False), previous=previous_conditions())
def test_nothing_is_done_in_box_while_it_cannot_be_asked(world: World, previous: dict[str, Condition]) -> None:
    """A problem, or a listing that was never read, allows no decision about Box."""
    assume(world.observed.problem is not None or not world.observed.known)

    assert not [step for step in decide(world, previous).steps if not isinstance(step, AddFinalizer)]


@given(world=authorized_worlds(client_id=CLIENT_ID), previous=previous_conditions())
def test_an_app_that_belongs_to_another_object_is_left_alone(world: World, previous: dict[str, Condition]) -> None:
    """ManagedElsewhere means hands off: two objects must not fight over one app."""
    claimed = replace(world.observed, claimed_by="other/viewer")

    assert decide(replace(world, observed=claimed), previous).steps == ()


@given(world=working_worlds(), data=st.data())
def test_nothing_is_done_in_box_before_the_object_is_held(world: World, data: st.DataObject) -> None:
    """Without the finalizer a deletion would leave tokens behind, also when setting it was refused."""
    loose = replace(world, desired=replace(world.desired, has_finalizer=False))
    refusals = data.draw(st.one_of(st.just({}), refusals_of(AddFinalizer())))

    assert set(decide(loose, refusals=refusals).steps) <= {AddFinalizer()}


@given(world=worlds(deleting=True))
def test_a_deletion_does_only_what_its_policy_allows(world: World) -> None:
    """Retain touches nothing, RevokeTokens never deletes the app, Delete deletes it, force-delete skips Box."""
    allowed = {
        DeletionPolicy.RETAIN: (RemoveFinalizer,),
        DeletionPolicy.REVOKE_TOKENS: (RevokeSlot, RemoveFinalizer),
        DeletionPolicy.DELETE: (DeleteApp, RemoveFinalizer),
    }
    policy = world.desired.deletion_policy
    if policy is DeletionPolicy.DELETE and world.observed.adoption is Adoption.ALLOWED:
        policy = DeletionPolicy.REVOKE_TOKENS
    expected = (RemoveFinalizer,) if world.desired.force_delete else allowed[policy]

    assert all(isinstance(step, expected) for step in run_its_course(world).steps)


@given(world=worlds(), data=st.data(), previous=previous_conditions())
def test_an_app_that_is_anothers_is_left_alone(
    world: World, data: st.DataObject, previous: dict[str, Condition]
) -> None:
    """Without a right to the app there is no step in Box; with one the claim comes before all else."""
    app = world.observed.app
    assume(app is not None and world.desired.has_finalizer)
    assert app is not None
    reference = data.draw(st.sampled_from(["", "billing/viewer/another", "elsewhere/n/n/viewer/another/created"]))
    entries = data.draw(st.sampled_from([(), (AdoptionEntry(app.client_id, world.desired.namespace),)]))
    seen = {"secret": world.observed.secret, "problem": world.observed.problem}

    observed = found(world.desired, replace(app, reference=reference), *entries, **seen)

    assert observed.app is None
    kinds = {type(step) for step in decide(replace(world, observed=observed), previous).steps}
    allowed = RemoveFinalizer if world.desired.deleting else ClaimApp
    assert kinds <= ({allowed} if observed.claim is not None or world.desired.deleting else set())


@given(world=worlds(deleting=True, healthy=True))
def test_a_deletion_ends_with_the_object_let_go(world: World) -> None:
    """Whatever the policy: with Box in reach the finalizer goes, once, and last."""
    course = run_its_course(world)

    assert not course.end.desired.has_finalizer
    assert course.steps.count(RemoveFinalizer()) == int(world.desired.has_finalizer)


@given(world=worlds(deleting=True, healthy=True, client_id=None, force_delete=False, has_finalizer=True))
def test_no_token_outlives_a_registered_app_unless_retained(world: World) -> None:
    """RevokeTokens empties both slots before the object may go."""
    assume(world.desired.deletion_policy is DeletionPolicy.REVOKE_TOKENS)
    end = run_its_course(world).end

    assert end.observed.app is None or not end.observed.app.tokens


@given(world=worlds_without_console(), previous=previous_conditions())
def test_without_a_console_nothing_is_asked_of_one(world: World, previous: dict[str, Condition]) -> None:
    """And at the end of an object tokens are revoked by their value, or not at all."""
    steps = decide(world, previous).steps

    assert not [step for step in steps if isinstance(step, CONSOLE_STEPS)]
    ends = [step for step in steps if not isinstance(step, RemoveFinalizer | RevokeToken | RevokeDownscoped)]
    assert not world.desired.deleting or ends == []


@given(world=worlds_of_any_mode(suspended=False), previous=previous_conditions(), data=st.data())
def test_a_refused_step_is_not_offered_again_and_the_plan_stays_total(
    world: World, previous: dict[str, Condition], data: st.DataObject
) -> None:
    """Each kind of refusal, with each reason there is, on any step of the plan."""
    steps = decide(world, previous).steps
    assume(steps)
    refused = data.draw(st.sampled_from(steps))
    refusals = data.draw(refusals_of(refused))

    assert refused not in decide(world, previous, refusals).steps


@given(world=working_worlds(), data=st.data())
def test_conditions_say_why_a_step_was_refused(world: World, data: st.DataObject) -> None:
    """The refusal's words stand in a condition, unless Authorized says the same of what the admin alone can do."""
    steps = decide(world).steps
    assume(steps)
    refused = data.draw(st.sampled_from(steps))
    refusals = data.draw(refusals_of(refused))

    after = decide(world, refusals=refusals)

    authorized = {condition.type: condition for condition in after.conditions}["Authorized"]
    by_admin = authorized.status == "False" and authorized.reason == refusals[refused].reason
    assert by_admin or any("refused" in condition.message for condition in after.conditions)


@given(world=working_worlds(), data=st.data())
def test_only_the_author_is_told_to_act_by_a_stalled_refusal(world: World, data: st.DataObject) -> None:
    """Stalled is there when a refusal is the author's matter, and the refused facet carries its reason."""
    decision = decide(world)
    steps = [step for step in decision.steps if not isinstance(step, RevokeSlot | ProveToken)]
    # Beside a token that is live a refused step is no reason to call anything stalled: pods have what they need.
    assume(steps and "True" not in {each.status for each in decision.conditions if each.type == "TokenReady"})
    refused = data.draw(st.sampled_from(steps))
    refusals = data.draw(refusals_of(refused, RefusalKind.STALLED))

    assert "Stalled" in {condition.type for condition in decide(world, refusals=refusals).conditions}


@given(
    world=worlds(deleting=False, suspended=False), previous=previous_conditions(), problem=problems(in_cluster=False)
)
def test_a_passing_outage_flips_nothing_before_its_grace_is_over(world, previous, problem) -> None:  # type: ignore[no-untyped-def]
    """Conditions keep their value for five minutes, and nothing is written meanwhile, but what is not so any more."""
    assume(previous and previous["Ready"].reason not in {*WERE_MISSING, Reason.SUSPENDED})
    away = replace(world, observed=replace(world.observed, problem=problem))

    decision = decide(away, previous)

    if NOON - problem.since < timedelta(minutes=5):
        assert not decision.complete
        assert decision.look_again_at == problem.since + timedelta(minutes=5)
    else:
        ready = {condition.type: condition for condition in decision.conditions}["Ready"]
        assert (decision.complete, ready.status, ready.reason) == (True, "Unknown", problem.reason)


@given(world=worlds(healthy=True, suspended=False, deleting=False, client_id=None, submit=True))
def test_a_new_app_becomes_ready_once_the_admin_approves(world: World) -> None:
    """From nothing to Ready, with the admin's approval as the only help."""
    fresh = replace(world, observed=replace(world.observed, app=None, secret=None, pending=None))
    waiting = run_its_course(fresh)
    assert ready_of(waiting).reason == "PendingApproval"

    assert ready_of(run_its_course(approved(waiting.end))).status == "True"


@given(world=working_worlds())
def test_doing_all_steps_of_one_plan_in_order_is_allowed_too(world: World) -> None:
    """The steps of one plan do not get into each other's way."""
    for step in decide(world).steps:
        world = pretend(world, step)
