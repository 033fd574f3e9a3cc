"""A Box without a Console API as people type it, command by command, and as the playground does it."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.reconcile.people import ELSEWHERE
from tests.sandbox.box_sandbox.admin.test_command_line import Process
from tests.sandbox.world import APPS

from playground.box import Box as PlaygroundBox


@pytest.fixture
def process() -> Iterator[Process]:
    """A sandbox without a Console API, in a process of its own."""
    process = Process("--no-console", "--access-token-seconds", "60")
    yield process
    process.stop()


def said(process: Process, *arguments: str) -> str:
    """What a command that works prints."""
    done = process.run(*arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return done.stdout.strip()


def refusal(process: Process, *arguments: str) -> str:
    """What a command that is refused says."""
    done = process.run(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    return done.stderr.strip()


def test_the_commands_of_the_developer_console(process: Process) -> None:
    """An App Token app from its creation to its end; keys are all that their commands print."""
    process.call("GET", APPS, 404)
    created = said(process, "create-app", "Invoice Viewer")
    assert created.startswith("Invoice Viewer: id 1")
    assert refusal(process, "create-app", "Invoice Viewer") == "Error: The sandbox refuses: The name is taken (409)"
    early = refusal(process, "generate-key", "Invoice Viewer", "primary")
    assert early == "Error: The sandbox refuses: The app is not authorized (403)"
    assert said(process, "submit", "Invoice Viewer") == "Invoice Viewer: pending, disabled"
    assert said(process, "approve", "Invoice Viewer") == "Invoice Viewer: authorized, enabled"

    key = said(process, "generate-key", "Invoice Viewer", "primary", "--expires", "never")
    assert process.call("GET", "/2.0/users/me", 200, bearer=key)["name"] == "Invoice Viewer"
    assert "The slot holds a token" in refusal(process, "generate-key", "Invoice Viewer", "primary")
    cors = said(process, "set-cors", "Invoice Viewer", "https://a.com, https://b.com")
    assert cors == "Invoice Viewer: https://a.com, https://b.com"
    assert said(process, "set-cors", "Invoice Viewer", "") == "Invoice Viewer: no CORS domains"
    assert "has no client secret (404)" in refusal(process, "client-secret", "Invoice Viewer")
    assert len(said(process, "client-secret", "Invoice Viewer", "--new")) == 32
    developer = said(process, "developer-token", "Invoice Viewer")
    assert process.call("GET", "/2.0/users/me", 200, bearer=developer)["name"] == "Developer"

    assert said(process, "revoke-key", "Invoice Viewer", "primary") == "Invoice Viewer: primary is revoked"
    process.call("GET", "/2.0/users/me", 401, bearer=key)
    assert "The slot is empty" in refusal(process, "revoke-key", "Invoice Viewer", "primary")
    assert said(process, "rename-app", "Invoice Viewer", "Ledger") == "Invoice Viewer: is called Ledger"
    assert said(process, "delete-app", "Ledger") == "Ledger: is deleted"
    assert len(said(process, "list").splitlines()) == 1


def test_the_commands_for_client_credentials(process: Process) -> None:
    """An app of another enterprise that acts as a user, for as long as the sandbox was told."""
    options = ("--client-credentials", "--user-access", "--enterprise", ELSEWHERE)
    said(process, "create-app", "Ledger", *options)
    said(process, "approve", "Ledger")
    user = said(process, "create-user", "dana@acme.example", "--enterprise", ELSEWHERE)
    row = said(process, "list").splitlines()[1].split()
    assert row[-2:] == ["client-credentials", ELSEWHERE]

    form = {"grant_type": "client_credentials", "box_subject_type": "user", "box_subject_id": user}
    form |= {"client_id": row[2], "client_secret": said(process, "client-secret", "Ledger")}
    token = process.call("POST", "/oauth2/token", 200, data=form)
    assert token["expires_in"] == 60
    assert process.call("GET", "/2.0/users/me", 200, bearer=token["access_token"])["login"] == "dana@acme.example"
    assert "has no keys (400)" in refusal(process, "generate-key", "Ledger", "primary")


def test_the_playground_works_by_hand(tmp_path: Path) -> None:
    """What demo and tests do with a Box needs no Console API."""
    box = PlaygroundBox(tmp_path, "--no-console")
    box.start()
    try:
        check_playground(box)
    finally:
        box.stop()


def check_playground(box: PlaygroundBox) -> None:
    """Every step that people do by hand."""
    box.create_app_by_hand("Viewer", enterprise=ELSEWHERE)
    box.submit("Viewer")
    box.decide("Viewer", "authorize")
    box.set_cors("Viewer", "https://a.com, https://b.com")
    kept, gone = box.generate_key("Viewer"), box.generate_key("Viewer", "secondary", None)
    box.revoke_key("Viewer", "secondary")
    box.expire_key("Viewer")
    developer = box.developer_token("Viewer")
    live = {entry["token"]: entry["live"] for entry in box.issued_tokens()}
    assert live == {kept: False, gone: False, developer: True}
    assert box.new_client_secret("Viewer") == box.client_secret("Viewer")
    box.rename_app("Viewer", "Ledger")
    app = box.app("Ledger")
    assert app is not None
    assert app["cors_domains"] == ["https://a.com", "https://b.com"]
    box.delete_app("Ledger")
    assert box.apps() == []
    box.create_app_by_hand("Robot", client_credentials=True, user_access=True)
    assert len(box.client_secret("Robot")) == 32
    assert box.create_user("dana@acme.example", ELSEWHERE)["enterprise_id"] == ELSEWHERE
    box.access_token_seconds(5)
    box.set_clock(3600)
