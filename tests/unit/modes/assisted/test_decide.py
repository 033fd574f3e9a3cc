"""What is said of an app whose console steps a person does, state by state."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.unit.examples import ADOPT, ONE, TWO, app_for, look, ready_world, said, tasks
from tests.unit.pretend import APP_ID, CLIENT_ID, NOON, World, decide, in_mode, published_secret, unlisted
from tests.unit.strategies import DESIRED

from box_app_operator.model.box import IssuedToken, PendingToken, Problem, Slot, UnlistedTokens
from box_app_operator.model.desired import ClientGrant, DeletionPolicy, Desired
from box_app_operator.model.observed import Mode, Observed, RememberedStatus
from box_app_operator.model.platform_view import KeyView, PlatformView, Verdict
from box_app_operator.model.steps import (
    AddFinalizer,
    GenerateKey,
    ObtainAccessToken,
    PublishSecret,
    RemoveFinalizer,
    RevokeToken,
    Step,
)
from box_app_operator.modes.assisted.decide import AssistedRules
from box_app_operator.modes.assisted.tasks import key_task

WISH = replace(ADOPT, import_from="keys")
CORS = ("https://a.example.com", "https://*.b.example.com")
LIVE = replace(ONE, accepted=True)
GRANT = replace(DESIRED, client_id=None, grant=ClientGrant("creds", "enterprise", "1"))


def by_hand(desired: Desired = WISH, tokens: dict[Slot, IssuedToken] | None = None, **changes: Any) -> World:
    """An app without a console endpoint."""
    known = unlisted(app_for(desired, tokens=tokens or {}), Mode.ASSISTED) if desired.client_id else None
    return World(desired, Observed(known=True, unlisted=known, mode=Mode.ASSISTED, pods=(), **changes))


def settled(desired: Desired = WISH, **platform_view: Any) -> World:
    """Ready, with a key that a person generated."""
    known = PlatformView(**{"app_id": APP_ID, "name": desired.display_name, "origins": {"": False}, **platform_view})
    return in_mode(ready_world(desired, primary=LIVE), Mode.ASSISTED, platform_view=known)


def without_keys(world: World) -> World:
    """Box accepts none any more."""
    assert world.observed.unlisted is not None
    return look(world, unlisted=replace(world.observed.unlisted, issued=(), slots={}))


def test_without_an_app_somebody_must_create_it() -> None:
    """The first step is what kubectl shows."""
    plan = decide(by_hand(replace(DESIRED, import_from="keys")))

    assert said(plan, "Registered").reason == "AwaitingClientID"
    assert said(plan, "Ready").message == said(plan, "Registered").message
    assert tasks(plan)[0] in said(plan, "Ready").message
    assert "'Acme Viewer'" in tasks(plan)[0]
    assert plan.steps == ()


def test_the_object_is_held_before_anything_else() -> None:
    """There will be keys to revoke."""
    assert decide(by_hand(replace(WISH, has_finalizer=False))).steps == (AddFinalizer(),)


def test_before_the_first_key_all_steps_are_there_in_order() -> None:
    """CORS first, so that the admin sees the app as it will be; the key last, for it needs the authorization."""
    world = by_hand(replace(WISH, cors_domains=CORS))
    plan = decide(world)

    first = AssistedRules().check_app(world.desired, world.observed, NOON)[0]
    assert first.condition == said(plan, "Registered")
    assert [task.kind for task in plan.tasks] == ["SetCORSDomains", "Submit", "Authorize", "GenerateKey"]
    assert plan.tasks[0].values == (("CORS Domains", "https://a.example.com, https://*.b.example.com"),)
    assert "https://a.example.com, https://*.b.example.com" in tasks(plan)[0]
    assert tasks(plan)[3].endswith("choose 60 days, and put the key into Secret 'keys' under 'primary'.")
    assert said(plan, "Ready").reason == "AwaitingToken"
    assert said(plan, "Ready").message == said(plan, "TokenReady").message
    assert said(plan, "Ready").message == (
        "Several steps are needed before you can put the key into Secret 'keys' under 'primary'. The first: "
        f"{tasks(plan)[0]}"
    )


@pytest.mark.parametrize(("days", "words"), [(30, "30 days"), (60, "60 days"), (None, "No Expiry")])
def test_the_expiry_is_named_as_the_console_does(days: int | None, words: str) -> None:
    """Box offers three."""
    task = key_task(replace(WISH, token_days=days), Observed(), Slot.PRIMARY, None)

    assert f"choose {words}," in task.what
    assert task.what == tasks(decide(by_hand(replace(WISH, token_days=days))))[-1]


def test_a_proven_key_is_published() -> None:
    """The value is held; nothing more is asked of anybody but the origins."""
    world = by_hand(tokens={Slot.PRIMARY: LIVE}, pending=PendingToken(ONE.fingerprint, proven=True))

    assert decide(world).steps == (PublishSecret(ONE.fingerprint),)


def test_at_rest_nobody_has_to_do_anything() -> None:
    """And the message says that the date is an assumption."""
    plan = decide(settled())

    assert (plan.steps, plan.tasks) == ((), ())
    assert said(plan, "Ready").status == "True"
    assert "if it was generated as spec.tokens.expiry says" in said(plan, "TokenReady").message


def silent(world: World, **changes: Any) -> World:
    """Box accepts the key and never said whose it is."""
    platform_view = replace(world.observed.platform_view, app_id=None, name="", unidentified=True)
    return replace(
        world, observed=replace(world.observed, remembered=RememberedStatus(), platform_view=platform_view, **changes)
    )


def test_a_key_that_box_does_not_identify_makes_the_app_ready() -> None:
    """And Registered says that nobody would notice a wrong one."""
    plan = decide(silent(settled()))

    assert said(plan, "Ready").status == "True"
    assert (said(plan, "Registered").status, said(plan, "Registered").reason) == ("True", "Adopted")
    assert said(plan, "Registered").message == (
        "Box accepted a key and does not say whose it is. Make sure that it is of the app with client id "
        f"{WISH.client_id}: a key of another app would not be noticed."
    )


def test_a_later_key_that_box_does_not_identify_is_said() -> None:
    """The app is known by an earlier one."""
    message = said(decide(settled(unidentified=True)), "Registered").message

    assert message.startswith(f"Box knows the app as {APP_ID}. Box does not say whose the present key is")
    assert "does not say" not in said(decide(settled()), "Registered").message


def test_a_key_that_is_over_does_not_take_the_confirmation_back() -> None:
    """The Secret tells that there was one: nobody is asked to submit the app again."""
    world = silent(settled())
    plan = decide(without_keys(world))

    assert said(plan, "Registered").status == "True"
    assert ["Generate Key" in task for task in tasks(plan)] == [True]


def test_a_status_that_knows_no_app_keeps_the_object_while_its_key_may_live() -> None:
    """The enterprise and the Secret are gone: somebody must still revoke the key; an access token ends by itself."""
    problem = Problem("EnterpriseNotFound", "There is no BoxEnterprise.", NOON, awaited=True)
    observed = Observed(problem=problem, remembered=RememberedStatus(active=ONE.fingerprint))
    for desired, mode, steps in (
        (WISH, Mode.ASSISTED, ()),
        (GRANT, Mode.CLIENT_CREDENTIALS, (RemoveFinalizer(),)),
    ):
        assert decide(World(replace(desired, deleting=True), replace(observed, mode=mode))).steps == steps


def test_a_due_rotation_asks_for_a_key_in_the_other_slot() -> None:
    """The token works meanwhile: Ready stays True."""
    world = settled()
    plan = decide(replace(world, desired=replace(world.desired, rotate_request="now")))

    assert said(plan, "Ready").status == "True"
    assert ["Secondary Access Token" in task for task in tasks(plan)] == [True]
    assert not [step for step in plan.steps if isinstance(step, GenerateKey)]
    (task,) = plan.tasks
    assert (task.kind, task.who, task.due) == ("GenerateKey", "AppTeam", LIVE.expires_at)
    assert task.values == (("Generate Key", "Secondary Access Token"), ("Expiry", "60 days"))


def test_after_a_key_is_over_another_slot_is_asked_for() -> None:
    """The console may still have the one that has expired in its slot."""
    assert "Secondary Access Token" in tasks(decide(without_keys(settled())))[0]


def rotated(**platform_view: Any) -> World:
    """A new key is published, and nothing uses the previous one."""
    world = settled(**platform_view)
    new = replace(TWO, accepted=True)
    known = unlisted(app_for(world.desired, tokens={Slot.PRIMARY: LIVE, Slot.SECONDARY: new}), Mode.ASSISTED)
    return look(world, unlisted=known, secret=published_secret(world.desired, known, new, world.observed))


@pytest.mark.parametrize(
    ("client_secret", "asked", "steps"),
    [
        ({}, ["Press Revoke for the Primary Access Token."], ()),
        ({"can_revoke": True, "at_hand": {ONE.fingerprint}}, [], (RevokeToken(ONE.fingerprint),)),
    ],
    ids=["by a person", "with a client secret"],
)
def test_the_previous_key_is_revoked(client_secret: dict[str, Any], asked: list[str], steps: tuple[Step, ...]) -> None:
    """Box's public API needs a client secret for it; where there is one nobody is asked."""
    plan = decide(rotated(**client_secret), now=NOON + timedelta(hours=2))

    assert (tasks(plan), plan.steps) == (asked, steps)


