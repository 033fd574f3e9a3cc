"""Before the operator goes: what needs it is named, or let go, and nothing else is touched."""

import asyncio
from typing import Any, cast

import pytest

from box_app_operator import uninstall
from box_app_operator.api.spec import FINALIZER
from box_app_operator.enterprise.usage import finalizer_of
from box_app_operator.errors import TransientError
from box_app_operator.kube.api import KubeApi, KubeError
from box_app_operator.uninstall import Uninstall, prepare_uninstall

LEASE = "ops/box-app-operator"
FOREIGN = "example.com/other"


class FakeApi:
    """An API server with custom resources, and one Deployment with its pod.

    Attributes:
        objects: by path of their collection.
        failures: what the next requests meet.
        writes: what was written, in order.
    """

    def __init__(self, *objects: dict[str, Any]) -> None:
        self.objects = list(objects)
        self.failures: list[Exception] = []
        self.writes: list[tuple[str, Any]] = []
        self.pods = 2

    async def request(self, method: str, path: str, *, body: Any = None, query: Any = None, **_: Any) -> Any:
        """List, scale or patch."""
        if self.failures:
            raise self.failures.pop(0)
        if method == "PATCH":
            return self._patch(path, body)
        if path.endswith("/pods"):
            self.pods -= 1
            return {"items": [{}] * self.pods}
        return self._page(path, query or {})

    def _page(self, path: str, query: dict[str, str]) -> dict[str, Any]:
        """One object a page."""
        found = [item for item in self.objects if _collection(item, path) == path]
        at = int(query.get("continue", 0))
        left = str(at + 1) if at + 1 < len(found) else ""
        return {"metadata": {"continue": left}, "items": found[at : at + 1]}

    def _patch(self, path: str, body: Any) -> Any:
        self.writes.append((path.rpartition("v1alpha1/")[2], body))
        if path.endswith("/scale"):
            return {"status": {"selector": "app=operator"}}
        item = next(item for item in self.objects if path.endswith(f"/{item['metadata']['name']}"))
        item["metadata"]["finalizers"] = body["metadata"]["finalizers"]
        return item


def _collection(item: dict[str, Any], asked: str) -> str:
    base, namespace = "/apis/boxapps.dev/v1alpha1", item["metadata"].get("namespace")
    if namespace is None:
        return f"{base}/boxenterprises"
    scope = f"/namespaces/{namespace}" if "/namespaces/" in asked else ""
    return f"{base}{scope}/boxcustomapps"


def app(name: str, *finalizers: str, namespace: str = "billing") -> dict[str, Any]:
    """A BoxCustomApp."""
    meta = {"namespace": namespace, "name": name, "uid": name, "resourceVersion": "1"}
    return {"metadata": {**meta, "finalizers": list(finalizers)}}


def enterprise(name: str, *finalizers: str) -> dict[str, Any]:
    """A BoxEnterprise."""
    return {"metadata": {"name": name, "uid": name, "resourceVersion": "1", "finalizers": list(finalizers)}}


async def prepare(api: FakeApi, *, release: bool = False, **wish: Any) -> tuple[bool, str]:
    """Whether the operator may go, and what was said."""
    said: list[str] = []
    may = await prepare_uninstall(Uninstall(release, **wish), cast("KubeApi", api), "box-app-operator", said.append)
    return may, "\n".join(said)


@pytest.fixture(autouse=True)
def no_pauses(monkeypatch: pytest.MonkeyPatch) -> None:
    """No test waits."""
    monkeypatch.setattr(uninstall, "LOOK_SECONDS", 0.0)


async def test_nothing_that_needs_the_operator_is_no_reason_to_stay() -> None:
    """Objects that others hold are none of its own."""
    api = FakeApi(app("viewer"), app("foreign", FOREIGN), enterprise("acme"))

    assert await prepare(api) == (True, "No BoxCustomApp needs the operator any more.")
    assert api.writes == []


