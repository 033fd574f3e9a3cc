"""Secrets: read as fingerprints, and written as far as they are the operator's own.

A value leaves this module only as a ``Token``.
"""

import base64
import binascii
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from urllib.parse import quote

import msgspec

from box_app_operator.api.enterprise import SecretKeyRef
from box_app_operator.api.spec import GROUP, VERSION, Body
from box_app_operator.errors import AwaitingHumanError, ForbiddenError
from box_app_operator.kube.api import STRATEGIC_MERGE_PATCH, Json, KubeError, KubePart, KubeUnavailableError, translated
from box_app_operator.kube.collection import JSON, MAX_LINE_BYTES, METADATA
from box_app_operator.kube.items import SecretItem
from box_app_operator.kube.refusals import refused_deletion, refused_write
from box_app_operator.model.box import UID, Fingerprint, fingerprint_of
from box_app_operator.model.conditions import Reason
from box_app_operator.model.secret import SecretView
from box_app_operator.ports import SecretWrite, Token
from box_app_operator.secret.annotations import ADDED_KEYS, PLAIN_KEYS

KIND = "BoxCustomApp"
MANAGED = {"fieldManager": "box-app-operator"}
"""Tells people in ``managedFields`` which part of a Secret is the operator's."""
MAX_KEYS = 16
"""So many values of a Secret are looked at: the operator's own first."""
LONGEST_TOKEN = 1024
"""In base64."""


def path_of(namespace: str, name: str = "") -> str:
    """The API path of a Secret, or of all in the namespace."""
    # Quoted: a name that people write must not lead into another namespace.
    return f"/api/v1/namespaces/{namespace}/secrets" + (f"/{quote(name, safe='')}" if name else "")


def view_secret(item: SecretItem) -> SecretView:
    """A Secret as fingerprints of its values."""
    meta, controller = item.metadata, item.metadata.controller
    annotations = meta.annotations or {}
    return SecretView(
        namespace=meta.namespace,
        name=meta.name,
        uid=UID(meta.uid),
        resource_version=meta.resource_version,
        owner_uid=meta.owner_uid,
        labels=meta.labels or {},
        annotations=annotations,
        fingerprints={key: fingerprint_of(_text(value)) for key, value in _few(item.data or {}, annotations)},
        owner_kind=controller.kind if controller is not None else "",
        owner_name=controller.name if controller is not None else "",
    )


def _few(data: Mapping[str, str | None], annotations: Mapping[str, str]) -> list[tuple[str, str | None]]:
    """A bounded number of values: the operator's own, then short ones, for no token is long.

    A Secret full of other people's data must cost little, and what is in it must not hide the token.
    """
    if len(data) <= MAX_KEYS:
        return list(data.items())
    own = PLAIN_KEYS | set(annotations.get(ADDED_KEYS, "").split(","))

    def rank(entry: tuple[str, str | None]) -> tuple[bool, bool, str]:
        key, value = entry
        return key not in own, len(value or "") > LONGEST_TOKEN, key

    return sorted(data.items(), key=rank)[:MAX_KEYS]


def _text(encoded: str | None) -> str:
    try:
        return base64.b64decode(encoded or "").decode()
    except (binascii.Error, UnicodeDecodeError):
        return ""


def _bytes(encoded: str | None) -> bytes:
    try:
        return base64.b64decode(encoded or "")
    except binascii.Error:
        return b""


