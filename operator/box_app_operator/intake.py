"""Taking in what the watches tell: into the store first, then to whoever must act upon it."""

from __future__ import annotations

import logging

from box_app_operator.core.enterprise import parse_enterprise
from box_app_operator.core.model import UID, SecretView
from box_app_operator.core.spec import Body
from box_app_operator.enterprises import Enterprises
from box_app_operator.errors import StalledError
from box_app_operator.kube.lists import Present
from box_app_operator.kube.secrets import view_secret
from box_app_operator.reconcile import Reconciler
from box_app_operator.store import AppKey, Store, enterprise_of
from box_app_operator.workqueue import WorkQueue

logger = logging.getLogger(__name__)


class Intake:
    """Hears what Kopf hears."""

    def __init__(
        self,
        store: Store,
        enterprises: Enterprises,
        reconciler: Reconciler,
        queue: WorkQueue[AppKey],
    ) -> None:
        self._store = store
        self._enterprises = enterprises
        self._reconciler = reconciler
        self._queue = queue
        self._listed = False

    def seen(self, kind: str, body: Body) -> None:
        """Take in an object without acting upon it."""
        match kind:
            case "BoxCustomApp":
                self._store.put_app(body)
            case "Secret":
                self._store.put_secret(view_secret(body))
            case "Namespace":
                self._store.put_namespace(body)

    def changed(self, kind: str, body: Body, *, gone: bool) -> None:
        """Act upon an object that appeared, changed or went. Called only once everything was listed.

        ``seen`` was called just before with the same object. The echo of an own write is worked upon too: a pass
        that finds nothing to do costs no call.
        """
        self._listed = True
        match kind:
            case "BoxCustomApp":
                self._app_changed(body, gone)
            case "Secret":
                self._secret_changed(view_secret(body), gone)
            case "Namespace":
                self._namespace_changed(body, gone)
            case "BoxEnterprise":
                self._enterprise_changed(body, gone)

    def _app_changed(self, body: Body, gone: bool) -> None:
        meta = body["metadata"]
        key = AppKey(meta["namespace"], meta["name"])
        if gone:
            self._store.drop_app(key, UID(meta["uid"]))
            self._reconciler.forget(UID(meta["uid"]))
            self._enterprises.report(enterprise_of(body))
            self._wake_rivals(body)
            return
        self._store.put_app(body)
        self._queue.add(key)

    def _wake_rivals(self, gone: Body) -> None:
        """Others may have waited for the Box app that this one claimed."""
        client_id = gone["spec"].get("clientID") or (gone.get("status") or {}).get("clientID")
        for body in self._store.claims(client_id) if client_id else ():
            self._queue.add(AppKey(body["metadata"]["namespace"], body["metadata"]["name"]))

    def _secret_changed(self, secret: SecretView, gone: bool) -> None:
        if gone:
            self._store.drop_secret(secret.namespace, secret.name, secret.uid)
        else:
            self._store.put_secret(secret)
        owner = self._store.key_of(secret.owner_uid) if secret.owner_uid else None
        for key in {*self._store.keys_wanting(secret.namespace, secret.name), *([owner] if owner else [])}:
            self._queue.add(key)

    def _namespace_changed(self, body: Body, gone: bool) -> None:
        if gone:
            self._store.drop_namespace(body["metadata"]["name"])
        for key in self._store.keys_in_namespace(body["metadata"]["name"]):
            self._queue.add(key)

    def _enterprise_changed(self, body: Body, gone: bool) -> None:
        name = body["metadata"]["name"]
        if gone:
            self._enterprises.drop(name, UID(body["metadata"]["uid"]))
            return
        try:
            enterprise = parse_enterprise(body)
        except StalledError as error:
            logger.warning("BoxEnterprise %s: %s", name, error.message)
            return
        self._enterprises.put(enterprise, dict(body))

    def swept(self, kind: str, present: Present) -> None:
        """Act upon what went without any watch having told."""
        match kind:
            case "BoxCustomApp":
                for body in [body for body in self._store.apps() if _is_gone(body, present)]:
                    self._app_changed(body, gone=True)
            case "Secret":
                for secret in [
                    each
                    for each in self._store.secrets()
                    if present.lacks(each.uid, each.resource_version, each.namespace)
                ]:
                    self._secret_changed(secret, gone=True)
            case "BoxEnterprise":
                for body in [body for body in self._enterprises.bodies() if _is_gone(body, present)]:
                    self._enterprise_changed(body, gone=True)

    def ready(self) -> bool:
        """Was everything listed?"""
        return self._listed


def _is_gone(body: Body, present: Present) -> bool:
    meta = body["metadata"]
    return present.lacks(UID(meta["uid"]), meta["resourceVersion"], meta.get("namespace"))
