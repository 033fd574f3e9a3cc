"""What a person wants: a BoxCustomApp with every default filled in. Values only."""

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import NamedTuple

from box_app_operator.model.box import UID, ClientID


class AppKey(NamedTuple):
    """Names a BoxCustomApp."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


class DeletionPolicy(enum.StrEnum):
    """What happens in Box when the object is deleted."""

    RETAIN = "Retain"
    REVOKE_TOKENS = "RevokeTokens"
    DELETE = "Delete"


class Retire(enum.StrEnum):
    """When the previous token is revoked, the overlap being over."""

    WHEN_UNUSED = "WhenUnused"
    AFTER_OVERLAP = "AfterOverlap"


@dataclass(frozen=True, slots=True, order=True)
class WorkloadRef:
    """A Deployment, StatefulSet or DaemonSet in the app's namespace."""

    kind: str
    name: str

    def __str__(self) -> str:
        return f"{self.kind}/{self.name}"


@dataclass(frozen=True, slots=True)
class Rotation:
    """When a token is replaced, and how the previous one is phased out.

    ``renew_before`` is None for a sixth of the token's lifetime, ``every`` is None for by expiry only.
    """

    renew_before: timedelta | None = None
    every: timedelta | None = None
    overlap: timedelta = timedelta(hours=1)
    retire: Retire = Retire.WHEN_UNUSED
    retire_deadline: timedelta = timedelta(days=7)
    restart: tuple[WorkloadRef, ...] = ()


@dataclass(frozen=True, slots=True)
class ClientGrant:
    """What the Client Credentials Grant needs. ``subject_type`` is "enterprise" or "user"."""

    secret: str
    subject_type: str
    subject_id: str


@dataclass(frozen=True, slots=True)
class DownscopedSpec:
    """A short-lived token with fewer rights, in a Secret of its own. ``resource`` is a URL, None for no limit."""

    secret: str
    scopes: tuple[str, ...]
    resource: str | None
    refresh_before: timedelta


@dataclass(frozen=True, slots=True)
class SecretKeys:
    """Names of the keys in the Secret's data."""

    token: str = "BOX_APP_TOKEN"
    client_id: str = "BOX_CLIENT_ID"
    slot: str = "BOX_TOKEN_SLOT"
    expires_at: str = "BOX_TOKEN_EXPIRES_AT"


@dataclass(frozen=True, slots=True)
class SecretSpec:
    """The Secret that a person asked for."""

    name: str
    keys: SecretKeys = SecretKeys()
    labels: Mapping[str, str] = field(default_factory=dict)
    annotations: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Desired:
    """What the manifest asks for, with every default filled in.

    ``client_id`` is given when an existing app is to be adopted. ``token_days`` is a token's lifetime, None for
    ever. ``invalid`` says what is wrong with the spec, or what it asks for that this version cannot do.
    ``reconcile_request``, ``rotate_request``, ``claim_request``, ``force_delete`` and ``hands_over_to`` come from
    annotations; the first three are set only while the status does not record their value as handled. ``import_from``
    names the Secret in which a person hands over keys, ``client_secret`` a Secret and the key in it, ``grant`` is there
    for ``ClientCredentials``.
    ``cors_domains`` are as browsers send them, each once; ``bad_origin`` says what is wrong with one that is none.
    """

    namespace: str
    name: str
    uid: UID
    generation: int
    created_at: str
    enterprise: str
    display_name: str
    client_id: ClientID | None
    submit: bool
    secret: SecretSpec
    token_days: int | None
    cors_domains: tuple[str, ...]
    deletion_policy: DeletionPolicy
    suspended: bool
    deleting: bool
    force_delete: bool
    has_finalizer: bool
    reconcile_request: str | None
    rotation: Rotation = Rotation()
    rotate_request: str | None = None
    invalid: str | None = None
    import_from: str | None = None
    client_secret: tuple[str, str] | None = None
    grant: ClientGrant | None = None
    downscoped: tuple[DownscopedSpec, ...] = ()
    bad_origin: str | None = None
    claim_request: str | None = None
    hands_over_to: str | None = None

    @property
    def key(self) -> AppKey:
        """The object's name, with its namespace."""
        return AppKey(self.namespace, self.name)

    @property
    def subject(self) -> str | None:
        """On whose behalf tokens are obtained, as the Secret records it: another one takes another token.

        None for App Tokens, which are the app's own.
        """
        return f"{self.grant.subject_type}:{self.grant.subject_id}" if self.grant is not None else None

    @property
    def secret_names(self) -> list[str]:
        """The names of all Secrets that are asked for, that of the app's own token first."""
        return [self.secret.name, *(spec.secret for spec in self.downscoped)]
