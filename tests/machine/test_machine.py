"""I1 to I4 of the design under crashes, lost answers, duplicates, late deliveries, edits, decisions and clock jumps."""

import pytest
from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from tests.machine.machine import LifeByCredentials, LifeByPeople, LifeOfAToken


@pytest.mark.parametrize(("life", "share"), [(LifeOfAToken, 1), (LifeByCredentials, 2), (LifeByPeople, 2)])
def test_a_token_lives_through_anything(life: type[LifeOfAToken], share: int, effort: settings) -> None:
    """No rule is broken at any call, and everything settles."""
    run_state_machine_as_test(life, settings=settings(effort, max_examples=effort.max_examples // share))