@pytest.mark.parametrize("can_revoke", [False, True])
def test_lost_keys_in_both_slots_do_not_end_in_a_dead_end(can_revoke: bool) -> None:
    """Their values are gone, so nobody can prove that one was revoked: the key that takes its slot is the proof."""
    both = {Slot.PRIMARY: ONE, Slot.SECONDARY: TWO}
    lost = RememberedStatus(active=ONE.fingerprint, retiring=TWO.fingerprint)
    plan = decide(by_hand(tokens=both, platform_view=PlatformView(can_revoke=can_revoke), remembered=lost))

    asked = [(task.kind, "Secondary" in task.what) for task in plan.tasks]
    assert asked == [("RevokeKey", True), ("GenerateKey", True)]
    assert plan.steps == ()


@pytest.mark.parametrize(
    ("origins", "status", "reason"),
    [
        ({}, "Unknown", "NotYetKnown"),
        (dict.fromkeys(CORS, True), "True", "Synced"),
        ({CORS[0]: True, CORS[1]: False}, "False", "AwaitingHuman"),
    ],
)
def test_origins_are_what_box_says_of_them(origins: dict[str, bool], status: str, reason: str) -> None:
    """Each was tried."""
    found = said(decide(settled(replace(WISH, cors_domains=CORS), origins=origins)), "CORSSynced")

    assert (found.status, found.reason) == (status, reason)


