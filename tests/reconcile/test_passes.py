"""Passes against the sandbox, with a clock that stands still: what fails waits, whoever asks for another pass."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.contract.clients import Clients
from tests.fakes.cluster import NAME, NAMESPACE, UID_OF_APP, FakeCluster
from tests.fakes.link import FakeLink, OneEnterprise
from tests.sandbox.world import Box, ManualClock

from box_app_operator.api.spec import RECONCILE_ANNOTATION, ROTATE_ANNOTATION
from box_app_operator.cache.apps import Listing
from box_app_operator.cache.cluster import NamespaceView, Store
from box_app_operator.controller.reconciler import Reconciler
from box_app_operator.core.plan import Delays
from box_app_operator.model.box import UID, AdoptionEntry, AppID
from box_app_operator.model.conditions import parse_conditions
from box_app_operator.model.desired import AppKey
from box_app_operator.model.observed import PodView

KEY = AppKey(NAMESPACE, NAME)
PAUSE = timedelta(seconds=10)


class Stage(OneEnterprise):
    """One app, one enterprise, one reconciler."""

    def __init__(self, box: Box, clients: Clients, clock: ManualClock, **spec: Any) -> None:
        self.box, self.clock, self.clients = box, clock, clients
        self.cluster, self.store = FakeCluster.with_app(**spec), Store()
        self.link: FakeLink = FakeLink(clients.console, clients.platform)
        self.store.put_app(self.cluster.app)
        self.delays = Delays()
        self.reconciler = self.restarted()

    def restarted(self) -> Reconciler:
        """A reconciler that remembers nothing."""
        return Reconciler(
            self.store,
            self,
            self.cluster,
            self.cluster,
            self.cluster,
            self,
            delays=self.delays,
            status_pause=timedelta(seconds=30),
            backoff=lambda failures: PAUSE.total_seconds() * failures,
            passed=lambda _: None,
        )

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

    def allow(self, app: Any, *, delete: bool = False) -> None:
        """The owner of the enterprise allows this app to be adopted by the object, and nothing else."""
        self.link.adoption = (AdoptionEntry(app["client_id"], NAMESPACE, NAME, allow_delete=delete),)

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

    def edit(self, *dropped: str, **spec: Any) -> None:
        """Another spec."""
        kept = {key: value for key, value in self.cluster.app["spec"].items() if key not in dropped}
        generation = self.cluster.app["metadata"]["generation"] + 1
        self.change_app(metadata={"generation": generation}, spec={**kept, **spec})

    def delete(self) -> None:
        """kubectl delete."""
        self.change_app(metadata={"deletionTimestamp": "2026-03-01T10:00:00Z"})

    def annotate(self, value: str, annotation: str = RECONCILE_ANNOTATION) -> None:
        """Ask for another look, or for another token."""
        self.change_app(metadata={"annotations": {annotation: value}})

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


async def test_a_token_with_fewer_rights_waits_for_a_person(stage: Stage) -> None:
    """Box knows it and does not let it read files: neither published nor revoked, and asked about again."""
    await stage.approve()
    stage.box.order(kind="status", status=403, code="insufficient_scope", path="/2.0/files/1")

    await stage.turn(20)

    assert stage.said("TokenReady") == ("False", "TokenRejected")
    assert (stage.issued, stage.cluster.secret) == (1, None)
    stage.reconciler.clear_refusals(KEY)
    await stage.turn()
    assert stage.said("Ready") == ("True", "Ready")
    assert stage.issued == 1


async def test_unreadable_mintings_are_no_storm(stage: Stage) -> None:
    """The answer to a minting is garbage: the orphan is found and revoked, and the next minting waits."""
    await stage.approve()
    stage.box.order(kind="garbage", method="POST", path=".*/tokens/", count=None)

    await stage.turn(20)

    assert stage.issued == 1
    stage.box.traffic.faults.clear()
    stage.clock.pass_by(PAUSE)
    await stage.turn(3)
    assert stage.said("Ready") == ("True", "Ready")
    live = [value for value, _ in stage.box.sandbox.issued if stage.box.sandbox.authenticate(value)]
    assert live == [stage.cluster.values["BOX_APP_TOKEN"]]


async def test_a_console_that_makes_something_else_of_it_is_contradicted_once(
    open_box: Box, clients: Clients, clock: ManualClock
) -> None:
    """CORS domains that come back otherwise than they were given: said as OriginRejected, and not tried again."""
    stage = Stage(open_box, clients, clock, cors={"domains": ["https://a.example.com"]})
    set_domains = clients.console.set_cors_domains

    async def changed(app: Any, domains: tuple[str, ...]) -> Any:
        return await set_domains(app, (*domains, "https://extra.example.com"))

    clients.console.set_cors_domains = changed  # type: ignore[method-assign]  # a console with a mind of its own

    await stage.turn(10)

    assert stage.said("CORSSynced") == ("False", "OriginRejected")
    assert stage.calls("PUT", "cors_domains") == 1


async def test_ports_that_a_scheme_has_anyway_are_no_difference(
    open_box: Box, clients: Clients, clock: ManualClock
) -> None:
    """A console may drop :443 from https."""
    stage = Stage(
        open_box, clients, clock, cors={"domains": ["https://a.example.com:443", "http://b.example.com:8080"]}
    )
    await stage.turn()
    domains = ["https://a.example.com", "http://b.example.com:8080"]
    await stage.box.call("PUT", f"/console/v1/apps/{stage.app['id']}/cors_domains", 200, json={"domains": domains})

    await stage.turn()

    assert stage.said("CORSSynced") == ("True", "Synced")
    assert stage.app["cors_domains"] == domains


async def test_a_failed_step_does_not_hold_up_others(open_box: Box, clients: Clients, clock: ManualClock) -> None:
    """CORS domains wait for their backoff; the approval that comes meanwhile is acted upon."""
    stage = Stage(open_box, clients, clock, cors={"domains": ["https://a.example.com"]})
    stage.box.order(kind="status", status=500, method="PUT", path=".*cors_domains", count=None)
    await stage.approve()

    await stage.turn()

    assert stage.said("TokenReady") == ("True", "Published")
    assert stage.said("CORSSynced") == ("Unknown", "BoxUnavailable")
    assert stage.calls("PUT", "cors_domains") == 1


async def test_a_token_to_come_outlives_a_secret_that_is_put_right(stage: Stage) -> None:
    """Somebody takes a label away while the next token waits for its proof: it is published, and no third is made."""
    await stage.approve()
    await stage.turn()
    stage.box.order(kind="status", status=503, path="/2.0/files/.*", count=2)
    stage.annotate("now", ROTATE_ANNOTATION)
    stage.clock.pass_by(timedelta(minutes=2))
    await stage.turn()
    assert stage.issued == 2
    stage.change_secret(labels={})
    await stage.turn()
    assert stage.cluster.secret is not None
    assert stage.cluster.secret.labels

    for _ in range(3):
        stage.clock.pass_by(PAUSE * 5)
        await stage.turn()

    assert stage.issued == 2
    assert stage.cluster.app["status"]["lastHandledRotateAt"] == "now"


async def test_an_outage_does_not_make_a_condition_lie(stage: Stage) -> None:
    """Authorized, and the minting fails: the token is awaited, and it is not the admin who must act."""
    await stage.approve()
    stage.box.order(kind="status", status=403, code="forbidden", method="POST", path=".*/tokens/", count=None)

    await stage.turn()

    assert stage.said("Authorized") == ("True", "Authorized")
    assert stage.said("Ready") == ("False", "AwaitingToken")
    assert stage.link.suspected == 0


async def test_a_refused_credential_has_the_link_look_again(stage: Stage) -> None:
    """401 is the enterprise's matter; the step is tried again after the backoff."""
    await stage.turn()
    stage.box.order(kind="status", status=401, code="unauthorized", path="/console/.*tokens/")
    await stage.box.decide(stage.app)

    await stage.turn()

    assert stage.link.suspected == 1
    stage.clock.pass_by(PAUSE)
    await stage.turn()
    assert stage.said("Ready") == ("True", "Ready")


