"""What keeps an object that is being deleted, and how it is let go all the same."""

from dataclasses import replace

from tests.unit.examples import GONE, look, ready_world, said, troubled
from tests.unit.pretend import APP_ID, NOON, decide
from tests.unit.strategies import DESIRED

from box_app_operator.core.deletion import check_deletion
from box_app_operator.model.box import Refusal, RefusalKind
from box_app_operator.model.desired import DeletionPolicy
from box_app_operator.model.observed import RememberedStatus
from box_app_operator.modes.automated.decide import AutomatedRules


def test_an_enterprise_that_vanished_holds_an_app_that_was_registered() -> None:
    """Something may be live in Box: the object waits, and says how to let it go."""
    world = replace(troubled("EnterpriseNotFound", stalled=False), desired=GONE)
    observed = look(world, remembered=RememberedStatus(app_id=APP_ID)).observed

    found = check_deletion(GONE, observed, AutomatedRules(), NOON)

    assert (found.condition.type, found.steps) == ("Ready", ())
    assert "force-delete" in found.condition.message


def test_a_deletion_that_box_refuses_says_how_to_let_the_object_go() -> None:
    """Who must do what next: wait, or set the annotation."""
    world = ready_world(replace(DESIRED, deleting=True, deletion_policy=DeletionPolicy.REVOKE_TOKENS))
    (step,) = decide(world).steps
    refusal = Refusal(RefusalKind.TRANSIENT, "BoxUnavailable", "DELETE answered 500")

    plan = decide(world, refusals={step: refusal})

    assert plan.steps == ()
    assert said(plan, "Ready").reason == "Deleting"
    assert "DELETE answered 500. To remove the object and leave Box as it is" in said(plan, "Ready").message
    assert "boxapps.dev/force-delete" in said(plan, "Ready").message
