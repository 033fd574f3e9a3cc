"""When a downscoped token is made anew, and what keeps it from being."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.unit.examples import ONE, TWO, look, ready_world, said
from tests.unit.pretend import NOON, World, decide, in_mode
from tests.unit.strategies import DESIRED

from box_app_operator.model.box import UID, Fingerprint, Refusal, RefusalKind, fingerprint_of
from box_app_operator.model.conditions import format_time
from box_app_operator.model.desired import ClientGrant, DeletionPolicy, DownscopedSpec
from box_app_operator.model.observed import Mode
from box_app_operator.model.platform_view import PlatformView
from box_app_operator.model.secret import SecretView
from box_app_operator.model.steps import (
    DeleteSecret,
    MintToken,
    RefreshDownscoped,
    RemoveFinalizer,
    RevokeDownscoped,
    RevokeToken,
)
from box_app_operator.tokens.downscoped import annotations_for, labels_for

SPEC = DownscopedSpec("preview", ("base_preview",), None, timedelta(minutes=15))
OTHER = DownscopedSpec("upload", ("base_upload",), None, timedelta(minutes=15))
WISH = replace(DESIRED, downscoped=(SPEC,))
CHILD = Fingerprint("c" * 16)
ISSUED, ENDS = NOON, NOON + timedelta(hours=1)


def secret(spec: DownscopedSpec = SPEC, expires_at: datetime = ENDS, **changes: Any) -> SecretView:
    """The Secret of a downscoped token, as it was written at noon."""
    keys = WISH.secret.keys
    view = SecretView(
        namespace=WISH.namespace,
        name=spec.secret,
        uid=UID("child"),
        resource_version="1",
        owner_uid=WISH.uid,
        labels=labels_for(WISH),
        annotations=annotations_for(spec, ONE.fingerprint, CHILD, ISSUED, expires_at),
        fingerprints={keys.token: CHILD, keys.expires_at: fingerprint_of(format_time(expires_at))},
    )
    return replace(view, **changes)


def world(view: SecretView | None, **observed: Any) -> World:
    """A ready app with this Secret of its downscoped token."""
    return look(ready_world(WISH), downscoped={SPEC.secret: view}, **observed)


REFRESH = (RefreshDownscoped(SPEC, ONE.fingerprint),)


def test_it_is_made_when_there_is_none() -> None:
    """As soon as the app has a token."""
    assert decide(world(None)).steps == REFRESH


def test_it_is_made_anew_before_it_runs_out() -> None:
    """By ``refreshBefore``, and the plan looks again at exactly that moment."""
    due = ENDS - SPEC.refresh_before

    assert decide(world(secret())).steps == ()
    assert decide(world(secret())).look_again_at == due
    assert decide(world(secret()), now=due).steps == REFRESH


def test_one_that_was_dated_by_a_clock_that_was_ahead_is_made_anew() -> None:
    """It is over long before it seems to be, and is no consolation while Box is down."""
    ahead = timedelta(hours=5)
    annotations = annotations_for(SPEC, ONE.fingerprint, CHILD, ISSUED + ahead, ENDS + ahead)
    fingerprints = {**secret().fingerprints, WISH.secret.keys.expires_at: fingerprint_of(format_time(ENDS + ahead))}
    dated_ahead = world(secret(annotations=annotations, fingerprints=fingerprints))

    assert decide(dated_ahead).steps == REFRESH
    assert said(decide(dated_ahead, refusals={REFRESH[0]: NOT_NOW}), "TokenReady").status == "False"
    assert decide(dated_ahead, now=NOON + ahead).steps == ()


def test_a_refresh_before_that_outlasts_the_token_does_not_make_one_after_another() -> None:
    """A tenth of its life it has in any case."""
    spec = replace(SPEC, refresh_before=timedelta(days=1))
    eager = replace(world(secret(spec)), desired=replace(WISH, downscoped=(spec,)))

    assert decide(eager, now=NOON + timedelta(minutes=5)).steps == ()
    assert decide(eager, now=NOON + timedelta(minutes=6)).steps == (RefreshDownscoped(spec, ONE.fingerprint),)


@pytest.mark.parametrize(
    "view",
    [
        secret(annotations=annotations_for(SPEC, Fingerprint("0" * 16), CHILD, ISSUED, ENDS)),
        secret(annotations=annotations_for(replace(SPEC, scopes=("x",)), ONE.fingerprint, CHILD, ISSUED, ENDS)),
        secret(annotations=annotations_for(replace(SPEC, resource="y"), ONE.fingerprint, CHILD, ISSUED, ENDS)),
        secret(annotations={}),
        secret(fingerprints={}),
        secret(fingerprints={**secret().fingerprints, WISH.secret.keys.expires_at: fingerprint_of("tomorrow")}),
    ],
    ids=["parent", "scopes", "resource", "notes", "emptied", "expiry"],
)
def test_it_is_made_anew_when_something_is_not_as_it_should_be(view: SecretView) -> None:
    """After a rotation, with another spec, or after somebody had a hand in the Secret."""
    assert decide(world(view)).steps == REFRESH


@pytest.mark.parametrize(
    ("view", "mends"),
    [
        (secret(labels={}), ("label app.kubernetes.io/managed-by", "label boxapps.dev/app")),
        (secret(owner_uid=None), ("the owner reference",)),
        (secret(labels={**labels_for(WISH), "more": "x"}), ()),
        (secret(fingerprints={**secret().fingerprints, "EXTRA": fingerprint_of("theirs")}), ()),
    ],
    ids=["labels", "owner", "another's label", "another's key"],
)
def test_a_good_token_stays_while_the_rest_is_put_right(view: SecretView, mends: tuple[str, ...]) -> None:
    """Box need not make another one for a label; and what others add is theirs."""
    assert decide(world(view)).steps == ((RefreshDownscoped(SPEC, ONE.fingerprint, mends),) if mends else ())


def test_a_foreign_secret_holds_nothing_else_up() -> None:
    """It is left untouched and named; the other token is made."""
    foreign = secret(owner_uid=UID("somebody"))
    wish = replace(WISH, downscoped=(SPEC, OTHER))
    both = look(replace(world(foreign), desired=wish), downscoped={SPEC.secret: foreign, OTHER.secret: None})
    plan = decide(both)

    assert said(plan, "TokenReady").reason == "SecretConflict"
    assert plan.steps == (RefreshDownscoped(OTHER, ONE.fingerprint),)


def test_a_secret_that_nobody_asks_for_any_more_goes() -> None:
    """The entry was taken out of the spec."""
    left = secret(OTHER)

    assert decide(world(secret(), left_over=(left,))).steps == (DeleteSecret(OTHER.secret, left.uid),)


# Refusals

NEXT = ENDS - SPEC.refresh_before
STALLED = Refusal(RefusalKind.STALLED, "DownscopeRefused", "Box gives out no token (invalid_scope).")
NOT_NOW = Refusal(RefusalKind.TRANSIENT, "BoxUnavailable", "Box does not answer.", NOON + timedelta(days=1))
ADMIN = Refusal(RefusalKind.AWAITING_HUMAN, "AwaitingAuthorization", "A Box admin must authorize the app.")
OTHERWISE = secret(annotations=annotations_for(replace(SPEC, scopes=("x",)), ONE.fingerprint, CHILD, ISSUED, ENDS))
OLDER = secret(annotations=annotations_for(SPEC, Fingerprint("0" * 16), CHILD, ISSUED, ENDS))


@pytest.mark.parametrize(
    ("view", "refusal", "status", "reason"),
    [
        (None, STALLED, "False", "DownscopeRefused"),
        (secret(), STALLED, "False", "DownscopeRefused"),
        (None, NOT_NOW, "False", "AwaitingToken"),
        (secret(expires_at=NEXT), NOT_NOW, "False", "AwaitingToken"),
        (OTHERWISE, NOT_NOW, "False", "AwaitingToken"),
        (secret(fingerprints={}), NOT_NOW, "False", "AwaitingToken"),
        (secret(), NOT_NOW, "True", "Published"),
        (OLDER, NOT_NOW, "True", "Published"),
        (None, ADMIN, "False", "AwaitingAuthorization"),
        (secret(), ADMIN, "True", "Published"),
    ],
)
def test_ready_says_that_it_can_be_had(view: SecretView | None, refusal: Refusal, status: str, reason: str) -> None:
    """What Box refuses for good is said at once; a passing trouble once the Secret holds none that is as asked for."""
    plan = decide(world(view), refusals={REFRESH[0]: refusal}, now=NEXT)

    for type_ in ("TokenReady", "Ready"):
        found = said(plan, type_)
        assert found.status == status
        assert SPEC.secret in found.message
        assert refusal.message in found.message
    assert said(plan, "TokenReady").reason == reason
    assert plan.steps == ()
    assert ("Stalled" in {each.type for each in plan.conditions}) == (refusal is STALLED)


def test_the_end_of_what_is_there_is_awaited() -> None:
    """A passing trouble turns into one that is shown at that very moment, and not at the next try."""
    assert decide(world(secret()), refusals={REFRESH[0]: NOT_NOW}, now=NEXT).look_again_at == ENDS


def test_one_that_is_refused_holds_up_no_other() -> None:
    """And nothing that happens to the App Token; all troubles are told, the author's first."""
    wish = replace(WISH, downscoped=(SPEC, OTHER), rotate_request="now")
    both = look(replace(world(None), desired=wish), downscoped={SPEC.secret: None, OTHER.secret: None})
    step = RefreshDownscoped(OTHER, ONE.fingerprint)

    plan = decide(both, refusals={REFRESH[0]: NOT_NOW})
    assert [type(each) for each in plan.steps] == [MintToken, RefreshDownscoped]
    plan = decide(both, refusals={REFRESH[0]: NOT_NOW, step: STALLED})
    assert [type(each) for each in plan.steps] == [MintToken]
    assert said(plan, "TokenReady").reason == "DownscopeRefused"
    assert all(each in said(plan, "TokenReady").message for each in (NOT_NOW.message, STALLED.message))


