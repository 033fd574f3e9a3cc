"""The health of an enterprise: what is news, and of which spec it speaks."""

import pytest
from tests.unit.pretend import NOON

from box_app_operator.enterprise.health import Health
from box_app_operator.errors import AwaitingHumanError, OperatorError, StalledError, TransientError
from box_app_operator.model.conditions import Condition

OUTAGE = TransientError("BoxUnavailable", "nobody answers")
MISSING = AwaitingHumanError("CredentialMissing", "Secret a is missing")
REFUSED = AwaitingHumanError("CredentialRejected", "the console refuses it")


def tried(*outcomes: OperatorError | None, generation: int = 1) -> tuple[Health, list[bool]]:
    """Health after these outcomes, None for a good one, and which of them were news."""
    health = Health("acme")
    health.begin(generation)
    return health, [health.well() if error is None else health.failed(error, NOON) for error in outcomes]


def said(health: Health) -> tuple[str, str]:
    """Status and reason of the enterprise's Ready."""
    condition = health.condition
    assert isinstance(condition, Condition)
    return condition.status, condition.reason


def test_nothing_is_known_before_the_first_try() -> None:
    """Neither well nor ill."""
    health = Health("acme")
    assert (health.probed, health.condition, health.problem, health.is_sound) == (False, None, None, False)


@pytest.mark.parametrize(
    ("outcomes", "news", "state"),
    [
        ([None, None], [True, False], ("True", "Ready")),
        ([OUTAGE], [True], ("False", "BoxUnavailable")),
        ([None, OUTAGE], [True, False], ("True", "Ready")),
        ([None, OUTAGE, None], [True, False, False], ("True", "Ready")),
        ([None, OUTAGE, OUTAGE, OUTAGE], [True, False, True, False], ("False", "BoxUnavailable")),
        ([None, OUTAGE, OUTAGE, None], [True, False, True, True], ("True", "Ready")),
        ([None, REFUSED], [True, True], ("False", "CredentialRejected")),
        ([MISSING, REFUSED], [True, True], ("False", "CredentialRejected")),
        ([MISSING, MISSING], [True, False], ("False", "CredentialMissing")),
    ],
)
def test_news_is_told_once_and_a_single_stumble_is_none(
    outcomes: list[OperatorError | None], news: list[bool], state: tuple[str, str]
) -> None:
    """What the owner must mend is told at once; an outage at its second try."""
    health, told = tried(*outcomes)

    assert told == news
    assert said(health) == state


@pytest.mark.parametrize(
    ("outcomes", "stalled"),
    [
        ([MISSING], False),
        ([OUTAGE], False),
        ([REFUSED], True),
        ([AwaitingHumanError("CredentialForbidden", "the console does not allow the listing")], True),
        ([StalledError("CAInvalid", "no PEM bundle")], True),
        ([REFUSED, MISSING], False),
        ([REFUSED, None], False),
    ],
)
def test_what_is_missing_is_waited_for(outcomes: list[OperatorError | None], stalled: bool) -> None:
    """Manifests may come in any order; what is there and of no use must be changed by somebody."""
    health, _ = tried(*outcomes)

    assert health.stalled is stalled


def test_another_missing_secret_is_news_though_the_reason_is_the_same() -> None:
    """The owner acts by the message; a changing message of an outage is no news."""
    health, _ = tried(MISSING)
    assert health.failed(AwaitingHumanError("CredentialMissing", "Secret b is missing"), NOON)
    health, _ = tried(OUTAGE)
    assert not health.failed(TransientError("BoxUnavailable", "another path does not answer"), NOON)


def test_the_first_word_on_a_new_spec_is_news_and_speaks_of_it() -> None:
    """Until a try with the new spec ended, all that is known is of the old one."""
    health, _ = tried(None)
    health.begin(2)
    assert health.tried_generation == 1

    assert health.failed(OUTAGE, NOON)
    assert health.tried_generation == 2
    health.begin(3)
    assert health.well()
    assert health.tried_generation == 3
    assert not health.well()


def test_a_problem_lasts_since_the_first_failure() -> None:
    """The grace period is counted from there."""
    health, _ = tried(None, OUTAGE)
    assert not health.is_sound
    health.failed(OUTAGE, NOON.replace(hour=13))

    assert health.problem is not None
    assert health.problem.since == NOON
    assert health.failures == 2


def test_what_is_known_holds_for_a_spec_that_changes_nothing_about_a_try() -> None:
    """The status follows at once; while a try is under way nothing is known of the spec that it tries."""
    health, _ = tried(None)

    health.keep(2)

    assert (health.tried_generation, said(health), health.well()) == (2, ("True", "Ready"), False)
    health.begin(3)
    health.keep(4)
    assert health.tried_generation == 2
    assert (health.failed(MISSING, NOON), health.tried_generation) == (True, 4)
