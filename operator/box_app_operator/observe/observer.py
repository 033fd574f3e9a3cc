"""Looking: from Box and the cluster to ``Observed``. Never writes.

Most looks cost nothing: the listing and the watches know. Box is asked live only where a memory would not do: after
a call whose answer was lost, and about a token that was just minted.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime

from box_app_operator.api.enterprise import selects
from box_app_operator.api.remembered import parse_remembered
from box_app_operator.api.spec import Body, enterprise_of
from box_app_operator.cache.apps import Listing
from box_app_operator.cache.attempts import Memory
from box_app_operator.cache.cluster import Store
from box_app_operator.enterprise.protocols import Link, Links
from box_app_operator.errors import ForbiddenError, TransientError
from box_app_operator.model.box import UID, BoxApp, Problem, SecretView, owner_in, uid_in
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import DeletionPolicy, Desired
from box_app_operator.model.observed import Adoption, Mode, Observed, RememberedStatus
from box_app_operator.modes.assisted.observe import ByHand
from box_app_operator.modes.assisted.proof import BoxAccess
from box_app_operator.modes.automated.adoption import (
    Claimant,
    adoption_of,
    belongs_to_another,
    claimant_of,
    with_adoption,
)
from box_app_operator.modes.automated.name_holder import find_name_holder
from box_app_operator.modes.client_credentials.observe import Grants
from box_app_operator.observe.consumers import Consumers
from box_app_operator.ports import Clock, Cluster, Console, Imports
from box_app_operator.secret.published import has_access_tokens, is_original
from box_app_operator.tokens.active import current_of
from box_app_operator.tokens.downscoped import is_downscoped
from box_app_operator.tokens.rotation import rotation_due

OTHER_AUTHENTICATION = (
    "spec.authentication cannot change: the tokens of this BoxCustomApp are of the other authentication, which is "
    "another app in Box. Set it back, and create another BoxCustomApp for the other authentication."
)


class Observer:
    """Gathers what one pass needs to know."""

    def __init__(
        self, store: Store, links: Links, cluster: Cluster, consumers: Consumers, imports: Imports, clock: Clock
    ) -> None:
        self._store = store
        self._links = links
        self._cluster = cluster
        self._consumers = consumers
        self._clock = clock
        self._imports = imports
        self._by_hand = ByHand(cluster)
        self._grants = Grants(cluster)

    async def observe(self, desired: Desired, body: Body, memory: Memory) -> Observed:
        """One look.

        Raises:
            TransientError, AwaitingHumanError: Box had to be asked and did not answer.
        """
        link = self._links.get(desired.enterprise)
        await self._read_changed_secrets(desired)
        now = self._clock.now()
        seen = Observed(
            secret=self._see_secret(desired, desired.secret.name, memory, now),
            former=self._former_secrets(desired),
            held=memory.held,
            remembered=parse_remembered(body),
            namespace_ends=self._store.is_terminating(desired.namespace),
            disowned=memory.disowned(now),
            contests=memory.contests(_names_wanted(desired), now),
        )
        seen = replace(seen, problem=self._problem(desired, link, seen, now))
        if link is None or self._awaits_namespace(desired, link):
            self._imports.release(desired.uid)
            return seen
        way = _way(desired, seen, link)
        if way is not Mode.AUTOMATED:
            return await self._without_console(desired, replace(seen, mode=way), link, memory)
        # Until the enterprise got a console endpoint somebody may have been waited for.
        self._imports.release(desired.uid)
        return await self._with_console(desired, seen, link, memory) if link.listing.known else seen

    async def _with_console(self, desired: Desired, seen: Observed, link: Link, memory: Memory) -> Observed:
        # Nothing is proven by its value here.
        memory.hand.values.clear()
        app = _find(desired, link.listing)
        if seen.problem is None and link.console is not None:
            app = await _ask_if_unsure(desired, link.console, link.listing, memory, app)
        if seen.problem is None and _must_be_sure(desired) and (app is None or not app.tokens):
            app = await _ask_before_letting_go(desired, link, app, seen.remembered)
        now = self._clock.now()
        # Asking may have shown that what was held is gone.
        seen = with_adoption(desired, replace(seen, known=True, app=app, held=memory.held), link.adoption, now)
        holder = find_name_holder(desired, link, self._store)
        seen = replace(seen, claimed_by=_claimed_by(desired, seen, self._store, link), name_holder=holder)
        return await self._consumers.look(desired, self._see_downscoped(desired, seen, memory, now), memory, now)

    async def _without_console(self, desired: Desired, seen: Observed, link: Link, memory: Memory) -> Observed:
        if seen.problem is not None:
            return seen
        platform = link.platform
        if platform is None:
            # The link connects anew. That it succeeds is no news to it, so that nobody would wake this object.
            raise TransientError(Reason.BOX_UNAVAILABLE, "The way to Box is being opened anew")
        seen, now = replace(seen, known=True), self._clock.now()
        if seen.mode is Mode.CLIENT_CREDENTIALS:
            seen = await self._grants.look(desired, seen, memory)
        else:
            try:
                box = BoxAccess(platform, link.identities, link.enterprise_id)
                seen = await self._by_hand.look(desired, seen, box, memory, now)
            except TransientError as error:
                # Nobody follows Box here: the enterprise learns from its apps that something is wrong. Not from a call
                # that was under way while it connected anew, or it would do that again and again.
                if (error.unreachable or error.uncertain) and link.platform is platform:
                    link.suspect()
                raise
            seen = replace(seen, claimed_by=_claimed_by(desired, seen, self._store, link))
        self._watch_for_people(desired, seen, now)
        return await self._consumers.look(desired, self._see_downscoped(desired, seen, memory, now), memory, now)

    def _watch_for_people(self, desired: Desired, seen: Observed, now: datetime) -> None:
        """Is somebody to hand something over?"""
        name = desired.grant.secret if desired.grant is not None else desired.import_from
        current = current_of(desired, seen, now)
        waits = current is None or current.other is not None or rotation_due(current)
        if name is not None and waits and not desired.deleting:
            self._imports.want(desired.uid, (desired.namespace, name))
        else:
            self._imports.release(desired.uid)

    def _see_secret(self, desired: Desired, name: str, memory: Memory, now: datetime) -> SecretView | None:
        secret = self._store.secret(desired.namespace, name)
        return memory.upkeep_of(name).overruled(secret, now) if secret is not None else None

    def _see_downscoped(self, desired: Desired, seen: Observed, memory: Memory, now: datetime) -> Observed:
        names = [spec.secret for spec in desired.downscoped]
        ours = [secret for secret in self._store.secrets_of(desired.uid) if is_downscoped(secret)]
        return replace(
            seen,
            downscoped={name: self._see_secret(desired, name, memory, now) for name in names},
            left_over=tuple(secret for secret in ours if secret.name not in names),
        )

    def _former_secrets(self, desired: Desired) -> tuple[SecretView, ...]:
        """What was published under other names; not copies of it, although they may carry the owner over."""
        ours = self._store.secrets_of(desired.uid)
        return tuple(each for each in ours if each.name != desired.secret.name and is_original(each))

    async def refresh_secret(self, desired: Desired) -> None:
        """Replace what is remembered of the Secrets by what is there."""
        await self._read_secrets(desired.namespace, _names_wanted(desired))

    async def _read_changed_secrets(self, desired: Desired) -> None:
        """Read what the watches told of without its contents: the Secrets that this object asks for or owns."""
        namespace, names = desired.namespace, {*_names_wanted(desired), *self._store.names_owned(desired.uid)}
        await self._read_secrets(namespace, [name for name in names if self._store.is_unread(namespace, name)])

    async def _read_secrets(self, namespace: str, names: Iterable[str]) -> None:
        for name in names:
            secret = await self._read_secret(namespace, name)
            if secret is None:
                self._store.drop_secret(namespace, name)
            else:
                self._store.put_secret(secret)

    async def _read_secret(self, namespace: str, name: str) -> SecretView | None:
        """A Secret as it is; none where the namespace ends, and has taken the operator's own Role with it by now."""
        try:
            return await self._cluster.read_secret(namespace, name)
        except ForbiddenError:
            if self._store.is_terminating(namespace):
                return None
            raise

    def _awaits_namespace(self, desired: Desired, link: Link) -> bool:
        """Do the labels of the namespace matter, and did its watch not tell of them yet? It wakes the object."""
        matters = link.selector is not None and not desired.deleting
        return matters and not self._store.has_namespace(desired.namespace)

    def _problem(self, desired: Desired, link: Link | None, seen: Observed, now: datetime) -> Problem | None:
        if desired.invalid and not (desired.deleting and desired.enterprise):
            return Problem(Reason.INVALID_SPEC, desired.invalid, now, stalled=True)
        if has_access_tokens(desired, seen) != (desired.grant is not None) and not desired.deleting:
            return Problem(Reason.INVALID_SPEC, OTHER_AUTHENTICATION, now, stalled=True)
        if link is None:
            message = (
                f"There is no BoxEnterprise {desired.enterprise!r}. Create it, or correct spec.enterpriseRef.name."
            )
            return Problem(Reason.ENTERPRISE_NOT_FOUND, message, now, awaited=True)
        if self._awaits_namespace(desired, link):
            return None
        if not desired.deleting and not selects(link.selector, self._store.labels_of(desired.namespace)):
            message = (
                f"BoxEnterprise {desired.enterprise!r} does not allow namespace {desired.namespace!r} "
                "(spec.allowedNamespaces). Ask its owner, or use another enterprise."
            )
            return Problem(Reason.NAMESPACE_NOT_ALLOWED, message, now, stalled=True)
        is_new = not desired.has_finalizer and seen.remembered.app_id is None
        if link.is_deleting and is_new and not desired.deleting:
            message = (
                f"BoxEnterprise {desired.enterprise!r} is being deleted and takes no new apps. "
                "Use another one in spec.enterpriseRef.name, or this one once it was created again."
            )
            return Problem(Reason.ENTERPRISE_NOT_READY, message, now, awaited=True)
        return link.problem


