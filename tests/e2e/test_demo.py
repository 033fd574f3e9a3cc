"""`make demo`, as a newcomer runs it: a process of its own, whose exit code and last table must be true."""

import hashlib
import os
import pty
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from demo.apps.story import STORY
from playground import Cluster, embedded_cluster
from playground.cluster import NAMESPACE

SECONDS, WIDTH = 300.0, 100
DEMO = ("-m", "demo")
WRONG = """
import sys
from demo.stage import main
from demo.apps.story import STORY, Part
sys.exit(main({**STORY, "invoices": Part(decision="decline", outcome="Ready")}))
"""


APPS_FIRST = """
import sys
from demo.apps import story
from demo import stage
story.ORDER = ("Namespace", "BoxCustomApp", "BoxEnterprise")
sys.exit(stage.main())
"""

_started: list[subprocess.Popen[str]] = []


@pytest.fixture(autouse=True)
def _nothing_outlives_a_test() -> Iterator[None]:
    """A test that fails half way leaves a demo running, which is ended here."""
    yield
    while _started:
        # Leaving the block closes the pipe and waits.
        with _started.pop() as process:
            if process.poll() is None:
                process.terminate()


def start(*command: str, stdin: int = subprocess.DEVNULL, **environment: str) -> subprocess.Popen[str]:
    """Start a demo in a session of its own, so that whatever it leaves behind can be found."""
    kept = {name: value for name, value in os.environ.items() if name not in ("CLUSTER", "KEEP")}
    process = subprocess.Popen(
        (sys.executable, *command),
        stdin=stdin,
        stdout=subprocess.PIPE if stdin == subprocess.DEVNULL else stdin,
        stderr=subprocess.STDOUT,
        env={**kept, **environment},
        start_new_session=True,
        text=True,
    )
    _started.append(process)
    return process


def finish(process: subprocess.Popen[str]) -> str:
    """Its output, when it has ended and nothing runs in its session any more."""
    try:
        output, _ = process.communicate(timeout=SECONDS)
    finally:
        if process.poll() is None:
            os.killpg(process.pid, signal.SIGKILL)
    assert_nothing_runs(process)
    return output


def assert_nothing_runs(process: subprocess.Popen[str]) -> None:
    """Everything that a demo started belongs to its session, and so to its process group."""
    with pytest.raises(ProcessLookupError):
        os.killpg(process.pid, 0)


def read_until(process: subprocess.Popen[str], text: str) -> str:
    """Its output up to the line with this text; the whole of it when it ends before."""
    lines = []
    assert process.stdout is not None
    for line in process.stdout:
        lines.append(line)
        if text in line:
            break
    return "".join(lines)


def rows(output: str, heading: str) -> dict[str, list[str]]:
    """The words of each row of a table, by the first."""
    table = output[output.index(heading) :].partition("\n\n")[0]
    return {line.split()[0]: line.split()[1:] for line in table.splitlines()[1:]}


def words_of_32(output: str) -> set[str]:
    """Everything that could be a token or a client id, also inside of longer words."""
    return {found[1] for found in re.finditer(r"(?=([A-Za-z0-9]{32}))", output)}


def fingerprints(words: set[str]) -> set[str]:
    """The fingerprint that each word would have, were it a token."""
    return {hashlib.sha256(word.encode()).hexdigest()[:16] for word in words}


def test_the_demo_ends_with_every_app_as_expected_and_shows_no_token() -> None:
    """Exit code 0, each app in the table with its expected end, only client ids in full, nothing left running."""
    process = start(*DEMO)
    output = finish(process)

    assert process.returncode == 0, output
    outcomes = rows(output, "APP       EXPECTED")
    assert {name: words[:3] for name, words in outcomes.items()} == {
        name: [part.outcome, "✓", part.outcome] for name, part in STORY.items()
    }
    client_ids = {words[0] for words in rows(output, "APP       CLIENT ID").values()} - {"-"}
    assert len(client_ids) == sum(not part.name_taken for part in STORY.values())
    assert words_of_32(output) == client_ids
    shown = set(re.findall("fingerprint ([0-9a-f]{16})", output))
    assert len(shown) == sum(part.outcome == "Ready" for part in STORY.values())
    assert not shown & fingerprints(words_of_32(output))
    assert "\x1b" not in output, "there are colours, and no terminal"
    assert max(len(line.rstrip()) for line in output.splitlines()) <= WIDTH
    assert "…" not in output, "something was cut short"


def test_the_demo_fails_when_an_app_does_not_end_as_expected() -> None:
    """Exit code 1, what differed, and the operator's last words; nothing left running."""
    process = start("-c", WRONG)
    output = finish(process)

    assert process.returncode == 1, output
    assert rows(output, "APP       EXPECTED")["invoices"][:3] == ["Ready", "✗", "Declined"]
    assert "invoices: expected Ready, got Declined: A Box admin declined" in output
    assert "The operator's last words:" in output
    assert "box-demo/invoices: Ready is False, Declined" in output
    assert "Every app ended as expected" not in output


