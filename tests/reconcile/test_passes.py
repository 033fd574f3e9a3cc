"""Passes against the sandbox, with a clock that stands still: what fails waits, whoever asks for another pass."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.contract.clients import Clients
from tests.fakes.cluster import NAME, NAMESPACE, FakeCluster
from tests.fakes.link import FakeLink, OneEnterprise, new_reconciler
from tests.sandbox.world import Box, ManualClock

from box_app_operator.api.spec import RECONCILE_ANNOTATION
from box_app_operator.cache.apps import Listing
from box_app_operator.controller.reconciler import Reconciler
from box_app_operator.core.plan import Delays
from box_app_operator.model.box import AdoptionEntry
from box_app_operator.model.conditions import parse_conditions
from box_app_operator.model.desired import AppKey

KEY = AppKey(NAMESPACE, NAME)
PAUSE = timedelta(seconds=10)


class Stage(OneEnterprise):
    """One app, one enterprise, one reconciler."""

    def __init__(self, box: Box, clients: Clients, clock: ManualClock, **spec: Any) -> None:
        self.box, self.clock, self.clients = box, clock, clients
        self.cluster = FakeCluster.with_app(**spec)
        self.store = self.cluster.listed()
        self.link: FakeLink = FakeLink(clients.console, clients.platform)
        self.reconciler = self.restarted()

    def restarted(self) -> Reconciler:
        """A reconciler that remembers nothing."""
        return new_reconciler(self, PAUSE, Delays())

    def now(self) -> Any:
        """The time."""
        return self.clock()

    def monotonic(self) -> float:
        """Nobody sets the clock here."""
        return float(self.clock().timestamp())

    async def turn(self, times: int = 1) -> float | None:
        """So many passes, each after a look for news of which the app is told."""
        again: float | None = None
        for _ in range(times):
            if await self.link.listing.refresh(self.clients.console, 0):
                self.reconciler.clear_human_refusals(KEY)
            again = await self.reconciler.reconcile(KEY)
        return again

    def allow(self, app: Any) -> None:
        """The owner of the enterprise allows this app to be adopted by the object, and nothing else."""
        self.link.adoption = (AdoptionEntry(app["client_id"], NAMESPACE, NAME),)

    async def approve(self) -> None:
        """Register, and have the admin approve."""
        await self.turn()
        await self.box.decide(self.app)

    @property
    def app(self) -> dict[str, Any]:
        """The app in Box."""
        return next(iter(self.box.sandbox.live())).public()

    @property
    def issued(self) -> int:
        """How many tokens Box ever gave out."""
        return len(self.box.sandbox.issued)

    def said(self, type_: str) -> tuple[str, str]:
        """Status and reason of a condition."""
        condition = parse_conditions(self.cluster.app["status"])[type_]
        return condition.status, condition.reason

    def calls(self, method: str, ending: str) -> int:
        """How often this was asked of the sandbox."""
        return len([entry for entry in self.box.traffic.log if entry["method"] == method and ending in entry["path"]])

    @property
    def token(self) -> str:
        """What is published."""
        return self.cluster.values["BOX_APP_TOKEN"]

    @property
    def status(self) -> Any:
        """The object's status."""
        return self.cluster.app["status"]

    def is_live(self, token: str) -> bool:
        """Does Box accept it?"""
        return self.box.sandbox.authenticate(token) is not None

    def edit(self, **spec: Any) -> None:
        """Another spec."""
        generation = self.cluster.app["metadata"]["generation"] + 1
        self.change_app(metadata={"generation": generation}, spec={**self.cluster.app["spec"], **spec})

    def delete(self) -> None:
        """kubectl delete."""
        self.change_app(metadata={"deletionTimestamp": "2026-03-01T10:00:00Z"})

    def annotate(self, value: str) -> None:
        """Ask for another look."""
        self.change_app(metadata={"annotations": {RECONCILE_ANNOTATION: value}})

    def change_app(self, **parts: Any) -> None:
        """Somebody changes the object, and the watch tells of it."""
        self.cluster.change(**parts)
        self.cluster.tell(self.store)

    def change_secret(self, values: dict[str, str] | None = None, **parts: Any) -> None:
        """Somebody changes the Secret, and the watch tells of it."""
        assert self.cluster.secret is not None
        self.cluster.put_secret(replace(self.cluster.secret, **parts), {**self.cluster.values, **(values or {})})
        self.cluster.tell(self.store)


