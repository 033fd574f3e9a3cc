"""Reading BoxEnterprise manifests, with every default filled in.

The schema has refused nonsense already; what still does not fit raises StalledError, never a KeyError.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from box_app_operator.core.adoption import AdoptionEntry
from box_app_operator.core.model import UID, ClientID
from box_app_operator.core.spec import Body, parse_duration
from box_app_operator.errors import StalledError

DEFAULT_PLATFORM_URL = "https://api.box.com"
SHORTEST_RESYNC = timedelta(seconds=1)
"""A shorter interval counts as this one."""


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
    ``adoption`` says which apps that the operator did not register may be adopted, and by whom.
    """

    console_url: str | None
    credentials: SecretKeyRef | None
    platform_url: str
    ca: SecretKeyRef | None
    selector: Body | None
    resync: timedelta
    requests_per_minute: int
    enterprise_id: str | None = None
    adoption: tuple[AdoptionEntry, ...] = ()


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
        enterprise_id=spec.get("enterpriseID"),
        adoption=tuple(_adoption_entry(entry) for entry in spec.get("adoption") or ()),
    )


def _adoption_entry(entry: Body) -> AdoptionEntry:
    allow_delete = entry.get("allowDelete", False)
    if not isinstance(allow_delete, bool):
        raise TypeError("allowDelete is no boolean")
    return AdoptionEntry(ClientID(entry["clientID"]), entry["namespace"], entry.get("name"), allow_delete)


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
