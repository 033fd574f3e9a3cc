"""A published token that Box refuses: what is said of it in every mode, what Ready makes of it, what is not claimed."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.unit.examples import ADOPT, ONE, TWO, app_for, look, ready_world, said, tasks, troubled
from tests.unit.pretend import APP_ID, CLIENT_ID, NOON, World, decide, decided, in_mode
from tests.unit.strategies import DESIRED, foreign_secret, working_worlds

from box_app_operator.core.plan import Plan
from box_app_operator.model.box import (
    AuthorizationState,
    BoxApp,
    ClientID,
    Fingerprint,
    Refusal,
    RefusalKind,
    Slot,
    UnlistedTokens,
)
from box_app_operator.model.conditions import Condition, Reason
from box_app_operator.model.desired import ClientGrant
from box_app_operator.model.finding import Finding
from box_app_operator.model.observed import MAX_REPLACEMENTS, Mode, Pace
from box_app_operator.model.platform_view import KeyView, PlatformView, Verdict
from box_app_operator.model.steps import MintToken, PublishSecret
from box_app_operator.tokens.active import current_of
from box_app_operator.tokens.refused import is_refused

S = AuthorizationState
POD = "Pods get 401: Box refuses the token in Secret 'viewer-box-token'"
OVER = "Pods get 401: the token in Secret 'viewer-box-token' expired at 2026-03-01T12:00:00Z."
OLD = replace(ONE, expires_at=NOON)
WISH = replace(ADOPT, import_from="keys")
GRANT = replace(DESIRED, grant=ClientGrant("creds", "enterprise", "1"))
AWAY = Refusal(RefusalKind.TRANSIENT, "BoxUnavailable", "Box does not answer.", NOON)
DEAD_KEY = KeyView(Slot.PRIMARY, ONE.fingerprint, Verdict.DEAD, "Box does not accept it: it was revoked.")
MISSING = "Secret 'creds' is missing."


def standing(state: AuthorizationState, *, enabled: bool = False, submit: bool = True) -> World:
    """A token is published, and the app stands so with the admin."""
    world = ready_world(replace(DESIRED, submit=submit))
    return look(world, app=decided(world.app, state, enabled=enabled))


def without_token(world: World) -> World:
    """Somebody revoked the published token in Box."""
    return look(world, app=replace(world.app, tokens={}))


def taken() -> World:
    """Somebody revoked the token of an adopted app, and generated two keys."""
    there = {Slot.PRIMARY: TWO, Slot.SECONDARY: replace(TWO, fingerprint=Fingerprint("3" * 16))}
    return look(ready_world(ADOPT), app=app_for(ADOPT, tokens=there))


def by_hand(verdict: Verdict | None, tokens: dict[Slot, Any] | None = None, **platform_view: Any) -> World:
    """A key that a person generated is in the Secret, and Box says so of it."""
    world = ready_world(WISH, primary=replace(ONE, accepted=verdict is Verdict.LIVE))
    disabled = verdict is Verdict.DISABLED
    app = replace(world.app, authorization=replace(world.app.authorization, enabled=not disabled))
    app = app if tokens is None else replace(app, tokens=tokens)
    known = {"app_id": APP_ID, "published": verdict, "disabled": disabled, "origins": {"": False}, **platform_view}
    return in_mode(world, Mode.ASSISTED, app=app, platform_view=PlatformView(**known))


def dead(**platform_view: Any) -> World:
    """Box does not accept the published key any more."""
    return by_hand(Verdict.DEAD, {}, **platform_view)


def granted(token: Any = ONE, **platform_view: Any) -> World:
    """An access token of client credentials is in the Secret."""
    known = PlatformView(**{"can_revoke": True, **platform_view})
    return in_mode(ready_world(GRANT, primary=token), Mode.CLIENT_CREDENTIALS, platform_view=known)


def ended(world: World) -> World:
    """The access token is not among those that are live."""
    assert world.observed.unlisted is not None
    return look(world, unlisted=replace(world.observed.unlisted, issued=()))


def settled(world: World, refusal: Refusal = AWAY) -> Plan:
    """The plan of a pass whose steps were all refused: what the status then says."""
    refusals: dict[Any, Refusal] = {}
    while (plan := decide(world, refusals=refusals)).steps:
        refusals |= dict.fromkeys(plan.steps, refusal)
    return plan


KEPT = "The Secret keeps the token, which works again once the app is authorized and enabled."
NEXT = "Another token follows once the app is authorized and enabled."
TABLE: dict[str, tuple[World, str, list[str]]] = {
    "disabled": (standing(S.AUTHORIZED), f"{POD}. 'Acme Viewer' (client id {CLIENT_ID}) is", ["must enable it", KEPT]),
    "pending": (standing(S.PENDING), f"{POD}. Submitted.", ["must authorize 'Acme Viewer'", KEPT]),
    "changed": (standing(S.REAUTHORIZATION_REQUIRED), f"{POD}. The app changed", ["authorize it again", KEPT]),
    "declined": (standing(S.DECLINED), f"{POD}. A Box admin declined", ["Ask them why", KEPT]),
    "not submitted": (
        standing(S.NOT_SUBMITTED, submit=False),
        f"{POD}. The app",
        ["submit the app in the Developer Console.", KEPT],
    ),
    "revoked": (
        without_token(ready_world()),
        f"{POD}: it is in no slot of the app any more. A token is about to be generated.",
        ["That must wait: Box does not answer."],
    ),
    "revoked and disabled": (without_token(standing(S.AUTHORIZED)), f"{POD}: it is in no slot", ["enable it", NEXT]),
    "revoked, and both slots taken": (
        taken(),
        f"{POD}: it is in no slot of the app any more. Both slots",
        ["Revoke one of the"],
    ),
    "expired": (ready_world(primary=OLD), OVER, ["That must wait: Box does not answer."]),
    "expired and pending": (
        look(standing(S.PENDING), app=decided(app_for(tokens={Slot.PRIMARY: OLD}), S.PENDING)),
        OVER,
        ["must authorize", NEXT],
    ),
    "key dead": (dead(), f"{POD}: it was revoked, or has expired. Under Configuration press Generate Key", ["'keys'"]),
    "key dead and handed over": (dead(keys=(DEAD_KEY,)), f"{POD}: it was revoked, or has expired. Under", ["'keys'"]),
    "key disabled": (by_hand(Verdict.DISABLED), f"{POD}. Box says that the app is disabled.", [CLIENT_ID, KEPT]),
    "not authorized for a grant": (granted(unauthorized=True), f"{POD}. A Box admin must", [CLIENT_ID, NEXT]),
    "access token expired": (ended(granted(OLD)), OVER, ["That must wait: Box does not answer."]),
    "credentials missing at its end": (ended(granted(OLD, trouble=MISSING, can_revoke=False)), OVER, [MISSING]),
    "access token revoked": (
        ended(granted(ended=frozenset({ONE.fingerprint}))),
        f"{POD}: it was revoked.",
        ["That must wait: Box does not answer."],
    ),
}


@pytest.mark.parametrize("case", TABLE)
def test_what_pods_see_comes_first(case: str) -> None:
    """Then why it is so, who can help, and what comes of it."""
    world, begins, words = TABLE[case]

    found = said(settled(world), "TokenReady")

    assert (found.status, found.reason) == ("False", "TokenExpired" if begins is OVER else "TokenRejected")
    assert is_refused(Finding(found))
    assert found.message.startswith(begins)
    assert [word for word in words if word not in found.message] == []
    assert found.message.count("must authorize") + found.message.count("must enable") <= 1


@pytest.mark.parametrize("case", TABLE)
def test_ready_says_the_same_unless_the_author_must_act_first(case: str) -> None:
    """Whatever else is only waited for: pods get 401 now."""
    plan = settled(TABLE[case][0])
    ready, cause = said(plan, "Ready"), said(plan, "Authorized" if case == "declined" else "TokenReady")

    assert (ready.status, ready.reason, ready.message) == (cause.status, cause.reason, cause.message)


EDITED = look(
    ready_world(), secret=replace(ready_world().secret, fingerprints={"BOX_APP_TOKEN": Fingerprint("e" * 16)})
)  # type: ignore[type-var]


@pytest.mark.parametrize(
    "world",
    [
        ready_world(),
        by_hand(Verdict.LIVE),
        by_hand(None),
        granted(),
        # Somebody's text: nobody asked Box about it.
        without_token(EDITED),
        # What Box says of the credentials' app is nothing about the token of another.
        look(
            granted(unauthorized=True),
            unlisted=UnlistedTokens(ClientID("b" * 32), (replace(ONE, client_id=CLIENT_ID),), follows_spec=False),
        ),
        look(standing(S.AUTHORIZED), secret=foreign_secret(DESIRED)),
        look(standing(S.AUTHORIZED), secret=None),
    ],
)
def test_what_nobody_knows_is_not_claimed(world: World) -> None:
    """Only a word of Box, or of its listing, is good enough."""
    assert "Pods get 401" not in said(settled(world), "TokenReady").message


@pytest.mark.parametrize(
    ("world", "reason", "begins"),
    [
        (ready_world(primary=OLD), Reason.ROTATION_LIMITED, "Tokens were lost again and again"),
        (without_token(ready_world()), Reason.TOKEN_REJECTED, POD),
    ],
    ids=["over when it comes", "taken away"],
)
def test_a_limit_says_what_is_known(world: World, reason: Reason, begins: str) -> None:
    """Tokens that are over as soon as they come show a clock that is off, and Box may accept them all."""
    often = Pace(NOON, MAX_REPLACEMENTS)

    found = said(decide(look(world, pace=often)), "TokenReady")

    assert (found.status, found.reason) == ("False", reason)
    assert found.message.startswith(begins)
    assert "again and again" in found.message


def test_the_secret_is_mended_all_the_same() -> None:
    """It stays the object's own while Box refuses the token; and what Kubernetes refuses then hides nothing."""
    world = standing(S.AUTHORIZED)
    world = look(world, secret=replace(world.secret, labels={}))
    assert [type(step) for step in decide(world).steps] == [PublishSecret]

    plan = settled(world, Refusal(RefusalKind.TRANSIENT, "SecretRefused", "Kubernetes refuses it."))

    assert said(plan, "TokenReady").message.startswith(POD)
    assert said(plan, "TokenReady").message.endswith("Kubernetes refuses it.")
    assert [notice.reason for notice in plan.notices] == ["SecretRefused"]