def test_an_origin_that_nobody_asked_for_must_not_be_allowed() -> None:
    """An empty list means no origin."""
    plan = decide(settled(origins={"": True}))

    assert said(plan, "CORSSynced").reason == "AwaitingHuman"
    assert tasks(plan) == ["Empty the field CORS Domains."]


def test_a_key_that_cannot_be_used_is_named() -> None:
    """With Box's reason; the consumers keep the last good one."""
    bad = KeyView(Slot.SECONDARY, TWO.fingerprint, Verdict.OTHER_APP, "it belongs to app 7, not to app 4711.")

    kept, nothing = decide(settled(keys=(bad,))), decide(by_hand(platform_view=PlatformView(keys=(bad,))))

    assert said(kept, "Ready").status == "True"
    assert "Key 'secondary' cannot be used: it belongs to app 7" in said(kept, "TokenReady").message
    assert said(nothing, "TokenReady").reason == "TokenRejected"
    assert "Key 'secondary' cannot be used" in str(nothing.tasks[-1].problem)


def test_a_key_that_had_its_time_is_nobodys_fault() -> None:
    """It lies in the import Secret until its slot is needed again."""
    old = KeyView(Slot.PRIMARY, ONE.fingerprint, Verdict.DEAD, "Box does not accept it.")

    assert "cannot be used" not in said(decide(rotated(keys=(old,))), "TokenReady").message