async def test_a_refusal_that_says_nothing_is_asked_again(stage: Stage) -> None:
    """Box refused a new token without saying why: no person is asked for anything, and no other token is generated."""
    await stage.approve()
    stage.box.order(kind="status", status=401, code="unauthorized", path="/2.0/files/1")
    await stage.turn()
    assert stage.said("TokenReady") == ("False", "AwaitingToken")

    stage.clock.pass_by(PAUSE)
    await stage.turn()

    assert stage.said("Ready") == ("True", "Ready")
    assert stage.issued == 1


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


async def test_a_name_that_becomes_free_is_tried_at_once(stage: Stage) -> None:
    """Refused once, and not again before somebody gave the name up."""
    stage.box.sandbox.taken_names = {"Viewer"}
    await stage.turn(3)
    assert stage.said("Registered") == ("False", "NameTaken")
    assert stage.calls("POST", "/console/v1/apps") == 1
    stage.box.sandbox.taken_names = set()

    assert stage.reconciler.free_name(KEY)
    await stage.turn()

    assert stage.said("Registered") == ("True", "Registered")
    assert not stage.reconciler.free_name(KEY)


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


async def test_a_namespace_that_was_not_told_of_yet_is_waited_for(stage: Stage) -> None:
    """Its labels decide, and another watch tells of them: nothing is said, and Box is not asked, before it does."""
    stage.link.selector = {"matchLabels": {"box": "yes"}}
    await stage.turn()
    assert "status" not in stage.cluster.app
    assert stage.calls("POST", "/console/v1/apps") == 0

    stage.store.put_namespace(NAMESPACE, NamespaceView(UID("n"), "1", {}))
    await stage.turn()
    assert stage.said("Registered") == ("False", "NamespaceNotAllowed")
    stage.store.put_namespace(NAMESPACE, NamespaceView(UID("n"), "2", {"box": "yes"}))
    await stage.turn()

    assert stage.said("Registered") == ("True", "Registered")


