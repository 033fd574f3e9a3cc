"""The link to one enterprise: its clients, its listing of apps, its health.

A link follows its enterprise for as long as the BoxEnterprise exists: it reads the credential, connects, keeps the
listing current, wakes the apps that something changed for, and starts over when spec or credential change.
"""

import asyncio
import contextlib
import logging
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from box_app_operator.api.enterprise import Enterprise, SecretKeyRef, changed_entries
from box_app_operator.api.spec import Body
from box_app_operator.cache.apps import Listing
from box_app_operator.cache.cluster import Store
from box_app_operator.cache.due import due_first
from box_app_operator.cache.identities import Identities
from box_app_operator.enterprise.clients import Connect, opened
from box_app_operator.enterprise.health import Health
from box_app_operator.errors import AwaitingHumanError, OperatorError, StalledError, TransientError
from box_app_operator.kube.secrets import KubeSecrets
from box_app_operator.model.box import AdoptionEntry, BoxApp, Problem
from box_app_operator.model.conditions import Reason
from box_app_operator.model.desired import AppKey
from box_app_operator.ports import Clock, Console, Platform
from box_app_operator.watch.secrets import SecretWatch

logger = logging.getLogger(__name__)

PAUSE_SECONDS = 0.4
"""Between two looks for changes, so that a hundred changes in a row cost one look and not a hundred."""
IDLE_SECONDS = 1.0
"""Between two looks of which the first came back at once and empty: a console may ignore how long it should wait."""


@dataclass(frozen=True, slots=True)
class LinkDependencies:
    """What every link needs.

    ``wake`` has an app looked at. ``clear_refusals`` lets all its refused steps be tried again, and
    ``clear_human_refusals`` those that waited for a person at Box. ``name_freed`` is called with each name that an app
    of the enterprise had and has no longer. ``wait_seconds`` is how long one look may block: a connection that died
    without a word is noticed only after that.
    """

    store: Store
    connect: Connect
    credentials: KubeSecrets
    clock: Clock
    backoff: Callable[[int], float]
    wake: Callable[[AppKey], None]
    clear_refusals: Callable[[AppKey], None]
    clear_human_refusals: Callable[[AppKey], None]
    name_freed: Callable[[str], None]
    wait_seconds: float


