"""What is there: identities only, by pages."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from http import HTTPStatus

from box_app_operator.api.spec import GROUP, VERSION
from box_app_operator.errors import KUBERNETES_UNAVAILABLE, ForbiddenError, TransientError
from box_app_operator.kube.api import KubeApi, KubeError, translated
from box_app_operator.kube.collection import ExpiredError, KubeSource, metadata_collection
from box_app_operator.kube.objects import PLURALS
from box_app_operator.model.box import UID
from box_app_operator.secret.published import MANAGED_BY, MANAGER

PAGE_SIZE = 500
QUERIES = {"Secret": {"labelSelector": f"{MANAGED_BY}={MANAGER}"}}


@dataclass(frozen=True, slots=True)
class Present:
    """What was there at one moment of the cluster's history.

    ``unknown`` are namespaces that could not be looked into: their Role goes with them when they are deleted.
    ``only`` is the one namespace that was looked into; None for all. ``versions`` are the resource versions of the
    objects, where they were asked for.
    """

    uids: frozenset[UID]
    resource_version: int
    unknown: frozenset[str] = frozenset()
    only: str | None = None
    versions: Mapping[UID, int] = field(default_factory=dict)

    def is_missing(self, uid: UID, resource_version: str, namespace: str | None = None) -> bool:
        """Was an object that we know in this state gone by then? One that is newer than the list may be there."""
        looked = namespace not in self.unknown and self.only in (None, namespace)
        return looked and uid not in self.uids and int(resource_version) <= self.resource_version


class KubeLists:
    """Lists of the kinds that are watched."""

    def __init__(self, api: KubeApi, namespaces: tuple[str, ...]) -> None:
        self._api = api
        self._namespaces = namespaces

    async def present(self, kind: str) -> Present:
        """Everything of this kind that is there.

        Raises:
            TransientError: the API server did not answer, or refused.
        """
        found: list[tuple[dict[UID, int], int]] = []
        unknown = set()
        for namespace, path in self._paths(kind).items():
            try:
                found.append(await self._list(path, QUERIES.get(kind, {})))
            except ForbiddenError:
                if not namespace:
                    raise
                unknown.add(namespace)
        versions = {uid: version for listed, _ in found for uid, version in listed.items()}
        earliest = min((version for _, version in found), default=0)
        return Present(frozenset(versions), earliest, frozenset(unknown), versions=versions)

    def _paths(self, kind: str) -> dict[str, str]:
        """Paths by namespace; by the empty one what is listed as a whole."""
        base, plural = ("/api/v1", "secrets") if kind == "Secret" else (f"/apis/{GROUP}/{VERSION}", PLURALS[kind])
        if kind == "BoxEnterprise" or not self._namespaces:
            return {"": f"{base}/{plural}"}
        return {namespace: f"{base}/namespaces/{namespace}/{plural}" for namespace in self._namespaces}

    async def _list(self, path: str, query: dict[str, str]) -> tuple[dict[UID, int], int]:
        """The resource versions of all objects, and that of the list."""
        source = KubeSource(self._api, metadata_collection(path, query, PAGE_SIZE))
        versions, version = dict[UID, int](), 0
        try:
            async for page in source.pages():
                version = int(page.resource_version)
                versions |= {uid: int(of_object) for uid, of_object in map(source.meta_of, page.items)}
        except ExpiredError as error:
            raise TransientError(KUBERNETES_UNAVAILABLE, f"{error}: it took too long") from None
        return versions, version

    async def is_installed(self) -> bool:
        """Does the API server know both kinds of this operator?"""
        try:
            found = await self._api.request("GET", f"/apis/{GROUP}/{VERSION}")
        except KubeError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                return False
            raise translated(error) from None
        return set(PLURALS.values()) <= {resource["name"] for resource in found.get("resources") or ()}