def test_apps_that_come_before_their_enterprise_wait_for_it() -> None:
    """Nothing says in which order the operator sees what was applied: not having an enterprise yet is no end."""
    process = start("-c", APPS_FIRST)
    output = finish(process)

    assert process.returncode == 0, output


@pytest.mark.parametrize("moment", ["From a manifest", "Box is played", "Applied examples", "The admin approves"])
def test_an_interrupt_stops_everything_without_a_traceback(moment: str) -> None:
    """Ctrl-C reaches the whole process group, as a terminal sends it, and every process ends."""
    process = start(*DEMO)
    begun = read_until(process, moment)
    assert moment in begun

    os.killpg(process.pid, signal.SIGINT)
    output = finish(process)

    assert process.returncode == 130, output
    assert "Interrupted. Everything that was started is stopped." in output
    assert "Traceback" not in output


def test_keep_leaves_everything_running_until_the_interrupt() -> None:
    """The API server answers with the printed kubeconfig; the admin's token is in a file, not on the screen."""
    process = start(*DEMO, KEEP="1")
    output = read_until(process, "bca/crm-sync") + read_until(process, "bca/crm-sync")
    kubeconfig = Path(re.findall("export KUBECONFIG=(.*)", output)[0])
    file = Path(re.findall(r"export BOX_SANDBOX_ADMIN_TOKEN=\$\(cat (.*)\)", output)[0])

    assert file.stat().st_mode & 0o777 == 0o600
    assert file.read_text() not in output
    names = {item["metadata"]["name"] for item in apps_in(Cluster("kept", kubeconfig, kubeconfig))}
    assert names == set(STORY)

    os.killpg(process.pid, signal.SIGINT)
    finish(process)
    assert process.returncode == 0
    assert not kubeconfig.exists()
    assert not file.exists()


def apps_in(cluster: Cluster) -> list[dict[str, dict[str, str]]]:
    """All BoxCustomApps."""
    with cluster.client:
        return list(cluster.get("/apis/boxapps.dev/v1alpha1/boxcustomapps")["items"])


# A cluster of the user's own


@pytest.fixture
def own() -> Iterator[Cluster]:
    """A cluster that is there already."""
    with embedded_cluster() as cluster:
        yield cluster


def contents(cluster: Cluster) -> set[str]:
    """Names of everything that a demo could leave behind."""
    kinds = ("apiextensions.k8s.io/v1/customresourcedefinitions", "rbac.authorization.k8s.io/v1/clusterroles",
             "rbac.authorization.k8s.io/v1/clusterrolebindings")  # fmt: skip
    paths = ["/api/v1/namespaces", "/api/v1/secrets", "/api/v1/serviceaccounts", *(f"/apis/{kind}" for kind in kinds)]
    return {f"{path}/{item['metadata']['name']}" for path in paths for item in cluster.get(path)["items"]}


def play_at_a_terminal(cluster: Cluster, answer: str) -> tuple[int, str]:
    """Answer the demo's question at a terminal; returns its exit code and output."""
    ours, theirs = pty.openpty()
    process = start(*DEMO, stdin=theirs, CLUSTER="current", KUBECONFIG=str(cluster.kubeconfig), TERM="xterm")
    os.close(theirs)
    os.write(ours, answer.encode())
    output = b"".join(iter(lambda: read_terminal(ours), b""))
    os.close(ours)
    finish(process)
    return process.returncode, output.decode()


def read_terminal(terminal: int) -> bytes:
    """What comes next; nothing when everybody on the other side has gone."""
    try:
        return os.read(terminal, 65536)
    except OSError:
        return b""


def test_a_cluster_of_ones_own_is_not_touched_without_a_terminal_to_ask_at(own: Cluster) -> None:
    """Nobody can agree, so nothing begins; the message names context and server."""
    before = contents(own)
    process = start(*DEMO, CLUSTER="current", KUBECONFIG=str(own.kubeconfig))
    output = finish(process)

    assert process.returncode == 1
    assert f"context embedded at {own.url}" in output
    assert contents(own) == before


def test_a_cluster_of_ones_own_is_not_touched_after_a_no(own: Cluster) -> None:
    """Anything but yes is a no."""
    before = contents(own)

    code, output = play_at_a_terminal(own, "\n")

    assert (code, contents(own)) == (1, before)
    assert own.url in output


def test_everything_is_removed_from_a_cluster_of_ones_own(own: Cluster) -> None:
    """The demo plays there, and in the end the cluster is as it was."""
    before = contents(own)

    code, output = play_at_a_terminal(own, "y\n")

    assert code == 0, output
    assert contents(own) == before


def test_a_namespace_that_is_there_is_not_taken_over(own: Cluster) -> None:
    """What the demo has not created it must not remove, so it does not begin."""
    own.ensure({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": NAMESPACE}})
    before = contents(own)

    code, output = play_at_a_terminal(own, "y\n")

    assert (code, contents(own)) == (1, before)
    assert f"kubectl delete namespace/{NAMESPACE}" in output