@pytest.mark.parametrize("specs", [(SPEC, OTHER), (OTHER, SPEC)])
def test_a_conflict_gives_the_reason(specs: tuple[DownscopedSpec, ...]) -> None:
    """Wherever it stands in the list: by it passes know that they must look for a Secret that nobody watches."""
    views = {SPEC.secret: secret(owner_uid=UID("somebody")), OTHER.secret: None}
    both = look(replace(world(None), desired=replace(WISH, downscoped=specs)), downscoped=views)
    plan = decide(both, refusals={RefreshDownscoped(OTHER, ONE.fingerprint): STALLED})

    assert said(plan, "TokenReady").reason == "SecretConflict"
    assert STALLED.message in said(plan, "TokenReady").message


def test_a_secret_that_cannot_be_deleted_spoils_nothing() -> None:
    """It is tidying up."""
    left = secret(OTHER)
    plan = decide(world(secret(), left_over=(left,)), refusals={DeleteSecret(OTHER.secret, left.uid): NOT_NOW})

    assert said(plan, "Ready").status == "True"


# The end

NOW_GONE = replace(WISH, deleting=True, grant=ClientGrant("creds", "enterprise", "1"))
REVOKE = RevokeDownscoped(SPEC.secret, CHILD)


def goes(
    view: SecretView | None = None,
    policy: DeletionPolicy = DeletionPolicy.REVOKE_TOKENS,
    mode: Mode = Mode.CLIENT_CREDENTIALS,
    **platform_view: Any,
) -> World:
    """An app that goes, whose own tokens are over, with client credentials or a client secret."""
    ready = world(view or secret())
    app = replace(ready.app, tokens={})
    known = PlatformView(**{"can_revoke": True, **platform_view})
    ended = in_mode(ready, mode, app=app, platform_view=known)
    return replace(ended, desired=replace(NOW_GONE, deletion_policy=policy))