async def test_apps_that_need_the_operator_are_named() -> None:
    """All pages are read, a BoxEnterprise is explained by its apps, and nothing changes."""
    names = [f"app-{number}" for number in range(uninstall.MAX_NAMES + 3)]
    api = FakeApi(enterprise("acme", FINALIZER), *(app(name, FINALIZER) for name in names))

    may, said = await prepare(api)

    assert not may
    assert f"still need the operator: {len(names)}." in said
    assert "billing/app-0" in said
    assert "and 3 more" in said
    assert "acme" not in said
    assert api.writes == []


async def test_an_enterprise_that_is_held_for_no_app_is_waited_for_and_named() -> None:
    """The operator lets it go by itself, unless it does not run."""
    may, said = await prepare(FakeApi(enterprise("acme", FINALIZER)))

    assert not may
    assert "BoxEnterprise acme" in said
    assert "check whether it runs" in said


@pytest.mark.parametrize(
    ("wish", "held"),
    [
        ({}, True),
        ({"namespaces": ("billing",)}, False),
        ({"lease": LEASE}, True),
        ({"lease": "ops/another"}, False),
        ({"lease": LEASE, "namespaces": ("billing",)}, True),
    ],
)
async def test_other_installations_finalizers_count_where_nobody_says_whose(wish: dict[str, Any], held: bool) -> None:
    """With a Lease only those of its installation; with namespaces and without a Lease none."""
    may, _ = await prepare(FakeApi(enterprise("acme", finalizer_of(LEASE))), **wish)

    assert may is not held


async def test_only_the_given_namespaces_are_looked_at() -> None:
    """Other installations may look after the rest."""
    api = FakeApi(app("viewer", FINALIZER, namespace="elsewhere"))

    assert (await prepare(api, namespaces=("billing",)))[0]
    assert not (await prepare(api, namespaces=("billing", "elsewhere")))[0]


async def test_a_release_stops_the_operator_first_and_takes_off_its_finalizer_alone() -> None:
    """What others hold they go on holding."""
    viewer, acme = app("viewer", FOREIGN, FINALIZER), enterprise("acme", FINALIZER)
    api = FakeApi(viewer, acme)

    may, said = await prepare(api, release=True, deployment="ops/box-app-operator")

    assert may
    assert [path.rpartition("/")[2] for path, _ in api.writes] == ["scale", "viewer", "acme"]
    assert api.pods == 0, "finalizers are taken off only when no operator runs that would put them on again"
    assert (viewer["metadata"]["finalizers"], acme["metadata"]["finalizers"]) == ([FOREIGN], [])
    assert "billing/viewer: released; its app in Box, its tokens and its Secret stay as they are." in said


async def test_a_finalizer_that_comes_back_is_told() -> None:
    """Another operator is running, and the two would never come to an end."""

    class Stubborn(FakeApi):
        def _patch(self, path: str, body: Any) -> Any:
            super()._patch(path, body)
            return self.objects[0]["metadata"].update(finalizers=[FINALIZER])

    may, said = await prepare(Stubborn(app("viewer", FINALIZER)), release=True)

    assert not may
    assert "Is another operator running?" in said


async def test_a_kind_that_is_gone_has_no_objects() -> None:
    """Its CustomResourceDefinition was deleted first."""
    api = FakeApi()
    api.failures = [KubeError("GET", 404, "NotFound"), KubeError("GET", 404, "NotFound")]

    assert (await prepare(api))[0]


async def test_an_api_server_that_is_busy_for_a_moment_is_asked_again() -> None:
    """One that stays so is told."""
    api = FakeApi()
    busy = TransientError("KubernetesUnavailable", "429")
    api.failures = [busy]
    assert (await prepare(api))[0]

    api.failures = [busy] * uninstall.MAX_LOST_LOOKS
    with pytest.raises(TransientError, match="429"):
        await prepare(api)


async def test_pods_that_do_not_end_are_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing is taken off under a running operator."""
    api = FakeApi(app("viewer", FINALIZER))
    api.pods = uninstall.PODS_LOOKS + 10

    with pytest.raises(TransientError, match="do not terminate"):
        await asyncio.wait_for(prepare(api, release=True, deployment="ops/box-app-operator"), 60)
    assert [path for path, _ in api.writes if not path.endswith("scale")] == []
