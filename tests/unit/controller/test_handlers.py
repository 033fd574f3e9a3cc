"""What Kopf is told to do: as little as possible."""

from collections.abc import Iterable
from typing import Any, cast

import kopf
import pytest

from box_app_operator.controller import handlers
from box_app_operator.controller.handlers import LISTED_NAMESPACES, WHOLE_CLUSTER, Memo

REGISTRIES = pytest.mark.parametrize("registry", [WHOLE_CLUSTER, LISTED_NAMESPACES])
LOGIN = kopf.ConnectionInfo(server="https://api.example.com")


class FakeController:
    """Hears what Kopf tells."""

    def __init__(self) -> None:
        self.told: list[tuple[str, bool]] = []
        self.finished = 0

    def app_changed(self, body: Any, *, gone: bool) -> None:
        """A BoxCustomApp."""
        self.told.append((f"app {body['metadata']['name']}", gone))

    def enterprise_changed(self, body: Any, *, gone: bool) -> None:
        """A BoxEnterprise."""
        self.told.append((f"enterprise {body['metadata']['name']}", gone))

    async def log_in(self) -> kopf.ConnectionInfo:
        """Credentials."""
        return LOGIN

    async def finish(self) -> None:
        """Everything is to end."""
        self.finished += 1

    @property
    def memo(self) -> Memo:
        """What Kopf hands to its handlers."""
        return Memo(self, self.log_in, self.finish)


def all_of(part: Any) -> list[Any]:
    """The handlers in a part of a registry."""
    return list(part.get_all_handlers())


def of_events(registry: kopf.OperatorRegistry) -> dict[str, Any]:
    """The functions that are called for events, by the plural of their kind."""
    return {str(handler.selector.any_name): handler.fn for handler in all_of(registry._watching)}


def of_activities(registry: kopf.OperatorRegistry) -> dict[str, Any]:
    """The functions that are called for everything else, by what for."""
    return {handler.activity.value: handler.fn for handler in all_of(registry._activities)}


@pytest.mark.parametrize(
    ("registry", "kinds"),
    [(WHOLE_CLUSTER, {"boxenterprises", "boxcustomapps"}), (LISTED_NAMESPACES, {"boxenterprises"})],
)
def test_kopf_only_watches(registry: kopf.OperatorRegistry, kinds: set[str]) -> None:
    """Whatever else it can do would cost writes, memory or time; and listed namespaces are no matter of its own."""
    assert set(of_events(registry)) == kinds
    assert all_of(registry._indexing) == [], "an index makes a restart quadratic"
    assert all_of(registry._changing) == [], "a change handler copies objects into annotations"
    assert all_of(registry._spawning) == [], "timers and daemons need a finalizer and a task each"
    assert all_of(registry._webhooks) == []


async def test_the_controller_hears_of_every_event() -> None:
    """Of what is listed (None), of what changes, and of what goes."""
    controller, found = FakeController(), of_events(WHOLE_CLUSTER)
    body = {"metadata": {"name": "x"}}

    for type_ in (None, "ADDED", "MODIFIED", "DELETED"):
        for kind in ("boxenterprises", "boxcustomapps"):
            assert await found[kind](type=type_, body=body, memo=controller.memo, patch={}) is None

    said = [(kind, gone) for gone in (False, False, False, True) for kind in ("enterprise x", "app x")]
    assert controller.told == said


@REGISTRIES
async def test_what_kopf_needs_for_itself_comes_from_the_memo(registry: kopf.OperatorRegistry) -> None:
    """Settings at its start, credentials when it asks, and the end of everything before its own."""
    controller, found = FakeController(), of_activities(registry)
    settings = kopf.OperatorSettings()

    await found["startup"](settings=settings, memo=controller.memo)
    assert settings.scanning.disabled
    assert await found["authentication"](settings=settings, memo=controller.memo) == LOGIN
    assert controller.finished == 0
    await found["cleanup"](settings=settings, memo=controller.memo)
    assert controller.finished == 1


async def configured() -> kopf.OperatorSettings:
    """Kopf's settings after its start."""
    settings = kopf.OperatorSettings()
    await handlers.configure(settings=settings)  # type: ignore[call-arg]
    return settings


async def test_kopf_writes_nothing_and_compares_nothing() -> None:
    """It would copy each object at each event; and it takes its finalizer off what no handler of its own needs."""
    settings = await configured()
    storage, body = settings.persistence.diffbase_storage, cast("kopf.Body", {"spec": {"a": 1}})

    assert storage.build(body=body) == {}
    assert storage.fetch(body=body) is None
    assert not settings.posting.enabled
    assert settings.persistence.finalizer != "boxapps.dev/finalizer"


async def test_kopf_tries_without_an_end() -> None:
    """With its last try it would end, and the process with it; and each request begins with short pauses."""
    settings = await configured()
    for _ in range(2):
        pauses = iter(cast("Iterable[float]", settings.networking.error_backoffs))
        found = [next(pauses) for _ in range(1000)]
        assert found[0] == 1.0
        assert max(found) == 15.0