@pytest.mark.parametrize(
    ("world", "now", "revoked"),
    [
        (goes(), NOON, True),
        (goes(policy=DeletionPolicy.DELETE), NOON, True),
        (goes(mode=Mode.ASSISTED), NOON, True),
        (goes(policy=DeletionPolicy.RETAIN), NOON, False),
        (goes(can_revoke=False), NOON, False),
        (goes(ended=frozenset({CHILD})), NOON, False),
        (goes(), ENDS, False),
        (goes(secret(owner_uid=UID("somebody"))), NOON, False),
        (goes(secret(annotations={})), NOON, False),
    ],
    ids=["grant", "delete", "client-secret", "retain", "no-credentials", "done", "over", "foreign", "no-notes"],
)
def test_it_is_revoked_before_the_object_goes(world: World, now: datetime, revoked: bool) -> None:
    """Where there are credentials to do it with; else it ends by itself."""
    assert decide(world, now=now).steps == ((REVOKE if revoked else RemoveFinalizer()),)


def test_one_that_nobody_asks_for_any_more_is_revoked_too() -> None:
    """The entry was taken out of the spec a moment before."""
    notes = annotations_for(OTHER, ONE.fingerprint, TWO.fingerprint, ISSUED, ENDS)
    left = secret(OTHER, annotations=notes, fingerprints={WISH.secret.keys.token: TWO.fingerprint})
    end = look(goes(ended=frozenset({CHILD})), left_over=(left,))

    assert decide(end).steps == (RevokeDownscoped(OTHER.secret, TWO.fingerprint),)


def test_the_apps_own_tokens_are_revoked_first() -> None:
    """They reach further."""
    ready = goes()
    assert ready.observed.unlisted is not None
    own = replace(ONE, client_id=ready.observed.unlisted.client_id)

    plan = decide(look(ready, unlisted=replace(ready.observed.unlisted, issued=(own,))))

    assert plan.steps == (RevokeToken(ONE.fingerprint),)


def test_nothing_is_made_without_an_active_token() -> None:
    """There is nothing to make it from."""
    assert not [step for step in decide(world(None, secret=None)).steps if isinstance(step, RefreshDownscoped)]
