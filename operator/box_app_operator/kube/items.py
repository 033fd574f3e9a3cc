"""What is decoded of objects that are listed and watched: the rest is skipped, and never stands in memory."""

import msgspec

from box_app_operator.model.box import UID


class Owner(msgspec.Struct, frozen=True):
    """An owner reference."""

    uid: str = ""
    controller: bool | None = None
    kind: str = ""
    name: str = ""


class ObjectMeta(msgspec.Struct, frozen=True, rename="camel"):
    """What matters of an object's metadata; managedFields and the rest are skipped while decoding."""

    name: str
    uid: str
    resource_version: str
    namespace: str = ""
    labels: dict[str, str] | None = None
    annotations: dict[str, str] | None = None
    owner_references: list[Owner] | None = None
    deletion_timestamp: str | None = None

    @property
    def controller(self) -> Owner | None:
        """The controlling owner."""
        return next((owner for owner in self.owner_references or () if owner.controller), None)

    @property
    def owner_uid(self) -> UID | None:
        """The uid of the controlling owner."""
        controller = self.controller
        return UID(controller.uid) if controller is not None else None


class MetadataItem(msgspec.Struct, frozen=True):
    """An object of which only the metadata was asked for."""

    metadata: ObjectMeta


class SecretItem(msgspec.Struct, frozen=True):
    """A Secret. ``data`` is None where only the metadata was sent; values are base64."""

    metadata: ObjectMeta
    data: dict[str, str | None] | None = None
