"""What is decided about access tokens of client credentials: whose they are, when they are due, who can end them."""

from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from tests.unit.examples import ONE, TWO, said
from tests.unit.pretend import NOON, World, decide, published_secret
from tests.unit.strategies import DESIRED

from box_app_operator.model.box import (
    UID,
    ClientID,
    Fingerprint,
    IssuedToken,
    UnlistedTokens,
    fingerprint_of,
)
from box_app_operator.model.desired import ClientGrant, DeletionPolicy, Rotation
from box_app_operator.model.observed import Mode, Observed
from box_app_operator.model.platform_view import PlatformView
from box_app_operator.model.secret import CLIENT_ID, FINGERPRINT, MOVED_AT, PUBLISHED_AT, SecretView
from box_app_operator.model.steps import (
    DeleteSecret,
    ObtainAccessToken,
    PublishSecret,
    RemoveFinalizer,
    RevokeToken,
    Step,
)
from box_app_operator.modes.client_credentials.decide import ClientCredentialsRules
from box_app_operator.secret.published import client_said_by, secret_annotations, token_of

GRANT = replace(DESIRED, grant=ClientGrant("creds", "enterprise", "1"))
GOES = replace(GRANT, deleting=True)
MINE, OTHER = ClientID("a" * 32), ClientID("b" * 32)
ENDS = NOON + timedelta(minutes=50)
ACCESS = IssuedToken(ONE.fingerprint, NOON - timedelta(minutes=10), ENDS, client_id=MINE)
REVOKE = RevokeToken(ONE.fingerprint)


def granted(credentials: ClientID = MINE, token: IssuedToken = ACCESS, *, can_revoke: bool = True) -> World:
    """An access token is in the Secret; the credentials may be those of another app by now."""
    source = UnlistedTokens(credentials, (token,), follows_spec=False)
    hand = PlatformView(can_revoke=can_revoke)
    observed = Observed(known=True, unlisted=source, mode=Mode.CLIENT_CREDENTIALS, platform_view=hand, pods=())
    return World(GRANT, replace(observed, secret=published_secret(GRANT, source, token, observed)))


def source_of(world: World) -> UnlistedTokens:
    """What is known of the tokens."""
    assert world.observed.unlisted is not None
    return world.observed.unlisted


def test_it_stays_while_the_credentials_are_its_own() -> None:
    """And the Secret names its client id, for pods and for the next operator."""
    world = granted()
    assert world.observed.secret is not None

    assert decide(world).steps == ()
    assert world.observed.secret.fingerprints["BOX_CLIENT_ID"] == fingerprint_of(MINE)
    assert world.observed.secret.annotations[CLIENT_ID] == MINE
    assert "BOX_TOKEN_SLOT" not in world.observed.secret.fingerprints


def test_it_is_due_as_soon_as_the_credentials_are_of_another_app() -> None:
    """Until then all that is said is true of the one that is there, and it is said what comes."""
    plan = decide(granted(OTHER))

    assert plan.steps == (ObtainAccessToken(),)
    assert said(plan, "Registered").message == f"Box knows the client id {MINE}."
    assert f"one of client id {OTHER} takes its place" in said(plan, "TokenReady").message
    assert said(plan, "Ready").status == "True"


def test_mending_its_secret_does_not_make_it_another_apps() -> None:
    """A label was stripped after the credentials had changed."""
    world = granted(OTHER)
    assert world.observed.secret is not None
    stripped = replace(world.observed, secret=replace(world.observed.secret, labels={}))
    mended = published_secret(GRANT, source_of(world), ACCESS, stripped)

    step = decide(replace(world, observed=stripped)).steps[0]
    assert isinstance(step, PublishSecret)
    assert (step.fingerprint, step.mends) == (
        ONE.fingerprint,
        ("label app.kubernetes.io/managed-by", "label boxapps.dev/app"),
    )
    assert (mended.annotations, mended.fingerprints) == (
        world.observed.secret.annotations,
        world.observed.secret.fingerprints,
    )


@pytest.mark.parametrize(
    ("told", "data", "expected"),
    [(OTHER, MINE, OTHER), (None, MINE, MINE), (None, "somebody", None)],
    ids=["annotation", "data", "neither"],
)
def test_a_secret_tells_whose_its_token_is(told: str | None, data: str, expected: str | None) -> None:
    """By its annotation; where that was removed, or never written, by its data, if what it holds is known."""
    secret = granted().observed.secret
    assert secret is not None
    notes = {**secret.annotations, CLIENT_ID: told or ""}
    view: SecretView = replace(secret, annotations=notes, fingerprints={"BOX_CLIENT_ID": fingerprint_of(data)})

    assert client_said_by(view, (None, OTHER, MINE)) == expected


