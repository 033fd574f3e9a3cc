"""What the watches tell is taken in once, and wakes whom it concerns."""

import base64
from typing import Any, cast

import pytest
from tests.fakes.link import StillClock

from box_app_operator.cache.cluster import Store
from box_app_operator.controller.events import Intake
from box_app_operator.controller.reconciler import Reconciler
from box_app_operator.controller.workqueue import WorkQueue
from box_app_operator.enterprise.registry import Enterprises
from box_app_operator.kube.items import MetadataItem, ObjectMeta, Owner, SecretItem
from box_app_operator.kube.lists import Present
from box_app_operator.model.box import UID, fingerprint_of
from box_app_operator.model.desired import AppKey

KEY = AppKey("billing", "viewer")
TOKEN_SECRET = "viewer-box-token"


class Others:
    """Stands for reconciler and enterprises: remembers what it is told."""

    def __init__(self) -> None:
        self.forgotten: list[str] = []
        self.connected: list[str] = []
        self.gone: list[tuple[str, str]] = []

    def forget(self, uid: UID) -> None:
        """An object is gone."""
        self.forgotten.append(uid)

    def app_gone(self, _: str) -> None:
        """Counts may have changed."""

    def name_in_box(self, _: Any) -> str:
        """Nothing is known of Box."""
        return ""

    def keep(self, _: Any) -> None:
        """An enterprise cannot be read."""

    def bodies(self) -> list[dict[str, Any]]:
        """The one enterprise that is known."""
        return [{"metadata": {"name": "acme", "uid": "e", "resourceVersion": "3"}}]

    def drop(self, name: str, uid: str) -> None:
        """An enterprise is gone."""
        self.gone.append((name, uid))

    def put(self, enterprise: Any, _: Any) -> None:
        """An enterprise is connected to."""
        self.connected.append(enterprise.name)


class Stage:
    """An intake whose queue is looked at."""

    def __init__(self, *, begun: bool = True) -> None:
        self.store, self.others = Store(), Others()
        self.namespaces: list[str] = []
        self.queue: WorkQueue[AppKey] = WorkQueue(cast("Any", None), 1)
        others = cast("Any", self.others)
        enterprises, reconciler = cast("Enterprises", others), cast("Reconciler", others)
        self.intake = Intake(self.store, enterprises, reconciler, self.queue, StillClock(), self.namespaces.append)
        if begun:
            self.intake.start()
            self.intake.begin()

    def woken(self) -> set[AppKey]:
        """Who waits to be looked at; asking empties the queue."""
        found, self.queue._waiting = set(self.queue._waiting), set()
        return found

    def secret(self, item: SecretItem, *, gone: bool = False) -> None:
        """A watch tells of a Secret."""
        self.intake.sinks["Secret"].on_change(item, gone)

    def namespace(self, *, gone: bool = False, version: str = "1", **labels: str) -> None:
        """A watch tells of the namespace."""
        item = MetadataItem(ObjectMeta("billing", "n-1", version, labels=labels))
        self.intake.sinks["Namespace"].on_change(item, gone)


@pytest.fixture
def stage() -> Stage:
    """An intake that has begun."""
    return Stage()


def app(version: str = "5", name: str = "viewer", uid: str = "u-1", **status: Any) -> Any:
    """A BoxCustomApp."""
    meta = {"namespace": "billing", "name": name, "uid": uid, "resourceVersion": version, "generation": 1}
    meta |= {"creationTimestamp": "2026-01-01T00:00:00Z"}
    return {"kind": "BoxCustomApp", "metadata": meta, "spec": {"displayName": "x"}, "status": status}


def secret(version: str = "7", name: str = TOKEN_SECRET, owner: str | None = None, **data: str) -> SecretItem:
    """A Secret, with its data or without."""
    owners = [Owner(owner, True)] if owner else None
    meta = ObjectMeta(name, "s-1", version, namespace="billing", owner_references=owners)
    encoded = {key: base64.b64encode(text.encode()).decode() for key, text in data.items()}
    return SecretItem(meta, encoded or None)


def test_nothing_is_acted_upon_before_everything_was_listed() -> None:
    """Then all of it, what is due soonest first."""
    stage = Stage(begun=False)
    ready = {"observedGeneration": 1, "conditions": [{"type": "Ready", "status": "True"}]}
    stage.intake.app_changed(app(name="a-settled", uid="u-2", **ready), gone=False)
    stage.intake.app_changed(app(), gone=False)
    assert stage.woken() == set()

    order: list[AppKey] = []
    stage.queue.add = order.append  # type: ignore[method-assign]
    stage.intake.begin()
    assert order == [KEY, AppKey("billing", "a-settled")]


def test_enterprises_are_connected_to_once_their_apps_are_known() -> None:
    """Their status counts apps, and what is not listed yet would be missing."""
    stage = Stage(begun=False)
    spec = {"console": {"mode": "Assisted"}}
    meta = {"name": "acme", "uid": "e-1", "resourceVersion": "1", "generation": 1}
    stage.intake.sinks["BoxEnterprise"].on_listed([{"metadata": meta, "spec": spec}])
    assert stage.others.connected == []
    stage.intake.start()
    assert stage.others.connected == ["acme"]


