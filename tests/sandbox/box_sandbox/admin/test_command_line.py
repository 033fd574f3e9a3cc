"""``box-sandbox`` as people run it: a server process with its state in a file, and commands beside it."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from tests.sandbox.world import ADMIN, APPS, CONSOLE

COMMAND = (sys.executable, "-m", "box_sandbox")
SECONDS = 300


def environment(url: str = "", admin: str = ADMIN) -> dict[str, str]:
    """How the sandbox and its commands are told the credentials."""
    names = {"CONSOLE_TOKEN": CONSOLE, "ADMIN_TOKEN": admin, **({"URL": url} if url else {})}
    return {**os.environ, **{f"BOX_SANDBOX_{name}": value for name, value in names.items()}}


class Process:
    """A sandbox in a process of its own."""

    def __init__(self, *flags: str) -> None:
        command = (*COMMAND, "serve", "--port", "0", *flags)
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True, env=environment())
        # Whatever goes wrong, nobody waits for its first line for ever.
        self._limit = threading.Timer(SECONDS, self._process.kill)
        self._limit.start()
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()

    def call(self, method: str, path: str, status: int, *, bearer: str = ADMIN, **arguments: Any) -> Any:
        """Call, expect this status, and return the body."""
        headers = {"Authorization": f"Bearer {bearer}", "Idempotency-Key": "key"}
        response = httpx.request(method, self.url + path, headers=headers, timeout=60, **arguments)
        assert response.status_code == status, (response.status_code, response.text)
        return response.json() if response.content else None

    def run(self, *arguments: str, admin: str = ADMIN) -> subprocess.CompletedProcess[str]:
        """Run a command against it."""
        return run(*arguments, url=self.url, admin=admin)

    def stop(self) -> None:
        """Stop as Ctrl-C in a terminal or a supervisor would."""
        self._limit.cancel()
        self._process.terminate()
        try:
            self._process.wait(60)
        finally:
            self._process.kill()
            self._process.wait()
            assert self._process.stdout is not None
            self._process.stdout.close()

    def kill(self) -> None:
        """Let it crash."""
        self._process.kill()
        self.stop()


def run(*arguments: str, url: str = "", admin: str = ADMIN) -> subprocess.CompletedProcess[str]:
    """Run a command to its end."""
    command = (*COMMAND, *arguments)
    known = environment(url, admin)
    return subprocess.run(command, env=known, capture_output=True, text=True, timeout=SECONDS, check=False)


Start = Callable[..., Process]


@pytest.fixture
def start() -> Iterator[Start]:
    """Start sandboxes; they stop with the test."""
    running: list[Process] = []

    def begin(*flags: str) -> Process:
        running.append(Process(*flags))
        return running[-1]

    yield begin
    for each in running:
        each.stop()


def test_the_admin_decides_by_name_id_or_client_id(start: Start) -> None:
    """Each command says what became of the app, and ``list`` shows it, with the fingerprint for the token."""
    box = start()
    app = box.call("POST", APPS, 201, json={"name": "Invoice Viewer"})

    for command, handle, told in (
        ("approve", "Invoice Viewer", "Invoice Viewer: authorized, enabled"),
        ("disable", app["id"], "Invoice Viewer: authorized, disabled"),
        ("enable", app["client_id"], "Invoice Viewer: authorized, enabled"),
        ("require-reauthorization", app["id"], "Invoice Viewer: reauthorization_required, enabled"),
        ("decline", "Invoice Viewer", "Invoice Viewer: declined, disabled"),
    ):
        done = box.run(command, handle)
        assert (done.returncode, done.stdout.strip(), done.stderr) == (0, told, "")

    box.run("approve", app["id"])
    token = box.call("POST", f"{APPS}/{app['id']}/tokens/primary", 201, json={"expires_in_days": 30})["token"]
    listed = box.run("list")
    header, row = listed.stdout.splitlines()
    assert re.split(r" {2,}", header)[:3] == ["ID", "NAME", "CLIENT ID"]
    shown = box.call("GET", f"{APPS}/{app['id']}", 200)["tokens"]["primary"]["fingerprint"]
    told = [app["id"], "Invoice Viewer", app["client_id"], "authorized", shown, "-", "-", "app-token", "1234567"]
    assert re.split(r" {2,}", row) == told
    assert token not in listed.stdout


def test_an_unknown_app_is_named(start: Start) -> None:
    """Exit code 1 and one line that says how to find out."""
    done = start().run("approve", "Nobody")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "Error: There is no app 'Nobody'; `box-sandbox list` shows all\n"


def test_a_wrong_credential_is_refused(start: Start) -> None:
    """Exit code 1, one line, and the credential is not repeated; the console's credential is a wrong one, too."""
    box = start()
    box.call("POST", APPS, 201, json={"name": "Viewer"})

    for command in (("list",), ("approve", "Viewer")):
        for admin in ("wrong-credential", CONSOLE):
            done = box.run(*command, admin=admin)
            assert (done.returncode, done.stderr) == (1, "Error: The sandbox refuses: Unauthorized (401)\n")


