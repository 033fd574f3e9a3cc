"""Which of several BoxCustomApps has the older claim to an app that they name by its client id. No calls."""

from __future__ import annotations

from collections.abc import Callable

from box_app_operator.api.enterprise import selects
from box_app_operator.api.spec import Body, enterprise_of
from box_app_operator.cache.cluster import Store
from box_app_operator.enterprise.protocols import Link
from box_app_operator.model.desired import Desired


def first_claim(
    desired: Desired, store: Store, link: Link, may_have: Callable[[Body], bool] = lambda _: True
) -> str | None:
    """The other BoxCustomApp that an app to be adopted belongs to, "namespace/name"; None when it is free.

    Only those count that could have it: of the same enterprise, and in a namespace that the enterprise allows.

    Args:
        may_have: what else the mode asks of them.
    """
    if desired.client_id is None:
        return None
    bodies = (body for body in store.claims(desired.client_id) if _could_have(body, desired.enterprise, store, link))
    first = next((body["metadata"] for body in bodies if may_have(body)), None)
    if first is None or first["uid"] == desired.uid:
        return None
    return f"{first['namespace']}/{first['name']}"


def _could_have(body: Body, enterprise: str, store: Store, link: Link) -> bool:
    labels = store.labels_of(body["metadata"]["namespace"])
    return enterprise_of(body) == enterprise and selects(link.selector, labels)
