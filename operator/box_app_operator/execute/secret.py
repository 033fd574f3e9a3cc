"""Doing, for the Secrets that pods mount: what is the operator's own in them is written, and nothing else."""

from dataclasses import replace
from datetime import datetime, timedelta

from box_app_operator.api.spec import Body, Resource
from box_app_operator.cache.attempts import Memory
from box_app_operator.cache.cluster import Store
from box_app_operator.errors import AwaitingHumanError, StalledError, TransientError
from box_app_operator.model.box import known_token
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import Desired
from box_app_operator.model.finding import first_few
from box_app_operator.model.observed import Observed
from box_app_operator.model.secret import SecretView
from box_app_operator.model.steps import PublishSecret, RefreshDownscoped
from box_app_operator.ports import Clock, Cluster, Granted, Platform, SecretWrite, Token
from box_app_operator.secret.contents import contents_of
from box_app_operator.secret.published import own_secrets, plain_data
from box_app_operator.tokens.downscoped import downscoped_contents, downscoped_data
from box_app_operator.tokens.rotation import last_replacement

KEYS = "spec.tokens.secret.keys"


class SecretExecutor:
    """Writes Secrets for one object."""

    def __init__(self, store: Store, cluster: Cluster, memory: Memory, clock: Clock) -> None:
        self._store = store
        self._cluster = cluster
        self._memory = memory
        self._clock = clock

    async def publish(self, step: PublishSecret, resource: Resource, observed: Observed) -> str:
        """Write the App Token, or the access token, into its Secret.

        Raises:
            TransientError: its value is gone, or the Secret cannot be written now.
            StalledError: Kubernetes refuses what the spec asks for.
        """
        source = observed.source
        wanted = known_token(source, step.fingerprint) if source is not None else None
        if source is None or wanted is None:
            raise TransientError(Reason.AWAITING_TOKEN, "The app or its token is not there any more")
        desired = resource.desired
        token = await self._value_of(step, desired, observed)
        if token is None:
            raise TransientError(Reason.AWAITING_TOKEN, f"Token {step.fingerprint} is not in the Secret any more")
        secret = SecretWrite(
            name=desired.secret.name,
            token_key=desired.secret.keys.token,
            token=token,
            data=plain_data(desired, source, wanted),
            contents=contents_of(desired, observed, wanted, self._clock.now()),
            fields=_fields_of(desired),
        )
        written = await self._write(resource.body, secret, observed.secret)
        # Now, and not only at the next look: until then the Secret may be deleted. What was recorded in it
        # counts, also where another writer removes that again.
        now = self._clock.now()
        record = last_replacement((replace(written, overruled=secret.contents.annotations),), now)
        self._memory.pace.note(record, now, self._clock.monotonic())
        self._memory.drop_pending(step.fingerprint)
        self._memory.workloads.clear()
        what = f", put right: {first_few(step.mends)}" if step.mends else ""
        return f"published token {step.fingerprint} in Secret {desired.secret.name}{what}"

    async def _value_of(self, step: PublishSecret, desired: Desired, observed: Observed) -> Token | None:
        """The token itself: held in memory, or standing in a Secret that this object published."""
        known = self._memory.value_of(step.fingerprint)
        if known is not None:
            return known
        for secret in own_secrets(desired, observed):
            token = await self._cluster.read_token(desired.namespace, secret.name, step.fingerprint)
            if token is not None:
                return token
        return None

    async def refresh(self, step: RefreshDownscoped, resource: Resource, observed: Observed, platform: Platform) -> str:
        """Make a downscoped token and write it; or put the rest of its Secret right.

        Raises:
            AwaitingHumanError: the enterprise admin has not authorized the app.
            StalledError: Box refuses the scopes, or the resource; or Kubernetes refuses what the spec asks for.
        """
        desired, there = resource.desired, observed.downscoped.get(step.spec.secret)
        stands = await self._standing(step, desired, there) if step.mends else None
        token, issued_at, expires_at = stands or await self._exchanged(step, desired, platform)
        secret = SecretWrite(
            name=step.spec.secret,
            token_key=desired.secret.keys.token,
            token=token,
            data=downscoped_data(desired, expires_at),
            contents=downscoped_contents(step, desired, there, token.fingerprint, issued_at, expires_at),
            fields={"metadata.name": "spec.downscopedTokens[].secretName", "data": KEYS},
        )
        await self._write(resource.body, secret, there)
        self._memory.exchanged.pop(secret.name, None)
        return f"published downscoped token {token.fingerprint} in Secret {step.spec.secret}"

    async def _standing(
        self, step: RefreshDownscoped, desired: Desired, there: SecretView | None
    ) -> tuple[Token, datetime, datetime] | None:
        """The downscoped token in its Secret, with its dates."""
        if there is None or there.record.issued_at is None or there.record.expires_at is None:
            return None
        fingerprint = there.fingerprints.get(desired.secret.keys.token)
        name = step.spec.secret
        token = await self._cluster.read_token(desired.namespace, name, fingerprint) if fingerprint else None
        return (token, there.record.issued_at, there.record.expires_at) if token is not None else None

    async def _exchanged(
        self, step: RefreshDownscoped, desired: Desired, platform: Platform
    ) -> tuple[Token, datetime, datetime]:
        """A new downscoped token, with its dates; the one from before where its Secret could not be written."""
        now = self._clock.now().replace(microsecond=0)
        kept, granted, issued_at = self._memory.exchanged.get(step.spec.secret, (None, None, now))
        if kept != step or granted is None or now >= issued_at + timedelta(seconds=granted.seconds) / 2:
            granted, issued_at = await self._exchange(step, desired, platform), now
            self._memory.exchanged[step.spec.secret] = step, granted, issued_at
        return granted.token, issued_at, issued_at + timedelta(seconds=granted.seconds)

    async def _exchange(self, step: RefreshDownscoped, desired: Desired, platform: Platform) -> Granted:
        spec = step.spec
        parent = await self._cluster.read_token(desired.namespace, desired.secret.name, step.parent)
        if parent is None:
            raise TransientError(Reason.AWAITING_TOKEN, "The active token is not in the Secret any more")
        try:
            return await platform.exchange(parent, spec.scopes, spec.resource)
        except AwaitingHumanError as error:
            raise AwaitingHumanError(
                Reason.AWAITING_AUTHORIZATION, error.message, detail=f"Secret {spec.secret}"
            ) from None
        except StalledError as error:
            detail = f"Secret {spec.secret} {error.detail}".rstrip()
            raise StalledError(Reason.DOWNSCOPE_REFUSED, error.message, detail=detail) from None

    async def _write(self, body: Body, secret: SecretWrite, there: SecretView | None) -> SecretView:
        """Write it, and remember what was written: so it shows when another writer changes it back."""
        upkeep, now = self._memory.upkeep_of(secret.name), self._clock.now()
        if there is not None:
            upkeep = upkeep.found(there, secret.contents, now)
        written = await self._cluster.write_secret(body, secret, there)
        self._store.put_secret(written)
        self._memory.upkeep[secret.name] = upkeep.wrote(written, secret.contents, now)
        return written


def _fields_of(desired: Desired) -> dict[str, str]:
    """Which parts of the Secret come from the spec, and from where: so a refusal can name the author's own field."""
    secret = desired.secret
    fields = {"metadata.name": "spec.tokens.secret.name", "data": KEYS}
    fields |= {"metadata.labels": "spec.tokens.secret.labels"} if secret.labels else {}
    return fields | ({"metadata.annotations": "spec.tokens.secret.annotations"} if secret.annotations else {})
