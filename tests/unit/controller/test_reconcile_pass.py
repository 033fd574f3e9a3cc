"""One pass, over a world that is a pure value: which steps are taken, and what becomes of those that fail."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import pytest
from tests.fakes.cluster import NAME, NAMESPACE, UID_OF_APP, FakeCluster, manifest
from tests.fakes.link import FakeLink, StillClock
from tests.unit.examples import CORS, app_for, said, troubled
from tests.unit.pretend import APP_ID, World, pretend
from tests.unit.strategies import DESIRED

from box_app_operator.api.spec import Body, Resource
from box_app_operator.cache.attempts import Memory
from box_app_operator.cache.cluster import Store
from box_app_operator.controller.reconcile_pass import GONE, MAX_STEPS, Pass, PassDependencies
from box_app_operator.core.plan import Delays, Plan
from box_app_operator.errors import AwaitingHumanError, OperatorError, StalledError, TransientError
from box_app_operator.model.box import UID, RefusalKind
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import AppKey, Desired, WorkloadRef
from box_app_operator.model.observed import Observed, WorkloadView
from box_app_operator.model.steps import MintToken, ProveToken, PublishSecret, RenameApp, SetCorsDomains, Step

KEY, UID_HERE = AppKey(NAMESPACE, NAME), UID(UID_OF_APP)
HERE = replace(DESIRED, uid=UID_HERE)
RENAME, SET_CORS = RenameApp(APP_ID, HERE.display_name), SetCorsDomains(APP_ID, CORS)
SILENCE = TransientError(Reason.BOX_UNAVAILABLE, "no answer", uncertain=True, unreachable=True)


class Stage(StillClock):
    """Observer and executor of a pure world.

    Attributes:
        taken: the steps that were tried.
        errors: what steps of a kind fail with.
        idle: kinds of steps that say they are done, and change nothing.
        looks: how often the world was looked at.
        refreshed: how often the Secret was read anew.
    """

    def __init__(self, world: World) -> None:
        self.world = world
        self.taken: list[Step] = []
        self.errors: dict[type[Step], OperatorError] = {}
        self.idle: tuple[type[Step], ...] = ()
        self.looks = self.refreshed = 0
        self.store, self.memory, self.link = Store(), Memory(), FakeLink()
        self.store.put_app(manifest())

    async def observe(self, resource: Resource, memory: Memory) -> Observed:
        """The world as it is."""
        self.looks += 1
        return replace(self.world.observed, doubtful=memory.doubtful)

    async def refresh(self, desired: Desired) -> None:
        """The Secret is what the world says."""
        self.refreshed += 1

    async def execute(self, step: Step, resource: Resource, observed: Observed) -> str:
        """Change the world."""
        self.taken.append(step)
        if type(step) in self.errors:
            raise self.errors[type(step)]
        if not isinstance(step, self.idle):
            self.world = pretend(self.world, step)
        return "done"

    async def run(self) -> tuple[Observed, Plan]:
        """One pass."""
        me = cast("Any", self)
        deps = PassDependencies(self.store, me, me, self, lambda failures: 10.0 * failures, Delays())
        resource = self.store.apps[KEY] = replace(self.store.apps[KEY], desired=self.world.desired)
        return await Pass(resource, self.memory, cast("Any", self.link), me, deps).run()


def two_edits() -> Stage:
    """An app whose name and origins differ from what is asked for; nothing else can be done while they do."""
    desired = replace(HERE, cors_domains=CORS)
    return Stage(World(desired, Observed(known=True, app=app_for(desired, name="Former", cors_domains=()))))


async def test_steps_are_taken_one_at_a_time_until_none_is_left() -> None:
    """After each the world is looked at again; before the first that rests on the Secret, that is read anew, once."""
    stage = Stage(World(HERE, Observed(known=True, app=app_for(HERE))))

    _, decided = await stage.run()

    assert [type(step) for step in stage.taken] == [MintToken, ProveToken, PublishSecret]
    assert said(decided, "Ready").status == "True"
    assert stage.refreshed == 1
    assert stage.memory.failures == 0


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (AwaitingHumanError(Reason.NAME_TAKEN, "Another app has this name."), RefusalKind.AWAITING_HUMAN),
        (TransientError(Reason.BOX_UNAVAILABLE, "answered 500", uncertain=True), RefusalKind.TRANSIENT),
    ],
)
async def test_a_refused_step_is_tried_once_and_others_go_on(error: OperatorError, kind: RefusalKind) -> None:
    """Whoever must act: its refusal is remembered, and the next pass does not ask again, either."""
    stage = two_edits()
    stage.errors[RenameApp] = error

    await stage.run()
    await stage.run()

    assert stage.taken.count(RENAME) == 1
    assert SET_CORS in stage.taken
    assert stage.memory.refusals[RENAME].kind is kind


async def test_a_box_that_does_not_answer_is_asked_once_a_pass() -> None:
    """Another call would only wait as long; and however many steps were put off, the pass failed once."""
    stage = two_edits()
    stage.errors[RenameApp] = SILENCE

    await stage.run()

    assert stage.taken == [RENAME]
    assert {stage.memory.refusals[step].kind for step in (RENAME, SET_CORS)} == {RefusalKind.TRANSIENT}
    assert stage.memory.failures == 1
    assert stage.memory.doubtful, "it may have been done all the same"


async def test_a_step_that_worked_is_not_done_again_and_again() -> None:
    """Box made something else of it: the author of the spec hears of that."""
    stage = two_edits()
    stage.idle = (SetCorsDomains,)

    await stage.run()

    assert stage.taken.count(SET_CORS) == 1
    refusal = stage.memory.refusals[SET_CORS]
    assert (refusal.kind, refusal.reason) == (RefusalKind.STALLED, Reason.ORIGIN_REJECTED)


@pytest.mark.parametrize(("reason", "suspected"), [(Reason.CREDENTIAL_REJECTED, 1), (Reason.CREDENTIAL_FORBIDDEN, 0)])
async def test_a_refused_credential_is_the_enterprises_matter(reason: Reason, suspected: int) -> None:
    """The link finds out, and the step is tried again: nobody is told to correct the app.

    One that may not do this is as good as before for everything else.
    """
    stage = two_edits()
    stage.errors[RenameApp] = AwaitingHumanError(reason, "The console refused the token.")

    await stage.run()

    assert stage.link.suspected == suspected
    assert stage.memory.refusals[RENAME].kind is RefusalKind.TRANSIENT


@pytest.mark.parametrize(
    ("error", "clear"),
    [
        (StalledError(Reason.NAME_INVALID, "Box takes no such name."), Memory.clear_refusals),
        (AwaitingHumanError(Reason.DISABLED, "An admin must enable the app."), Memory.clear_human_refusals),
    ],
    ids=["author", "admin"],
)
async def test_what_was_put_right_meanwhile_is_asked_again(
    error: OperatorError, clear: Callable[[Memory], None]
) -> None:
    """A refusal is about what was there when Box was asked, and so is what else it said then."""
    stage = two_edits()
    execute = stage.execute

    async def refused_once(step: Step, body: Body, observed: Observed) -> str:
        if step == RENAME and stage.taken.count(RENAME) == 0:
            stage.taken.append(step)
            clear(stage.memory)
            stage.memory.answers.revocation_refused = True
            raise error
        return await execute(step, body, observed)

    stage.execute = refused_once  # type: ignore[method-assign]
    await stage.run()

    assert stage.taken.count(RENAME) == 2
    assert RENAME not in stage.memory.refusals
    assert not stage.memory.answers.revocation_refused


async def test_an_object_that_went_ends_its_pass() -> None:
    """Nothing is said of it any more; also when another one took its name."""
    stage = two_edits()
    execute = stage.execute

    async def goes(step: Step, body: Body, observed: Observed) -> str:
        stage.store.drop_app(KEY, UID_HERE)
        return await execute(step, body, observed)

    stage.execute = goes  # type: ignore[method-assign]

    assert await stage.run() == GONE
    assert stage.taken == [RENAME]


async def test_an_object_that_changed_meanwhile_is_looked_at_again() -> None:
    """What was found is not said of a newer spec."""
    stage = Stage(replace(troubled("EnterpriseNotFound", stalled=False), desired=HERE))
    observe, cluster = stage.observe, FakeCluster.with_app()

    async def changes(resource: Resource, memory: Memory) -> Observed:
        if stage.looks == 0:
            stage.store.put_app(cluster.change(spec={"displayName": "Newer"}))
        return await observe(resource, memory)

    stage.observe = changes  # type: ignore[method-assign]
    await stage.run()

    assert stage.looks == 2


@pytest.mark.parametrize("cleared", [False, True])
async def test_workloads_that_were_looked_at_are_remembered_unless_all_is_looked_at_again(cleared: bool) -> None:
    """A resync in the middle of a look lets go of what was seen, and that look of before brings it back no more."""
    ref = WorkloadRef("Deployment", "viewer")
    seen = replace(troubled("EnterpriseNotFound", stalled=False), desired=HERE)
    stage = Stage(replace(seen, observed=replace(seen.observed, workloads={ref: WorkloadView(ref)})))
    observe = stage.observe

    async def looks(resource: Resource, memory: Memory) -> Observed:
        if cleared:
            memory.clear_refusals()
        return await observe(resource, memory)

    stage.observe = looks  # type: ignore[method-assign]
    await stage.run()

    assert (ref in stage.memory.workloads) is not cleared


async def test_an_object_that_changes_at_every_look_is_left_for_later() -> None:
    """A pass that goes on for ever would keep a worker busy."""
    stage = Stage(replace(troubled("EnterpriseNotFound", stalled=False), desired=HERE))
    cluster = FakeCluster.with_app()

    async def changes(resource: Resource, memory: Memory) -> Observed:
        stage.looks += 1
        stage.store.put_app(cluster.change(spec={"displayName": f"Name {stage.looks}"}))
        return stage.world.observed

    stage.observe = changes  # type: ignore[method-assign]

    with pytest.raises(TransientError, match="not settled after"):
        await stage.run()
    assert stage.looks == MAX_STEPS
