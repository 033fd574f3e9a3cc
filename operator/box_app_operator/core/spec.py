"""Reading manifests: from the JSON of a custom resource to values, with every default filled in.

The schema has refused nonsense already; what still does not fit raises StalledError, never a KeyError.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Any

from box_app_operator.core.model import (
    UID,
    AppID,
    ClientID,
    DeletionPolicy,
    Desired,
    Fingerprint,
    RememberedStatus,
    SecretKeys,
    SecretSpec,
)
from box_app_operator.errors import StalledError

GROUP = "boxapps.dev"
VERSION = "v1alpha1"
FINALIZER = f"{GROUP}/finalizer"
RECONCILE_ANNOTATION = f"{GROUP}/reconcile-requested-at"
FORCE_DELETE_ANNOTATION = f"{GROUP}/force-delete"
DEFAULT_ENTERPRISE = "default"
DEFAULT_PLATFORM_URL = "https://api.box.com"
SHORTEST_RESYNC = timedelta(seconds=1)
"""A shorter interval counts as this one."""

Body = Mapping[str, Any]
"""A Kubernetes object as parsed JSON."""

_UNITS = {
    "ms": timedelta(milliseconds=1),
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
}
_DAYS = {"30d": 30, "60d": 60, "Never": None}


def parse_duration(text: str) -> timedelta:
    """A duration such as ``10m`` or ``1h30m``.

    Raises:
        StalledError: not a duration.
    """
    if not re.fullmatch(r"([0-9]+(ms|s|m|h|d))+", text):
        raise StalledError("InvalidSpec", f"{text!r} is not a duration; write for example 10m, 1h30m or 7d")
    parts = re.findall(r"([0-9]+)(ms|s|m|h|d)", text)
    try:
        return sum((int(number) * _UNITS[unit] for number, unit in parts), timedelta())
    except OverflowError:
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
    request = annotations.get(RECONCILE_ANNOTATION)
    client_id = spec.get("clientID")
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
        token_days=_DAYS[tokens.get("expiry", "60d")],
        cors_domains=tuple((spec.get("cors") or {}).get("domains") or ()),
        deletion_policy=DeletionPolicy(spec.get("deletionPolicy", DeletionPolicy.REVOKE_TOKENS)),
        suspended=bool(spec.get("suspend", False)),
        deleting=meta.get("deletionTimestamp") is not None,
        force_delete=annotations.get(FORCE_DELETE_ANNOTATION) == "true",
        has_finalizer=FINALIZER in (meta.get("finalizers") or ()),
        unsupported=_unsupported(spec),
        reconcile_request=request if request != status.get("lastHandledReconcileAt") else None,
    )


def _unsupported(spec: Body) -> str | None:
    """What would silently be left undone, although the author counts on it."""
    if spec.get("authentication", "AppToken") != "AppToken":
        return f"spec.authentication: {spec['authentication']}"
    return "spec.downscopedTokens" if spec.get("downscopedTokens") else None


def secret_name_of(body: Body) -> str:
    """The name of the Secret that a BoxCustomApp asks for."""
    secret = ((body["spec"].get("tokens") or {}).get("secret")) or {}
    return str(secret.get("name") or _default_secret_name(body["metadata"]["name"]))


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
    seen = [(tokens.get(role) or {}).get("fingerprint") for role in ("active", "retiring")]
    return RememberedStatus(
        app_id=AppID(status["appID"]) if status.get("appID") else None,
        client_id=ClientID(status["clientID"]) if status.get("clientID") else None,
        fingerprints=frozenset(Fingerprint(fingerprint) for fingerprint in seen if fingerprint),
    )


@dataclass(frozen=True, slots=True)
class SecretKeyRef:
    """One value in a Secret."""

    namespace: str
    name: str
    key: str

    def __str__(self) -> str:
        return f"key {self.key!r} of Secret {self.namespace}/{self.name}"


@dataclass(frozen=True, slots=True)
class EnterpriseSpec:
    """What a BoxEnterprise says, with every default filled in.

    ``console_url`` is None in mode Assisted. ``selector`` is a label selector over namespaces, None for all.
    """

    console_url: str | None
    credentials: SecretKeyRef | None
    platform_url: str
    ca: SecretKeyRef | None
    selector: Body | None
    resync: timedelta
    requests_per_minute: int


@dataclass(frozen=True, slots=True)
class Enterprise:
    """A BoxEnterprise: its identity and spec. ``status`` is what was last written, for comparison."""

    name: str
    uid: UID
    generation: int
    spec: EnterpriseSpec
    status: Body = field(default_factory=dict, compare=False)


def parse_enterprise(body: Body) -> Enterprise:
    """What a BoxEnterprise says.

    Raises:
        StalledError: the spec cannot be read, which the schema should have refused.
    """
    try:
        meta = body["metadata"]
        return Enterprise(
            name=meta["name"],
            uid=UID(meta["uid"]),
            generation=int(meta.get("generation") or 0),
            spec=_enterprise_spec(body["spec"]),
            status=body.get("status") or {},
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise StalledError(
            "InvalidSpec", f"the spec cannot be read ({type(error).__name__}); are the CRDs up to date?"
        ) from error


def _enterprise_spec(spec: Body) -> EnterpriseSpec:
    console, platform = spec["console"], spec.get("platform") or {}
    return EnterpriseSpec(
        console_url=console.get("url") if console["mode"] == "Automated" else None,
        credentials=_secret_key_ref(console.get("credentialsSecretRef")),
        platform_url=platform.get("url", DEFAULT_PLATFORM_URL),
        ca=_secret_key_ref(platform.get("caSecretRef")),
        selector=_selector(spec.get("allowedNamespaces")),
        resync=max(parse_duration(spec.get("resyncInterval", "10m")), SHORTEST_RESYNC),
        requests_per_minute=int((spec.get("rateLimit") or {}).get("requestsPerMinute", 600)),
    )


def _selector(allowed: Body | None) -> Body | None:
    """The selector over namespaces; None only when all are allowed in so many words."""
    if allowed is None or allowed["from"] == "All":
        return None
    selector = allowed["selector"]
    if allowed["from"] != "Selector" or not isinstance(selector, Mapping):
        raise ValueError("neither All nor a selector")
    return selector


def _secret_key_ref(ref: Body | None) -> SecretKeyRef | None:
    return SecretKeyRef(ref["namespace"], ref["name"], ref["key"]) if ref else None


def selects(selector: Body | None, labels: Mapping[str, str]) -> bool:
    """Does a Kubernetes label selector match these labels? None matches everything."""
    if selector is None:
        return True
    equal = all(labels.get(key) == value for key, value in (selector.get("matchLabels") or {}).items())
    return equal and all(_meets(labels, expression) for expression in selector.get("matchExpressions") or ())


def _meets(labels: Mapping[str, str], expression: Body) -> bool:
    key, values = expression["key"], expression.get("values") or ()
    match expression["operator"]:
        case "In":
            return labels.get(key) in values
        case "NotIn":
            return labels.get(key) not in values
        case "Exists":
            return key in labels
        case _:
            return key not in labels
