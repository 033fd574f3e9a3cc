"""How long the previous token waits for workloads to be restarted, and what does not keep it waiting."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.examples import APP_ID, ONE, look, ready_world, said
from tests.unit.pretend import GRACE, NOON, World, published_secret
from tests.unit.strategies import DESIRED

from box_app_operator.core.plan import Delays, Plan, plan
from box_app_operator.model.box import Fingerprint, IssuedToken, Refusal, RefusalKind, Slot
from box_app_operator.model.desired import Rotation, WorkloadRef
from box_app_operator.model.observed import WorkloadView
from box_app_operator.model.steps import RestartWorkload, RevokeSlot
from box_app_operator.tokens.active import current_of
from box_app_operator.tokens.restarts import Restarts, check_restarts

WEB = WorkloadRef("Deployment", "web")
NEXT = IssuedToken(Fingerprint("a" * 16), NOON, NOON + timedelta(days=60))
RESTART, REVOKE = RestartWorkload(WEB, NEXT.fingerprint), RevokeSlot(APP_ID, Slot.PRIMARY, ONE.fingerprint)
WINDOW = timedelta(minutes=1)
SECOND = timedelta(seconds=1)
RESTART_TIMEOUT = timedelta(minutes=5)
"""As docs/tokens.md says it."""


def rotated(*workloads: WorkloadView) -> World:
    """A token was replaced at noon, whose overlap is over at once, and one workload is to be restarted for it."""
    rotation = Rotation(overlap=timedelta(), restart=(WEB,))
    world = ready_world(replace(DESIRED, rotation=rotation))
    app = replace(world.app, tokens={Slot.PRIMARY: ONE, Slot.SECONDARY: NEXT})
    secret = published_secret(world.desired, app, Slot.SECONDARY, world.observed)
    return look(world, app=app, secret=secret, workloads={view.ref: view for view in workloads})


def after(world: World, passed: timedelta, refusal: Refusal | None = None) -> Plan:
    """What is decided so long after noon, perhaps with the restart refused."""
    refusals = {RESTART: refusal} if refusal is not None else {}
    delays = Delays(outage=GRACE, restart=WINDOW)
    return plan(world.desired, world.observed, NOON + passed, previous={}, refusals=refusals, delays=delays)


def test_a_workload_is_restarted_before_the_previous_token_goes() -> None:
    """Its pods hold the previous one until then."""
    assert after(rotated(WorkloadView(WEB)), timedelta()).steps == (RESTART,)
    assert after(rotated(WorkloadView(WEB, token=NEXT.fingerprint)), timedelta()).steps == (REVOKE,)


@pytest.mark.parametrize("seen", [(), (WorkloadView(WEB),)], ids=["cannot be looked at", "cannot be restarted"])
def test_a_workload_that_cannot_be_restarted_keeps_the_previous_token_for_five_minutes(
    seen: tuple[WorkloadView, ...],
) -> None:
    """And for the window in which others may rotate; then the token goes, and the restart is still tried."""
    refusal = Refusal(
        RefusalKind.TRANSIENT, "KubernetesUnavailable", "It may not be changed.", NOON + RESTART_TIMEOUT * 3
    )
    world = rotated(*seen)

    for passed in (timedelta(), WINDOW, RESTART_TIMEOUT, WINDOW + RESTART_TIMEOUT - SECOND):
        assert REVOKE not in after(world, passed, refusal).steps, passed
    assert after(world, WINDOW + RESTART_TIMEOUT, refusal).steps == (REVOKE,)
    assert ("Deployment/web" in said(after(world, RESTART_TIMEOUT), "TokenReady").message) == (not seen)


def test_a_workload_that_does_not_exist_keeps_nothing_waiting() -> None:
    """It is told once."""
    world = rotated(WorkloadView(WEB, exists=False))
    current, decided = current_of(world.desired, world.observed, NOON), after(world, timedelta())

    assert decided.steps == (REVOKE,)
    assert [notice.reason for notice in decided.notices] == ["WorkloadNotFound"]
    assert current is not None
    assert check_restarts(current, WINDOW) == Restarts(notices=decided.notices, message=decided.notices[0].message)