async def test_an_enterprise_that_is_being_deleted_takes_no_new_app(stage: Stage) -> None:
    """One that was there before goes on; a new one waits, and gets no finalizer."""
    stage.link.is_deleting = True
    await stage.turn()
    assert stage.said("Registered") == ("False", "EnterpriseNotReady")
    assert stage.cluster.writes == ["status"]

    stage.link.is_deleting = False
    await stage.turn()
    assert stage.said("Registered") == ("True", "Registered")
    stage.link.is_deleting = True
    await stage.box.decide(stage.app)
    await stage.turn()

    assert stage.said("Ready") == ("True", "Ready")


async def test_a_declining_console_is_asked_once_per_request(stage: Stage) -> None:
    """An endpoint that declines at once what is submitted: one request, one submission."""
    submit = stage.clients.console.submit_app

    async def declined(app: Any) -> Any:
        await submit(app)
        return await stage.clients.console.get_app((await _decline(stage))["id"])

    stage.clients.console.submit_app = declined  # type: ignore[method-assign]  # an admin without patience
    await stage.turn(3)
    assert stage.said("Authorized") == ("False", "Declined")

    stage.annotate("one")
    await stage.turn(5)

    assert stage.calls("POST", "/authorization") - stage.calls("POST", "/decision") == 2


async def _decline(stage: Stage) -> Any:
    return await stage.box.decide(stage.app, "decline")


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


async def test_a_forgotten_token_is_found_after_a_restart(stage: Stage) -> None:
    """Killed between minting and publishing: the orphan is revoked, another token is published."""
    await stage.approve()
    stage.box.order(kind="status", status=500, method="GET", path="/2.0/files/1", count=None)
    await stage.turn()
    assert stage.issued == 1
    stage.box.traffic.faults.clear()

    stage.reconciler = stage.restarted()
    await stage.turn(3)

    assert stage.said("Ready") == ("True", "Ready")
    assert [name for name, token in stage.app["tokens"].items() if token] == [stage.cluster.values["BOX_TOKEN_SLOT"]]