def test_a_disabled_app_asks_for_the_admin_and_for_no_key() -> None:
    """Box says so to whoever uses a key."""
    world = settled(disabled=True)
    assert world.observed.unlisted is not None
    plan = decide(look(world, unlisted=replace(world.observed.unlisted, is_usable=False)))

    assert said(plan, "Authorized").reason == "Disabled"
    assert ["must authorize or enable" in task for task in tasks(plan)] == [True]


@pytest.mark.parametrize(
    ("policy", "can_revoke", "expected"),
    [
        (DeletionPolicy.REVOKE_TOKENS, True, (RevokeToken(ONE.fingerprint),)),
        (DeletionPolicy.REVOKE_TOKENS, False, ()),
        (DeletionPolicy.DELETE, False, ()),
        (DeletionPolicy.RETAIN, False, (RemoveFinalizer(),)),
    ],
)
def test_a_deletion_waits_for_whoever_can_revoke(
    policy: DeletionPolicy, can_revoke: bool, expected: tuple[object, ...]
) -> None:
    """And says what to press."""
    plan = decide(settled(replace(WISH, deleting=True, deletion_policy=policy), can_revoke=can_revoke))

    assert plan.steps == expected
    assert bool(tasks(plan)) == (expected == ())


def test_a_deletion_ends_when_no_token_is_accepted_any_more() -> None:
    """Proven, not believed."""
    assert decide(by_hand(replace(WISH, deleting=True))).steps == (RemoveFinalizer(),)


def by_grant(platform_view: PlatformView, *tokens: IssuedToken) -> World:
    """An app with the Client Credentials Grant."""
    known = UnlistedTokens(CLIENT_ID, tokens, follows_spec=False)
    return World(
        GRANT,
        Observed(known=True, unlisted=known, mode=Mode.CLIENT_CREDENTIALS, platform_view=platform_view),
    )


def test_access_tokens_are_obtained_without_anybody() -> None:
    """As soon as the credentials are there."""
    assert decide(by_grant(PlatformView(can_revoke=True))).steps == (ObtainAccessToken(),)


def test_missing_credentials_are_asked_for() -> None:
    """And Box is not."""
    plan = decide(by_grant(PlatformView(trouble="Secret 'creds' is missing.")))

    assert plan.steps == ()
    assert said(plan, "Ready").message == "Secret 'creds' is missing."


def test_the_admin_is_named_when_box_says_so() -> None:
    """PendingApproval is Box's own word."""
    plan = decide(by_grant(PlatformView(can_revoke=True, unauthorized=True)))

    assert said(plan, "Authorized").reason == "PendingApproval"


def test_access_tokens_are_renewed_at_half_of_their_life() -> None:
    """Up to a tenth earlier."""
    begin, end = NOON - timedelta(minutes=29), NOON + timedelta(minutes=31)
    world = by_grant(PlatformView(can_revoke=True), IssuedToken(ONE.fingerprint, begin, end, client_id=CLIENT_ID))
    assert world.observed.unlisted is not None
    world = look(world, secret=published_secret(GRANT, world.observed.unlisted, *world.observed.unlisted.issued))

    assert decide(world, now=NOON - timedelta(minutes=3)).steps == ()
    assert decide(world, now=NOON + timedelta(minutes=1)).steps == (ObtainAccessToken(),)
