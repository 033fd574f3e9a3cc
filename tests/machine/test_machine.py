"""I1 to I4 of the design under crashes, lost answers, duplicates, late deliveries, edits, decisions and clock jumps."""

from __future__ import annotations

from hypothesis import settings
from hypothesis.stateful import run_state_machine_as_test
from tests.machine.machine import LifeOfAToken


def test_a_token_lives_through_anything(effort: settings) -> None:
    """No rule is broken at any call, and everything settles."""
    run_state_machine_as_test(LifeOfAToken, settings=effort)