class KubeSecrets(KubePart):
    """The Secrets that the operator publishes, and the credentials that it is given."""

    async def _get(self, namespace: str, name: str) -> Json | None:
        try:
            return await self._api.request("GET", path_of(namespace, name))
        except KubeError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            raise translated(error) from None

    async def read_secret(self, namespace: str, name: str) -> SecretView | None:
        """The Secret as it is now; None when there is none."""
        body = await self._get(namespace, name)
        return _view(body) if body is not None else None

    async def read_token(self, namespace: str, name: str, fingerprint: Fingerprint) -> Token | None:
        """The value with this fingerprint, if the Secret still holds it."""
        body = await self._get(namespace, name)
        values = (_text(value) for value in ((body or {}).get("data") or {}).values())
        return next((Token(value) for value in values if fingerprint_of(value) == fingerprint), None)

    async def read_values(self, namespace: str, name: str) -> dict[str, bytes] | None:
        """The data of a Secret that a person keeps; None when there is none. What is not base64 reads as nothing."""
        body = await self._get(namespace, name)
        if body is None:
            return None
        return {key: _bytes(value) for key, value in (body.get("data") or {}).items()}

    async def read_value(self, ref: SecretKeyRef) -> str | None:
        """One value of a Secret that the operator does not own, without white space around it; None when it is missing.

        Raises:
            AwaitingHumanError: the operator has no right to read it.
        """
        try:
            body = await self._get(ref.namespace, ref.name)
        except ForbiddenError:
            message = (
                f"The operator may not read {ref}: it lacks the right. The chart's rbac.credentialSecrets grants it."
            )
            raise AwaitingHumanError(Reason.CREDENTIAL_MISSING, message) from None
        value = _text(((body or {}).get("data") or {}).get(ref.key)).strip()
        return value or None

    async def watch_secret(self, namespace: str, name: str) -> AsyncIterator[None]:
        """Yields whenever this one Secret may have changed, first when the watch begins.

        Raises:
            TransientError: the watch failed, or is not allowed.
        """
        query = {"fieldSelector": f"metadata.name={name}", "timeoutSeconds": "300"}
        try:
            # Of metadata alone: that it changed is all that matters, and the values are read when they are needed.
            async for _ in self._api.watch(path_of(namespace), query, accept=METADATA, max_line_bytes=MAX_LINE_BYTES):
                yield None
        except KubeError as error:
            raise translated(error) from None

    async def write_secret(self, app: Body, secret: SecretWrite, existing: SecretView | None) -> SecretView:
        """Create the Secret, or write what is the operator's own into the one that ``existing`` saw.

        Raises:
            StalledError: Kubernetes cannot take what the spec asks for.
            TransientError: the Secret changed in between: look again. Or a policy, a quota or a missing right refuses.
        """
        path = path_of(app["metadata"]["namespace"], secret.name if existing is not None else "")
        method, type_ = ("POST", JSON) if existing is None else ("PATCH", STRATEGIC_MERGE_PATCH)
        body = _manifest(app, secret) if existing is None else _patch(app, secret, existing)
        try:
            written = await self._api.request(method, path, body=body, query=MANAGED, content_type=type_)
        except (KubeError, KubeUnavailableError) as error:
            raise refused_write(error, secret, existing) from None
        return _view(written)

    async def delete_secret(self, namespace: str, name: str, uid: UID) -> None:
        """Delete the Secret, if it is still this one; one that is gone is success.

        Raises:
            TransientError: the API server did not answer, or refused.
        """
        options = {"apiVersion": "v1", "kind": "DeleteOptions", "preconditions": {"uid": uid}}
        try:
            await self._api.request("DELETE", path_of(namespace, name), body=options)
        except KubeError as error:
            if error.status not in (HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT):
                raise refused_deletion(error, name) from None


def _view(body: Json) -> SecretView:
    return view_secret(msgspec.convert(body, SecretItem))


def _manifest(app: Body, secret: SecretWrite) -> Json:
    """A new Secret."""
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": {
            "name": secret.name,
            "namespace": app["metadata"]["namespace"],
            "labels": dict(secret.contents.labels),
            "annotations": dict(secret.contents.annotations),
            "ownerReferences": [owner_reference(app)],
        },
        "data": _data(secret),
    }


def _patch(app: Body, secret: SecretWrite, existing: SecretView) -> Json:
    """What is the operator's own in a Secret that is there. Owner references merge by their uid.

    Everything else stays as others made it: finalizers, other owners, the type, labels, annotations and keys. With its
    resourceVersion, so that what was seen is what is changed.
    """
    contents = secret.contents
    return {
        "metadata": {
            "uid": existing.uid,
            "resourceVersion": existing.resource_version,
            "labels": {**dict.fromkeys(contents.gone_labels), **contents.labels},
            "annotations": {**dict.fromkeys(contents.gone_annotations), **contents.annotations},
            "ownerReferences": [owner_reference(app)],
        },
        "data": {**dict.fromkeys(contents.gone_keys), **_data(secret)},
    }


def _data(secret: SecretWrite) -> dict[str, str]:
    data = {**secret.data, secret.token_key: secret.token.reveal()}
    return {key: base64.b64encode(value.encode()).decode() for key, value in data.items()}


def owner_reference(app: Body) -> Json:
    """A controlling owner reference to the object."""
    return {
        "apiVersion": f"{GROUP}/{VERSION}",
        "kind": KIND,
        "name": app["metadata"]["name"],
        "uid": app["metadata"]["uid"],
        "controller": True,
        "blockOwnerDeletion": False,
    }
