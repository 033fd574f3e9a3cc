"""Deletions that no watch told of: found by comparing what is remembered with what is there."""

from __future__ import annotations

from datetime import timedelta
from typing import Any, cast

from box_app_operator.assembly import SystemClock
from box_app_operator.core.model import UID, SecretView
from box_app_operator.enterprises import Enterprises
from box_app_operator.intake import Intake
from box_app_operator.kube.lists import Present
from box_app_operator.reconcile import Reconciler
from box_app_operator.store import AppKey, Store
from box_app_operator.sweep import Sweep
from box_app_operator.workqueue import WorkQueue

from .fake_cluster import NAME, NAMESPACE, UID_OF_APP, FakeCluster

KEY = AppKey(NAMESPACE, NAME)
SECRET = SecretView(NAMESPACE, "viewer-box-token", UID("s"), "5", UID(UID_OF_APP), {}, {}, {})


class FakeEnterprises:
    """Hears which enterprises went."""

    def __init__(self) -> None:
        self.gone: list[tuple[str, str]] = []

    def bodies(self) -> list[dict[str, Any]]:
        """One enterprise."""
        return [{"metadata": {"name": "acme", "uid": "e", "resourceVersion": "3"}}]

    def drop(self, name: str, uid: str) -> None:
        """It is gone."""
        self.gone.append((name, uid))

    def report(self, name: str) -> None:
        """Count anew."""


class FakeReconciler:
    """Forgets whom it is told to."""

    def forget(self, uid: UID) -> None:
        """It is gone."""


class Stage:
    """An intake that knows an app, its Secret and an enterprise."""

    def __init__(self) -> None:
        self.worked: list[AppKey] = []
        self.store, self.enterprises = Store(), FakeEnterprises()
        self.queue: WorkQueue[AppKey] = WorkQueue(self._work, 1)
        reconciler = cast("Reconciler", FakeReconciler())
        enterprises = cast("Enterprises", self.enterprises)
        self.intake = Intake(self.store, enterprises, reconciler, self.queue, SystemClock(), lambda _: None)
        self.intake.start()
        self.intake.begin()
        self.store.put_app(FakeCluster().app)
        self.store.put_secret(SECRET)

    async def _work(self, key: AppKey) -> None:
        self.worked.append(key)

    def swept(self, version: int, *uids: str) -> None:
        """A sweep found these uids at that version."""
        for kind in ("BoxEnterprise", "BoxCustomApp", "Secret"):
            self.intake.on_relist(kind, Present(frozenset(UID(uid) for uid in uids), version))


async def test_what_is_there_stays() -> None:
    """A sweep that finds everything changes nothing."""
    stage = Stage()
    stage.swept(100, UID_OF_APP, "s", "e")

    assert stage.store.app(KEY) is not None
    assert stage.store.secret(NAMESPACE, SECRET.name) == SECRET
    assert (len(stage.queue), stage.enterprises.gone) == (0, [])


async def test_what_is_missing_is_gone() -> None:
    """The app is forgotten; a lost Secret wakes its app; a lost enterprise is dropped."""
    stage = Stage()
    stage.swept(100, UID_OF_APP)

    assert stage.store.secret(NAMESPACE, SECRET.name) is None
    assert len(stage.queue) == 1
    assert stage.enterprises.gone == [("acme", "e")]
    stage.swept(100)
    assert stage.store.app(KEY) is None


async def test_what_is_newer_than_the_list_may_be_there() -> None:
    """An object that was made while the list was read is not in it."""
    stage = Stage()
    stage.swept(0)

    assert stage.store.app(KEY) is not None
    assert stage.store.secret(NAMESPACE, SECRET.name) == SECRET


async def test_the_beat_is_the_sign_of_life() -> None:
    """Three intervals without a beat: dead; silence of the cluster has nothing to do with it."""
    now = timedelta()
    sweep = Sweep(cast("Any", None), Stage().intake, 600.0, lambda: now.total_seconds())

    now = timedelta(minutes=29)
    assert sweep.alive()
    now = timedelta(minutes=31)
    assert not sweep.alive()


def test_where_nobody_could_look_nothing_is_gone() -> None:
    """A namespace that is deleted takes the operator's Role with it: that its objects are not seen proves nothing."""
    blind, elsewhere = (Present(frozenset(), 9, frozenset({each})) for each in (NAMESPACE, "elsewhere"))

    for kind, gone in (("BoxCustomApp", "app"), ("Secret", "secret")):
        stage = Stage()
        stage.intake.on_relist(kind, blind)
        assert stage.store.app(KEY) is not None
        assert stage.store.secret(NAMESPACE, SECRET.name) is not None

        stage.intake.on_relist(kind, elsewhere)
        assert (stage.store.app(KEY) is None) == (gone == "app")
        assert (stage.store.secret(NAMESPACE, SECRET.name) is None) == (gone == "secret")
