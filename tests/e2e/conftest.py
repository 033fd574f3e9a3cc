"""The product on each control plane, and what must hold after every test.

``tests/planes.py`` says which test runs on which of them; the last lines of the run say which ran, and why one did not.
"""

import contextlib
import itertools
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import pytest
from tests.e2e.aftermath import Aftermath, clear_cluster
from tests.planes import GENERAL, planes_for, ran, used
from tests.rights import made_use_of

from controlplane import Unavailable
from playground import Cluster, Playground, embedded_cluster, real_cluster
from playground.chart.pod import why_no_pods
from playground.proxies.fault_proxy import FaultProxy

AUTO_APPROVE = ("--auto-approve", "0", "--rate-limit", "100000")
"""Flags of a Box whose admin approves at once."""
QUICK = {
    "BOX_APP_OPERATOR_LOG_FORMAT": "plain",
    "BOX_APP_OPERATOR_LOG_LEVEL": "DEBUG",
    "BOX_APP_OPERATOR_STATUS_PAUSE": "100ms",
    "BOX_APP_OPERATOR_RESTART_WINDOW": "3s",
    "BOX_APP_OPERATOR_ROTATION_PAUSE": "500ms",
    "BOX_APP_OPERATOR_SWEEP_INTERVAL": "1s",
    "BOX_APP_OPERATOR_OUTAGE_GRACE": "1s",
    # No test but those of silence waits for it, and a slow machine must not be taken for a silent Box.
    "BOX_APP_OPERATOR_BOX_TIMEOUT": "20s",
    "BOX_APP_OPERATOR_BOX_WAIT": "5s",
    "BOX_APP_OPERATOR_BACKOFF_BASE": "100ms",
    "BOX_APP_OPERATOR_BACKOFF_CAP": "1s",
}
"""Time, shortened by configuration."""

_numbers = itertools.count(1)
_listed: list[str] = []
"""The namespaces that the operator watches on the plane ``namespaced``: those that the module's tests will ask for."""
_free: list[str] = []
_turns: list[tuple[str, int]] = []
"""Which plane had the real control plane from which offset of its audit log on."""
_real: list[Cluster] = []