def _names_wanted(desired: Desired) -> list[str]:
    return [desired.secret.name, *(spec.secret for spec in desired.downscoped)]


def _way(desired: Desired, seen: Observed, link: Link) -> Mode:
    """As its tokens say, so that they are ended at its deletion whatever became of the spec."""
    if has_access_tokens(desired, seen):
        return Mode.CLIENT_CREDENTIALS
    return Mode.AUTOMATED if link.has_console else Mode.ASSISTED


def _find(desired: Desired, listing: Listing) -> BoxApp | None:
    return listing.by_client(desired.client_id) if desired.client_id else listing.by_uid(desired.uid)


async def _ask_if_unsure(
    desired: Desired, console: Console, listing: Listing, memory: Memory, app: BoxApp | None
) -> BoxApp | None:
    held = memory.held
    unseen = held is not None and app is not None and app.slot_of(held.fingerprint) is None
    if not memory.doubtful and not unseen:
        return app
    found = await (console.get_app(app.id) if app else console.find_app(desired.reference))
    memory.doubtful = False
    if found is None:
        if app is not None:
            listing.drop(app.id)
    else:
        listing.find_again(found)
    if held is not None and (found is None or found.slot_of(held.fingerprint) is None):
        memory.let_go()
    return _find(desired, listing)


