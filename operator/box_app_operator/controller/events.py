"""Taking in what the watches tell: into the store first, then to whoever must act upon it."""

import logging
from collections.abc import Callable
from typing import Any, TypeVar

from box_app_operator.api.enterprise import parse_enterprise
from box_app_operator.api.remembered import parse_remembered
from box_app_operator.api.spec import Body, Resource, read_app
from box_app_operator.cache.cluster import NamespaceView, SecretMark, Store
from box_app_operator.cache.due import due_first
from box_app_operator.controller.reconciler import Reconciler
from box_app_operator.controller.workqueue import WorkQueue
from box_app_operator.enterprise.registry import Enterprises
from box_app_operator.kube.items import MetadataItem, SecretItem
from box_app_operator.kube.lists import Present
from box_app_operator.kube.secrets import view_secret
from box_app_operator.model.box import UID
from box_app_operator.model.desired import AppKey
from box_app_operator.model.secret import SecretView
from box_app_operator.ports import Clock
from box_app_operator.watch.reflector import Sink

T = TypeVar("T")

logger = logging.getLogger(__name__)


class Intake:
    """Hears what Kopf and the reflectors hear.

    Until ``begin`` nothing is acted upon: a pass must not run before everything was listed once.

    Attributes:
        sinks: where reflectors hand over what they learn, by kind.
    """

    def __init__(
        self,
        store: Store,
        enterprises: Enterprises,
        reconciler: Reconciler,
        queue: WorkQueue[AppKey],
        clock: Clock,
        namespace_changed: Callable[[str], None],
    ) -> None:
        """``namespace_changed`` is called with the name of each namespace that was added, changed or removed."""
        self._namespace_changed = namespace_changed
        self._store = store
        self._enterprises = enterprises
        self._reconciler = reconciler
        self._queue = queue
        self._clock = clock
        self._heard: dict[AppKey, str] = {}
        self._begun: set[str] = set()
        self._everywhere = False
        self._started = False
        self._early: dict[str, Body] = {}
        self.sinks: dict[str, Sink[Any]] = {
            "BoxEnterprise": self._sink("BoxEnterprise", self.enterprise_changed),
            "BoxCustomApp": self._sink("BoxCustomApp", self.app_changed),
            "Secret": self._sink("Secret", self._secret_told),
            "Namespace": self._sink("Namespace", self._namespace_told),
        }

    def _sink(self, kind: str, on_item: Callable[[T, bool], None]) -> Sink[T]:
        def on_listed(items: list[T]) -> None:
            for item in items:
                on_item(item, False)

        return Sink(on_listed, lambda present: self.on_relist(kind, present), on_item)

    def start(self) -> None:
        """Everything was listed that can be: connect to the enterprises, whose status counts apps."""
        self._started = True
        while self._early:
            self._connect(self._early.popitem()[1])

    def begin(self, namespace: str | None = None) -> None:
        """Everything was listed, in this namespace or everywhere: work on all apps, what is due soonest first."""
        if namespace is None:
            self._everywhere = True
        else:
            self._begun.add(namespace)
        apps = [app for app in self._store.apps.values() if namespace in (None, app.key.namespace)]
        for app in due_first(apps, self._clock.now()):
            self._queue.add(app.key)

    def wake(self, key: AppKey) -> None:
        """Have an app looked at, unless its time has not come yet."""
        if self._everywhere or key.namespace in self._begun:
            self._queue.add(key)

    # BoxCustomApps

    def app_changed(self, body: Body, gone: bool) -> None:
        """A BoxCustomApp appeared, changed or went; what was heard before is passed over.

        The echo of an own write is worked upon too: a pass that finds nothing to do costs no call.
        """
        meta = body["metadata"]
        key, version = AppKey(meta["namespace"], meta["name"]), str(meta["resourceVersion"])
        if gone:
            self._app_gone(read_app(body))
        elif self._heard.get(key) != version:
            self._heard[key] = version
            before, app = self._store.apps.get(key), self._store.put_app(body)
            self.wake(key)
            self._wake_namesakes(app, before or app)
            if before is not None and before.desired.hands_over_to != app.desired.hands_over_to:
                self._wake_claimants(app)
            if before is not None and before.desired.enterprise != app.desired.enterprise:
                self._enterprises.app_gone(before.desired.enterprise)

    def _app_gone(self, app: Resource) -> None:
        self._heard.pop(app.key, None)
        self._store.drop_app(app.key, app.desired.uid)
        self._reconciler.forget(app.desired.uid)
        self._enterprises.app_gone(app.desired.enterprise)
        self._wake_claimants(app)
        self._wake_namesakes(app)

    def _wake_claimants(self, app: Resource) -> None:
        """Others may wait for the Box app that this object has."""
        client_id = app.desired.client_id or parse_remembered(app.body).client_id
        for rival in self._store.claims(client_id) if client_id else ():
            self.wake(rival.key)

    def _wake_namesakes(self, *versions: Resource) -> None:
        """Others may wait for the name of this object's app, and say whether it is about to be free."""
        names = {name for app in versions for name in (app.desired.display_name, self._enterprises.name_in_box(app))}
        for other in {other for name in names for other in self._store.keys_named(name)} - {versions[0].key}:
            self.wake(other)

    # Secrets

    def _secret_told(self, item: SecretItem, gone: bool) -> None:
        meta = item.metadata
        mark = SecretMark(meta.namespace, meta.name, UID(meta.uid), meta.resource_version, meta.owner_uid)
        if gone:
            self._secret_gone(mark)
        elif self._store.mark_secret(mark) and self._store.concerns_app(mark):
            if item.data is not None:
                self._store.put_secret(view_secret(item))
            self._wake_concerned(mark)

    def _secret_gone(self, secret: SecretMark | SecretView) -> None:
        self._store.drop_secret(secret.namespace, secret.name, secret.uid)
        self._wake_concerned(secret)

    def _wake_concerned(self, secret: SecretMark | SecretView) -> None:
        owner = self._store.key_of(secret.owner_uid) if secret.owner_uid else None
        for key in {*self._store.keys_wanting(secret.namespace, secret.name), *([owner] if owner else [])}:
            self.wake(key)

    # Namespaces

    def _namespace_told(self, item: MetadataItem, gone: bool) -> None:
        meta = item.metadata
        if gone:
            self._namespace_gone(meta.name)
            return
        terminating = meta.deletion_timestamp is not None
        view = NamespaceView(UID(meta.uid), meta.resource_version, meta.labels or {}, terminating)
        if self._store.put_namespace(meta.name, view):
            self._namespace_changed(meta.name)
            for key in self._store.keys_in_namespace(meta.name):
                self.wake(key)

    def _namespace_gone(self, name: str) -> None:
        """Nothing can be left in it, also where the right to hear of that went first."""
        self._store.drop_namespace(name)
        self._namespace_changed(name)
        for key in self._store.keys_in_namespace(name):
            self._app_gone(self._store.apps[key])
        for secret in [secret for secret in self._store.secrets() if secret.namespace == name]:
            self._secret_gone(secret)

    # BoxEnterprises

    def enterprise_changed(self, body: Body, gone: bool) -> None:
        """A BoxEnterprise appeared, changed or went."""
        name = body["metadata"]["name"]
        if not self._started:
            # Listed; nothing is heard of it before everything else is listed, too.
            self._early[name] = body
        elif gone:
            self._enterprises.drop(name, UID(body["metadata"]["uid"]))
        else:
            self._connect(body)

    def _connect(self, body: Body) -> None:
        self._enterprises.put(parse_enterprise(body), dict(body))

    def _bodies(self) -> list[Body]:
        return [app.body for app in self._store.apps.values()]

    def versions(self, kind: str) -> dict[UID, int]:
        """The resource versions of all objects of a kind that are remembered."""
        if kind == "Secret":
            return {secret.uid: int(secret.resource_version) for secret in self._store.secrets()}
        bodies = self._enterprises.bodies() if kind == "BoxEnterprise" else self._bodies()
        metas = (body["metadata"] for body in bodies)
        return {UID(meta["uid"]): int(meta["resourceVersion"]) for meta in metas}

    def on_relist(self, kind: str, present: Present) -> None:
        """Act upon deletions that no watch reported."""
        match kind:
            case "BoxCustomApp":
                for body in [body for body in self._bodies() if _is_missing(body, present)]:
                    self.app_changed(body, gone=True)
            case "Secret":
                secrets = self._store.secrets()
                for secret in [s for s in secrets if present.is_missing(s.uid, s.resource_version, s.namespace)]:
                    self._secret_gone(secret)
            case "Namespace":
                namespaces = self._store.namespaces.items()
                gone = [name for name, known in namespaces if present.is_missing(known.uid, known.resource_version)]
                for name in gone:
                    self._namespace_gone(name)
            case "BoxEnterprise":
                for body in [body for body in self._enterprises.bodies() if _is_missing(body, present)]:
                    self.enterprise_changed(body, gone=True)


def _is_missing(body: Body, present: Present) -> bool:
    meta = body["metadata"]
    return present.is_missing(UID(meta["uid"]), meta["resourceVersion"], meta.get("namespace"))
