"""The steps that a plan is made of. Each is one call, safe to repeat, and holds no token value.

Steps are plain values: two equal steps ask for the same thing, so a refusal is remembered by the step itself.
"""

from dataclasses import dataclass

from box_app_operator.model.box import UID, AppID, Fingerprint, Slot
from box_app_operator.model.desired import DownscopedSpec, WorkloadRef


@dataclass(frozen=True, slots=True)
class AddFinalizer:
    """Hold the object until Box is tidied up; comes before anything is made in Box."""


@dataclass(frozen=True, slots=True)
class RemoveFinalizer:
    """Remove the finalizer, so that the object can be deleted."""


@dataclass(frozen=True, slots=True)
class CreateApp:
    """Register the app under this name, marked with this reference; ``key`` makes it safe to repeat."""

    name: str
    reference: str
    key: str


@dataclass(frozen=True, slots=True)
class ClaimApp:
    """Mark the app with this reference, which says whose it is, if it is still as it was at this revision."""

    app_id: AppID
    reference: str
    revision: int


@dataclass(frozen=True, slots=True)
class RenameApp:
    """Give the app this name."""

    app_id: AppID
    name: str


@dataclass(frozen=True, slots=True)
class SetCorsDomains:
    """Make the app's CORS domains exactly these."""

    app_id: AppID
    domains: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SubmitApp:
    """Ask the enterprise admin for authorization. ``request`` tells one asking from the next."""

    app_id: AppID
    request: str | None = None


@dataclass(frozen=True, slots=True)
class MintToken:
    """Generate a token in a free slot; ``expires_in_days`` is None for one that never expires."""

    app_id: AppID
    slot: Slot
    expires_in_days: int | None


@dataclass(frozen=True, slots=True)
class GenerateKey:
    """A person generates a token in a free slot: no call does that, so that it becomes a task."""

    slot: Slot


@dataclass(frozen=True, slots=True)
class ObtainAccessToken:
    """Exchange credentials for an access token, which takes no slot and lives as long as Box says."""


@dataclass(frozen=True, slots=True)
class ProveToken:
    """Ask the platform whether it accepts the pending token."""

    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class PublishSecret:
    """Write the Secret with the token of this fingerprint, which is pending or stands in the Secret already.

    ``mends`` are names of what is wrong in a Secret that has the token; empty where the token is new to it.
    """

    fingerprint: Fingerprint
    mends: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class DeleteSecret:
    """Delete a renamed Secret, if it is still this one."""

    name: str
    uid: UID


@dataclass(frozen=True, slots=True)
class RefreshDownscoped:
    """Make a downscoped token from the active one, and write it into its Secret.

    ``mends`` are names of what is wrong in a Secret whose token is good: that one stays, and the rest is put right.
    """

    spec: DownscopedSpec
    parent: Fingerprint
    mends: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RevokeDownscoped:
    """Revoke the downscoped token in a Secret, if it is still this one and Box lets the client do it."""

    secret: str
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class RestartWorkload:
    """Have the pods of a workload made anew, marked with the token that they begin with."""

    ref: WorkloadRef
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class RevokeSlot:
    """Revoke the token in a slot, if it is still this one."""

    app_id: AppID
    slot: Slot
    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class RevokeToken:
    """Revoke this very token by its value, with the secret of its client."""

    fingerprint: Fingerprint


@dataclass(frozen=True, slots=True)
class DeleteApp:
    """Delete the app and all its content."""

    app_id: AppID


Step = (
    AddFinalizer
    | RemoveFinalizer
    | CreateApp
    | ClaimApp
    | RenameApp
    | SetCorsDomains
    | SubmitApp
    | MintToken
    | GenerateKey
    | ObtainAccessToken
    | ProveToken
    | PublishSecret
    | RevokeSlot
    | RevokeToken
    | DeleteSecret
    | RestartWorkload
    | RefreshDownscoped
    | RevokeDownscoped
    | DeleteApp
)

Obtaining = MintToken | GenerateKey | ObtainAccessToken
"""Steps that get another token."""
Revoking = RevokeSlot | RevokeToken
"""Steps that end a token."""

SECRET_STEPS = (
    *(CreateApp, ClaimApp, SubmitApp),
    *(MintToken, ObtainAccessToken, PublishSecret, RevokeSlot, RevokeToken, DeleteSecret),
    *(RefreshDownscoped, RevokeDownscoped),
)
"""Steps that are decided upon the Secret's state, which must be fresh and not a memory of it. Before the admin is asked
it must be known that the Secret's name is free, and one without the operator's label is not watched."""
