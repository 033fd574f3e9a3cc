"""Reading BoxEnterprise manifests, with every default filled in.

A spec of which one field cannot be read is used for nothing: it may be the field that limits who has access.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from box_app_operator.api.fields import Fields
from box_app_operator.api.spec import Body
from box_app_operator.model.box import UID, AdoptionEntry, ClientID

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
    ``adoption`` says which apps that the operator did not register may be adopted, and by whom. ``invalid`` says what
    cannot be read; the other fields mean nothing then.
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
    invalid: str | None = None


@dataclass(frozen=True, slots=True)
class Enterprise:
    """A BoxEnterprise: its identity and spec."""

    name: str
    uid: UID
    generation: int
    spec: EnterpriseSpec


def parse_enterprise(body: Body) -> Enterprise:
    """What a BoxEnterprise says."""
    meta = body["metadata"]
    return Enterprise(
        name=meta["name"],
        uid=UID(meta["uid"]),
        generation=int(meta.get("generation") or 0),
        spec=_enterprise_spec(Fields(body.get("spec"), "spec")),
    )


def _enterprise_spec(spec: Fields) -> EnterpriseSpec:
    console, platform = spec.section("console"), spec.section("platform")
    automated = console.required_choice("mode", {"Automated": True, "Assisted": False}, False)
    read = EnterpriseSpec(
        console_url=console.required_text("url") if automated else None,
        credentials=_secret_key_ref(console, "credentialsSecretRef"),
        platform_url=platform.text("url") or DEFAULT_PLATFORM_URL,
        ca=_secret_key_ref(platform, "caSecretRef"),
        selector=_selector(spec),
        resync=max(spec.duration("resyncInterval", timedelta(minutes=10)), SHORTEST_RESYNC),
        requests_per_minute=spec.section("rateLimit").number("requestsPerMinute", 600),
        enterprise_id=spec.text("enterpriseID"),
        adoption=tuple(_adoption_entry(entry) for entry in spec.sections("adoption")),
    )
    return replace(read, invalid=next(iter(spec.problems), None))


def _adoption_entry(entry: Fields) -> AdoptionEntry:
    return AdoptionEntry(
        client_id=ClientID(entry.required_text("clientID")) if entry.has("clientID") or not _is_bulk(entry) else None,
        namespace=entry.required_text("namespace"),
        name=entry.text("name"),
        allow_delete=entry.flag("allowDelete", False),
        namespace_uid=_uid(entry.text("namespaceUID")),
        from_cluster=entry.text("fromCluster"),
        from_namespace_uid=_uid(entry.text("fromNamespaceUID")),
        from_owner=entry.text("from"),
    )


def _is_bulk(entry: Fields) -> bool:
    return entry.has("fromCluster") or entry.has("fromNamespaceUID")


def _uid(text: str | None) -> UID | None:
    return UID(text) if text is not None else None


def _selector(spec: Fields) -> Body | None:
    """The selector over namespaces; None only when all are allowed in so many words."""
    if not spec.has("allowedNamespaces"):
        return None
    allowed = spec.section("allowedNamespaces")
    if allowed.required_choice("from", {"All": True, "Selector": False}, False):
        return None
    selector = allowed.required_section("selector")
    return {
        "matchLabels": selector.text_map("matchLabels"),
        "matchExpressions": [_expression(item) for item in selector.sections("matchExpressions")],
    }


def _expression(item: Fields) -> Body:
    operators = {word: word for word in ("In", "NotIn", "Exists", "DoesNotExist")}
    return {
        "key": item.required_text("key"),
        "operator": item.required_choice("operator", operators, ""),
        "values": item.texts("values"),
    }


def _secret_key_ref(within: Fields, name: str) -> SecretKeyRef | None:
    if not within.has(name):
        return None
    ref = within.section(name)
    return SecretKeyRef(ref.required_text("namespace"), ref.required_text("name"), ref.required_text("key"))


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


def changed_entries(before: Iterable[AdoptionEntry], after: Iterable[AdoptionEntry]) -> set[AdoptionEntry]:
    """The entries that appeared, or went."""
    return {*before} ^ {*after}
