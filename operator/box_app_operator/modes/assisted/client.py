"""The mode Assisted: the keys that people hand over, and revoking with the client's secret where there is one."""

from dataclasses import replace

from box_app_operator.cache.attempts import Memory, PlatformAnswers
from box_app_operator.cache.cluster import Store
from box_app_operator.enterprise.protocols import Link
from box_app_operator.errors import AwaitingHumanError, TransientError
from box_app_operator.model.box import Slot
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import Observed
from box_app_operator.model.steps import Obtaining, Revoking
from box_app_operator.modes.assisted.observe import AssistedObserver
from box_app_operator.modes.assisted.proof import BoxAccess
from box_app_operator.modes.common.access import Client, client_of, platform_of, revoke_as
from box_app_operator.modes.common.claims import first_claim
from box_app_operator.modes.common.keys import Keys
from box_app_operator.ports import Clock, Cluster


class AssistedClient:
    """Asks Box's public API about what people handed over."""

    def __init__(self, store: Store, cluster: Cluster, clock: Clock) -> None:
        self._store = store
        self._cluster = cluster
        self._clock = clock
        self._observer = AssistedObserver(cluster)

    def awaited_secret(self, desired: Desired) -> str | None:
        """Where keys are handed over."""
        return desired.import_from

    async def observe(self, desired: Desired, seen: Observed, link: Link, answers: PlatformAnswers) -> Observed:
        """What Box says of the keys that are there."""
        if seen.problem is not None:
            return seen
        platform = platform_of(link)
        try:
            box = BoxAccess(platform, link.identities, link.enterprise_id)
            seen = await self._observer.look(desired, replace(seen, known=True), box, answers, self._clock.now())
        except TransientError as error:
            # No listing is followed here: the enterprise learns from its apps that something is wrong. Not from a call
            # that was under way while it connected anew, or it would do that again and again.
            if (error.unreachable or error.uncertain) and link.platform is platform:
                link.reconnect()
            raise
        return replace(seen, claimed_by=first_claim(desired, self._store, link) if seen.source is not None else None)

    async def obtain_token(self, step: Obtaining, desired: Desired, link: Link, memory: Memory) -> str:
        """Only a person can: the rules make a task of it."""
        raise TransientError(Reason.AWAITING_TOKEN, "A person has to generate the key")

    async def revoke_token(
        self, step: Revoking, desired: Desired, observed: Observed, link: Link, memory: Memory
    ) -> str:
        """With the client's secret."""
        keys = Keys(self._cluster, desired, observed, memory.answers)
        await keys.handed_over()
        token, client = await keys.value(step.fingerprint), await self.credentials(desired)
        if token is None or client is None:
            slot = observed.source.slot_of(step.fingerprint) if observed.source is not None else None
            what = f"Press Revoke for the {(slot or Slot.PRIMARY).capitalize()} Access Token."
            raise AwaitingHumanError(Reason.AWAITING_TOKEN, what)
        return await revoke_as(client, token, link, memory)

    async def credentials(self, desired: Desired) -> Client | None:
        """Where the spec names a client secret."""
        return await client_of(desired, self._cluster)
