"""BoxEnterprises and their finalizers, against an API server in memory that knows conflicts."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from typing import Any

import pytest
from tests.fakes.link import Surroundings, rest

from box_app_operator.api.enterprise import parse_enterprise
from box_app_operator.api.spec import FINALIZER, Body
from box_app_operator.cache.cluster import Store
from box_app_operator.enterprise.registry import Enterprises
from box_app_operator.enterprise.usage import finalizer_of
from box_app_operator.errors import TransientError
from box_app_operator.model.box import UID

NAME = "acme"
FIRST, SECOND = finalizer_of("ops/first"), finalizer_of("ops/second")


class Api:
    """One BoxEnterprise, written with a test on ``resourceVersion``; whoever watches it hears of every change.

    Attributes:
        body: the object; None once it is gone.
        writes: what was written, in order.
        gate: writes wait for it.
    """

    def __init__(self) -> None:
        meta = {"name": NAME, "uid": "e", "generation": 1, "resourceVersion": "1"}
        self.body: dict[str, Any] | None = {"metadata": meta, "spec": {"console": {"mode": "Assisted"}}}
        self.writes: list[Any] = []
        self.watching: list[Enterprises] = []
        self.gate = asyncio.Event()
        self.gate.set()

    def change(self, **meta: Any) -> dict[str, Any]:
        """Change its metadata, as anybody may."""
        return self._put({**self._there["metadata"], **meta}, {})

    def delete(self) -> None:
        """Delete it."""
        self.change(deletionTimestamp="2026-03-01T12:00:00Z", generation=2)

    @property
    def _there(self) -> dict[str, Any]:
        assert self.body is not None
        return self.body

    def _put(self, meta: dict[str, Any], parts: Mapping[str, Any]) -> dict[str, Any]:
        version = str(int(self._there["metadata"]["resourceVersion"]) + 1)
        changed = {**self._there, **parts, "metadata": {**meta, "resourceVersion": version}}
        goes = meta.get("deletionTimestamp") is not None and not meta.get("finalizers")
        self.body = None if goes else changed
        for enterprises in self.watching:
            if goes:
                enterprises.drop(NAME, UID("e"))
            else:
                enterprises.put(parse_enterprise(changed), changed)
        return changed

    async def _guard(self, body: Body) -> None:
        await self.gate.wait()
        if body["metadata"]["resourceVersion"] != self._there["metadata"]["resourceVersion"]:
            raise TransientError("KubernetesConflict", "409 Conflict")

    async def set_finalizers(self, body: Body, finalizers: list[str]) -> Body | None:
        """Replace the finalizers."""
        await self._guard(body)
        self.writes.append(finalizers)
        return self._put({**self._there["metadata"], "finalizers": finalizers}, {})

    async def write_status(self, body: Body, status: dict[str, Any]) -> Body | None:
        """Replace the status."""
        await self._guard(body)
        self.writes.append(status["conditions"][0]["reason"])
        return self._put(self._there["metadata"], {"status": status})

    @property
    def finalizers(self) -> list[str]:
        """The finalizers that it has."""
        return list(self._there["metadata"].get("finalizers") or ())


class Installation:
    """One operator, as far as BoxEnterprises go, and the apps that it sees."""

    def __init__(self, api: Api, finalizer: str) -> None:
        self.store = Store()
        needs = Surroundings().for_links(self.store, backoff=0.01)
        self.enterprises = Enterprises(needs, api, 0.0, finalizer)
        api.watching.append(self.enterprises)
        body = api.change()
        assert self.enterprises.bodies() == [body]

    def put_app(self, *finalizers: str, name: str = "viewer") -> None:
        """An app that refers to the enterprise is seen."""
        meta = {"namespace": "billing", "name": name, "uid": name, "resourceVersion": "1", "finalizers": finalizers}
        spec = {"displayName": name, "enterpriseRef": {"name": NAME}}
        self.store.put_app({"metadata": {**meta, "creationTimestamp": "2026-01-01T00:00:00Z"}, "spec": spec})
        self.enterprises.report(NAME)

    def drop_app(self, name: str = "viewer") -> None:
        """It is gone."""
        key = self.store.key_of(UID(name))
        assert key is not None
        self.store.drop_app(key, UID(name))
        self.enterprises.app_gone(NAME)


@pytest.fixture
async def api() -> Api:
    """One BoxEnterprise."""
    return Api()


@pytest.fixture
async def first(api: Api) -> AsyncIterator[Installation]:
    """An operator."""
    made = Installation(api, FIRST)
    yield made
    await made.enterprises.close()


@pytest.fixture
async def second(api: Api) -> AsyncIterator[Installation]:
    """Another one, which sees other apps."""
    made = Installation(api, SECOND)
    yield made
    await made.enterprises.close()


async def settle(api: Api) -> None:
    """Wait until nothing is written any more."""
    before = None
    while before != len(api.writes):
        before = len(api.writes)
        async with asyncio.timeout(60):
            await rest()
            await asyncio.sleep(0.01)


async def test_installations_leave_each_others_finalizers_alone(
    api: Api, first: Installation, second: Installation
) -> None:
    """Each holds it for the apps that it sees; one that sees none takes nothing off, and neither writes in turn."""
    first.put_app(FINALIZER)
    second.put_app()
    await settle(api)
    assert api.finalizers == [FIRST]

    second.put_app(FINALIZER, name="another")
    await settle(api)
    assert api.finalizers == [FIRST, SECOND]
    api.delete()
    await settle(api)
    first.drop_app()
    await settle(api)
    assert api.finalizers == [SECOND]
    second.drop_app("another")
    await settle(api)
    assert api.body is None


async def test_one_that_holds_nothing_says_nothing_of_a_deleted_enterprise(
    api: Api, first: Installation, second: Installation
) -> None:
    """Otherwise two would write in turn what each of them counts."""
    first.put_app(FINALIZER)
    await settle(api)
    api.delete()
    await settle(api)
    written = len(api.writes)

    for _ in range(3):
        second.enterprises.report(NAME)
        first.enterprises.report(NAME)
        await settle(api)

    assert len(api.writes) == written
    assert "1 BoxCustomApp still uses it" in str(api.body)


async def test_an_app_that_is_about_to_come_holds_it(api: Api, first: Installation) -> None:
    """Between the two finalizers nothing takes the first one off, although no app has one yet."""
    await settle(api)
    async with first.enterprises.kept(NAME):
        assert api.finalizers == [FIRST]
        first.enterprises.app_gone(NAME)
        await settle(api)
        assert api.finalizers == [FIRST]
        first.put_app(FINALIZER)
    await settle(api)
    assert api.finalizers == [FIRST]


async def test_an_app_that_did_not_come_holds_nothing(api: Api, first: Installation) -> None:
    """Its own finalizer was refused."""
    with pytest.raises(TransientError, match="refused"):
        async with first.enterprises.kept(NAME):
            raise TransientError("KubernetesConflict", "refused")
    first.enterprises.report(NAME)
    await settle(api)

    assert api.finalizers == []


async def test_many_apps_that_come_at_once_take_one_write(api: Api, first: Installation) -> None:
    """The finalizer is put on once."""

    async def come(number: int) -> None:
        async with first.enterprises.kept(NAME):
            first.put_app(FINALIZER, name=f"app-{number}")

    await settle(api)
    await asyncio.gather(*(come(number) for number in range(20)))
    await settle(api)

    assert [write for write in api.writes if isinstance(write, list)] == [[FIRST]]


async def test_nothing_begins_with_an_enterprise_that_is_being_deleted(api: Api, first: Installation) -> None:
    """Kubernetes would take no finalizer any more, and the app could be left alone."""
    api.change(finalizers=["example.com/other"])
    api.delete()

    with pytest.raises(TransientError, match="is gone, or about to be"):
        async with first.enterprises.kept(NAME):
            raise AssertionError
    link = first.enterprises.get(NAME)
    assert link is not None
    assert link.is_deleting


async def test_a_write_that_loses_a_race_is_done_again(api: Api, first: Installation) -> None:
    """Somebody changed the object between reading and writing: the finalizers of others are not lost."""
    await settle(api)
    api.gate.clear()
    first.put_app(FINALIZER)
    await rest()
    api.change(finalizers=["example.com/other"])

    api.gate.set()

    await settle(api)
    assert api.finalizers == ["example.com/other", FIRST]


async def test_an_enterprise_that_cannot_be_read_can_be_deleted(api: Api, first: Installation) -> None:
    """A rollback may leave a spec that this version cannot read: metadata is enough."""
    first.put_app(FINALIZER)
    await settle(api)
    api.watching.clear()
    api.delete()
    assert api.body is not None
    first.enterprises.keep({**api.body, "spec": {"console": {"mode": "Unheard"}}})
    await settle(api)
    assert "1 BoxCustomApp still uses it" in str(api.body)

    first.drop_app()

    await settle(api)
    assert api.body is None


async def test_an_answer_that_comes_after_the_end_brings_nothing_back(api: Api, first: Installation) -> None:
    """The watch told that the object is gone before the answer to the last write was read."""
    first.put_app(FINALIZER)
    await settle(api)
    api.delete()
    await settle(api)
    api.gate.clear()
    first.drop_app()
    await rest()
    first.enterprises.drop(NAME, UID("e"))

    api.gate.set()

    await settle(api)
    assert first.enterprises.bodies() == []
