"""Which of several BoxCustomApps has the older claim to an app that they name by its client id. No calls."""

from box_app_operator.api.enterprise import selects
from box_app_operator.api.spec import Resource
from box_app_operator.cache.cluster import Store
from box_app_operator.enterprise.protocols import Link
from box_app_operator.model.desired import Desired


def first_claim(desired: Desired, store: Store, link: Link) -> str | None:
    """The other BoxCustomApp that an app to be adopted belongs to, "namespace/name"; None when it is free.

    Only those count that could have it: of the same enterprise, and in a namespace that the enterprise allows.
    """
    if desired.client_id is None:
        return None
    apps = (app for app in store.claims(desired.client_id) if _could_have(app, desired.enterprise, store, link))
    first = next(apps, None)
    return str(first.key) if first is not None and first.desired.uid != desired.uid else None


def _could_have(app: Resource, enterprise: str, store: Store, link: Link) -> bool:
    labels = store.labels_of(app.desired.namespace)
    return app.desired.enterprise == enterprise and selects(link.selector, labels)