def _must_be_sure(desired: Desired) -> bool:
    """Would believing that the app is gone let an object go whose app may live on?"""
    leaves_box_alone = desired.force_delete or desired.deletion_policy is DeletionPolicy.RETAIN
    return desired.deleting and desired.has_finalizer and not leaves_box_alone


async def _ask_before_letting_go(
    desired: Desired, link: Link, app: BoxApp | None, remembered: RememberedStatus
) -> BoxApp | None:
    """The last look before the object goes is at Box itself.

    A listing may lack an app: one that could not be read, or that the credential did not show for a while. And it may
    not tell yet of a token that was generated a moment ago.
    """
    if link.console is None:
        raise TransientError(Reason.BOX_UNAVAILABLE, "There is no way to the console, to ask whether the app is gone")
    found = await _look_for(desired, link.console, app, remembered)
    if found is not None:
        link.listing.find_again(found)
    elif app is not None:
        link.listing.drop(app.id)
    return _find(desired, link.listing)


async def _look_for(
    desired: Desired, console: Console, app: BoxApp | None, remembered: RememberedStatus
) -> BoxApp | None:
    """By its mark too, whatever the status says: somebody may have edited that."""
    known = app.id if app is not None else remembered.app_id
    found = await console.get_app(known) if known is not None else None
    return found if found is not None and _is_wanted(desired, found) else await console.find_app(desired.reference)


def _is_wanted(desired: Desired, app: BoxApp) -> bool:
    return app.client_id == desired.client_id if desired.client_id else uid_in(app.reference) == desired.uid


def _claimed_by(desired: Desired, seen: Observed, store: Store, link: Link) -> str | None:
    """The other BoxCustomApp that an app to be adopted belongs to; None when it is free.

    Only those count that could have it: of the same enterprise, in a namespace that the enterprise allows, and where a
    console endpoint has power over the app, with an entry that allows it.
    """
    app = seen.app
    if app is None or desired.client_id is None:
        return None
    if link.has_console and belongs_to_another(app, claimant_of(desired)):
        return owner_in(app.reference)
    if link.has_console and (seen.adoption is Adoption.MISSING or uid_in(app.reference) == desired.uid):
        return None
    claims = store.claims(desired.client_id)
    first = next((body for body in claims if _may_have(app, body, desired.enterprise, store, link)), None)
    if first is None or first["metadata"]["uid"] == desired.uid:
        return None
    return f"{first['metadata']['namespace']}/{first['metadata']['name']}"


def _may_have(app: BoxApp, body: Body, enterprise: str, store: Store, link: Link) -> bool:
    """Could this BoxCustomApp have the app of this enterprise that it names?"""
    meta = body["metadata"]
    if enterprise_of(body) != enterprise or not selects(link.selector, store.labels_of(meta["namespace"])):
        return False
    claimant = Claimant(meta["namespace"], meta["name"], UID(meta["uid"]))
    return not link.has_console or adoption_of(app, claimant, link.adoption) is not Adoption.MISSING
