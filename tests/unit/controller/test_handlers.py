"""What Kopf is told to do: as little as possible."""

from __future__ import annotations

from typing import Any, cast

import kopf
import pytest

from box_app_operator.controller import handlers


class Heard:
    """Hears what Kopf tells."""

    def __init__(self) -> None:
        self.told: list[tuple[str, bool]] = []

    def app_changed(self, body: Any, *, gone: bool) -> None:
        """A BoxCustomApp."""
        self.told.append((f"app {body['metadata']['name']}", gone))

    def enterprise_changed(self, body: Any, *, gone: bool) -> None:
        """A BoxEnterprise."""
        self.told.append((f"enterprise {body['metadata']['name']}", gone))


def watched(*, apps: bool) -> tuple[Heard, dict[str, Any]]:
    """Who hears, and Kopf's event handlers by the plural of their kind."""
    heard, registry = Heard(), kopf.OperatorRegistry()
    handlers.register(registry, heard, apps=apps)
    found = {
        str(handler.selector.plural or handler.selector.any_name): handler for handler in _all_of(registry._watching)
    }
    assert _all_of(registry._indexing) == [], "an index makes a restart quadratic"
    assert _all_of(registry._changing) == [], "a change handler copies objects into annotations"
    return heard, found


def _all_of(part: Any) -> list[Any]:
    return list(part.get_all_handlers())


@pytest.mark.parametrize("apps", [True, False])
async def test_kopf_only_hears_events(apps: bool) -> None:
    """Of BoxEnterprises always, of BoxCustomApps where no namespaces are listed."""
    heard, found = watched(apps=apps)
    assert set(found) == {"boxenterprises"} | ({"boxcustomapps"} if apps else set())

    body = {"metadata": {"name": "x"}}
    for type_ in (None, "ADDED", "DELETED"):
        for name in sorted(found):
            await found[name].fn(type=type_, body=body)
    kinds = [*(["app x"] if apps else []), "enterprise x"]
    assert heard.told == [(kind, gone) for gone in (False, False, True) for kind in kinds]


def test_kopf_compares_nothing() -> None:
    """It would copy each object at each event."""
    settings = kopf.OperatorSettings()
    handlers.configure(settings)
    storage, body = settings.persistence.diffbase_storage, cast("kopf.Body", {"spec": {"a": 1}})

    assert storage.build(body=body) == {}
    assert storage.fetch(body=body) is None
    assert not settings.posting.enabled
