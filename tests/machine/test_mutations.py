"""The machine finds broken rules: for each of the token rules one that is broken on purpose."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.machine.machine import LifeOfAToken

from box_app_operator.core import tokens
from box_app_operator.core.finding import Finding
from box_app_operator.core.model import BoxApp, HeldToken
from box_app_operator.core.retirement import Retirement

prove_first = tokens._check_held


def publish_at_once(app: BoxApp, held: HeldToken) -> Finding:
    """Rule 3, broken: nobody asks Box whether it accepts the token."""
    return prove_first(app, replace(held, proven=True))


MUTATIONS: dict[str, tuple[str, Callable[..., Any], str]] = {
    "1-mint-without-authorization": ("_usable", lambda _: True, "minted"),
    "2-empty-no-slot": ("_expendable", lambda *_: None, "not at rest"),
    "3-publish-without-proof": ("_check_held", publish_at_once, "published without proof"),
    "4-no-overlap": ("check_retirement", lambda *_, **__: Retirement(True), "revoked"),
    "5-orphans-stay": ("_ours", lambda *_: False, "not at rest"),
    "5-nothing-is-foreign": ("_ours", lambda *_: True, "somebody's key"),
}
"""By rule: the function that decides, what takes its place, and what the machine must say of it."""


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_rule_is_found(name: str, monkeypatch: pytest.MonkeyPatch, effort: settings) -> None:
    """And found for what it is."""
    function, broken, complaint = MUTATIONS[name]
    monkeypatch.setattr(tokens, function, broken)
    quick = settings(effort, max_examples=500, phases=[Phase.generate], report_multiple_bugs=False)

    with pytest.raises(AssertionError) as caught:
        run_state_machine_as_test(LifeOfAToken, settings=quick)

    assert complaint in str(caught.value)
