"""Looking at the Secrets of one object: those that it asks for, and those that it owns under other names."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from datetime import datetime

from box_app_operator.cache.cluster import Store
from box_app_operator.errors import ForbiddenError
from box_app_operator.model.desired import Desired
from box_app_operator.model.observed import Observed
from box_app_operator.model.secret import SecretView
from box_app_operator.ports import Cluster
from box_app_operator.secret.contest import Upkeep
from box_app_operator.secret.published import is_original
from box_app_operator.tokens.downscoped import is_downscoped


class SecretObserver:
    """Reads Secrets where a watch said that they changed; what is known already costs no call."""

    def __init__(self, store: Store, cluster: Cluster) -> None:
        self._store = store
        self._cluster = cluster

    async def refresh(self, desired: Desired) -> None:
        """Replace what is remembered of the Secrets by what is there."""
        await self._read_all(desired.namespace, desired.secret_names)

    async def read_changed(self, desired: Desired) -> None:
        """Read what the watches reported without its contents: the Secrets that this object asks for or owns."""
        namespace, names = desired.namespace, {*desired.secret_names, *self._store.names_owned(desired.uid)}
        await self._read_all(namespace, [name for name in names if self._store.is_unread(namespace, name)])

    async def _read_all(self, namespace: str, names: Iterable[str]) -> None:
        for name in names:
            secret = await self._read(namespace, name)
            if secret is None:
                self._store.drop_secret(namespace, name)
            else:
                self._store.put_secret(secret)

    async def _read(self, namespace: str, name: str) -> SecretView | None:
        """A Secret as it is; none where the namespace ends, and has taken the operator's own Role with it by now."""
        try:
            return await self._cluster.read_secret(namespace, name)
        except ForbiddenError:
            if self._store.is_terminating(namespace):
                return None
            raise

    def see(self, desired: Desired, name: str, upkeep: Mapping[str, Upkeep], now: datetime) -> SecretView | None:
        """The Secret of this name; None when there is none, or it was never read."""
        secret = self._store.secret(desired.namespace, name)
        return upkeep[name].overruled(secret, now) if secret is not None and name in upkeep else secret

    def renamed(self, desired: Desired) -> tuple[SecretView, ...]:
        """What was published under other names; not copies of it, although they may carry the owner over."""
        ours = self._store.secrets_of(desired.uid)
        return tuple(secret for secret in ours if secret.name != desired.secret.name and is_original(secret))

    def with_downscoped(
        self, desired: Desired, seen: Observed, upkeep: Mapping[str, Upkeep], now: datetime
    ) -> Observed:
        """With the Secrets of downscoped tokens, and those that the spec does not ask for any more."""
        names = [spec.secret for spec in desired.downscoped]
        ours = [secret for secret in self._store.secrets_of(desired.uid) if is_downscoped(secret)]
        return replace(
            seen,
            downscoped={name: self.see(desired, name, upkeep, now) for name in names},
            left_over=tuple(secret for secret in ours if secret.name not in names),
        )
