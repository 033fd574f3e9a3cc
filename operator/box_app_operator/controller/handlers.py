"""What Kopf calls. It watches BoxEnterprises and BoxCustomApps, and the controller hears of every change as it comes.

``kopf.on.event`` is the only kind of handler on objects: it leaves nothing on them, neither a finalizer nor an
annotation. What the other kinds would cost is in docs/decisions/0001-kopf-only-watches.md.
"""

import itertools
from collections.abc import Awaitable, Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any, cast

import kopf

from box_app_operator.api.spec import GROUP, VERSION
from box_app_operator.controller.events import Intake

WHOLE_CLUSTER = kopf.OperatorRegistry()
"""The handlers of an operator that works in every namespace."""

LISTED_NAMESPACES = kopf.OperatorRegistry()
"""Those of one that has a list of namespaces. The operator's own reflectors watch its BoxCustomApps
(watch/supervision.py): Kopf would end the process over one namespace that does not exist, or may not be read."""


@dataclass(frozen=True, slots=True)
class Memo:
    """What each handler gets as ``memo``. Kopf makes a shallow copy of it for every object.

    Attributes:
        controller: hears what changed.
        log_in: the credentials of this moment (kopf_login.py).
        finish: waits until the passes that are under way have come to their end, and stops all parts but Kopf.
    """

    controller: Intake
    log_in: Callable[[], Awaitable[kopf.ConnectionInfo]]
    finish: Callable[[], Awaitable[None]]


@kopf.on.startup(registry=WHOLE_CLUSTER)
@kopf.on.startup(registry=LISTED_NAMESPACES)
async def configure(settings: kopf.OperatorSettings, **_: Any) -> None:
    """Set Kopf up to watch, and to do nothing else."""
    # Kopf takes its finalizer off objects that no handler of its own needs, so that it must not be the operator's.
    settings.persistence.finalizer = f"{GROUP}/kopf"
    settings.persistence.diffbase_storage = NoComparison()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.watching.server_timeout = 300
    # Without chunks thousands of objects are decoded at once, which takes memory and blocks everything else meanwhile.
    settings.watching.chunk_size = 500
    # A worker keeps the last event for so long: at a start there is one for each object.
    settings.queueing.idle_timeout = 0.5
    settings.networking.error_backoffs = Backoffs()
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10


@kopf.on.login(registry=WHOLE_CLUSTER)
@kopf.on.login(registry=LISTED_NAMESPACES)
async def log_in(memo: Memo, **_: Any) -> kopf.ConnectionInfo:
    """Kopf asks at its start, and again whenever it was refused (401)."""
    return await memo.log_in()


@kopf.on.event(GROUP, VERSION, "boxenterprises", registry=WHOLE_CLUSTER)
@kopf.on.event(GROUP, VERSION, "boxenterprises", registry=LISTED_NAMESPACES)
async def enterprise_event(
    type: str | None,  # noqa: A002 - Kopf's name for it
    body: kopf.Body,
    memo: Memo,
    **_: Any,
) -> None:
    """A BoxEnterprise was listed, or changed."""
    memo.controller.enterprise_changed(body, gone=type == "DELETED")


@kopf.on.event(GROUP, VERSION, "boxcustomapps", registry=WHOLE_CLUSTER)
async def app_event(
    type: str | None,  # noqa: A002 - Kopf's name for it
    body: kopf.Body,
    memo: Memo,
    **_: Any,
) -> None:
    """A BoxCustomApp was listed, or changed."""
    memo.controller.app_changed(body, gone=type == "DELETED")


@kopf.on.cleanup(registry=WHOLE_CLUSTER, errors=kopf.ErrorsMode.PERMANENT)
@kopf.on.cleanup(registry=LISTED_NAMESPACES, errors=kopf.ErrorsMode.PERMANENT)
async def finish(memo: Memo, **_: Any) -> None:
    """Kopf watches no more. When this returns, it cancels whatever task began after it: no pass may be left then."""
    await memo.finish()


class NoComparison(kopf.DiffBaseStorage):
    """Keeps Kopf from copying every object at every event, for a comparison that only change handlers ask for."""

    def build(
        self,
        *,
        body: kopf.Body,  # noqa: ARG002 - Kopf's signature
        extra_fields: Iterable[Any] | None = None,  # noqa: ARG002 - likewise
    ) -> kopf.BodyEssence:
        """Nothing of the object."""
        return cast("kopf.BodyEssence", {})

    def fetch(self, *, body: kopf.Body) -> kopf.BodyEssence | None:  # noqa: ARG002 - likewise
        """No earlier state."""
        return None

    def store(self, *, body: kopf.Body, patch: kopf.Patch, essence: kopf.BodyEssence) -> None:
        """Keep nothing."""


class Backoffs:
    """Pauses between Kopf's tries of one request, in seconds. They have no end: with its last try Kopf would end, too.

    An API server that is away, or a Role that is missing, may be back any moment.
    """

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((1.0, 1.0, 2.0, 3.0, 5.0, 8.0), itertools.repeat(15.0))
