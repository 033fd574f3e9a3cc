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
from box_app_operator.model.box import BoxApp, Claimant, PendingToken, Reference, old_form
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import DeletionPolicy, Desired
from box_app_operator.model.observed import Observed
from box_app_operator.model.steps import MintToken, Obtaining, RevokeSlot, Revoking
from box_app_operator.modes.automated.adoption import Found, with_ownership
from box_app_operator.modes.automated.name_holder import find_name_holder
from box_app_operator.modes.automated.ownership import Holder
from box_app_operator.modes.common.access import Client, client_of, console_of
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
        claimant = self._store.claimant(desired)
        if not link.listing.known or claimant is None:
            return seen
        seen = replace(seen, claimant=claimant)
        # Nothing is proven by its value here.
        answers.values.clear()
        app = _find(desired, link.listing, seen)
        if seen.problem is None and link.console is not None:
            seen = await _ask_if_unsure(link.console, link.listing, seen, app)
            app = _find(desired, link.listing, seen)
        mine = app if app is not None and app.owner_uid == desired.uid else None
        if seen.problem is None and _must_be_sure(desired) and (mine is None or not mine.tokens):
            app = await _ask_before_letting_go(desired, link, mine, seen)
        seen = replace(seen, known=True)
        if app is not None:
            found = Found(app, claimant, self._holder(app), link.adoption)
            seen = with_ownership(desired, seen, found, self._clock.now())
        return replace(seen, name_holder=find_name_holder(desired, link, self._store))

    def _holder(self, app: BoxApp) -> Holder:
        """Of what is not watched nothing is known, and it counts as alive."""
        owner = app.owner.owner if app.owner is not None else None
        if owner is None:
            return Holder()
        key = self._store.key_of(owner.uid)
        if key is not None:
            return Holder(alive=True, hands_over_to=self._store.apps[key].desired.hands_over_to)
        return Holder(alive=self._store.is_out_of_sight(owner))

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


def _find(desired: Desired, listing: Listing, seen: Observed) -> BoxApp | None:
    """The app that the object has, had, or wants: it may be another's."""
    if desired.client_id:
        return listing.by_client(desired.client_id)
    app, remembered = listing.by_uid(desired.uid), seen.remembered
    if app is None and remembered.app_id is not None and remembered.claim_uid == desired.uid:
        app = listing.by_id(remembered.app_id)
    return app if app is not None else _namesake(desired, listing)


def _namesake(desired: Desired, listing: Listing) -> BoxApp | None:
    """An app of the wanted name that another life of this very object had, here or in another cluster."""
    app = listing.by_name(desired.display_name)
    owner = app.owner.owner if app is not None and app.owner is not None else None
    return app if owner is not None and (owner.namespace, owner.name) == desired.key else None


async def _ask_if_unsure(console: Console, listing: Listing, seen: Observed, app: BoxApp | None) -> Observed:
    """Bring the listing up to date after a lost answer, and where it does not show the pending token."""
    pending = seen.pending
    unseen = pending is not None and app is not None and app.slot_of(pending.fingerprint) is None
    if not seen.doubtful and not unseen:
        return seen
    found = await (console.get_app(app.id) if app else console.find_app(_created(seen)))
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


async def _ask_before_letting_go(desired: Desired, link: Link, mine: BoxApp | None, seen: Observed) -> BoxApp | None:
    """The last look before the finalizer is removed is at Box itself. Of another object's app nothing is asked.

    A listing may lack an app: one that could not be read, or that the credential did not show for a while. And it may
    not tell yet of a token that was generated a moment ago.
    """
    if link.console is None:
        raise TransientError(
            Reason.BOX_UNAVAILABLE, "There is no connection to the console, to ask whether the app still exists"
        )
    found = await _look_for(desired, link.console, mine, seen)
    if found is not None:
        link.listing.restore(found)
    elif mine is not None:
        link.listing.drop(mine.id)
    return _find(desired, link.listing, seen)


async def _look_for(desired: Desired, console: Console, mine: BoxApp | None, seen: Observed) -> BoxApp | None:
    """By its mark too, whatever the status says: it may have been edited."""
    known = mine.id if mine is not None else seen.remembered.app_id
    found = await console.get_app(known) if known is not None else None
    assert seen.claimant is not None
    for text in _texts(seen.claimant):
        if found is not None and found.owner_uid == desired.uid:
            break
        found = await console.find_app(text)
    return found


def _created(seen: Observed) -> str:
    """What the app carries that this object registered."""
    assert seen.claimant is not None
    return str(Reference(seen.claimant, adopted=False))


def _texts(claimant: Claimant) -> tuple[str, ...]:
    """Every reference that the object's app may carry."""
    return (*(str(Reference(claimant, adopted=adopted)) for adopted in (False, True)), old_form(claimant))
