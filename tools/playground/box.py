"""The sandbox that plays Box, in a process of its own, and its admin."""

from __future__ import annotations

import os
import secrets
import sys
from pathlib import Path
from typing import Any

import httpx

from controlplane.process import Process
from playground.output import await_line, launch

APPS = "/console/v1/apps"


class Box:
    """A running sandbox.

    Args:
        folder: where its log goes.
        flags: further flags for ``box-sandbox serve``; without ``--port`` it takes any free port.
        reveal_tokens: can the admin read tokens back? Box never lets them; tests need it.
    """

    def __init__(self, folder: Path, *flags: str, reveal_tokens: bool = True) -> None:
        self.console_token, self.admin_token = secrets.token_urlsafe(18), secrets.token_urlsafe(18)
        tokens = {"BOX_SANDBOX_CONSOLE_TOKEN": self.console_token, "BOX_SANDBOX_ADMIN_TOKEN": self.admin_token}
        reveal = ("--reveal-issued-tokens",) if reveal_tokens else ()
        command = (sys.executable, "-m", "box_sandbox", "serve", "--port", "0", *reveal, *flags)
        # In the environment, because a command line can be read by everybody on the machine.
        self._process = Process("box_sandbox", command, folder / "box_sandbox.log", {**os.environ, **tokens})
        self.log = self._process.log
        self._client: httpx.Client | None = None

    def start(self) -> None:
        """Start it, and return when it answers."""
        launch(self._process)
        self.url = await_line(self._process, "http://").strip()
        headers = {"Authorization": f"Bearer {self.admin_token}"}
        self._client = httpx.Client(base_url=self.url, headers=headers, timeout=30.0)

    def stop(self) -> None:
        """Stop it."""
        if self._client is not None:
            self._client.close()
        self._process.stop()

    @property
    def client(self) -> httpx.Client:
        """A client with the rights of the admin; only while it runs."""
        if self._client is None:
            raise RuntimeError("the sandbox was not started")
        return self._client

    def _json(self, method: str, path: str, json: Any = None) -> Any:
        response = self.client.request(method, path, json=json).raise_for_status()
        return response.json() if response.content else None

    def apps(self) -> list[dict[str, Any]]:
        """All apps, as the console shows them."""
        return list(self._json("GET", f"{APPS}?limit=1000")["entries"])

    def app(self, name: str) -> dict[str, Any] | None:
        """The app of this name."""
        return next((app for app in self.apps() if app["name"] == name), None)

    def decide(self, name: str, decision: str) -> None:
        """Authorize, decline, enable or disable an app, as its admin would."""
        app = self.app(name)
        if app is None:
            raise LookupError(f"Box has no app {name!r}")
        self._json("POST", f"{APPS}/{app['id']}/authorization/decision", {"decision": decision})

    def create_app(self, name: str) -> dict[str, Any]:
        """Register an app by hand."""
        headers = {"Idempotency-Key": secrets.token_hex(8)}
        response = self.client.post(APPS, json={"name": name, "reference": ""}, headers=headers)
        return dict(response.raise_for_status().json())

    def call(self, method: str, path: str, json: Any = None) -> Any:
        """Any call as the admin."""
        return self._json(method, path, json)

    def fault(self, *faults: dict[str, Any]) -> None:
        """Order faults; none clears them."""
        self._json("PUT", "/sandbox/v1/faults", list(faults))

    def faults_left(self) -> list[Any]:
        """Faults that did not happen yet."""
        return list(self._json("GET", "/sandbox/v1/faults"))

    def requests(self, since: int = 0) -> list[dict[str, Any]]:
        """Requests that others than the admin made, from a number on."""
        entries = self._json("GET", f"/sandbox/v1/requests?since={since}")["entries"]
        return [entry for entry in entries if entry["caller"] != "admin"]

    def mark(self) -> int:
        """The number of the next request."""
        return int(self._json("GET", "/sandbox/v1/requests")["next"])

    def issued_tokens(self) -> list[dict[str, Any]]:
        """Every token ever issued, with its value."""
        return list(self._json("GET", "/sandbox/v1/issued-tokens")["entries"])