class EnterpriseLink:
    """The way to one enterprise, kept open.

    Attributes:
        heard_at: when the console last listed the apps; None before, and without a console.
        is_deleting: was the BoxEnterprise deleted, so that only the apps that use it hold it?
        identities: does Box say whose a key is?
    """

    def __init__(self, enterprise: Enterprise, deps: LinkDependencies, report: Callable[[], None]) -> None:
        self.enterprise = enterprise
        self.listing = Listing(deps.name_freed)
        self.health = Health(enterprise.name)
        self.console: Console | None = None
        self.platform: Platform | None = None
        self.heard_at: datetime | None = None
        self.is_deleting = False
        self.identities = Identities()
        self._deps = deps
        self._report = report
        self._restart = asyncio.Event()
        self._changed = asyncio.Event()
        self._used: tuple[str | None, ...] = ()
        self._unreadable = self._read_spec()
        self._watch = SecretWatch(deps.credentials, deps.backoff, self._secret_changed)

    @property
    def problem(self) -> Problem | None:
        """What keeps Box from being asked; a spec that cannot be read does so at once, before it was tried."""
        return self._unreadable or self.health.problem

    def _read_spec(self) -> Problem | None:
        problem = self.enterprise.spec.invalid
        if problem is None:
            return None
        message = f"BoxEnterprise {self.enterprise.name!r} is not ready: {problem}"
        return Problem(Reason.ENTERPRISE_NOT_READY, message, self._deps.clock.now())

    @property
    def name(self) -> str:
        """The name of the BoxEnterprise."""
        return self.enterprise.name

    @property
    def is_ready(self) -> bool:
        """Did Box answer when it was asked last, and can the spec be read?"""
        return self.probed and self.problem is None

    @property
    def probed(self) -> bool:
        """Did Box answer, or fail to, at least once?"""
        return self.health.probed

    @property
    def has_console(self) -> bool:
        """Is there a console endpoint? Not in mode Assisted."""
        return self.enterprise.spec.console_url is not None

    @property
    def enterprise_id(self) -> str | None:
        """Box's id of the enterprise; None when the BoxEnterprise does not say."""
        return self.enterprise.spec.enterprise_id

    @property
    def selector(self) -> Body | None:
        """Which namespaces may use the enterprise; None for all. Of a spec that cannot be read ``problem`` tells."""
        return self.enterprise.spec.selector if self._unreadable is None else None

    @property
    def adoption(self) -> tuple[AdoptionEntry, ...]:
        """Which apps that the operator did not register may be adopted, and by whom."""
        return self.enterprise.spec.adoption

    def change(self, enterprise: Enterprise) -> None:
        """The BoxEnterprise has a new spec."""
        before, self.enterprise = self.enterprise.spec, enterprise
        self._unreadable = self._read_spec()
        if replace(enterprise.spec, adoption=before.adoption) == before:
            return self._adoption_changed(before.adoption)
        self.identities = Identities()
        if enterprise.spec.console_url != before.console_url:
            self.listing, self.heard_at = Listing(self._deps.name_freed), None
            self.health.forget()
        self._changed.set()
        self._restart.set()
        self._watch.look_at(self._refs())
        self.wake_all()
        return None

    def _adoption_changed(self, before: tuple[AdoptionEntry, ...]) -> None:
        """The way to Box is as before; only the objects that an entry came or went for are looked at."""
        store = self._deps.store
        for entry in changed_entries(before, self.adoption):
            for app in store.meant_by(entry, self.name):
                self._deps.clear_refusals(app.key)
                self._deps.wake(app.key)
        if not self._restart.is_set():
            # Otherwise there is a change before this one that was not tried yet.
            self.health.keep(self.enterprise.generation)
            self._report()

    def reconnect(self) -> None:
        """A credential was refused: read it again and reconnect."""
        self._restart.set()

    def wake_all(self) -> None:
        """Have every app of the enterprise looked at, what is due soonest first."""
        apps = self._deps.store.apps_of_enterprise(self.enterprise.name)
        for app in due_first(apps, self._deps.clock.now()):
            self._deps.clear_refusals(app.key)
            self._deps.wake(app.key)

    async def run(self) -> None:
        """Follow the enterprise until cancelled."""
        self._watch.look_at(self._refs())
        async with asyncio.TaskGroup() as group:
            group.create_task(self._resync())
            group.create_task(self._watch.run())
            while True:
                self._restart.clear()
                await self._survive(self._connected)

    async def _survive(self, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Do it; when it fails, remember why and pause. Nothing that happens to one enterprise may end its link."""
        try:
            await work()
        except OperatorError as error:
            await self._fail(error)
        except Exception:
            logger.exception("BoxEnterprise %s: this is a bug; please report it", self.enterprise.name)
            await self._fail(TransientError(Reason.BOX_UNAVAILABLE, "The operator met a bug; its log has the details"))

    async def _fail(self, error: OperatorError) -> None:
        if self.health.failed(error, self._deps.clock.now()):
            self._tell()
        asked = error.retry_after_seconds if isinstance(error, TransientError) else None
        pause = max(asked or 0.0, self._deps.backoff(self.health.failures))
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._restart.wait(), pause)

    def _tell(self) -> None:
        """The enterprise's status and its apps learn how it is."""
        self.wake_all()
        self._report()

    async def _connected(self) -> None:
        """Connect and keep the listing current, until a change asks to start over."""
        spec = self.enterprise.spec
        self.health.begin(self.enterprise.generation)
        if spec.invalid is not None:
            raise StalledError(Reason.INVALID_SPEC, spec.invalid)
        used = await self._read_secrets()
        if used != self._used:
            # Another credential may see other apps.
            self.listing.start_over()
        self._used = used
        async with opened(self._deps.connect, self.enterprise, *used) as clients:
            self.console, self.platform = clients.console, clients.platform
            try:
                while not self._restart.is_set():
                    await self._survive(self._follow)
            finally:
                self.console = self.platform = None

    async def _follow(self) -> None:
        if self.platform is None:
            return None
        if self.console is None:
            return await self._stay_in_touch(self.platform)
        restart = asyncio.ensure_future(self._restart.wait())
        loop = asyncio.get_running_loop()
        try:
            await self.platform.ping()
            while not restart.done():
                began, wait = loop.time(), self._wait_seconds
                news = await _unless(restart, self.listing.refresh(self.console, wait))
                if news is None:
                    return None
                self.heard_at = self._deps.clock.now()
                if self.health.well():
                    self._tell()
                self._wake(news)
                idle = not self.listing.heard and loop.time() - began < min(IDLE_SECONDS, wait)
                pause = PAUSE_SECONDS if self.listing.heard else IDLE_SECONDS if idle else 0.0
                await asyncio.wait([restart], timeout=pause)
        finally:
            restart.cancel()
        return None

    async def _stay_in_touch(self, platform: Platform) -> None:
        """Without a console there is nothing to follow. The apps' own calls tell how Box is; they ask to start over."""
        await platform.ping()
        if self.health.well():
            self._tell()
        await self._restart.wait()

    @property
    def _wait_seconds(self) -> float:
        """The first look after trouble answers at once, so that every app learns that it has ended."""
        return self._deps.wait_seconds if self.health.is_sound else 0.0

    def _refs(self) -> tuple[SecretKeyRef | None, ...]:
        return (self.enterprise.spec.credentials, self.enterprise.spec.ca)

    async def _read_secrets(self) -> tuple[str | None, ...]:
        """The credential and the CA bundle; None where there is none."""
        read = self._deps.credentials.read_value
        return tuple([await read(ref) if ref else None for ref in self._refs()])

    async def _secret_changed(self) -> None:
        """Start over when a credential is another one.

        Raises:
            TransientError: it could not be read now.
        """
        try:
            if await self._read_secrets() != self._used:
                self._restart.set()
        except AwaitingHumanError as error:
            # What is in use may work for long; when it does not any more, the next try says this in the status.
            if self.problem is None:
                logger.warning("BoxEnterprise %s: a credential may have changed. %s", self.enterprise.name, error)

    def _wake(self, news: list[BoxApp]) -> None:
        store = self._deps.store
        lost, self.listing.losers = self.listing.losers, set()
        for uid in {*lost, *(app.owner_uid for app in news if app.owner_uid is not None)}:
            self._look_again(store.key_of(uid))
        for app in news:
            for claimant in store.claims(app.client_id):
                self._look_again(claimant.key)

    def _look_again(self, key: AppKey | None) -> None:
        if key is not None:
            self._deps.clear_human_refusals(key)
            self._deps.wake(key)

    async def _resync(self) -> None:
        """Have every app looked at now and then. It costs no call to Box: the listing knows."""
        while True:
            self._changed.clear()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), self.enterprise.spec.resync.total_seconds())
                continue  # Another interval may be in force: count anew.
            logger.debug("BoxEnterprise %s: resync", self.enterprise.name)
            self.identities.resync()
            self.wake_all()


async def _unless(stop: asyncio.Future[Any], work: Coroutine[Any, Any, list[BoxApp]]) -> list[BoxApp] | None:
    """The result of ``work``, or None when ``stop`` came first."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task, stop], return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        task.cancel()
