"""Collections of objects, listed page by page and watched, decoded into what the operator needs and no more.

Secrets and Namespaces are watched as metadata alone: whatever is in a Secret does not cross the network
until an app asks for it. Secrets are listed whole, because at a restart their fingerprints are needed of all of them at
once, unless a page is so large that it cannot be what the operator wrote.
"""

import contextlib
import re
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from dataclasses import dataclass, field
from http import HTTPStatus
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec

from box_app_operator.api.spec import Body
from box_app_operator.errors import KUBERNETES_UNAVAILABLE, TransientError
from box_app_operator.kube.api import KubeApi, KubeError, Line, TooLargeError, translated
from box_app_operator.kube.items import MetadataItem, SecretItem
from box_app_operator.model.box import UID

T = TypeVar("T")

JSON = "application/json"
METADATA = f"application/json;as=PartialObjectMetadata;g=meta.k8s.io;v=v1,{JSON}"
METADATA_LIST = f"application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1,{JSON}"

PAGE_SIZE = 50
MAX_PAGE_BYTES = 1 << 20
"""A page of fifty Secrets that the operator wrote has about 100 kB."""
MAX_LINE_BYTES = 64 << 10
MAX_OBJECT_BYTES = 4 << 20
"""No object of Kubernetes is larger: etcd takes 1.5 MiB."""
WATCH_SECONDS = 290
"""After so long the API server ends a watch, which then goes on where it was."""
SILENCE_SECONDS = 150.0
"""The API server sends a bookmark about once a minute. A connection without any is taken for dead, and made anew."""


class ExpiredError(Exception):
    """The API server does not remember what happened since a resource version: list anew."""


class Page(NamedTuple, Generic[T]):
    """A part of a list. ``more`` is where the next part begins; None behind the last one."""

    items: list[T]
    resource_version: str
    more: str | None


class Change(NamedTuple, Generic[T]):
    """What a watch tells. ``item`` is None for a bookmark, which only moves the resource version on."""

    resource_version: str
    item: T | None = None
    gone: bool = False


@dataclass(frozen=True, slots=True)
class Collection(Generic[T]):
    """How the objects of one kind are listed and watched, in one namespace or everywhere.

    ``kind`` is the type that an object is decoded into, ``meta_of`` gives its uid and resource version. A page has
    ``page_size`` objects; one of more than ``max_page_bytes`` is asked for as metadata alone where ``or_metadata`` says
    so, elsewhere in smaller pages. A longer line of a watch than ``max_line_bytes`` is looked up by name.
    """

    path: str
    kind: Any
    meta_of: Callable[[T], tuple[UID, str]]
    query: Mapping[str, str] = field(default_factory=dict)
    list_accept: str = JSON
    watch_accept: str = JSON
    or_metadata: bool = False
    page_size: int = PAGE_SIZE
    max_page_bytes: int = 8 << 20
    max_line_bytes: int = MAX_OBJECT_BYTES
    silence_seconds: float = SILENCE_SECONDS

    def path_to(self, namespace: str, name: str) -> str:
        """The API path of one object. The collection may be that of its namespace already."""
        head, _, plural = self.path.rpartition("/")
        scope = f"/namespaces/{namespace}" if namespace and "/namespaces/" not in self.path else ""
        return f"{head}{scope}/{plural}/{name}"


class KubeSource(Generic[T]):
    """A collection at one API server."""

    def __init__(self, api: KubeApi, collection: Collection[T]) -> None:
        self._api = api
        self._collection = collection

    async def pages(self) -> AsyncGenerator[Page[T], None]:
        """The collection, page by page, as it was at one moment.

        Raises:
            ForbiddenError: the right is missing.
            ExpiredError: paging took so long that the moment is forgotten.
            TransientError: no answer, or a refusal.
        """
        more: str | None = ""
        while more is not None:
            page = await _page(self._api, self._collection, more)
            yield page
            more = page.more

    async def changes(self, since: str) -> AsyncGenerator[Change[T], None]:
        """What changed since a resource version, until the API server ends the watch.

        Raises:
            ForbiddenError: the right is missing.
            ExpiredError: the API server does not remember that far back.
            TransientError: no answer, a refusal, or silence.
        """
        api, collection = self._api, self._collection
        query = {**collection.query, "resourceVersion": since, "allowWatchBookmarks": "true"}
        query["timeoutSeconds"] = str(WATCH_SECONDS)
        lines = api.watch(
            collection.path,
            query,
            accept=collection.watch_accept,
            max_line_bytes=collection.max_line_bytes,
            silence_seconds=collection.silence_seconds,
        )
        with _translated(f"WATCH {collection.path}"):
            async for line in lines:
                yield _decode_event(collection, line.text) if line.whole else await _look_up(api, collection, line)

    def meta_of(self, item: T) -> tuple[UID, str]:
        """The uid and the resource version of an object."""
        return self._collection.meta_of(item)

    @property
    def namespace(self) -> str | None:
        """The only namespace that is looked into; None for all."""
        _, _, rest = self._collection.path.partition("/namespaces/")
        return rest.partition("/")[0] if "/" in rest else None


def metadata_collection(
    path: str, query: Mapping[str, str] | None = None, page_size: int = PAGE_SIZE
) -> Collection[MetadataItem]:
    """Objects of which only the metadata matters."""
    return Collection(
        path,
        MetadataItem,
        _meta_of_item,
        query or {},
        METADATA_LIST,
        METADATA,
        page_size=page_size,
        max_page_bytes=PAGE_SIZE * MAX_OBJECT_BYTES,
        max_line_bytes=MAX_LINE_BYTES,
    )