async def test_an_app_that_the_listing_lacks_is_asked_for_before_its_object_goes(stage: Stage) -> None:
    """The listing did not show it for a while: its tokens are revoked all the same."""
    await stage.approve()
    await stage.turn()
    hidden = stage.box.sandbox.apps.pop(stage.app["id"])
    stage.link.listing.start_over()
    await stage.link.listing.refresh(stage.clients.console, 0)
    stage.box.sandbox.apps[hidden.id] = hidden
    stage.delete()

    await stage.reconciler.reconcile(KEY)

    assert stage.app["tokens"] == {"primary": None, "secondary": None}
    assert stage.store.apps.get(KEY) is None


async def test_nothing_is_believed_gone_while_nobody_can_be_asked(stage: Stage) -> None:
    """The listing lacks the app and the link is about to reconnect: the object waits for an answer."""
    await stage.approve()
    await stage.turn()
    stage.link.listing.drop(AppID(stage.app["id"]))
    stage.link.console = None
    stage.delete()

    assert await stage.reconciler.reconcile(KEY) == PAUSE.total_seconds()

    assert stage.store.apps.get(KEY) is not None


async def test_an_app_whose_status_was_never_written_is_found_before_its_object_goes(stage: Stage) -> None:
    """Killed after the registration, and the listing lacks the app: it is found by its reference."""
    await stage.approve()
    stage.change_app(status={})
    stage.link.listing.drop(AppID(stage.app["id"]))
    stage.edit(deletionPolicy="Delete")
    stage.delete()

    await stage.reconciler.reconcile(KEY)

    assert list(stage.box.sandbox.live()) == []
    assert stage.store.apps.get(KEY) is None


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


async def test_an_enterprise_that_comes_a_moment_later_is_not_missed(
    box: Box, clients: Clients, clock: ManualClock
) -> None:
    """Two manifests of one folder: the object waits before it says so, and says so when the wait was in vain."""
    stage = Stage(box, clients, clock, enterpriseRef={"name": "other"})
    stage.delays = Delays(enterprise=timedelta(seconds=2))
    stage.reconciler = stage.restarted()

    assert await stage.reconciler.reconcile(KEY) == 2.0
    assert "status" not in stage.cluster.app or not stage.cluster.app["status"].get("conditions")
    clock.pass_by(timedelta(seconds=2))
    await stage.reconciler.reconcile(KEY)
    assert parse_conditions(stage.cluster.app["status"])["Registered"].reason == "EnterpriseNotFound"


class Held(FakeCluster):
    """Holds a pass while it looks for pods."""

    def __init__(self) -> None:
        super().__init__()
        self.asked, self.answer = asyncio.Event(), asyncio.Event()

    async def of(self, namespace: str, wanted_by: UID) -> tuple[PodView, ...] | None:
        """No pod runs, but it takes a while to know."""
        self.asked.set()
        await self.answer.wait()
        return await super().of(namespace, wanted_by)


async def test_what_a_pass_asks_for_is_let_go_with_an_object_that_went_meanwhile(
    open_box: Box, clients: Clients, clock: ManualClock
) -> None:
    """Nobody else would ever end these watches: the object was forgotten before they were asked for."""
    stage = Stage(open_box, clients, clock)
    stage.cluster = Held.with_app(tokens={"rotation": {"overlap": "0s"}})
    stage.store.put_app(stage.cluster.app)
    stage.reconciler = stage.restarted()
    await stage.approve()
    await stage.turn()
    stage.annotate("now", ROTATE_ANNOTATION)

    passing = asyncio.create_task(stage.reconciler.reconcile(KEY))
    async with asyncio.timeout(20):
        await stage.cluster.asked.wait()
    stage.store.drop_app(KEY, UID(UID_OF_APP))
    stage.reconciler.forget(UID(UID_OF_APP))
    stage.cluster.answer.set()
    await passing

    assert stage.cluster.wanted == set()