class NamespacedCluster(Cluster):
    """The real control plane, for operators that watch the namespaces of one module's tests and no others."""

    @property
    def namespaces(self) -> tuple[str, ...]:  # type: ignore[override]
        """Those of the module that runs."""
        return tuple(_listed)


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Run every test that needs a cluster on the planes that are meant for it.

    A module says in ``PLANES`` which it can run on, when these are not all, and in ``ALSO_ON`` which can differ for it.
    One that needs ``users_me`` runs once more on the imitation, with a Box that does not say whose an App Token is: for
    that the control plane makes no difference.
    """
    if "cluster" in metafunc.fixturenames:
        marks = [plane for mark in metafunc.definition.iter_markers("also_on") for plane in mark.args]
        also_on = {*getattr(metafunc.module, "ALSO_ON", ()), *marks}
        planes = planes_for(getattr(metafunc.module, "PLANES", GENERAL), also_on)
        if "users_me" not in metafunc.fixturenames:
            metafunc.parametrize("cluster", planes, indirect=True, scope="session")
            return
        ways = [pytest.param(plane, True, id=plane) for plane in planes]
        ways += [pytest.param(plane, False, id=f"{plane}-no-users-me") for plane in planes_for(("embedded",), ())]
        metafunc.parametrize(("cluster", "users_me"), ways, indirect=True, scope="session")


def _plane_of(item: pytest.Item) -> str | None:
    return item.callspec.params.get("cluster") if hasattr(item, "callspec") else None


@pytest.hookimpl(tryfirst=True)
def pytest_runtest_setup(item: pytest.Item) -> None:
    """Before a module begins on a plane: name its namespaces, and note whose turn it is in the audit log."""
    plane, module = _plane_of(item), getattr(item, "module", None)
    if plane not in ("real", "namespaced"):
        return
    if not _turns or _turns[-1][0] != plane:
        _turns.append((plane, _real[0].audit_size() if _real else 0))
    mine = [each for each in item.session.items if _plane_of(each) == plane and getattr(each, "module", None) is module]
    if plane == "namespaced" and item is mine[0]:
        wanting = [name for each in mine for name in ("ns", "other_ns") if name in each.fixturenames]
        _listed[:] = [f"team-{next(_numbers)}" for _ in wanting]
        _free[:] = _listed


def _say(text: str) -> None:
    sys.__stderr__.write(f"{text}\n") if sys.__stderr__ else None


@pytest.fixture(scope="session")
def embedded() -> Iterator[Cluster]:
    """The imitation, for the whole run."""
    with embedded_cluster() as cluster:
        ran["embedded"] = "ran"
        yield cluster


@pytest.fixture(scope="session")
def real() -> Iterator[Cluster]:
    """A real control plane, for the whole run: the one that tests of another folder have started, if they have."""
    if _real:
        yield _real[0]
        return
    with real_or_skip() as cluster:
        ran["real"] = f"ran ({cluster.name}); {_clothes()}"
        _real.append(cluster)
        yield cluster
        _note_rights(cluster)


@contextlib.contextmanager
def real_or_skip() -> Iterator[Cluster]:
    """Another real control plane; where there is none the tests are skipped, unless it is asked for."""
    try:
        with real_cluster(_say) as cluster:
            ran.setdefault("real", f"ran ({cluster.name})")
            yield cluster
    except Unavailable as error:
        ran.setdefault("real", f"did not run. {error}")
        if os.environ.get("CLUSTER") == "real" or (os.environ.get("CI") and shutil.which("go")):
            raise
        pytest.skip("there is no real control plane; the last lines of the run say why")


def _clothes() -> str:
    """How operators are started there, for the last lines of the run."""
    reason = why_no_pods()
    return f"operators with a kubeconfig: {reason}" if reason else "operators in a pod's clothes"


def _note_rights(cluster: Cluster) -> None:
    """Keep what the operator made use of, for the end of the whole run."""
    ends = [offset for _, offset in _turns[1:]] + [cluster.audit_size()]
    # A control plane may be there without any test having had its turn on it.
    for (plane, start), end in zip(_turns, ends, strict=False):
        used[plane] |= made_use_of(cluster.audit(start, end))


@pytest.fixture(scope="session")
def namespaced(real: Cluster) -> Cluster:
    """The same, for an operator that watches a list of namespaces."""
    ran["namespaced"] = ran["real"]
    name = f"{real.name}, namespaces listed"
    return NamespacedCluster(name, real.kubeconfig, real.audit_log, real.plane, real.client)


@pytest.fixture(scope="session")
def cluster(request: pytest.FixtureRequest) -> Cluster:
    """The control plane that the test was asked to run on."""
    return request.getfixturevalue(request.param)


@pytest.fixture(scope="session")
def users_me(request: pytest.FixtureRequest) -> bool:
    """May App Tokens ask Box whose they are? Box does not say, so tests of their proof run both ways."""
    return request.param


@dataclass
class Stage:
    """A playground with an operator, shared by the tests of one module, and the flags of its sandbox."""

    play: Playground
    aftermath: Aftermath = field(init=False)

    def __post_init__(self) -> None:
        self.aftermath = Aftermath(self.play)


@pytest.fixture(scope="module")
def box_flags(request: pytest.FixtureRequest) -> tuple[str, ...]:
    """Flags of the sandbox; a module may have its own in ``BOX_FLAGS``."""
    return getattr(request.module, "BOX_FLAGS", ("--taken-name", "Taken Name", "--rate-limit", "100000"))


@pytest.fixture(scope="module")
def settings(request: pytest.FixtureRequest) -> dict[str, str]:
    """Settings of the operator; a module may have its own in ``SETTINGS``."""
    return getattr(request.module, "SETTINGS", QUICK)


@pytest.fixture(scope="module")
def proxy() -> FaultProxy | None:
    """What stands between operator and API server; a module that orders faults there has one."""
    return None


@contextlib.contextmanager
def staged(cluster: Cluster, flags: tuple[str, ...], proxy: FaultProxy | None = None) -> Iterator[Stage]:
    """Box, and whatever operator and enterprise the module then starts; afterwards nothing of it is left."""
    with Playground(cluster, flags, proxy=proxy) as play:
        stage = Stage(play)
        yield stage
        play.stop_operator()
        stage.aftermath.check_no_leaks()
        clear_cluster(cluster)


@pytest.fixture(scope="module")
def stage(
    cluster: Cluster, box_flags: tuple[str, ...], settings: dict[str, str], proxy: FaultProxy | None
) -> Iterator[Stage]:
    """Box, operator and the enterprise "default", for one module."""
    with staged(cluster, box_flags, proxy) as stage:
        stage.play.start_operator(**settings)
        stage.play.enterprise()
        yield stage


@pytest.fixture
def play(stage: Stage) -> Iterator[Playground]:
    """The playground; after the test everything that the operator wrote and said is checked."""
    stage.aftermath.begin()
    yield stage.play
    stage.play.box.fault()
    if stage.play.proxy is not None:
        stage.play.proxy.clear()
    stage.aftermath.check()


def other_operator(*flags: str, **settings: str) -> Any:
    """A fixture of a module's own: an operator with these flags and settings, and the usual one again afterwards."""

    @pytest.fixture
    def other(play: Playground) -> Iterator[None]:
        play.operator.stop()
        play.start_operator(*flags, **QUICK | settings)
        yield
        play.operator.stop()
        play.start_operator(**QUICK)

    return other


@pytest.fixture
def operator_runs(play: Playground) -> Iterator[None]:
    """Whatever happens in a test that kills or stops the operator, what follows finds one that runs."""
    yield
    try:
        play.operator.check()
    except RuntimeError:
        play.operator.start()


def _new_namespace(play: Playground) -> str:
    listed = isinstance(play.cluster, NamespacedCluster)
    return play.namespace(_free.pop(0) if listed else f"team-{next(_numbers)}")


@pytest.fixture
def ns(play: Playground) -> str:
    """A namespace of its own for one test."""
    return _new_namespace(play)


@pytest.fixture
def other_ns(play: Playground) -> str:
    """Another one, in which the operator works too."""
    return _new_namespace(play)