def secret_collection(path: str, query: Mapping[str, str]) -> Collection[SecretItem]:
    """Secrets: listed with their data, watched without it."""
    return Collection(
        path,
        SecretItem,
        _meta_of_item,
        query,
        JSON,
        METADATA,
        or_metadata=True,
        max_page_bytes=MAX_PAGE_BYTES,
        max_line_bytes=MAX_LINE_BYTES,
    )


def object_collection(path: str, page_size: int = PAGE_SIZE) -> Collection[Body]:
    """Whole objects, as plain JSON."""
    return Collection(path, dict[str, Any], _meta_of_body, page_size=page_size)


def _meta_of_item(item: MetadataItem | SecretItem) -> tuple[UID, str]:
    return UID(item.metadata.uid), item.metadata.resource_version


def _meta_of_body(body: Body) -> tuple[UID, str]:
    return UID(body["metadata"]["uid"]), str(body["metadata"]["resourceVersion"])


async def _page(api: KubeApi, collection: Collection[T], start: str) -> Page[T]:
    """One page, smaller or of metadata alone where it would be too large."""
    accept, limit, most = collection.list_accept, collection.page_size, collection.max_page_bytes
    while True:
        query = {**collection.query, "limit": str(limit), **({"continue": start} if start else {})}
        try:
            with _translated(f"LIST {collection.path}"):
                return _decode_page(
                    collection, await api.read(collection.path, query=query, accept=accept, max_bytes=most)
                )
        except TooLargeError:
            if collection.or_metadata and accept != METADATA_LIST:
                accept, most = METADATA_LIST, PAGE_SIZE * MAX_OBJECT_BYTES
            else:
                limit = max(1, limit // 2)
                most = most if limit > 1 else MAX_OBJECT_BYTES


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str
    continue_: str = msgspec.field(default="", name="continue")


class _RawPage(msgspec.Struct):
    metadata: _ListMeta
    # Of metadata alone an empty list is null. Source: k8s.io/apiserver, endpoints/handlers/response.go.
    items: list[msgspec.Raw] | None = None


def _decode_page(collection: Collection[T], payload: bytes) -> Page[T]:
    page = msgspec.json.decode(payload, type=_RawPage)
    items = [msgspec.json.decode(item, type=collection.kind) for item in page.items or ()]
    return Page(items, page.metadata.resource_version, page.metadata.continue_ or None)


class _Event(msgspec.Struct):
    type: str
    object: msgspec.Raw


class _Bookmark(msgspec.Struct):
    metadata: _ListMeta


class _Status(msgspec.Struct):
    code: int = 0
    reason: str = ""


def _decode_event(collection: Collection[T], text: bytes) -> Change[T]:
    event = msgspec.json.decode(text, type=_Event)
    match event.type:
        case "ERROR":
            status = msgspec.json.decode(event.object, type=_Status)
            raise KubeError(f"WATCH {collection.path}", status.code, status.reason)
        case "BOOKMARK":
            return Change(msgspec.json.decode(event.object, type=_Bookmark).metadata.resource_version)
    item = msgspec.json.decode(event.object, type=collection.kind)
    return Change(collection.meta_of(item)[1], item, event.type == "DELETED")


_NAMED = re.compile(rb'"(name|namespace|uid|resourceVersion)"\s*:\s*"([^"\\]*)"')
_TYPE = re.compile(rb'\s*{\s*"type"\s*:\s*"([A-Z]+)"')


async def _look_up(api: KubeApi, collection: Collection[T], line: Line) -> Change[T]:
    """The object that a line is about which is too long to be parsed. Its name stands at the beginning.

    Source: the order of the fields of ObjectMeta, k8s.io/apimachinery, meta/v1/types.go.

    Raises:
        TransientError: there is no name, or the object cannot be read.
    """
    what = f"WATCH {collection.path}"
    # The first of each: further down there may be owners and others with names of their own.
    named = {key.decode(): value.decode() for key, value in reversed(_NAMED.findall(line.text))}
    type_ = _TYPE.match(line.text)
    if type_ is None or not named.keys() >= {"name", "uid", "resourceVersion"}:
        raise TransientError(KUBERNETES_UNAVAILABLE, f"{what}: a line is too long to be read")
    version = named["resourceVersion"]
    try:
        if type_[1] != b"DELETED":
            path = collection.path_to(named.get("namespace", ""), named["name"])
            payload = await api.read(path, query={}, accept=METADATA, max_bytes=MAX_OBJECT_BYTES)
            return Change(version, msgspec.json.decode(payload, type=collection.kind))
    except TooLargeError:
        raise TransientError(KUBERNETES_UNAVAILABLE, f"{what}: an object is too large to be read") from None
    except KubeError as error:
        if error.status != HTTPStatus.NOT_FOUND:
            raise
    meta = {"name": named["name"], "namespace": named.get("namespace", ""), "uid": named["uid"]}
    return Change(version, msgspec.convert({"metadata": {**meta, "resourceVersion": version}}, collection.kind), True)


@contextlib.contextmanager
def _translated(what: str) -> Iterator[None]:
    """Foreign errors become the operator's own. Suppressed on purpose: an exception may quote a value."""
    try:
        yield
    except KubeError as error:
        if error.status == HTTPStatus.GONE:
            raise ExpiredError(what) from None
        raise translated(error) from None
    except msgspec.MsgspecError:
        raise TransientError(KUBERNETES_UNAVAILABLE, f"{what}: the answer cannot be read") from None
