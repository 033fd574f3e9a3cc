"""Reading manifests: from the JSON of a custom resource to values, with every default filled in.

Metadata comes first, then the spec field by field. A field that cannot be read makes the spec ``invalid``, and counts
as something with which the object can still be deleted.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Any

from box_app_operator.api.fields import Fields, mapping
from box_app_operator.api.origins import normal_form, origin_problem
from box_app_operator.model.box import UID, ClientID
from box_app_operator.model.desired import (
    AppKey,
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

GROUP = "boxapps.dev"
VERSION = "v1alpha1"
FINALIZER = f"{GROUP}/finalizer"
RECONCILE_ANNOTATION = f"{GROUP}/reconcile-requested-at"
ROTATE_ANNOTATION = f"{GROUP}/rotate-requested-at"
FORCE_DELETE_ANNOTATION = f"{GROUP}/force-delete"
CLAIM_ANNOTATION = f"{GROUP}/claim-requested-at"
HAND_OVER_ANNOTATION = f"{GROUP}/hand-over-to"
DEFAULT_ENTERPRISE = "default"

Body = Mapping[str, Any]
"""A Kubernetes object as parsed JSON."""

SHORTEST_LIFE = timedelta(minutes=1)
"""No token is replaced by its date earlier than this after it was generated."""
_DAYS = {"30d": 30, "60d": 60, "Never": None}
_POLICIES = {str(policy): policy for policy in DeletionPolicy}
_RETIRE = {str(retire): retire for retire in Retire}
_AUTHENTICATION = {"AppToken": False, "ClientCredentials": True}
_SUBJECTS = {word: word for word in ("enterprise", "user")}
_KINDS = {word: word for word in ("Deployment", "StatefulSet", "DaemonSet")}


@dataclass(frozen=True, slots=True)
class Resource:
    """One version of a BoxCustomApp: its JSON in ``body``, and what it asks for in ``desired``, parsed once."""

    body: Body
    desired: Desired

    @property
    def key(self) -> AppKey:
        """Its name, with its namespace."""
        return self.desired.key

    @property
    def version(self) -> int:
        """The resource version."""
        return int(self.body["metadata"]["resourceVersion"])


def finalizers_of(body: Body) -> list[str]:
    """All finalizers of an object."""
    return list(body["metadata"].get("finalizers") or ())


def read_app(body: Body) -> Resource:
    """A BoxCustomApp as it came in: a plain copy without what no part looks at, and what it asks for."""
    meta = {key: value for key, value in body["metadata"].items() if key != "managedFields"}
    kept = {key: body[key] for key in ("apiVersion", "kind", "spec", "status") if key in body}
    return Resource({**kept, "metadata": meta}, parse_desired(body))


def parse_desired(body: Body) -> Desired:
    """What a BoxCustomApp asks for; ``invalid`` says what of it cannot be read, or cannot be done."""
    meta, status, spec = body["metadata"], mapping(body.get("status")), Fields(body.get("spec"), "spec")
    annotations, tokens = mapping(meta.get("annotations")), spec.section("tokens")
    domains = spec.section("cors").texts("domains")
    request, rotate = annotations.get(RECONCILE_ANNOTATION), annotations.get(ROTATE_ANNOTATION)
    claim = annotations.get(CLAIM_ANNOTATION)
    desired = Desired(
        namespace=meta["namespace"],
        name=meta["name"],
        uid=UID(meta["uid"]),
        generation=int(meta.get("generation") or 0),
        created_at=meta["creationTimestamp"],
        enterprise=_enterprise(spec),
        display_name=spec.required_text("displayName"),
        client_id=_client_id(spec, status),
        submit=spec.section("authorization").flag("submit", True),
        secret=_secret(meta["name"], tokens.section("secret"), status),
        token_days=tokens.choice("expiry", _DAYS, 60),
        cors_domains=tuple(dict.fromkeys(normal_form(text) for text in domains if origin_problem(text) is None)),
        # The one policy that neither deletes anything in Box nor leaves a token live there.
        deletion_policy=spec.choice("deletionPolicy", _POLICIES, DeletionPolicy.REVOKE_TOKENS),
        suspended=spec.flag("suspend", False),
        deleting=meta.get("deletionTimestamp") is not None,
        force_delete=annotations.get(FORCE_DELETE_ANNOTATION) == "true",
        has_finalizer=FINALIZER in finalizers_of(body),
        reconcile_request=request if request != status.get("lastHandledReconcileAt") else None,
        rotation=_rotation(tokens.section("rotation")),
        rotate_request=rotate if rotate and rotate != status.get("lastHandledRotateAt") else None,
        import_from=tokens.section("importFrom").required_text("name") if tokens.has("importFrom") else None,
        client_secret=_client_secret(spec),
        grant=_grant(spec),
        downscoped=_downscoped(spec),
        bad_origin=_bad_origin(domains),
        claim_request=claim if claim and claim != status.get("lastHandledClaimAt") else None,
        hands_over_to=annotations.get(HAND_OVER_ANNOTATION),
    )
    return replace(desired, invalid=next(iter(spec.problems), None) or _impossible(desired) or _twice(desired))


def _bad_origin(domains: tuple[str, ...]) -> str | None:
    problems = ((index, origin_problem(text)) for index, text in enumerate(domains))
    return next((f"spec.cors.domains[{index}]: {problem}." for index, problem in problems if problem is not None), None)


def _enterprise(spec: Fields) -> str:
    """Never the default in the place of another one: its Box knows nothing of the app, which would look gone."""
    if not spec.is_object:
        return ""
    return spec.section("enterpriseRef").required_text("name") if spec.has("enterpriseRef") else DEFAULT_ENTERPRISE


def _client_id(spec: Fields, status: Body) -> ClientID | None:
    """One that cannot be read is known from the status, or the app would count as registered for this object."""
    given = spec.text("clientID") if spec.has("clientID") else None
    if given is None and spec.has("clientID"):
        known = status.get("clientID")
        given = known if isinstance(known, str) else None
    return ClientID(given) if given else None


def _grant(spec: Fields) -> ClientGrant | None:
    if not spec.choice("authentication", _AUTHENTICATION, False) or not spec.has("clientCredentials"):
        return None
    given = spec.section("clientCredentials")
    subject = given.section("subject")
    return ClientGrant(
        given.section("secretRef").required_text("name"),
        subject.choice("type", _SUBJECTS, "enterprise"),
        subject.required_text("id"),
    )


def _client_secret(spec: Fields) -> tuple[str, str] | None:
    if not spec.has("clientSecretRef"):
        return None
    given = spec.section("clientSecretRef")
    return given.required_text("name"), given.required_text("key")


def _downscoped(spec: Fields) -> tuple[DownscopedSpec, ...]:
    return tuple(
        DownscopedSpec(
            secret=token.required_text("secretName"),
            scopes=token.texts("scopes"),
            resource=token.text("resource"),
            refresh_before=token.duration("refreshBefore", timedelta(minutes=15)),
        )
        for token in spec.sections("downscopedTokens")
    )


def _twice(desired: Desired) -> str | None:
    """Two tokens, or a token and what a person hands over, in one Secret would overwrite each other."""
    named = [("tokens.secret.name", desired.secret.name), ("tokens.importFrom.name", desired.import_from)]
    named += [("downscopedTokens[].secretName", spec.secret) for spec in desired.downscoped]
    named += [("clientSecretRef.name", desired.client_secret[0])] if desired.client_secret is not None else []
    named += [("clientCredentials.secretRef.name", desired.grant.secret)] if desired.grant is not None else []
    names = [name for _, name in named]
    twice = next((name for name in names if name is not None and names.count(name) > 1), None)
    if twice is None:
        return None
    fields = " and ".join(f"spec.{field}" for field, name in named if name == twice)
    return f"Secret {twice!r} is named twice, by {fields}; each purpose needs a Secret of its own."


def _rotation(rotation: Fields) -> Rotation:
    plain = Rotation()
    return Rotation(
        renew_before=rotation.duration("renewBefore", None),
        every=rotation.duration("every", None),
        overlap=rotation.duration("overlap", plain.overlap),
        retire=rotation.choice("retire", _RETIRE, plain.retire),
        retire_deadline=rotation.duration("retireDeadline", plain.retire_deadline),
        restart=_workloads(rotation),
    )


def _workloads(rotation: Fields) -> tuple[WorkloadRef, ...]:
    refs = [(ref.choice("kind", _KINDS, ""), ref.required_text("name")) for ref in rotation.sections("restart")]
    return tuple(dict.fromkeys(WorkloadRef(kind, name) for kind, name in refs if kind and name))


def _impossible(desired: Desired) -> str | None:
    """Spans that would leave no time for a rotation, or start the next one as soon as one has ended.

    The schema has the same rules.
    """
    where, rotation, days = "spec.tokens.rotation", desired.rotation, desired.token_days
    if rotation.every is not None and (rotation.every <= rotation.overlap or rotation.every < SHORTEST_LIFE):
        return f"{where}.every must be longer than {where}.overlap (default: 1h), and at least one minute."
    if days is None:
        return None
    lifetime = timedelta(days=days)
    before = rotation.renew_before if rotation.renew_before is not None else lifetime / 6
    if before <= timedelta() or lifetime - before < SHORTEST_LIFE:
        return (
            f"{where}.renewBefore must be longer than zero, and at least one minute shorter than a token's lifetime, "
            f"{days}d."
        )
    if rotation.overlap >= lifetime - before:
        return f"{where}.overlap must end before the next rotation: shorter than {days}d less renewBefore."
    return None


def _secret(app_name: str, secret: Fields, status: Body) -> SecretSpec:
    keys, defaults = secret.section("keys"), SecretKeys()
    return SecretSpec(
        name=_secret_name(app_name, secret, status),
        keys=SecretKeys(
            token=keys.text("token") or defaults.token,
            client_id=keys.text("clientID") or defaults.client_id,
            slot=keys.text("slot") or defaults.slot,
            expires_at=keys.text("expiresAt") or defaults.expires_at,
        ),
        labels=secret.text_map("labels"),
        annotations=secret.text_map("annotations"),
    )


def _secret_name(app_name: str, secret: Fields, status: Body) -> str:
    """A name that cannot be read is known from the status: what that Secret holds is still to be revoked."""
    given = secret.text("name")
    if given is None and secret.has("name"):
        known = mapping(status.get("tokens")).get("secretName")
        given = known if isinstance(known, str) else None
    return given or f"{app_name}-box-token"
