"""What is decided about tokens that a vendor gives out: which there are, which is due, which are to end."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from tests.unit.examples import said
from tests.unit.pretend import NOON, World, decide, published_secret
from tests.unit.strategies import DESIRED

from box_app_operator.model.box import Fingerprint, SlotToken, UnlistedTokens
from box_app_operator.model.observed import Mode, Observed
from box_app_operator.model.steps import AddFinalizer, ObtainAccessToken, RemoveFinalizer, RevokeToken

VENDED = replace(DESIRED, account="billing")
HOUR = timedelta(hours=1)
ACTIVE = SlotToken(Fingerprint("a" * 16), NOON, NOON + HOUR)
ORPHAN = SlotToken(Fingerprint("b" * 16), NOON, NOON + HOUR)


def vended(*others: SlotToken, active: SlotToken = ACTIVE) -> World:
    """The Secret holds a token; the vendor lists it, and perhaps others."""
    source = UnlistedTokens(None, (active, *others), follows_spec=False)
    observed = Observed(known=True, unlisted=source, mode=Mode.VENDED, pods=())
    alone = replace(source, issued=(active,))
    return World(VENDED, replace(observed, secret=published_secret(VENDED, alone, active)))


def listing(world: World, *tokens: SlotToken) -> World:
    """The same, and the vendor lists these."""
    source = UnlistedTokens(None, tokens, follows_spec=False)
    return replace(world, observed=replace(world.observed, unlisted=source))


def test_the_finalizer_comes_first() -> None:
    """What is made at the vendor without it would outlive the object."""
    world = listing(vended())
    plan = decide(replace(world, desired=replace(VENDED, has_finalizer=False)))

    assert plan.steps == (AddFinalizer(),)


def test_one_token_is_enough() -> None:
    """No client id is made up, and no slot."""
    world = vended()
    assert world.observed.secret is not None

    assert decide(world).steps == ()
    assert said(decide(world), "Ready").status == "True"
    assert not {"BOX_CLIENT_ID", "BOX_TOKEN_SLOT"} & world.observed.secret.fingerprints.keys()


def test_a_token_that_was_never_published_is_revoked() -> None:
    """Its value was lost in a crash."""
    assert decide(vended(ORPHAN)).steps == (RevokeToken(ORPHAN.fingerprint),)


def test_a_token_is_replaced_at_half_of_its_life() -> None:
    """Or when it is to be of another account."""
    world = vended()
    other = replace(world, desired=replace(VENDED, account="shipping"))

    assert decide(world, now=NOON + HOUR / 2).steps == (ObtainAccessToken(),)
    assert decide(other).steps == (ObtainAccessToken(),)


def test_a_token_that_the_vendor_does_not_list_is_refused() -> None:
    """Pods get 401, which is said before all else."""
    plan = decide(listing(vended()))

    assert plan.steps == (ObtainAccessToken(),)
    assert "the vendor does not list it any more" in said(plan, "Ready").message


def test_a_deletion_ends_every_token() -> None:
    """Those, too, that have ended by a clock that is ahead."""
    goes = replace(vended(ORPHAN), desired=replace(VENDED, deleting=True))

    assert decide(goes, now=NOON + 2 * HOUR).steps == (RevokeToken(ACTIVE.fingerprint), RevokeToken(ORPHAN.fingerprint))
    assert decide(listing(goes)).steps == (RemoveFinalizer(),)