def test_in_a_listed_namespace_work_begins_by_itself() -> None:
    """Of others nothing is known yet."""
    stage = Stage(begun=False)
    stage.intake.app_changed(app(), gone=False)
    stage.intake.begin("elsewhere")
    assert stage.woken() == set()
    stage.intake.begin("billing")
    assert stage.woken() == {KEY}


def test_what_was_heard_before_is_passed_over(stage: Stage) -> None:
    """Kopf lists everything once more; only what changed meanwhile is looked at."""
    stage.intake.app_changed(app("5"), gone=False)
    assert stage.woken() == {KEY}
    stage.intake.app_changed(app("5"), gone=False)
    assert stage.woken() == set()
    stage.intake.app_changed(app("6"), gone=False)
    assert stage.woken() == {KEY}


def test_the_echo_of_an_own_write_is_looked_at(stage: Stage) -> None:
    """What was put into the store was not heard from a watch yet."""
    stage.intake.app_changed(app("5"), gone=False)
    stage.woken()
    stage.store.put_app(app("6"))
    stage.intake.app_changed(app("6"), gone=False)

    assert stage.woken() == {KEY}


def test_a_listed_secret_is_read_if_an_app_asks_for_it_or_owns_it(stage: Stage) -> None:
    """Of others only that they are there."""
    stage.intake.app_changed(app(), gone=False)
    stage.intake.sinks["Secret"].on_listed([secret(KEY="value"), secret(name="foreign", KEY="value")])

    view = stage.store.secret("billing", TOKEN_SECRET)
    assert view is not None
    assert view.fingerprints == {"KEY": fingerprint_of("value")}
    assert not stage.store.is_unread("billing", TOKEN_SECRET)
    assert stage.store.secret("billing", "foreign") is None


def test_a_secret_of_which_only_the_metadata_is_told_is_read_by_the_pass(stage: Stage) -> None:
    """The watch wakes whom it concerns: the app that asks for it and the one that owns it."""
    stage.intake.app_changed(app(), gone=False)
    stage.intake.app_changed(app(name="owner", uid="u-2"), gone=False)
    stage.woken()
    stage.secret(secret(owner="u-2"))

    assert stage.woken() == {KEY, AppKey("billing", "owner")}
    assert stage.store.is_unread("billing", TOKEN_SECRET)
    stage.secret(secret(owner="u-2"))
    assert stage.woken() == set(), "heard twice"
    stage.secret(secret("8", owner="u-2"), gone=True)
    assert stage.woken() == {KEY, AppKey("billing", "owner")}
    assert not stage.store.is_unread("billing", TOKEN_SECRET)


def test_secrets_that_nobody_asks_for_wake_nobody(stage: Stage) -> None:
    """However many there are, and however often they change."""
    stage.intake.app_changed(app(), gone=False)
    stage.woken()
    for version in range(10, 20):
        stage.secret(secret(str(version), name="junk"))

    assert stage.woken() == set()


def test_a_relist_tells_what_went(stage: Stage) -> None:
    """Only in the namespace that was listed, and only what was there by then."""
    stage.intake.app_changed(app(), gone=False)
    stage.secret(secret())
    stage.woken()
    relist = stage.intake.sinks["Secret"].on_relist

    relist(Present(frozenset(), 9, only="elsewhere"))
    relist(Present(frozenset(), 6))
    assert stage.woken() == set()
    relist(Present(frozenset(), 9, only="billing"))
    assert stage.woken() == {KEY}


def test_a_namespace_that_is_gone_has_nothing_left_in_it(stage: Stage) -> None:
    """The right to hear of its objects may have gone before they did."""
    stage.namespace()
    stage.intake.app_changed(app(), gone=False)
    stage.secret(secret())
    stage.namespace(gone=True, version="9")

    assert stage.store.apps.get(KEY) is None
    assert not stage.store.is_unread("billing", TOKEN_SECRET)
    assert stage.others.forgotten == ["u-1"]
    assert stage.namespaces == ["billing", "billing"]


def test_labels_of_a_namespace_wake_its_apps_when_they_change(stage: Stage) -> None:
    """Whatever else changes about it does not."""
    stage.namespace(team="x")
    stage.intake.app_changed(app(), gone=False)
    stage.woken()
    stage.namespace(version="2", team="x")
    assert stage.woken() == set()
    stage.namespace(version="3", team="y")
    assert stage.woken() == {KEY}


def test_a_namespace_that_went_while_nobody_watched_is_noticed(stage: Stage) -> None:
    """By the next list."""
    stage.namespace()
    stage.intake.app_changed(app(), gone=False)
    stage.intake.sinks["Namespace"].on_relist(Present(frozenset(), 9))

    assert stage.store.apps.get(KEY) is None
    assert "billing" not in stage.store.namespaces
