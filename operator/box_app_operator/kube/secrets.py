"""Secrets: read as fingerprints, written whole. A value leaves this module only as a ``Token``."""

from __future__ import annotations

import base64
import binascii
from collections.abc import AsyncIterator, Mapping
from http import HTTPStatus
from typing import Any
from urllib.parse import quote

import msgspec

from box_app_operator.core.conditions import Reason
from box_app_operator.core.enterprise import SecretKeyRef
from box_app_operator.core.model import UID, Fingerprint, SecretView, fingerprint_of
from box_app_operator.core.publication import OURS
from box_app_operator.core.spec import GROUP, VERSION, Body
from box_app_operator.errors import AwaitingHumanError, ForbiddenError, StalledError, TransientError
from box_app_operator.kube.api import Json, KubeApi, KubeError
from box_app_operator.kube.collection import MAX_LINE_BYTES, METADATA
from box_app_operator.kube.items import SecretItem
from box_app_operator.ports import SecretWrite, Token

KIND = "BoxCustomApp"
MAX_KEYS = 16
"""So many values of a Secret are looked at. One more is noted, so that the Secret never counts as what was written."""
LONGEST_TOKEN = 1024
"""In base64."""


def path_of(namespace: str, name: str = "") -> str:
    """The API path of a Secret, or of all in the namespace."""
    # Quoted: a name that people write must not lead into another namespace.
    return f"/api/v1/namespaces/{namespace}/secrets" + (f"/{quote(name, safe='')}" if name else "")


def view_secret(item: SecretItem) -> SecretView:
    """A Secret as fingerprints of its values."""
    meta = item.metadata
    return SecretView(
        namespace=meta.namespace,
        name=meta.name,
        uid=UID(meta.uid),
        resource_version=meta.resource_version,
        owner_uid=meta.owner_uid,
        labels=meta.labels or {},
        annotations=meta.annotations or {},
        fingerprints={key: fingerprint_of(_text(value)) for key, value in _few(item.data or {})},
    )


def _few(data: Mapping[str, str | None]) -> list[tuple[str, str | None]]:
    """A bounded number of values, short ones first: no token is long, and a Secret full of data must cost little."""
    short_first = sorted(data.items(), key=lambda entry: (len(entry[1] or "") > LONGEST_TOKEN, entry[0]))
    return short_first[: MAX_KEYS + 1]


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


class KubeSecrets:
    """The Secrets that the operator publishes, and the credentials that it is given."""

    def __init__(self, api: KubeApi) -> None:
        self._api = api

    async def _get(self, namespace: str, name: str) -> Json | None:
        try:
            return await self._api.request("GET", path_of(namespace, name))
        except KubeError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return None
            refused = ForbiddenError if error.status == HTTPStatus.FORBIDDEN else TransientError
            raise refused("KubernetesUnavailable", str(error)) from None

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
        """One value of a Secret that somebody else keeps, without white space around it; None when it is missing.

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
            raise TransientError("KubernetesUnavailable", str(error)) from None

    async def write_secret(self, app: Body, secret: SecretWrite, existing: SecretView | None) -> SecretView:
        """Create the Secret, or replace what ``existing`` saw of it.

        Raises:
            StalledError: a Secret of that name appeared that this object does not own.
            TransientError: the Secret changed in between: look again.
        """
        namespace = app["metadata"]["namespace"]
        body = _manifest(app, secret, existing)
        method, path = ("POST", path_of(namespace)) if existing is None else ("PUT", path_of(namespace, secret.name))
        try:
            return _view(await self._api.request(method, path, body=body))
        except KubeError as error:
            raise _refused(error, secret.name) from None

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
                raise TransientError("KubernetesUnavailable", str(error)) from None


def _view(body: Json) -> SecretView:
    return view_secret(msgspec.convert(body, SecretItem))


def _refused(error: KubeError, name: str) -> Exception:
    if error.reason == "AlreadyExists":
        # Whose it is shows at the next look; only a look may call it a conflict.
        return TransientError("AwaitingToken", f"Secret {name!r} appeared meanwhile")
    if error.status == HTTPStatus.CONFLICT or error.status == HTTPStatus.NOT_FOUND:
        return TransientError("AwaitingToken", f"Secret {name!r} changed meanwhile")
    if error.status == HTTPStatus.UNPROCESSABLE_ENTITY:
        return StalledError("InvalidSpec", f"Kubernetes refuses the Secret {name!r}; check spec.tokens.secret")
    return TransientError("AwaitingToken", f"The Secret cannot be written: {error}")


def _manifest(app: Body, secret: SecretWrite, existing: SecretView | None) -> Json:
    data = {**secret.data, secret.token_key: secret.token.reveal()}
    metadata: dict[str, Any] = {
        "name": secret.name,
        "namespace": app["metadata"]["namespace"],
        "labels": {**(existing.labels if existing else {}), **secret.labels},
        "annotations": {**_annotations_of_others(existing), **secret.annotations},
        "ownerReferences": [owner_reference(app)],
    }
    if existing is not None:
        metadata |= {"uid": existing.uid, "resourceVersion": existing.resource_version}
    return {
        "apiVersion": "v1",
        "kind": "Secret",
        "type": "Opaque",
        "metadata": metadata,
        "data": {key: base64.b64encode(value.encode()).decode() for key, value in data.items()},
    }


def _annotations_of_others(existing: SecretView | None) -> dict[str, str]:
    """Ours are written whole: what they told of another token must not survive."""
    annotations = existing.annotations if existing is not None else {}
    return {key: value for key, value in annotations.items() if not key.startswith(OURS)}


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
