"""The machine finds broken rules: for each of the token rules one that is broken on purpose."""

import re
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from types import ModuleType
from typing import Any

import pytest
from hypothesis import Phase, settings
from hypothesis.stateful import run_state_machine_as_test
from tests.machine.machine import LifeByCredentials, LifeByPeople, LifeOfAToken

from box_app_operator.cache.attempts import PlatformAnswers
from box_app_operator.controller import reconcile_pass as work
from box_app_operator.model.box import BoxApp, PendingToken
from box_app_operator.model.desired import DownscopedSpec
from box_app_operator.model.finding import Finding
from box_app_operator.model.observed import Observed
from box_app_operator.model.platform_view import Verdict
from box_app_operator.model.steps import Step
from box_app_operator.modes.assisted import observe as keys
from box_app_operator.modes.assisted.proof import Candidate
from box_app_operator.modes.automated import adoption
from box_app_operator.modes.automated.ownership import Claim, Right
from box_app_operator.tokens import downscoped, rotation
from box_app_operator.tokens import policy as tokens
from box_app_operator.tokens.active import Current
from box_app_operator.tokens.policy import TokenSteps
from box_app_operator.tokens.retirement import Retirement

prove_first = tokens._check_pending


def publish_at_once(observed: Observed, pending: PendingToken, steps: TokenSteps) -> Finding:
    """Rule 3, broken: nobody asks Box whether it accepts the token."""
    return prove_first(observed, replace(pending, proven=True), steps)


async def believe_at_once(key: Candidate, _box: object, answers: PlatformAnswers, _app_id: object) -> None:
    """Rule 3, broken where people hand over keys: nobody asks Box what becomes of one."""
    answers.verdicts[key.token.fingerprint] = Verdict.LIVE


next_downscoped = downscoped._next


def make_once(spec: DownscopedSpec, current: Current) -> tuple[Step | None, datetime]:
    """Rule 6, broken: a downscoped token is made, and never renewed."""
    step, due = next_downscoped(spec, current)
    return (step if current.observed.downscoped.get(spec.secret) is None else None), due


def claim_anything(app: BoxApp, claim: Claim, *_: object) -> Right:
    """Whose the app is, broken: whoever names it may have it."""
    return Right.MINE if app.owner_uid == claim.claimant.uid else Right.GIVEN


FEW = 500
"""Examples in which the short search, which is the same every time, finds every mutation."""
Mutation = tuple[ModuleType, str, Callable[..., Any], str]
RULES: dict[str, Mutation] = {
    "1-mint-without-authorization": (tokens, "_is_usable", lambda _: True, "minted"),
    "2-empty-no-slot": (tokens, "_expendable", lambda *_: None, "not at rest|outlives its object|more than one"),
    "3-publish-without-proof": (tokens, "_check_pending", publish_at_once, "published without proof"),
    "3-believe-a-key": (keys, "judge", believe_at_once, "published without proof"),
    "4-no-overlap": (tokens, "check_retirement", lambda *_, **__: Retirement(True), "revoked"),
    "5-orphans-stay": (tokens, "_ours", lambda *_: False, "not at rest|more than one"),
    "5-nothing-is-foreign": (tokens, "_ours", lambda *_: True, "somebody's key"),
    "6-downscoped-of-any-token": (downscoped, "_is_as_asked", lambda *_: True, "downscoped token is"),
    "6-downscoped-for-ever": (downscoped, "_next", make_once, "downscoped token is"),
    "other-credentials-are-no-reason": (rotation, "as_asked_for", lambda _: True, "of these credentials|not at rest"),
    "limits-no-pause-by-date": (tokens, "rotation_waits_until", lambda *_: None, "in a storm"),
    "limits-lost-without-end": (tokens, "check_replacement", lambda *_: None, "lost tokens in a storm"),
    "limits-forgotten-in-a-crash": (work, "last_replacement", lambda *_: None, "in a storm"),
    "claim-without-a-right": (adoption, "right_of", claim_anything, "without an entry"),
}
"""By rule: the function that decides, what takes its place, and what the machine must say of it."""
IN_MODES: dict[type[LifeOfAToken], tuple[str, ...]] = {
    LifeOfAToken: tuple(rule for rule in RULES if rule not in ("3-believe-a-key", "other-credentials-are-no-reason")),
    LifeByPeople: ("3-believe-a-key", "4-no-overlap", "5-orphans-stay", "6-downscoped-for-ever"),
    LifeByCredentials: (
        "3-publish-without-proof",
        "6-downscoped-for-ever",
        "other-credentials-are-no-reason",
        "limits-no-pause-by-date",
        "limits-lost-without-end",
    ),
}
"""The rules that a mode has. Without a console endpoint people mint and revoke, and put a key into whichever slot;
access tokens need no authorization that is known beforehand, take no slot, and are not revoked while they are used."""


@pytest.mark.parametrize(("life", "name"), [(life, name) for life, names in IN_MODES.items() for name in names])
def test_a_broken_rule_is_found(
    life: type[LifeOfAToken], name: str, monkeypatch: pytest.MonkeyPatch, effort: settings
) -> None:
    """And found for what it is."""
    module, function, broken, complaint = RULES[name]
    monkeypatch.setattr(module, function, broken)
    # It ends with the first example that finds it. The short search is always the same; a long one with another seed
    # may need many more.
    most = max(FEW, effort.max_examples)
    quick = settings(effort, max_examples=most, phases=[Phase.generate], report_multiple_bugs=False)

    with pytest.raises(AssertionError) as caught:
        run_state_machine_as_test(life, settings=quick)

    assert re.search(complaint, str(caught.value))
