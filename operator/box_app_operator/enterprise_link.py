"""The link to one enterprise: its clients, its listing of apps, its health.

A link follows its enterprise for as long as the BoxEnterprise exists: it reads the credential, connects, keeps the
listing current, wakes the apps that something changed for, and starts over when spec or credential change.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import ssl
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Protocol

from box_app_operator.box.listing import Listing, uid_in
from box_app_operator.core.conditions import Condition, Reason
from box_app_operator.core.model import BoxApp, Problem
from box_app_operator.core.spec import Body, Enterprise, SecretKeyRef
from box_app_operator.errors import AwaitingHumanError, OperatorError, StalledError, TransientError
from box_app_operator.ports import Clock, Console, Platform
from box_app_operator.store import AppKey, Store

logger = logging.getLogger(__name__)

LONGEST_WAIT_SECONDS = 50.0
"""How long one look for changes may block: below the usual limits of proxies."""
PAUSE_SECONDS = 0.4
"""Between two looks for changes, so that a hundred changes in a row cost one look and not a hundred."""


@dataclass(frozen=True, slots=True)
class Clients:
    """The way to one enterprise."""

    console: Console
    platform: Platform


class Connect(Protocol):
    """Builds the clients of an enterprise. ``ca`` is a PEM bundle to trust in addition."""

    def __call__(
        self, enterprise: Enterprise, credential: str, ca: str | None
    ) -> contextlib.AbstractAsyncContextManager[Clients]:
        """Open them; they are closed on leaving."""
        ...


class Credentials(Protocol):
    """Secrets that somebody else keeps."""

    async def read_value(self, ref: SecretKeyRef) -> str | None:
        """One value, None when it is missing."""
        ...

    def watch_secret(self, namespace: str, name: str) -> AsyncIterator[None]:
        """Yields whenever the Secret may have changed."""
        ...


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What every link needs. ``wake`` has an app looked at; ``forgive`` lets its refused steps be tried again."""

    store: Store
    connect: Connect
    credentials: Credentials
    clock: Clock
    backoff: Callable[[int], float]
    outage_grace: timedelta
    wake: Callable[[AppKey], None]
    forgive: Callable[[AppKey], None]


