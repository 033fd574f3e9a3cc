"""The mode Automated: the app as the console endpoint lists it, and its tokens in the console's slots.

Most looks cost nothing, because the listing is kept up to date. The console is asked live only where that would not
do: after a call whose answer was lost, about a token that was just generated, and before an object is let go.
"""

from dataclasses import replace

from box_app_operator.cache.apps import Listing
from box_app_operator.cache.attempts import Memory, PlatformAnswers
from box_app_operator.cache.cluster import Store
from box_app_operator.enterprise.protocols import Link
from box_app_operator.errors import TransientError
from box_app_operator.model.box import BoxApp, PendingToken, owner_in, uid_in
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import DeletionPolicy, Desired
from box_app_operator.model.observed import Adoption, Observed, RememberedStatus
from box_app_operator.model.steps import MintToken, Obtaining, RevokeSlot, Revoking
from box_app_operator.modes.automated.adoption import adoption_of, belongs_to_another, with_adoption
from box_app_operator.modes.automated.name_holder import find_name_holder
from box_app_operator.modes.common.access import Client, client_of, console_of
from box_app_operator.modes.common.claims import first_claim
from box_app_operator.ports import Clock, Cluster, Console


class AutomatedClient:
    """Looks into the listing, and generates and revokes tokens through the console endpoint."""

    def __init__(self, store: Store, cluster: Cluster, clock: Clock) -> None:
        self._store = store
        self._cluster = cluster
        self._clock = clock

    def awaited_secret(self, desired: Desired) -> str | None:
        """Nothing is handed over."""
        return None

    async def observe(self, desired: Desired, seen: Observed, link: Link, answers: PlatformAnswers) -> Observed:
        """The object's own app, and whether it may have it."""
        if not link.listing.known:
            return seen
        # Nothing is proven by its value here.
        answers.values.clear()
        app = _find(desired, link.listing)
        if seen.problem is None and link.console is not None:
            seen = await _ask_if_unsure(desired, link.console, link.listing, seen, app)
            app = _find(desired, link.listing)
        if seen.problem is None and _must_be_sure(desired) and (app is None or not app.tokens):
            app = await _ask_before_letting_go(desired, link, app, seen.remembered)
        seen = with_adoption(desired, replace(seen, known=True, app=app), link.adoption, self._clock.now())
        holder = find_name_holder(desired, link, self._store)
        return replace(seen, claimed_by=_claimed_by(desired, seen, self._store, link), name_holder=holder)

    async def obtain_token(self, step: Obtaining, desired: Desired, link: Link, memory: Memory) -> str:
        """Generate a token in a free slot."""
        assert isinstance(step, MintToken)
        token = await console_of(link).mint_token(step.app_id, step.slot, step.expires_in_days)
        memory.set_pending(PendingToken(token.fingerprint, days=step.expires_in_days), token)
        return f"generated token {token.fingerprint} in the {step.slot} slot of app {step.app_id}"

    async def revoke_token(
        self, step: Revoking, desired: Desired, observed: Observed, link: Link, memory: Memory
    ) -> str:
        """Empty a slot. The console answers with nothing: it is noted until the listing tells of it."""
        assert isinstance(step, RevokeSlot)
        await console_of(link).revoke_slot(step.app_id, step.slot, step.fingerprint)
        app = link.listing.by_id(step.app_id)
        if app is not None:
            left = {slot: token for slot, token in app.tokens.items() if slot is not step.slot}
            link.listing.force(replace(app, tokens=left))
        memory.drop_pending(step.fingerprint)
        return f"revoked token {step.fingerprint} in the {step.slot} slot of app {step.app_id}"

    async def credentials(self, desired: Desired) -> Client | None:
        """Where the spec names a client secret."""
        return await client_of(desired, self._cluster)


def _find(desired: Desired, listing: Listing) -> BoxApp | None:
    return listing.by_client(desired.client_id) if desired.client_id else listing.by_uid(desired.uid)


async def _ask_if_unsure(
    desired: Desired, console: Console, listing: Listing, seen: Observed, app: BoxApp | None
) -> Observed:
    """Bring the listing up to date after a lost answer, and where it does not show the pending token."""
    pending = seen.pending
    unseen = pending is not None and app is not None and app.slot_of(pending.fingerprint) is None
    if not seen.doubtful and not unseen:
        return seen
    found = await (console.get_app(app.id) if app else console.find_app(desired.reference))
    if found is None:
        if app is not None:
            listing.drop(app.id)
    else:
        listing.restore(found)
    is_gone = found is None or (pending is not None and found.slot_of(pending.fingerprint) is None)
    return replace(seen, doubtful=False, pending=None if is_gone else pending)


def _must_be_sure(desired: Desired) -> bool:
    """Would believing that the app is gone let an object go whose app may live on?"""
    leaves_box_alone = desired.force_delete or desired.deletion_policy is DeletionPolicy.RETAIN
    return desired.deleting and desired.has_finalizer and not leaves_box_alone


async def _ask_before_letting_go(
    desired: Desired, link: Link, app: BoxApp | None, remembered: RememberedStatus
) -> BoxApp | None:
    """The last look before the finalizer is removed is at Box itself.

    A listing may lack an app: one that could not be read, or that the credential did not show for a while. And it may
    not tell yet of a token that was generated a moment ago.
    """
    if link.console is None:
        raise TransientError(
            Reason.BOX_UNAVAILABLE, "There is no connection to the console, to ask whether the app still exists"
        )
    found = await _look_for(desired, link.console, app, remembered)
    if found is not None:
        link.listing.restore(found)
    elif app is not None:
        link.listing.drop(app.id)
    return _find(desired, link.listing)


async def _look_for(
    desired: Desired, console: Console, app: BoxApp | None, remembered: RememberedStatus
) -> BoxApp | None:
    """By its mark too, whatever the status says: it may have been edited."""
    known = app.id if app is not None else remembered.app_id
    found = await console.get_app(known) if known is not None else None
    return found if found is not None and _is_wanted(desired, found) else await console.find_app(desired.reference)


def _is_wanted(desired: Desired, app: BoxApp) -> bool:
    return app.client_id == desired.client_id if desired.client_id else uid_in(app.reference) == desired.uid


def _claimed_by(desired: Desired, seen: Observed, store: Store, link: Link) -> str | None:
    """The reference at the app counts first. Of those that only name it, one with an entry that allows it."""
    app = seen.app
    if app is None or desired.client_id is None:
        return None
    if belongs_to_another(app, desired):
        return owner_in(app.reference)
    if seen.adoption is Adoption.MISSING or uid_in(app.reference) == desired.uid:
        return None
    return first_claim(desired, store, link, lambda other: _is_allowed(app, other.desired, link))


def _is_allowed(app: BoxApp, desired: Desired, link: Link) -> bool:
    return adoption_of(app, desired, link.adoption) is not Adoption.MISSING
