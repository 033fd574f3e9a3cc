"""Two replicas, of which one works: the other takes over in time, and a leader that is none any more does nothing."""

import itertools
import os
import re
import signal
import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from tests.e2e.commands import operator, outside
from tests.e2e.conftest import QUICK
from tests.e2e.pace import crowding
from tests.e2e.story import approve, await_one_token, box_app, make_ready

from controlplane.process import Process
from playground import Playground
from playground.cluster import NAMESPACE
from playground.output import await_line, launch, until

TAKEOVER_SECONDS = 15.0
LEASE_LOST = 3
LEASE = f"/apis/coordination.k8s.io/v1/namespaces/{NAMESPACE}/leases/box-app-operator"
CALM = {"BOX_APP_OPERATOR_LEASE_DURATION": "30s"}
"""Long enough that a busy machine comes round in the third of it that lies between an end and a beginning."""


_numbers = itertools.count(1)


class Wire:
    """A way to the API server that can be cut: then nothing gets through, and nobody is told."""

    def __init__(self, server: str) -> None:
        target = urlsplit(server)
        self._target = (target.hostname, target.port)
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open = threading.Event()
        self._open.set()
        self._sockets: list[socket.socket] = [self._listener]
        self.url = f"{target.scheme}://127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._accept, daemon=True).start()

    def cut(self) -> None:
        """From now on bytes disappear."""
        self._open.clear()

    def close(self) -> None:
        """Close every connection."""
        self._open.set()
        for each in self._sockets:
            each.close()

    def _accept(self) -> None:
        while True:
            try:
                near, _ = self._listener.accept()
                far = socket.create_connection(self._target)
            except OSError:
                return
            self._sockets += [near, far]
            for source, sink in ((near, far), (far, near)):
                threading.Thread(target=self._carry, args=(source, sink), daemon=True).start()

    def _carry(self, source: socket.socket, sink: socket.socket) -> None:
        try:
            while data := source.recv(65536):
                self._open.wait()
                sink.sendall(data)
        except OSError:
            pass
        for each in (source, sink):
            each.close()


class Replicas:
    """Operators that stand for the same Lease."""

    def __init__(self, play: Playground) -> None:
        self._play = play
        self._started: list[Process] = []

    def start(self, name: str, server: str | None = None, **settings: str) -> Process:
        """Start one more; ``server`` is another way to the API server."""
        # Logs are appended to: one that another test left would answer for this one.
        name = f"{name}-{next(_numbers)}"
        settings = {**QUICK, **settings}
        process = self._in_pod(name, server, settings) if self._play.in_pod else self._outside(name, server, settings)
        self._started.append(process)
        launch(process)
        await_line(process, "Probes are on port")
        return process

    def pair(self, server: str | None = None, **settings: str) -> tuple[Process, Process]:
        """A leader, with another way to the API server if one is given, and whoever stands by."""
        leader = self.start("leader", server, **settings)
        await_line(leader, "Acquired Lease")
        standby = self.start("standby", **settings)
        await_line(standby, "Standing by")
        return leader, standby

    def _in_pod(self, name: str, server: str | None, settings: dict[str, str]) -> Process:
        """It finds everything out by itself: where the API server is, and the namespace of the Lease."""
        port = {"KUBERNETES_SERVICE_PORT": str(urlsplit(server).port)} if server else {}
        return self._play.operator_process(name, "--leader-elect", **settings, **port)

    def _outside(self, name: str, server: str | None, settings: dict[str, str]) -> Process:
        listed = self._play.cluster.namespaces
        flags = ("--leader-elect", f"--lease-namespace={NAMESPACE}")
        flags += (f"--namespaces={','.join(listed)}",) if listed else ()
        return outside(self._play, name, flags, {"server": server or self._play.cluster.url}, **settings)

    def stop(self) -> None:
        """Stop them all."""
        for process in self._started:
            if process.pid is not None and process.ended() is None:
                os.kill(process.pid, signal.SIGCONT)
            process.stop()


@pytest.fixture
def replicas(play: Playground) -> Iterator[Replicas]:
    """Replicas in place of the module's operator."""
    play.operator.stop()
    play.cluster.delete(LEASE)
    replicas = Replicas(play)
    yield replicas
    replicas.stop()
    play.operator.start()


@pytest.fixture
def wire(play: Playground) -> Iterator[Wire]:
    """A way to the API server that can be cut."""
    wire = Wire(play.cluster.url)
    yield wire
    wire.close()


