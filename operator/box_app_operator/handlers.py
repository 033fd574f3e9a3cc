"""What Kopf calls: unpack, hand on, nothing else.

Kopf watches and recovers its watches; it decides nothing here and writes nothing. There are no change handlers,
because those copy whole objects into annotations and would cost two more writes per app, and none for Secrets in
particular, whose values must never leave this module.

Event handlers run only after everything that is indexed has been listed once. The indexes are declared for that
barrier: no pass runs before the store knows every app, Secret, namespace and enterprise.
"""

from __future__ import annotations

from typing import Any, Protocol

import kopf

from box_app_operator.core.published import MANAGED_BY, MANAGER
from box_app_operator.core.spec import GROUP, VERSION, Body

OURS = {MANAGED_BY: MANAGER}


class Watched(Protocol):
    """Takes in what the watches tell."""

    def seen(self, kind: str, body: Body) -> None:
        """An object, at start or whenever it changes; before anything is worked upon."""
        ...

    def changed(self, kind: str, body: Body, *, gone: bool) -> None:
        """An object appeared, changed or went."""
        ...


def register(registry: kopf.OperatorRegistry, watched: Watched) -> None:
    """Declare to Kopf what is watched."""
    for kind, resource, labels in (
        ("BoxEnterprise", (GROUP, VERSION, "boxenterprises"), None),
        ("Namespace", ("", "v1", "namespaces"), None),
        ("Secret", ("", "v1", "secrets"), OURS),
        ("BoxCustomApp", (GROUP, VERSION, "boxcustomapps"), None),
    ):
        _register(registry, watched, kind, resource, labels)


def _register(
    registry: kopf.OperatorRegistry,
    watched: Watched,
    kind: str,
    resource: tuple[str, str, str],
    labels: dict[str, str] | None,
) -> None:
    async def index(body: kopf.Body, **_: Any) -> None:
        watched.seen(kind, body)

    async def event(type: str | None, body: kopf.Body, **_: Any) -> None:  # noqa: A002 - Kopf's name for it
        watched.changed(kind, body, gone=type == "DELETED")

    kopf.index(*resource, id=f"{kind}-index".lower(), labels=labels, registry=registry)(index)
    kopf.on.event(*resource, id=f"{kind}-event".lower(), labels=labels, registry=registry)(event)


def configure(settings: kopf.OperatorSettings) -> None:
    """Kopf's own settings."""
    # Kopf takes its finalizer off objects that no handler of its own needs, so that it must not be the operator's.
    settings.persistence.finalizer = f"{GROUP}/kopf"
    settings.persistence.progress_storage = kopf.AnnotationsProgressStorage(prefix=GROUP)
    settings.persistence.diffbase_storage = kopf.AnnotationsDiffBaseStorage(prefix=GROUP)
    settings.posting.enabled = False
    settings.scanning.disabled = True
    settings.watching.label_selectors["", "v1", "secrets"] = f"{MANAGED_BY}={MANAGER}"
    settings.watching.server_timeout = 300
    settings.networking.request_timeout = 30
    settings.networking.connect_timeout = 10
