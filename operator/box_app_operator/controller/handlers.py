"""What Kopf calls: unpack, hand on, nothing else.

Kopf watches and recovers its watches; it decides nothing here and writes nothing. There are no change handlers,
because those copy whole objects into annotations and would cost two more writes per app, and no indexes, because each
indexed object makes all others wait for it. Everything was listed once before Kopf begins.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator
from typing import Any, Protocol, cast

import kopf

from box_app_operator.api.spec import GROUP, VERSION, Body


class Watched(Protocol):
    """Takes in what Kopf tells."""

    def app_changed(self, body: Body, *, gone: bool) -> None:
        """A BoxCustomApp appeared, changed or went."""
        ...

    def enterprise_changed(self, body: Body, *, gone: bool) -> None:
        """A BoxEnterprise appeared, changed or went."""
        ...


def register(registry: kopf.OperatorRegistry, watched: Watched, *, apps: bool) -> None:
    """Declare to Kopf what it watches: BoxEnterprises, and with ``apps`` BoxCustomApps in the whole cluster."""

    @kopf.on.event(GROUP, VERSION, "boxenterprises", registry=registry)
    async def enterprise(type: str | None, body: kopf.Body, **_: Any) -> None:  # noqa: A002 - Kopf's name for it
        watched.enterprise_changed(body, gone=type == "DELETED")

    if apps:

        @kopf.on.event(GROUP, VERSION, "boxcustomapps", registry=registry)
        async def app(type: str | None, body: kopf.Body, **_: Any) -> None:  # noqa: A002 - Kopf's name for it
            watched.app_changed(body, gone=type == "DELETED")


class NoComparison(kopf.DiffBaseStorage):
    """Keeps Kopf from copying every object at every event, to compare it with an earlier state that nobody asks for."""

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
        """Keep nothing: only change handlers would ask for it, and there are none."""


class Backoffs:
    """Pauses between Kopf's tries of one request, in seconds. They have no end: with its last try Kopf would end, too.

    An API server that is away, or a Role that is missing, may be back any moment.
    """

    def __iter__(self) -> Iterator[float]:
        return itertools.chain((1.0, 1.0, 2.0, 3.0, 5.0, 8.0), itertools.repeat(15.0))


def configure(settings: kopf.OperatorSettings) -> None:
    """Kopf's own settings."""
    # Kopf takes its finalizer off objects that no handler of its own needs, so that it must not be the operator's.
    settings.persistence.finalizer = f"{GROUP}/kopf"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP)
    settings.persistence.diffbase_storage = NoComparison()
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.watching.server_timeout = 300
    # Without chunks thousands of objects are decoded at once, which takes memory and blocks everything else meanwhile.
    settings.watching.chunk_size = 500
    # A worker keeps what it was told last for so long: at a start there is one for each object.
    settings.queueing.idle_timeout = 0.5
    settings.networking.error_backoffs = Backoffs()
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
