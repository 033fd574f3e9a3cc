"""The Client Credentials Grant: access tokens are obtained and revoked with client id and client secret."""

from dataclasses import replace
from datetime import timedelta

from box_app_operator.cache.attempts import Memory, PlatformAnswers
from box_app_operator.enterprise.protocols import Link
from box_app_operator.errors import AwaitingHumanError, TransientError
from box_app_operator.model.box import ClientID, IssuedToken, PendingToken
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import Observed
from box_app_operator.model.steps import Obtaining, Revoking
from box_app_operator.modes.client_credentials.observe import Grants
from box_app_operator.modes.common.access import Client, platform_of, revoke_as
from box_app_operator.modes.common.keys import Keys
from box_app_operator.ports import Clock, Cluster


class ClientCredentialsClient:
    """Obtains access tokens."""

    def __init__(self, cluster: Cluster, clock: Clock) -> None:
        self._cluster = cluster
        self._clock = clock
        self._grants = Grants(cluster)

    def awaited_secret(self, desired: Desired) -> str | None:
        """Where client id and client secret are handed over."""
        return desired.grant.secret if desired.grant is not None else None

    async def observe(self, desired: Desired, seen: Observed, link: Link, answers: PlatformAnswers) -> Observed:
        """What Secret, memory and credentials tell. Box is not asked: a token proves itself when it is given out."""
        if seen.problem is not None:
            return seen
        platform_of(link)
        return await self._grants.look(desired, replace(seen, known=True), answers)

    async def obtain_token(self, step: Obtaining, desired: Desired, link: Link, memory: Memory) -> str:
        """Exchange the credentials for an access token.

        Raises:
            AwaitingHumanError: the enterprise admin has not authorized the app.
            StalledError: Box refuses the credentials.
        """
        credentials = await self.credentials(desired)
        if credentials is None or desired.grant is None:
            raise TransientError(Reason.AWAITING_TOKEN, "The client credentials are not there any more")
        try:
            granted = await platform_of(link).grant(*credentials, desired.grant)
        except AwaitingHumanError as error:
            memory.answers.unauthorized = True
            raise AwaitingHumanError(Reason.AWAITING_AUTHORIZATION, error.message) from None
        memory.answers.unauthorized = False
        now = self._clock.now().replace(microsecond=0)
        fingerprint, end = granted.token.fingerprint, now + timedelta(seconds=granted.seconds)
        token = IssuedToken(fingerprint, now, end, client_id=ClientID(credentials[0]))
        memory.set_pending(PendingToken(fingerprint, granted=token), granted.token)
        return f"obtained access token {fingerprint} for {granted.seconds} s"

    async def revoke_token(
        self, step: Revoking, desired: Desired, observed: Observed, link: Link, memory: Memory
    ) -> str:
        """With the credentials that it was obtained with."""
        token = memory.value_of(step.fingerprint)
        if token is None:
            token = await Keys(self._cluster, desired, observed, memory.answers).value(step.fingerprint)
        client = await self.credentials(desired)
        if token is None or client is None:
            raise AwaitingHumanError(Reason.AWAITING_TOKEN, "The access token or the client credentials are gone.")
        done = await revoke_as(client, token, link, memory)
        memory.answers.ended.add(step.fingerprint)
        return done

    async def credentials(self, desired: Desired) -> Client | None:
        """Those that access tokens are obtained with."""
        return await self._grants.credentials(desired)