def test_a_task_hides_no_refusal() -> None:
    """The first step is that of the condition which Ready names; the others stay in the list."""
    plan = decide(dead(origins={"": True}))

    assert said(plan, "CORSSynced").reason == "AwaitingHuman"
    assert [task.split()[0] for task in tasks(plan)] == ["Under", "Empty"]
    assert said(plan, "Ready").message.startswith(POD)
    assert said(plan, "Ready").message.endswith(tasks(plan)[0])


def test_a_bad_key_in_place_of_a_dead_one_is_named_behind_the_refusal() -> None:
    """Whoever handed it over must hear of it, too."""
    bad = KeyView(Slot.PRIMARY, TWO.fingerprint, Verdict.OTHER_APP, "it belongs to app 7, not to app 4711.")
    found = said(decide(dead(keys=(bad,))), "TokenReady")

    assert found.reason == "TokenRejected"
    assert "or has expired. Key 'primary' cannot be used: it belongs to app 7" in found.message


def test_with_both_slots_taken_somebody_is_asked_to_revoke_one() -> None:
    """The task stands in nextSteps, behind the refusal in the message."""
    plan = decide(taken())

    assert tasks(plan) == [said(plan, "Ready").message.partition("does not have. ")[2]]


def test_another_key_is_published_whatever_was_said_before() -> None:
    """Nothing of what is done depends on these words."""
    assert decide(without_token(ready_world())).steps == (MintToken(APP_ID, Slot.PRIMARY, 60),)