@pytest.mark.parametrize("command", [("list",), ("approve", "Viewer"), ("decline", "Viewer")])
def test_no_server_is_one_line(command: tuple[str, ...]) -> None:
    """Exit code 1, and no traceback, when nobody listens."""
    done = run(*command, url="http://127.0.0.1:1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("Error: The sandbox at http://127.0.0.1:1/")
    assert len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        ("serve", "--port", "none"),
        ("serve", "--auto-approve", "soon"),
        ("serve", "--access-token-seconds", "0"),
        ("approve",),
        ("generate-key", "Viewer", "third"),
        ("generate-key", "Viewer", "primary", "--expires", "31"),
        ("set-cors", "Viewer"),
        ("create-app",),
        ("unknown",),
    ],
)
def test_a_wrong_command_line_is_explained(arguments: tuple[str, ...]) -> None:
    """Exit code 2 and the usage."""
    done = run(*arguments)
    assert done.returncode == 2
    assert "Usage: box-sandbox" in done.stderr


def test_the_credentials_are_required() -> None:
    """Exit code 2 without them, naming what is missing."""
    plain = {name: value for name, value in os.environ.items() if not name.startswith("BOX_SANDBOX_")}
    command = (*COMMAND, "serve")
    done = subprocess.run(command, env=plain, capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 2
    assert "--console-token" in done.stderr


@pytest.mark.parametrize("end", ["stop", "kill"])
def test_the_state_outlives_a_restart(start: Start, tmp_path: Path, end: str) -> None:
    """Apps, keys, tokens, content, cursors and revisions are what they were, after a stop and after a crash."""
    flags = ("--state", str(tmp_path / "box.sqlite"), "--reveal-issued-tokens")
    box = start(*flags)
    app = box.call("POST", APPS, 201, json={"name": "Viewer", "reference": "ns/viewer/uid"})
    path = f"{APPS}/{app['id']}"
    box.call("POST", f"{path}/authorization/decision", 200, json={"decision": "authorize"})
    token, dead = (
        box.call("POST", f"{path}/tokens/{slot}", 201, json={"expires_in_days": None})["token"]
        for slot in ("primary", "secondary")
    )
    box.call("DELETE", f"{path}/tokens/secondary", 204)
    folder = box.call("POST", "/2.0/folders", 201, bearer=token, json={"name": "Old", "parent": {"id": "0"}})
    cursor = box.call("GET", APPS, 200)["cursor"]
    before = box.call("PUT", f"{path}/cors_domains", 200, json={"domains": ["https://a.com"]})
    getattr(box, end)()

    box = start(*flags)
    assert box.call("GET", path, 200) == before
    assert box.call("POST", APPS, 200, json={"name": "Viewer"})["id"] == app["id"]
    assert box.call("GET", "/2.0/users/me", 200, bearer=token)["login"] == app["service_account"]["login"]
    box.call("GET", "/2.0/users/me", 401, bearer=dead)
    changed = box.call("GET", f"{APPS}?changed_since={cursor}", 200)
    assert [each["revision"] for each in changed["entries"]] == [before["revision"]]
    new = box.call("POST", "/2.0/folders", 201, bearer=token, json={"name": "New", "parent": {"id": "0"}})
    assert int(new["id"]) > int(folder["id"])
    after = box.call("PATCH", path, 200, json={"name": "Renamed"})
    assert after["revision"] > before["revision"]


def test_no_token_is_in_the_state_file(start: Start, tmp_path: Path) -> None:
    """The file holds hashes only."""
    box = start("--state", str(tmp_path / "box.sqlite"))
    app = box.call("POST", APPS, 201, json={"name": "Viewer"})
    box.run("approve", "Viewer")
    path = f"{APPS}/{app['id']}/tokens/primary"
    token = box.call("POST", path, 201, json={"expires_in_days": 30})["token"]
    box.stop()
    kept = b"".join(file.read_bytes() for file in tmp_path.iterdir())
    assert app["client_id"].encode() in kept
    assert token.encode() not in kept


def test_apps_are_approved_by_themselves(start: Start, tmp_path: Path) -> None:
    """``--auto-approve``: at once with 0, after a while otherwise, and also when a restart lies between."""
    at_once = start("--auto-approve", "0")
    app = at_once.call("POST", APPS, 201, json={"name": "Viewer"})
    assert app["authorization"]["state"] == "not_submitted"
    submitted = at_once.call("POST", f"{APPS}/{app['id']}/authorization", 202)
    assert submitted["authorization"]["state"] == "authorized"

    state = ("--state", str(tmp_path / "box.sqlite"))
    never = start(*state)
    app = never.call("POST", APPS, 201, json={"name": "Viewer"})
    never.call("POST", f"{APPS}/{app['id']}/authorization", 202)
    cursor = never.call("GET", APPS, 200)["cursor"]
    never.stop()
    later = start(*state, "--auto-approve", "0.2")
    (decided,) = later.call("GET", f"{APPS}?changed_since={cursor}&wait=10", 200)["entries"]
    assert (decided["authorization"]["state"], decided["authorization"]["enabled"]) == ("authorized", True)


def test_taken_names_and_the_rate_limit_are_told_at_the_start(start: Start) -> None:
    """``--taken-name`` and ``--rate-limit``."""
    box = start("--taken-name", "Taken", "--rate-limit", "2")
    box.call("POST", APPS, 409, bearer=CONSOLE, json={"name": "taken"})
    box.call("GET", APPS, 200, bearer=CONSOLE)
    box.call("GET", APPS, 429, bearer=CONSOLE)


def test_the_script_is_installed() -> None:
    """``box-sandbox`` is on the path of the environment, and names its commands."""
    script = Path(sys.executable).parent / "box-sandbox"
    done = subprocess.run((script, "--help"), capture_output=True, text=True, timeout=SECONDS, check=False)
    assert done.returncode == 0
    for command in ("serve", "approve", "decline", "enable", "disable", "require-reauthorization", "list"):
        assert command in done.stdout
