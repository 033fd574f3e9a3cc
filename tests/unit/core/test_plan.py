"""Single worlds with a single right answer: what a plan must not do, one case at a time."""

from dataclasses import replace

import pytest
from tests.unit.examples import CORS, app_for, said
from tests.unit.pretend import CLIENT_ID, World, decide
from tests.unit.strategies import DESIRED

from box_app_operator.model.box import ClientID, Refusal, RefusalKind
from box_app_operator.model.conditions import Condition
from box_app_operator.model.observed import Observed
from box_app_operator.model.steps import AddFinalizer


@pytest.mark.parametrize("kind", RefusalKind)
@pytest.mark.parametrize("word", ["KubernetesConflict", "KubernetesUnavailable", "a word of tomorrow"])
def test_a_refusal_with_a_word_that_no_condition_knows_is_reported_all_the_same(kind: RefusalKind, word: str) -> None:
    """A conflict in Kubernetes says nothing about the app: the facet is not yet known, and says what happened."""
    world = World(replace(DESIRED, has_finalizer=False), Observed(known=True))

    plan = decide(world, refusals={AddFinalizer(): Refusal(kind, word, "PATCH answered 409.")})

    assert plan.steps == ()
    assert said(plan, "Registered").reason == "NotYetKnown"
    assert said(plan, "Registered").message.endswith("PATCH answered 409.")


def test_an_app_that_another_object_claims_gets_no_steps_and_no_facts() -> None:
    """ManagedElsewhere: its name, origins and tokens are the other object's matter."""
    desired = replace(DESIRED, client_id=CLIENT_ID, cors_domains=CORS)
    app = app_for(desired, cors_domains=())
    plan = decide(World(desired, Observed(known=True, app=app, claimed_by="other/viewer")))

    assert plan.steps == ()
    assert said(plan, "Ready").reason == "ManagedElsewhere"
    assert said(plan, "Stalled").reason == "ManagedElsewhere"
    assert {said(plan, type_).status for type_ in ("Authorized", "TokenReady", "CORSSynced")} == {"Unknown"}


@pytest.mark.parametrize("client_id", [None, CLIENT_ID])
def test_an_app_that_was_never_looked_for_is_not_missing(client_id: ClientID | None) -> None:
    """Before the first listing there is nothing to do, and nothing new to say."""
    last = {"Ready": Condition("Ready", "True", "Ready", "As it was.")}
    plan = decide(World(replace(DESIRED, client_id=client_id), Observed(known=False)), last)

    assert (plan.steps, plan.conditions, plan.complete) == ((), tuple(last.values()), False)
