"""Doing without a console endpoint: the steps about tokens that Box's public API knows."""

from __future__ import annotations

from datetime import timedelta

from box_app_operator.cache.attempts import Memory
from box_app_operator.errors import AwaitingHumanError, StalledError, TransientError
from box_app_operator.model.box import ClientID, Fingerprint, HeldToken, SlotToken
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import Desired
from box_app_operator.model.hand import Verdict
from box_app_operator.model.observed import Mode, Observed
from box_app_operator.model.steps import MintToken, RevokeDownscoped, RevokeSlot
from box_app_operator.modes.assisted.observe import ByHand
from box_app_operator.modes.client_credentials.observe import Grants
from box_app_operator.modes.keys import Keys
from box_app_operator.ports import Clock, Cluster, Platform, Token


class PublicExecutor:
    """Mints by the Client Credentials Grant, and revokes with a client's secret."""

    def __init__(self, cluster: Cluster, memory: Memory, platform: Platform, clock: Clock) -> None:
        self._cluster = cluster
        self._memory = memory
        self._platform = platform
        self._clock = clock

    async def mint(self, step: MintToken, desired: Desired) -> str:
        """Obtain an access token.

        Raises:
            AwaitingHumanError: the enterprise admin has not authorized the app.
            StalledError: Box refuses the credentials.
        """
        credentials = await Grants(self._cluster).credentials(desired)
        if credentials is None or desired.grant is None:
            raise TransientError(Reason.AWAITING_TOKEN, "The client credentials are not there any more")
        try:
            granted = await self._platform.grant(*credentials, desired.grant)
        except AwaitingHumanError as error:
            self._memory.hand.unauthorized = True
            raise AwaitingHumanError(Reason.AWAITING_AUTHORIZATION, error.message) from None
        self._memory.hand.unauthorized = False
        now = self._clock.now().replace(microsecond=0)
        fingerprint, over = granted.token.fingerprint, now + timedelta(seconds=granted.seconds)
        told = SlotToken(fingerprint, now, over, client_id=ClientID(credentials[0]))
        self._memory.hold(HeldToken(step.slot, fingerprint, days=desired.token_days), granted.token, told)
        return f"obtained access token {fingerprint} for {granted.seconds} s"

    async def revoke(self, step: RevokeSlot, desired: Desired, observed: Observed) -> str:
        """End a token.

        Raises:
            AwaitingHumanError: Box does not let this client do it, or nobody has the token's value any more.
        """
        token = await self._value(step.fingerprint, desired, observed)
        client = await self._client(desired, observed)
        if token is None or client is None:
            raise AwaitingHumanError(
                Reason.AWAITING_TOKEN, f"Press Revoke for the {step.slot.capitalize()} Access Token."
            )
        try:
            await self._platform.revoke(token, *client)
        except StalledError as error:
            self._memory.hand.revocation_refused = True
            raise AwaitingHumanError(Reason.AWAITING_TOKEN, error.message, detail=error.detail) from None
        self._memory.hand.verdicts[step.fingerprint] = Verdict.DEAD
        if observed.mode is Mode.CLIENT_CREDENTIALS:
            self._memory.hand.ended.add(step.fingerprint)
        if self._memory.held is not None and self._memory.held.fingerprint == step.fingerprint:
            self._memory.let_go()
        return f"revoked token {step.fingerprint}"

    async def revoke_downscoped(self, step: RevokeDownscoped, desired: Desired, observed: Observed) -> str:
        """End a downscoped token. One that Box does not let this client revoke is left to its end, which is near.

        Source: Box does not say whether ``POST /oauth2/revoke`` takes downscoped tokens.
        """
        token = await self._cluster.read_token(desired.namespace, step.secret, step.fingerprint)
        client = await self._client(desired, observed)
        said = f"revoked downscoped token {step.fingerprint}"
        if token is None or client is None:
            said = f"left downscoped token {step.fingerprint} to its end: its value or the credentials are gone"
        else:
            try:
                await self._platform.revoke(token, *client)
            except StalledError as error:
                said = f"left downscoped token {step.fingerprint} to its end: {error.message}"
        self._memory.hand.ended.add(step.fingerprint)
        return said

    async def _client(self, desired: Desired, observed: Observed) -> tuple[str, Token] | None:
        if observed.mode is Mode.CLIENT_CREDENTIALS:
            return await Grants(self._cluster).credentials(desired)
        secret = await ByHand(self._cluster).client_secret(desired)
        return (desired.client_id, secret) if desired.client_id and secret is not None else None

    async def _value(self, fingerprint: Fingerprint, desired: Desired, observed: Observed) -> Token | None:
        if self._memory.token is not None and self._memory.token.fingerprint == fingerprint:
            return self._memory.token
        keys = Keys(self._cluster, desired, observed, self._memory.hand)
        await keys.handed_over()
        return await keys.value(fingerprint)
