"""Names of apps: what is said while another app has the wanted one."""

import pytest
from tests.unit.examples import DESIRED, NOTHING, look
from tests.unit.pretend import decide

from box_app_operator.model.box import Refusal, RefusalKind, name_key
from box_app_operator.model.observed import Leaving, NameHolder
from box_app_operator.model.steps import AddFinalizer

TAKEN = Refusal(RefusalKind.STALLED, "NameTaken", "Somebody has it.")
INVALID = Refusal(RefusalKind.STALLED, "NameInvalid", "Box does not allow it.")
OURS = NameHolder(DESIRED.namespace, "former", Leaving.DELETED)
THEIRS = NameHolder("secret-plans", "theirs", Leaving.RENAMED)


def said(holder: NameHolder | None, refusal: Refusal) -> tuple[str, str, str]:
    """Reason and message of Ready, and what stands beside it, when the registration was refused like that."""
    world = look(NOTHING, name_holder=holder)
    (step,) = (step for step in decide(world).steps if not isinstance(step, AddFinalizer))
    conditions = {condition.type: condition for condition in decide(world, refusals={step: refusal}).conditions}
    beside = next(type_ for type_ in ("Stalled", "Reconciling") if type_ in conditions)
    return conditions["Ready"].reason, conditions["Ready"].message, beside


@pytest.mark.parametrize(
    ("holder", "words"),
    [
        (OURS, [f"BoxCustomApp {DESIRED.namespace}/former", "is being deleted"]),
        (THEIRS, ["of another namespace", "about to be renamed"]),
    ],
)
def test_a_name_that_is_about_to_be_free_is_waited_for(holder: NameHolder, words: list[str]) -> None:
    """Reconciling: nothing is to be done. Of another tenant's object neither name nor namespace is said."""
    reason, message, beside = said(holder, TAKEN)

    assert (reason, beside) == ("NameTaken", "Reconciling")
    assert [word for word in words if word not in message] == []
    assert not [word for word in ("secret-plans", "theirs") if word in message]


@pytest.mark.parametrize(("holder", "refusal"), [(None, TAKEN), (OURS, INVALID), (None, INVALID)])
def test_anything_else_is_the_authors_matter(holder: NameHolder | None, refusal: Refusal) -> None:
    """Stalled, in the words of the refusal."""
    assert said(holder, refusal) == (refusal.reason, refusal.message, "Stalled")


def test_upper_and_lower_case_are_one_name() -> None:
    """As long as Box does not say otherwise."""
    assert name_key("Acme VIEWER") == name_key("acme viewer") != name_key("acme-viewer")