@pytest.fixture
def stage(open_box: Box, clients: Clients, clock: ManualClock) -> Stage:
    """An app without any wish."""
    return Stage(open_box, clients, clock)


async def test_the_main_path_costs_four_writes(stage: Stage) -> None:
    """Finalizer, status, Secret, status; the next pass writes nothing."""
    await stage.approve()
    await stage.turn()

    assert stage.said("Ready") == ("True", "Ready")
    assert stage.cluster.writes == ["finalizer", "status", "secret", "status"]
    await stage.turn(3)
    assert len(stage.cluster.writes) == 4
    assert stage.cluster.events == ["Ready"]


async def test_rejected_tokens_are_no_storm(stage: Stage) -> None:
    """However often the app is woken, the next token waits for the backoff, which grows."""
    await stage.approve()
    stage.box.order(kind="status", status=401, code="invalid_token", path="/2.0/files/1", count=None)

    await stage.turn(20)
    assert stage.issued == 1
    assert stage.said("TokenReady") == ("False", "TokenRejected")
    stage.clock.pass_by(PAUSE)
    await stage.turn(20)
    assert stage.issued == 2
    stage.clock.pass_by(PAUSE)
    assert await stage.turn(20) == PAUSE.total_seconds()
    assert stage.issued == 2


async def test_a_request_is_recorded_when_it_was_acted_upon(stage: Stage) -> None:
    """Not while Box is in the way; and recording it does not have the refused step tried once more."""
    stage.box.sandbox.taken_names = {"Viewer"}
    await stage.turn()
    assert stage.said("Registered") == ("False", "NameTaken")
    stage.box.order(kind="status", status=503, method="POST", path="/console/v1/apps$")

    stage.annotate("one")
    await stage.turn()
    assert "lastHandledReconcileAt" not in stage.cluster.app["status"]
    stage.clock.pass_by(PAUSE)
    await stage.turn(5)

    assert stage.cluster.app["status"]["lastHandledReconcileAt"] == "one"
    assert stage.calls("POST", "/console/v1/apps") == 3


async def test_a_name_that_becomes_free_while_it_is_refused_is_not_missed(stage: Stage) -> None:
    """The refusal is on its way when the news come that the app that had the name is gone."""
    stage.box.sandbox.taken_names = {"Viewer"}
    create = stage.clients.console.create_app

    async def refused(*arguments: Any) -> Any:
        try:
            return await create(*arguments)
        finally:
            stage.box.sandbox.taken_names = set()
            stage.reconciler.free_name(KEY)

    stage.clients.console.create_app = refused  # type: ignore[method-assign]  # somebody else deletes an app meanwhile
    await stage.turn()

    assert stage.said("Registered") == ("True", "Registered")
    assert stage.calls("POST", "/console/v1/apps") - stage.calls("POST", "authorization") == 2
    assert not stage.reconciler.free_name(KEY)


async def test_a_spec_that_changes_during_a_pass_is_what_counts(stage: Stage) -> None:
    """While Box is asked about the new token the Secret gets another name: that is where the token goes."""
    await stage.approve()
    get_app = stage.clients.console.get_app

    async def meanwhile(app: Any) -> Any:
        stage.clients.console.get_app = get_app  # type: ignore[method-assign]  # only this once
        stage.edit(tokens={"secret": {"name": "renamed"}})
        return await get_app(app)

    stage.clients.console.get_app = meanwhile  # type: ignore[method-assign]  # somebody is quick
    await stage.turn()

    assert stage.cluster.secret is not None
    assert stage.cluster.secret.name == "renamed"
    assert stage.cluster.app["status"]["observedGeneration"] == 2
    assert stage.said("Ready") == ("True", "Ready")
    assert stage.cluster.writes.count("secret") == 1


async def test_an_app_that_cannot_be_read_holds_its_object(stage: Stage) -> None:
    """A state that this operator does not know: nothing is believed gone, and the deletion waits."""
    await stage.approve()
    await stage.turn()
    stage.box.sandbox.apps[stage.app["id"]].authorization.state = "suspended"  # type: ignore[assignment]  # a later API
    stage.link.listing = Listing()
    await stage.link.listing.refresh(stage.clients.console, 0)
    stage.delete()

    assert await stage.reconciler.reconcile(KEY) == PAUSE.total_seconds()

    assert stage.store.apps.get(KEY) is not None
