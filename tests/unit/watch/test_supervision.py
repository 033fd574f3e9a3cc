"""What is said of places that cannot be watched, and when work begins."""

import asyncio
from collections.abc import Callable
from typing import Any

import pytest
from tests.fakes.link import rest

from box_app_operator.errors import ForbiddenError, TransientError
from box_app_operator.watch.supervision import Watches

CUT = TransientError("KubernetesUnavailable", "no answer")
REFUSED = ForbiddenError("KubernetesUnavailable", "GET secrets answered 403 Forbidden")
Report = Callable[[TransientError | None], None]


class FakeReflector:
    """Does what the test says."""

    def __init__(self, report: Report) -> None:
        self.report = report
        self.listed, self.tried = asyncio.Event(), asyncio.Event()
        self.pokes = 0
        self.ran = asyncio.Event()

    async def run(self) -> None:
        """Run for ever."""
        self.ran.set()
        await asyncio.Event().wait()

    async def list_once(self) -> None:
        """Wait until the test says that it was listed."""
        await self.listed.wait()

    def poke(self) -> None:
        """Count it."""
        self.pokes += 1

    def succeed(self) -> None:
        """Everything was listed."""
        self.listed.set()
        self.tried.set()


class Namespaces:
    """The namespaces that are known."""

    def __init__(self, *names: str) -> None:
        self.namespaces, self.terminating = set(names), set[str]()

    def is_terminating(self, namespace: str) -> bool:
        """Is it being deleted?"""
        return namespace in self.terminating


class Stage:
    """Watches over fake reflectors, and what began."""

    def __init__(self, *listed: str, known: Namespaces | None = None) -> None:
        self.made: dict[tuple[str, str | None], FakeReflector] = {}
        self.begun: list[str | None] = []
        self.starts = self.recoveries = 0
        self.known = known or Namespaces(*listed)
        self.watches = Watches(self._make, listed, self.known, self._start, self.begun.append, self._recover)

    def _start(self) -> None:
        assert not self.begun, "it comes before the first beginning"
        self.starts += 1

    def _recover(self) -> None:
        self.recoveries += 1

    def _make(self, kind: str, namespace: str | None, report: Report) -> Any:
        reflector = FakeReflector(report)
        self.made[kind, namespace] = reflector
        return reflector

    def succeed(self, *places: tuple[str, str | None]) -> None:
        """These were listed."""
        for place in places:
            self.made[place].succeed()


@pytest.fixture
async def running() -> Any:
    """Starts watches, and ends them after the test."""
    tasks: list[asyncio.Task[None]] = []

    async def start(stage: Stage) -> Stage:
        tasks.append(asyncio.create_task(stage.watches.run()))
        await rest()
        return stage

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_nothing_begins_before_everything_was_listed(running: Any) -> None:
    """Enterprises and apps first, because they say which Secrets matter; then Secrets and namespaces."""
    stage = await running(Stage())
    order = [("BoxEnterprise", None), ("BoxCustomApp", None), ("Secret", None), ("Namespace", None)]
    for place in order:
        assert not stage.watches.started.is_set()
        assert stage.begun == []
        stage.succeed(place)
        await rest()

    assert stage.watches.started.is_set()
    assert (stage.starts, stage.begun) == (1, [None])
    assert not stage.made["BoxCustomApp", None].ran.is_set(), "Kopf watches them"
    assert stage.made["Secret", None].ran.is_set()


async def test_a_listed_namespace_that_cannot_be_watched_holds_up_no_other(running: Any) -> None:
    """Once it was tried the others begin, and it begins when it can be watched."""
    stage = await running(Stage("a", "b"))
    stage.succeed(("BoxEnterprise", None), ("Namespace", None), ("BoxCustomApp", "b"), ("Secret", "b"))
    await rest()
    assert not stage.watches.started.is_set(), "a was not tried yet"

    stage.made["BoxCustomApp", "a"].tried.set()
    await rest()
    assert stage.watches.started.is_set()
    assert stage.begun == ["b"]
    assert not stage.made["Secret", "a"].ran.is_set(), "which Secrets matter is not known"

    stage.succeed(("BoxCustomApp", "a"))
    await rest()
    assert stage.begun == ["b"]
    stage.succeed(("Secret", "a"))
    await rest()
    assert stage.begun == ["b", "a"]


async def test_what_is_wrong_with_a_namespace_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    """However many reflectors fail in it, and however often; and that it is over is said once, too."""
    caplog.set_level("INFO")
    stage = Stage("a", known=Namespaces())
    apps, secrets = (stage.made[kind, "a"] for kind in ("BoxCustomApp", "Secret"))
    for _ in range(3):
        apps.report(REFUSED)
        secrets.report(REFUSED)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "Namespace a is in watchNamespaces and does not exist. Create it and run helm upgrade" in caplog.text

    apps.report(None)
    assert len(caplog.records) == 1, "the other one still fails"
    secrets.report(None)
    secrets.report(None)
    assert [record.getMessage() for record in caplog.records[1:]] == ["Namespace a is watched again"]
    assert stage.recoveries == 1


@pytest.mark.parametrize(
    ("names", "terminating", "error", "words"),
    [
        ((), (), REFUSED, "does not exist. Create it and run helm upgrade"),
        (("a",), (), REFUSED, "Run helm upgrade, which creates the operator's Role and RoleBinding there"),
        (("a",), ("a",), REFUSED, "is being deleted"),
        (("a",), (), CUT, "cannot be watched: no answer"),
    ],
)
async def test_the_warning_says_what_to_do(
    names: tuple[str, ...],
    terminating: tuple[str, ...],
    error: TransientError,
    words: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """And that the other namespaces go on."""
    known = Namespaces(*names)
    known.terminating = set(terminating)
    Stage("a", known=known).made["Secret", "a"].report(error)

    assert words in caplog.text
    assert "Other namespaces are not affected" in caplog.text


async def test_a_right_that_is_missing_in_the_whole_cluster_is_said(caplog: pytest.LogCaptureFixture) -> None:
    """By kind, with the remedy."""
    stage = Stage()
    stage.made["Secret", None].report(REFUSED)
    stage.made["Secret", None].report(REFUSED)

    assert len(caplog.records) == 1
    assert "Secrets cannot be watched" in caplog.text
    assert "helm upgrade" in caplog.text


async def test_news_of_a_namespace_end_the_pause_in_it_and_nowhere_else() -> None:
    """Somebody may have created it."""
    stage = Stage("a", "b")
    stage.watches.poke("a")
    stage.watches.poke("unknown")

    assert [stage.made[kind, "a"].pokes for kind in ("BoxCustomApp", "Secret")] == [1, 1]
    assert [stage.made[kind, "b"].pokes for kind in ("BoxCustomApp", "Secret")] == [0, 0]
