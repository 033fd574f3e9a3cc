"""Which running pods may still hold a value that a Secret no longer has.

A pod learns of a new value only in certain ways. ``env``, ``envFrom`` and ``subPath`` give a container what the
Secret held when it started. A plain volume is brought up to date by the kubelet, within its sync period and the delay
of its cache, about a minute each. Source: kubernetes.io, Concepts, Secrets, "Using Secrets as environment variables"
and "Mounted Secrets are updated automatically".
"""

from datetime import datetime, timedelta

from box_app_operator.model.observed import Observed, SecretUse, UseKind
from box_app_operator.tokens.active import Current

MOUNT_LAG = timedelta(minutes=2)
"""So long after a publication every plain volume has the new value."""


def pods_on_previous(current: Current) -> tuple[str, ...] | None:
    """Names of pods that may hold what the Secret held before; None while pods are not known.

    A pod that refers to a renamed Secret counts for as long as that one holds anything but the active token.
    """
    observed, active = current.observed, current.fingerprint
    if observed.pods is None:
        return None
    stale = {secret.name for secret in observed.renamed_secrets if not secret.holds(active)}
    return tuple(
        sorted(
            pod.name
            for pod in observed.pods
            if any(use.secret in stale for use in pod.uses)
            or (pod.token != active and any(_is_old(use, current) for use in pod.uses))
        )
    )


def _is_old(use: SecretUse, current: Current) -> bool:
    # Kubernetes writes whole seconds: what started in the second of the publication may have been too early.
    names = {current.desired.secret.name, *(secret.name for secret in current.observed.renamed_secrets)}
    before = use.secret in names and use.since <= current.replaced_at
    return before and (use.kind is UseKind.FIXED or current.now < current.replaced_at + MOUNT_LAG)


def pods_referring_to(observed: Observed, secret: str) -> tuple[str, ...] | None:
    """Names of running pods that refer to a Secret; None while pods are not known."""
    if observed.pods is None:
        return None
    return tuple(sorted(pod.name for pod in observed.pods if any(use.secret == secret for use in pod.uses)))


def volumes_fresh_at(current: Current) -> datetime | None:
    """When time alone makes mounted volumes fresh; None when nothing waits for that."""
    fresh_at = current.replaced_at + MOUNT_LAG
    uses = (use for pod in current.observed.pods or () for use in pod.uses)
    waits = any(use.kind is UseKind.MOUNTED and _is_old(use, current) for use in uses)
    return fresh_at if waits else None