def probe(process: Process, path: str) -> int:
    """The status that a replica answers to a probe with."""
    port = re.findall(r"Probes are on port (\d+)", process.log.read_text())[-1]
    return httpx.get(f"http://127.0.0.1:{port}{path}").status_code


@pytest.mark.also_on("namespaced")
def test_the_standby_is_ready_and_does_nothing(play: Playground, ns: str, replicas: Replicas) -> None:
    """Only the leader works; the other one waits, alive and ready, and calls nobody."""
    leader, standby = replicas.pair(**CALM)

    make_ready(play, ns)

    assert f"{ns}/viewer" in leader.log.read_text()
    assert f"{ns}/viewer" not in standby.log.read_text()
    assert [probe(standby, path) for path in ("/healthz", "/readyz")] == [200, 200]


def test_the_standby_takes_over_when_the_leader_is_killed(play: Playground, ns: str, replicas: Replicas) -> None:
    """Within 15 seconds of a SIGKILL the other one works, with the usual lease; a busy machine is given more time."""
    leader, _ = replicas.pair()
    play.app(ns, "viewer")
    play.await_condition(ns, "viewer", "PendingApproval")

    leader.kill()
    killed_at, before = time.monotonic(), crowding()
    play.box.decide(f"{ns} viewer", "authorize")

    play.await_condition(ns, "viewer", "Ready", seconds=TAKEOVER_SECONDS)
    assert time.monotonic() - killed_at < TAKEOVER_SECONDS * max(before, crowding())
    await_one_token(play, ns)


@pytest.mark.also_on("namespaced")
def test_a_leader_that_is_told_to_stop_gives_the_lease_back(play: Playground, ns: str, replicas: Replicas) -> None:
    """A rolling update does not wait for the lease to end."""
    leader = replicas.start("leader", BOX_APP_OPERATOR_LEASE_DURATION="1h")
    await_line(leader, "Acquired Lease")
    # One that looks more often than once in ten minutes.
    standby = replicas.start("standby", **CALM)

    leader.stop()

    await_line(standby, "Acquired Lease")
    make_ready(play, ns)


def test_a_leader_that_is_cut_off_ends_before_its_successor_begins(
    play: Playground, ns: str, replicas: Replicas, wire: Wire
) -> None:
    """With the way to the API server cut, and Box in reach: the process ends by itself, and calls Box no more."""
    leader, standby = replicas.pair(wire.url, **CALM)
    make_ready(play, ns)

    wire.cut()
    await_line(standby, "Acquired Lease")

    # A process that has ended makes no call.
    assert leader.ended() == LEASE_LOST
    assert "Lost the Lease" in leader.log.read_text()
    approve_another(play, ns)


def test_a_frozen_leader_does_nothing_when_it_wakes(play: Playground, ns: str, replicas: Replicas) -> None:
    """Stopped for longer than the lease, with news from Box waiting for it: not one call when it goes on."""
    slow = CALM | {"BOX_APP_OPERATOR_BOX_WAIT": "60s", "BOX_APP_OPERATOR_SWEEP_INTERVAL": "60s"}
    leader, standby = replicas.pair(**slow)
    make_ready(play, ns)

    os.kill(leader.pid or 0, signal.SIGSTOP)
    approve_another(play, ns)
    await_line(standby, "Acquired Lease")
    # Nobody's call to Box is on its way then but the two looks that block.
    until(lambda: sum("status" not in each for each in play.box.requests()) <= 2, 20, "the new leader to wait for news")
    # From here on nobody but the former leader could make a call.
    os.kill(standby.pid or 0, signal.SIGSTOP)
    mark = play.box.mark()
    os.kill(leader.pid or 0, signal.SIGCONT)
    until(lambda: leader.ended() is not None, 10, "the former leader to end")

    assert play.box.requests(mark) == []
    assert leader.ended() == LEASE_LOST


def approve_another(play: Playground, ns: str) -> None:
    """Whoever leads now works."""
    play.app(ns, "another")
    approve(play, ns, "another")
    assert box_app(play, ns, "another")["tokens"]["primary"] is not None


def test_outside_of_a_pod_the_lease_needs_a_namespace(play: Playground, tmp_path: Path) -> None:
    """One line that says what to give."""
    kubeconfig = play.cluster.kubeconfig_of_operator(tmp_path)

    done = operator("run", "--leader-elect", f"--kubeconfig={kubeconfig}", "--health-address=127.0.0.1:0")

    assert done.returncode == 1
    assert "--lease-namespace" in done.stderr
