"""All reflectors, and what is said when one of them cannot do its work.

A reflector that fails never ends another one. Of a namespace that is listed and cannot be watched there is one warning,
which says what to do; the other namespaces go on.
"""

import asyncio
import logging
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from box_app_operator.cache.cluster import Store
from box_app_operator.errors import ForbiddenError, TransientError
from box_app_operator.watch.reflector import Reflector

logger = logging.getLogger(__name__)

Report = Callable[[TransientError | None], None]
Make = Callable[[str, str | None, Report], Reflector[Any]]
"""Builds a reflector for one kind, in one namespace or, with None, everywhere."""


class Trouble:
    """What is wrong in one place, said once: when it begins, when it changes, and when it has ended."""

    def __init__(self, where: str, describe: Callable[[TransientError], str], over: Callable[[], None]) -> None:
        """``over`` is called when nothing is wrong any more."""
        self._where = where
        self._describe = describe
        self._over = over
        self._failing: dict[str, TransientError] = {}
        self._said: str | None = None

    def report(self, kind: str, error: TransientError | None) -> None:
        """A reflector failed, or works again."""
        if error is None:
            self._failing.pop(kind, None)
            if not self._failing and self._said is not None:
                self._said = None
                logger.info("%s watched again", self._where)
                self._over()
            return
        self._failing[kind] = error
        text = self._describe(error)
        if text != self._said:
            self._said = text
            logger.warning("%s", text)


@dataclass(frozen=True, slots=True)
class Reflectors:
    """The reflectors of one namespace."""

    apps: Reflector[Any]
    secrets: Reflector[Any]

    async def tried(self) -> None:
        """Wait until everything was listed, or it is known that it cannot be for now."""
        await self.apps.tried.wait()
        if self.apps.listed.is_set():
            await self.secrets.tried.wait()


class Watches:
    """Everything that is followed without Kopf, and the first list of what Kopf follows.

    Kopf watches BoxEnterprises, and BoxCustomApps where no namespaces are listed. Where they are, BoxCustomApps are
    watched here, since Kopf ends the process when it cannot watch one of its namespaces.

    Attributes:
        started: is set once everything was listed, or cannot be for now: from then on objects are worked upon.
    """

    def __init__(
        self,
        make: Make,
        namespaces: tuple[str, ...],
        known: Store,
        start: Callable[[], None],
        begin: Callable[[str | None], None],
        recovered: Callable[[], None],
    ) -> None:
        """``start`` is called once everything was listed, or cannot be for now. After that ``begin`` is called for each
        namespace whose objects were all listed, or once with None for the whole cluster. ``recovered`` is called when
        something can be watched again that could not be for a while."""
        self.started = asyncio.Event()
        self._known = known
        self._start = start
        self._begin = begin
        self._recovered = recovered
        self._enterprises = self._cluster_wide(make, "BoxEnterprise")
        self._namespaces = self._cluster_wide(make, "Namespace")
        self._everywhere = (
            None
            if namespaces
            else Reflectors(apps=self._cluster_wide(make, "BoxCustomApp"), secrets=self._cluster_wide(make, "Secret"))
        )
        self._listed = {name: self._of(make, name) for name in namespaces}

    def _cluster_wide(self, make: Make, kind: str) -> Reflector[Any]:
        trouble = Trouble(f"{kind}s are", lambda error: _about_kind(kind, error), self._recovered)
        return make(kind, None, lambda error: trouble.report(kind, error))

    def _of(self, make: Make, name: str) -> Reflectors:
        trouble = Trouble(
            f"Namespace {name} is", lambda error: _about_namespace(name, self._known, error), self._recovered
        )
        return Reflectors(
            apps=make("BoxCustomApp", name, lambda error: trouble.report("BoxCustomApp", error)),
            secrets=make("Secret", name, lambda error: trouble.report("Secret", error)),
        )

    def poke(self, namespace: str) -> None:
        """Something changed about a namespace: what could not be watched in it is tried again at once."""
        reflectors = self._listed.get(namespace)
        if reflectors is not None:
            reflectors.apps.poke()
            reflectors.secrets.poke()

    async def run(self) -> None:
        """Follow everything until cancelled."""
        async with asyncio.TaskGroup() as group:
            await self._enterprises.list_once()
            group.create_task(self._namespaces.run(), name="Namespaces")
            if self._everywhere is not None:
                await self._everywhere.apps.list_once()
                group.create_task(self._everywhere.secrets.run(), name="Secrets")
                await self._everywhere.secrets.listed.wait()
            for name, reflectors in self._listed.items():
                group.create_task(reflectors.apps.run(), name=f"BoxCustomApps of {name}")
                group.create_task(_run_after(reflectors.apps, reflectors.secrets), name=f"Secrets of {name}")
            await self._namespaces.listed.wait()
            for reflectors in self._listed.values():
                await reflectors.tried()
            self._start()
            self.started.set()
            if self._everywhere is not None:
                self._begin(None)
            for name, reflectors in self._listed.items():
                group.create_task(self._begin_in(name, reflectors), name=f"beginning in {name}")

    async def _begin_in(self, name: str, reflectors: Reflectors) -> None:
        await reflectors.apps.listed.wait()
        await reflectors.secrets.listed.wait()
        self._begin(name)


async def _run_after(first: Reflector[Any], then: Reflector[Any]) -> None:
    """Which Secrets matter is known once the apps are."""
    await first.listed.wait()
    await then.run()


def _about_kind(kind: str, error: TransientError) -> str:
    if isinstance(error, ForbiddenError):
        return f"{kind}s cannot be watched: {error.message}. Run helm upgrade, which gives the operator its rights"
    return f"{kind}s cannot be watched: {error.message}"


def _about_namespace(name: str, known: Store, error: TransientError) -> str:
    beside = "Other namespaces are not affected"
    if name not in known.namespaces:
        return (
            f"Namespace {name} is in watchNamespaces and does not exist. Create it and run helm upgrade, which gives "
            "the "
            f"operator its Role there. Or remove it from watchNamespaces. {beside}"
        )
    if known.is_terminating(name):
        return f"Namespace {name} is being deleted. {beside}"
    if isinstance(error, ForbiddenError):
        return (
            f"Namespace {name} cannot be watched: {error.message}. Run helm upgrade, which creates the operator's Role "
            f"and RoleBinding there, or remove it from watchNamespaces. {beside}"
        )
    return f"Namespace {name} cannot be watched: {error.message}. {beside}"