def test_a_secret_of_a_former_name_goes_although_tokens_are_renewed() -> None:
    """Its time counts from the change of the name, and not from the last publication, which is never long ago."""
    world = granted()
    assert world.observed.secret is not None
    old = replace(world.observed.secret, name="old", uid=UID("old"))
    later = NOON + timedelta(minutes=30)
    renewed = IssuedToken(TWO.fingerprint, later, later + timedelta(minutes=70), client_id=MINE)
    source = replace(source_of(world), issued=(renewed,))
    observed = replace(world.observed, renamed_secrets=(old,), unlisted=source)
    notes = secret_annotations(GRANT, observed, source, renewed, later)
    secret = replace(published_secret(GRANT, source, renewed, observed), annotations=notes)
    wish = replace(GRANT, rotation=Rotation(overlap=timedelta(hours=1)))
    world = World(wish, replace(observed, secret=secret))

    assert (notes[PUBLISHED_AT], notes[MOVED_AT]) == (later.isoformat(), NOON.isoformat())
    assert decide(world, now=NOON + timedelta(minutes=59)).steps == ()
    assert decide(world, now=NOON + timedelta(minutes=60)).steps == (DeleteSecret("old", old.uid),)


@pytest.mark.parametrize(
    ("former", "own", "taken_back"),
    [(-1, -2, True), (-2, -1, False), (55 * 24, -1, False), (55 * 24, 54 * 24, True)],
    ids=["later", "earlier", "by-a-clock-ahead", "both-by-a-clock-ahead"],
)
def test_a_name_that_was_taken_back_counts_from_then(former: int, own: int, taken_back: bool) -> None:
    """Else the token would seem to be published anew on each look, by a clock that was ahead when the name was left.

    ``former`` and ``own`` are hours from now.
    """
    world = granted()
    secret = world.observed.secret
    assert secret is not None
    moments = [NOON + timedelta(hours=hours) for hours in (former, own)]
    left, stands = (
        replace(secret, annotations={**secret.annotations, PUBLISHED_AT: moment.isoformat()}) for moment in moments
    )
    observed = replace(world.observed, secret=stands, renamed_secrets=(replace(left, name="old", uid=UID("old")),))

    notes = secret_annotations(GRANT, observed, source_of(world), ACCESS, NOON)

    assert notes[PUBLISHED_AT] == (NOON if taken_back else moments[1]).isoformat()


@pytest.mark.parametrize(("own", "noted", "expected"), [("nonsense", "1", "1"), ("2", "gone", "2"), (None, "1", "1")])
def test_the_published_token_counts_under_whichever_key_it_stands(own: str | None, noted: str, expected: str) -> None:
    """The key has another name in the spec by now, and somebody wrote something of their own under that."""
    secret = granted().observed.secret
    assert secret is not None
    found = {"FORMER_KEY": Fingerprint("1"), **({GRANT.secret.keys.token: Fingerprint(own)} if own else {})}
    view = replace(secret, annotations={FINGERPRINT: noted}, fingerprints=found)

    assert token_of(view, GRANT) == expected


def test_a_name_that_was_left_stays_until_the_other_is_written() -> None:
    """A policy may refuse that write, or a conflict put it off: the overlap has not begun, and ends nothing before."""
    world = granted()
    secret = world.observed.secret
    assert secret is not None
    stands, left = (
        replace(secret, annotations={**secret.annotations, PUBLISHED_AT: (NOON - timedelta(hours=hours)).isoformat()})
        for hours in (3, 2)
    )
    observed = replace(world.observed, secret=stands, renamed_secrets=(replace(left, name="old", uid=UID("old")),))
    wish = replace(GRANT, rotation=Rotation(overlap=timedelta(hours=1)))

    assert [type(step) for step in decide(World(wish, observed)).steps] == [PublishSecret]


# The end


@pytest.mark.parametrize(
    ("world", "now", "steps"),
    [
        (granted(), NOON, (REVOKE,)),
        (granted(), ENDS, (RemoveFinalizer(),)),
        (granted(OTHER), NOON, (RemoveFinalizer(),)),
        (granted(can_revoke=False), NOON, (RemoveFinalizer(),)),
    ],
    ids=["its-own-credentials", "over", "credentials-of-another-app", "no-credentials"],
)
def test_a_deletion_revokes_what_it_can_and_waits_for_nothing_else(
    world: World, now: datetime, steps: tuple[Step, ...]
) -> None:
    """What cannot be revoked is over soon."""
    for policy in (DeletionPolicy.REVOKE_TOKENS, DeletionPolicy.DELETE):
        assert decide(replace(world, desired=replace(GOES, deletion_policy=policy)), now=now).steps == steps


@pytest.mark.parametrize(
    ("world", "words"),
    [
        (granted(OTHER), f"only the credentials of client id {MINE} could revoke it, and the credentials are those of"),
        (granted(can_revoke=False), f"only the credentials of client id {MINE} could revoke it, and they are gone"),
    ],
)
def test_what_a_deletion_leaves_behind_is_told(world: World, words: str) -> None:
    """By its fingerprint, with its end, and why."""
    (notice,) = decide(replace(world, desired=GOES)).notices

    assert notice.reason == "LeftToExpire"
    assert notice.message.startswith(f"Access token {ONE.fingerprint} ends by itself at 2026-03-01T12:50:00Z: ")
    assert words in notice.message


def test_what_is_left_behind_holds_up_no_revocation() -> None:
    """A token of the other app was obtained already, and not published yet."""
    world = granted(OTHER)
    other = replace(ACCESS, fingerprint=TWO.fingerprint, client_id=OTHER)
    both = replace(world.observed, unlisted=replace(source_of(world), issued=(ACCESS, other)))

    found = ClientCredentialsRules().finish_deletion(GOES, both, NOON)

    assert found.steps == decide(World(GOES, both)).steps == (RevokeToken(TWO.fingerprint),)
