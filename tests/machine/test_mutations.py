"""The machine finds broken rules: for each of the token rules one that is broken on purpose."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from types import ModuleType
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.machine.machine import LifeByCredentials, LifeOfAToken

from box_app_operator.controller import reconcile_pass as work
from box_app_operator.model.box import BoxApp, PendingToken
from box_app_operator.model.finding import Finding
from box_app_operator.model.observed import Adoption
from box_app_operator.modes.automated import adoption
from box_app_operator.tokens import policy as tokens
from box_app_operator.tokens import rotation
from box_app_operator.tokens.retirement import Retirement

prove_first = tokens._check_pending


def publish_at_once(app: BoxApp, pending: PendingToken) -> Finding:
    """Rule 3, broken: nobody asks Box whether it accepts the token."""
    return prove_first(app, replace(pending, proven=True))


FEW = 500
"""Examples in which the short search, which is the same every time, finds every mutation."""
MUTATIONS: dict[str, tuple[ModuleType, str, Callable[..., Any], str]] = {
    "1-mint-without-authorization": (tokens, "_is_usable", lambda _: True, "minted"),
    "2-empty-no-slot": (tokens, "_expendable", lambda *_: None, "not at rest"),
    "3-publish-without-proof": (tokens, "_check_pending", publish_at_once, "published without proof"),
    "4-no-overlap": (tokens, "check_retirement", lambda *_, **__: Retirement(True), "revoked"),
    "5-orphans-stay": (tokens, "_ours", lambda *_: False, "not at rest"),
    "5-nothing-is-foreign": (tokens, "_ours", lambda *_: True, "somebody's key"),
    "other-credentials-are-no-reason": (rotation, "as_asked_for", lambda _: True, "of these credentials|not at rest"),
    "limits-no-pause-by-date": (tokens, "rotation_waits_until", lambda *_: None, "in a storm"),
    "limits-lost-without-end": (tokens, "check_replacement", lambda *_: None, "lost tokens in a storm"),
    "limits-forgotten-in-a-crash": (work, "last_replacement", lambda *_: None, "in a storm"),
    "adopt-without-an-entry": (adoption, "adoption_of", lambda *_: Adoption.ALLOWED, "without an entry"),
}
"""By rule: the function that decides, what takes its place, and what the machine must say of it."""


@pytest.mark.parametrize("name", MUTATIONS)
def test_a_broken_rule_is_found(name: str, monkeypatch: pytest.MonkeyPatch, effort: settings) -> None:
    """And found for what it is."""
    module, function, broken, complaint = MUTATIONS[name]
    life = LifeByCredentials if "credentials" in name else LifeOfAToken
    monkeypatch.setattr(module, function, broken)
    # It ends with the first example that finds it. The short search is always the same; a long one with another seed
    # may need many more.
    most = max(FEW, effort.max_examples)
    quick = settings(effort, max_examples=most, phases=[Phase.generate], report_multiple_bugs=False)

    with pytest.raises(AssertionError) as caught:
        run_state_machine_as_test(life, settings=quick)

    assert re.search(complaint, str(caught.value))