def test_what_was_said_before_an_enterprise_was_missing_is_not_said_of_now() -> None:
    """The refusal was found earlier: Ready speaks of what is known to be in the way."""
    previous = {"TokenReady": Condition("TokenReady", "False", Reason.TOKEN_REJECTED, POD)}
    plan = decide(troubled("EnterpriseNotFound", stalled=False), previous)

    assert said(plan, "Ready").reason == "EnterpriseNotFound"


@given(world=working_worlds())
def test_no_published_token_of_an_app_that_is_not_usable_is_called_good(world: World) -> None:
    """Automated: the listing has the app's state."""
    app: BoxApp | None = world.observed.app
    usable = app is None or (app.authorization.state is S.AUTHORIZED and app.authorization.enabled)
    if not usable and current_of(world.desired, world.observed, NOON) is not None:
        assert said(decide(world), "TokenReady").status == "False"


@given(
    verdict=st.sampled_from([None, *Verdict]),
    live=st.booleans(),
    disabled=st.booleans(),
    age=st.integers(0, 61),
    keys=st.lists(
        st.builds(KeyView, st.sampled_from(Slot), st.just(ONE.fingerprint), st.sampled_from(Verdict)), max_size=2
    ),
)
def test_no_key_that_box_refuses_is_called_good(
    verdict: Verdict | None, live: bool, disabled: bool, age: int, keys: list[KeyView]
) -> None:
    """Assisted: Box's word about the key in the Secret counts, whatever else was observed."""
    token = replace(ONE, accepted=live, created_at=NOON - timedelta(days=age))
    world = by_hand(verdict, {Slot.PRIMARY: token}, disabled=disabled, keys=tuple(keys))
    found = said(decide(world), "TokenReady")

    assert verdict not in (Verdict.DEAD, Verdict.DISABLED) or (
        found.status == "False" and found.message.startswith("Pods get 401")
    )
