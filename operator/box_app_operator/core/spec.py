"""Reading manifests: from the JSON of a custom resource to values, with every default filled in.

The schema has refused nonsense already; what still does not fit raises StalledError, never a KeyError.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from box_app_operator.core.desired import (
    ClientGrant,
    DeletionPolicy,
    Desired,
    DownscopedSpec,
    Retire,
    Rotation,
    SecretKeys,
    SecretSpec,
    WorkloadRef,
)
from box_app_operator.core.model import UID, AppID, ClientID, Fingerprint, Slot
from box_app_operator.core.observed import RememberedStatus
from box_app_operator.errors import StalledError

GROUP = "boxapps.dev"
VERSION = "v1alpha1"
FINALIZER = f"{GROUP}/finalizer"
RECONCILE_ANNOTATION = f"{GROUP}/reconcile-requested-at"
ROTATE_ANNOTATION = f"{GROUP}/rotate-requested-at"
FORCE_DELETE_ANNOTATION = f"{GROUP}/force-delete"
DEFAULT_ENTERPRISE = "default"

Body = Mapping[str, Any]
"""A Kubernetes object as parsed JSON."""

_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_SHORTEST_EVERY = timedelta(seconds=1)
_LONGEST = timedelta(days=36500)
_DAYS = {"30d": 30, "60d": 60, "Never": None}


def parse_duration(text: str, longest: timedelta | None = None) -> timedelta:
    """A duration such as ``10m`` or ``1h30m``; a longer one than ``longest`` counts as that.

    Raises:
        StalledError: not a duration.
    """
    if not re.fullmatch(r"([0-9]+(ms|s|m|h|d))+", text):
        raise StalledError("InvalidSpec", f"{text!r} is not a duration; write for example 10m, 1h30m or 7d")
    parts = re.findall(r"([0-9]+)(ms|s|m|h|d)", text)
    try:
        duration = sum((int(number) * _UNITS[unit] for number, unit in parts), timedelta())
        return duration if longest is None else min(duration, longest)
    except OverflowError:
        if longest is not None:
            return longest
        raise StalledError("InvalidSpec", f"{text!r} is longer than any duration can be") from None


def parse_desired(body: Body) -> Desired:
    """What a BoxCustomApp asks for.

    Raises:
        StalledError: the spec cannot be read, which the schema should have refused.
    """
    try:
        return _desired(body)
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StalledError(
            "InvalidSpec", f"the spec cannot be read ({type(error).__name__}); are the CRDs up to date?"
        ) from error


def _desired(body: Body) -> Desired:
    meta, spec = body["metadata"], body["spec"]
    annotations = meta.get("annotations") or {}
    tokens = spec.get("tokens") or {}
    status = body.get("status") or {}
    request, rotate = annotations.get(RECONCILE_ANNOTATION), annotations.get(ROTATE_ANNOTATION)
    client_id = spec.get("clientID")
    days, rotation = _DAYS[tokens.get("expiry", "60d")], _rotation(tokens.get("rotation") or {})
    secret_ref = spec.get("clientSecretRef")
    return Desired(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=UID(meta["uid"]),
        generation=int(meta.get("generation") or 0),
        created_at=meta["creationTimestamp"],
        enterprise=(spec.get("enterpriseRef") or {}).get("name", DEFAULT_ENTERPRISE),
        display_name=spec["displayName"],
        client_id=ClientID(client_id) if client_id else None,
        submit=(spec.get("authorization") or {}).get("submit", True),
        secret=_secret(meta["name"], tokens.get("secret") or {}),
        token_days=days,
        cors_domains=tuple((spec.get("cors") or {}).get("domains") or ()),
        deletion_policy=DeletionPolicy(spec.get("deletionPolicy", DeletionPolicy.REVOKE_TOKENS)),
        suspended=bool(spec.get("suspend", False)),
        deleting=meta.get("deletionTimestamp") is not None,
        force_delete=annotations.get(FORCE_DELETE_ANNOTATION) == "true",
        has_finalizer=FINALIZER in (meta.get("finalizers") or ()),
        reconcile_request=request if request != status.get("lastHandledReconcileAt") else None,
        rotation=rotation,
        rotate_request=rotate if rotate and rotate != status.get("lastHandledRotateAt") else None,
        invalid=_impossible(rotation, days) or _twice(spec, secret_name_of(body)),
        import_from=(tokens.get("importFrom") or {}).get("name"),
        client_secret=(secret_ref["name"], secret_ref["key"]) if secret_ref else None,
        grant=_grant(spec),
        downscoped=_downscoped(spec),
    )


def _grant(spec: Body) -> ClientGrant | None:
    given = spec.get("clientCredentials")
    if spec.get("authentication", "AppToken") == "AppToken" or given is None:
        return None
    return ClientGrant(given["secretRef"]["name"], given["subject"]["type"], given["subject"]["id"])


def _downscoped(spec: Body) -> tuple[DownscopedSpec, ...]:
    return tuple(
        DownscopedSpec(
            secret=each["secretName"],
            scopes=tuple(each["scopes"]),
            resource=each.get("resource"),
            refresh_before=parse_duration(each.get("refreshBefore", "15m"), _LONGEST),
        )
        for each in spec.get("downscopedTokens") or ()
    )


def _twice(spec: Body, secret: str) -> str | None:
    """Two tokens, or a token and what a person hands over, in one Secret would overwrite each other."""
    tokens, grant = spec.get("tokens") or {}, spec.get("clientCredentials") or {}
    names = [secret, *(each["secretName"] for each in spec.get("downscopedTokens") or ())]
    given = (tokens.get("importFrom"), spec.get("clientSecretRef"), grant.get("secretRef"))
    names += {each["name"] for each in given if each}
    twice = next((name for name in names if names.count(name) > 1), None)
    return f"Secret {twice!r} is named twice in the spec; each purpose needs a Secret of its own." if twice else None


def _rotation(rotation: Body) -> Rotation:
    plain = Rotation()
    return Rotation(
        renew_before=_span(rotation, "renewBefore"),
        every=_span(rotation, "every"),
        overlap=_span(rotation, "overlap", plain.overlap),
        retire=Retire(rotation.get("retire", plain.retire)),
        retire_deadline=_span(rotation, "retireDeadline", plain.retire_deadline),
        restart=_workloads(rotation),
    )


def workloads_of(body: Body) -> tuple[WorkloadRef, ...]:
    """The workloads that a BoxCustomApp wants restarted after a rotation."""
    return _workloads((body["spec"].get("tokens") or {}).get("rotation") or {})


def _workloads(rotation: Body) -> tuple[WorkloadRef, ...]:
    return tuple(dict.fromkeys(WorkloadRef(each["kind"], each["name"]) for each in rotation.get("restart") or ()))


def _span(rotation: Body, name: str, default: Any = None) -> Any:
    """A duration that can be added to any date: longer ones count as a hundred years."""
    return parse_duration(rotation[name], _LONGEST) if name in rotation else default


def _impossible(rotation: Rotation, days: int | None) -> str | None:
    """Spans that would leave no time for a rotation, or make it begin again as soon as it is over."""
    where = "spec.tokens.rotation"
    if rotation.every is not None and rotation.every <= max(rotation.overlap, _SHORTEST_EVERY):
        return f"{where}.every must be longer than {where}.overlap (1h when absent), and longer than one second."
    if days is None:
        return None
    lifetime = timedelta(days=days)
    before = rotation.renew_before if rotation.renew_before is not None else lifetime / 6
    if before <= timedelta() or before >= lifetime:
        return f"{where}.renewBefore must be longer than zero and shorter than a token's lifetime, {days}d."
    if rotation.overlap >= lifetime - before:
        return f"{where}.overlap must end before the next rotation: shorter than {days}d less renewBefore."
    return None


def secret_name_of(body: Body) -> str:
    """The name of the Secret that a BoxCustomApp asks for."""
    secret = ((body["spec"].get("tokens") or {}).get("secret")) or {}
    return str(secret.get("name") or _default_secret_name(body["metadata"]["name"]))


def secret_names_of(body: Body) -> list[str]:
    """The names of all Secrets that a BoxCustomApp asks for."""
    return [secret_name_of(body), *(each["secretName"] for each in body["spec"].get("downscopedTokens") or ())]


def _default_secret_name(app_name: str) -> str:
    return f"{app_name}-box-token"


def _secret(app_name: str, secret: Body) -> SecretSpec:
    keys, defaults = secret.get("keys") or {}, SecretKeys()
    return SecretSpec(
        name=secret.get("name") or _default_secret_name(app_name),
        keys=SecretKeys(
            token=keys.get("token", defaults.token),
            client_id=keys.get("clientID", defaults.client_id),
            slot=keys.get("slot", defaults.slot),
            expires_at=keys.get("expiresAt", defaults.expires_at),
        ),
        labels=dict(secret.get("labels") or {}),
        annotations=dict(secret.get("annotations") or {}),
    )


def parse_remembered(body: Body) -> RememberedStatus:
    """What an earlier pass wrote into the object's status."""
    status = body.get("status") or {}
    tokens = status.get("tokens") or {}
    shown = {role: tokens.get(role) or {} for role in ("active", "retiring")}
    active, retiring = (shown[role].get("fingerprint") for role in ("active", "retiring"))
    meta, domains = body.get("metadata") or {}, tuple(status.get("corsDomains") or ())
    request = (meta.get("annotations") or {}).get(RECONCILE_ANNOTATION)
    current = status.get("observedGeneration") == meta.get("generation")
    current = current and request in (None, status.get("lastHandledReconcileAt"))
    synced = current and any(
        each["type"] == "CORSSynced" and each["status"] == "True" for each in status.get("conditions") or ()
    )
    return RememberedStatus(
        app_id=AppID(status["appID"]) if status.get("appID") else None,
        client_id=ClientID(status["clientID"]) if status.get("clientID") else None,
        active=Fingerprint(active) if active else None,
        retiring=Fingerprint(retiring) if retiring else None,
        restarted=tuple(tokens.get("restarted") or ()),
        dates={Fingerprint(each["fingerprint"]): _dates(each) for each in shown.values() if "issuedTime" in each},
        slots={Fingerprint(each["fingerprint"]): Slot(each["slot"]) for each in shown.values() if "issuedTime" in each},
        origins=domains if synced else None,
        allowed=domains,
    )


def _dates(token: Body) -> tuple[datetime, datetime | None]:
    expires = token.get("expiryTime")
    return datetime.fromisoformat(token["issuedTime"]), datetime.fromisoformat(expires) if expires else None