class EnterpriseLink:
    """The way to one enterprise, kept open."""

    def __init__(self, enterprise: Enterprise, around: Surroundings, report: Callable[[], None]) -> None:
        self.enterprise = enterprise
        self.listing = Listing()
        self.problem: Problem | None = None
        self.settled = False
        self.console: Console | None = None
        self.platform: Platform | None = None
        self._around = around
        self._report = report
        self._restart = asyncio.Event()
        self._moved = asyncio.Event()
        self._failures = 0
        self._trouble: Condition | None = None
        self._used: tuple[str | None, str | None] = (None, None)

    @property
    def selector(self) -> Body | None:
        """Which namespaces may use the enterprise; None for all."""
        return self.enterprise.spec.selector

    def change(self, enterprise: Enterprise) -> None:
        """The BoxEnterprise has a new spec."""
        moved = enterprise.spec.console_url != self.enterprise.spec.console_url
        reconnect = enterprise.spec != self.enterprise.spec
        self.enterprise = enterprise
        if moved:
            self.listing, self.settled = Listing(), False
        if reconnect:
            self._restart.set()
            self._moved.set()
        self.wake_all()

    def suspect(self) -> None:
        """Somebody met a refused credential: look again at once."""
        self._restart.set()

    def wake_all(self) -> None:
        """Have every app of the enterprise looked at."""
        for key in self._around.store.keys_of_enterprise(self.enterprise.name):
            self._around.forgive(key)
            self._around.wake(key)

    async def run(self) -> None:
        """Follow the enterprise until cancelled."""
        async with asyncio.TaskGroup() as group:
            group.create_task(self._resync())
            group.create_task(self._watch_secrets())
            while True:
                self._restart.clear()
                try:
                    await self._connected()
                except OperatorError as error:
                    self._failures += 1
                    self._note(error)
                    asked = error.retry_after_seconds if isinstance(error, TransientError) else None
                    await self._restarted_within(max(asked or 0.0, self._around.backoff(self._failures)))

    async def _restarted_within(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._restart.wait(), seconds)

    async def _connected(self) -> None:
        """Connect and keep the listing current, until a change asks to start over."""
        spec = self.enterprise.spec
        if spec.console_url is None:
            message = "Mode Assisted is not supported yet; set spec.console.mode to Automated."
            raise StalledError(Reason.MODE_NOT_SUPPORTED, message)
        self._used = (await self._value(spec.credentials), await self._value(spec.ca))
        credential, ca = self._used
        if not credential:
            message = f"The console's credential is missing: {spec.credentials} does not exist or is empty. Create it."
            raise StalledError(Reason.CREDENTIAL_MISSING, message)
        if spec.ca is not None and ca is None:
            raise StalledError(Reason.CA_INVALID, f"The CA bundle is missing: {spec.ca} does not exist or is empty.")
        async with _opened(self._around.connect, self.enterprise, credential, ca) as clients:
            self.console, self.platform = clients.console, clients.platform
            try:
                await clients.platform.ping()
                await self._follow(clients.console)
            finally:
                self.console = self.platform = None

    async def _follow(self, console: Console) -> None:
        restart = asyncio.ensure_future(self._restart.wait())
        try:
            while not restart.done():
                news = await _unless(restart, self.listing.refresh(console, self._wait_seconds))
                if news is None:
                    return
                self._well()
                self._wake(news)
                if news:
                    await asyncio.wait([restart], timeout=PAUSE_SECONDS)
        finally:
            restart.cancel()

    @property
    def _wait_seconds(self) -> float:
        return min(self.enterprise.spec.resync.total_seconds(), LONGEST_WAIT_SECONDS)

    async def _value(self, ref: SecretKeyRef | None) -> str | None:
        return await self._around.credentials.read_value(ref) if ref else None

    def _well(self) -> None:
        recovered, first = self.problem is not None, not self.settled
        self.problem, self.settled, self._failures = None, True, 0
        if recovered:
            logger.info("BoxEnterprise %s: reachable again", self.enterprise.name)
        if recovered or first:
            self.wake_all()
            self._report()

    def _note(self, error: OperatorError) -> None:
        """Remember a problem since when it began, and let the apps speak of it when it lasts."""
        name = self.enterprise.name
        waits_for_owner = isinstance(error, AwaitingHumanError | StalledError)
        reason = Reason.ENTERPRISE_NOT_READY if waits_for_owner else Reason.BOX_UNAVAILABLE
        message = f"BoxEnterprise {name!r} is not ready: {error.message}" if waits_for_owner else error.message
        if self.problem is None or self.problem.reason != reason:
            logger.log(
                logging.INFO if waits_for_owner else logging.WARNING,
                "BoxEnterprise %s: %s",
                name,
                error.message,
            )
        began = self.problem.since if self.problem is not None else self._around.clock.now()
        changed = self.problem is None or self.problem.reason != reason
        self.problem, self.settled = Problem(reason, message, began), True
        self._trouble = Condition("Ready", "False", error.reason, error.message)
        if changed:
            self.wake_all()
            self._report()

    def _wake(self, news: list[BoxApp]) -> None:
        store = self._around.store
        for app in news:
            uid = uid_in(app.reference)
            key = store.key_of(uid) if uid is not None else None
            if key is not None:
                self._around.wake(key)
            for body in store.claims(app.client_id):
                self._around.wake(AppKey(body["metadata"]["namespace"], body["metadata"]["name"]))

    async def _resync(self) -> None:
        """Have every app looked at now and then. It costs no call to Box: the listing knows."""
        while True:
            await asyncio.sleep(self.enterprise.spec.resync.total_seconds())
            self.wake_all()

    async def _watch_secrets(self) -> None:
        """Start over when the credential or the CA bundle changes. Only these two Secrets are watched, by name."""
        while True:
            self._moved.clear()
            refs = {ref for ref in (self.enterprise.spec.credentials, self.enterprise.spec.ca) if ref}
            tasks = [asyncio.ensure_future(self._watch_secret(ref)) for ref in refs]
            try:
                await self._moved.wait()
            finally:
                for task in tasks:
                    task.cancel()

    async def _watch_secret(self, ref: SecretKeyRef) -> None:
        failures = 0
        while True:
            try:
                async for _ in self._around.credentials.watch_secret(ref.namespace, ref.name):
                    failures = 0
                    used = (
                        await self._value(self.enterprise.spec.credentials),
                        await self._value(self.enterprise.spec.ca),
                    )
                    if used != self._used:
                        self._restart.set()
            except TransientError:
                failures += 1
            await asyncio.sleep(self._around.backoff(max(1, failures)))

    @property
    def condition(self) -> Condition | None:
        """The enterprise's own ``Ready``; None while nothing is known."""
        if not self.settled:
            return None
        if self.problem is not None:
            return self._trouble
        return Condition(
            "Ready",
            "True",
            Reason.READY,
            "The console and the platform answer, and the credential is accepted.",
        )


@contextlib.asynccontextmanager
async def _opened(connect: Connect, enterprise: Enterprise, credential: str, ca: str | None) -> AsyncIterator[Clients]:
    try:
        opened = connect(enterprise, credential, ca)
    except ssl.SSLError:
        raise StalledError(Reason.CA_INVALID, f"{enterprise.spec.ca} is not a PEM bundle of certificates.") from None
    async with opened as clients:
        yield clients


async def _unless(stop: asyncio.Future[Any], work: Coroutine[Any, Any, list[BoxApp]]) -> list[BoxApp] | None:
    """The result of ``work``, or None when ``stop`` came first."""
    task = asyncio.ensure_future(work)
    try:
        await asyncio.wait([task, stop], return_when=asyncio.FIRST_COMPLETED)
        return task.result() if task.done() else None
    finally:
        task.cancel()
