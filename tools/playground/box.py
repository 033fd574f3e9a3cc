"""The sandbox that plays Box, in a process of its own, and its admin."""

import os
import secrets
import sys
from pathlib import Path
from typing import Any

import httpx

from controlplane.process import Process
from playground.network import LOOPBACK, Network
from playground.output import START_SECONDS, await_line, launch, until

APPS = "/console/v1/apps"
CONSOLE_BY_PERSON = "/sandbox/v1/apps"


class Box:
    """A running sandbox.

    Args:
        folder: where its log goes.
        flags: further flags for ``box-sandbox serve``; without ``--port`` it takes any free port, with ``--no-console``
            it has no Console API, and everything else here works all the same.
        reveal_tokens: can the admin read tokens back? Box never lets them; tests need it.
        network: where it listens.
    """

    def __init__(self, folder: Path, *flags: str, reveal_tokens: bool = True, network: Network = LOOPBACK) -> None:
        self.console_token, self.admin_token = secrets.token_urlsafe(18), secrets.token_urlsafe(18)
        tokens = {"BOX_SANDBOX_CONSOLE_TOKEN": self.console_token, "BOX_SANDBOX_ADMIN_TOKEN": self.admin_token}
        reveal = ("--reveal-issued-tokens",) if reveal_tokens else ()
        serve = ("serve", "--host", network.address, "--port", "0", *reveal, *flags)
        command = network.inside(sys.executable, "-m", "box_sandbox", *serve)
        # In the environment, because a command line can be read by every user of the machine.
        self._process = Process("box_sandbox", command, folder / "box_sandbox.log", {**os.environ, **tokens})
        self.log = self._process.log
        self._network = network
        self._client: httpx.Client | None = None

    def start(self) -> None:
        """Start it, and return when it answers. ``url`` is where it is for whoever is in its network."""
        launch(self._process)
        self.url = await_line(self._process, "http://").strip()
        headers = {"Authorization": f"Bearer {self.admin_token}"}
        (port,) = self._network.forward(self.url.removeprefix("http://"))
        self._client = httpx.Client(base_url=f"http://127.0.0.1:{port}", headers=headers, timeout=120.0)
        # The line may be that of an earlier start on the same port.
        until(self._answers, START_SECONDS, "the sandbox to answer")

    def _answers(self) -> bool:
        self._process.check()
        try:
            return self.client.get("/sandbox/v1/faults").is_success
        except httpx.TransportError:
            return False

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
        return list(self._json("GET", CONSOLE_BY_PERSON)["entries"])

    def app(self, name: str) -> dict[str, Any] | None:
        """The app of this name."""
        return next((app for app in self.apps() if app["name"] == name), None)

    def _path(self, name: str) -> str:
        app = self.app(name)
        if app is None:
            raise LookupError(f"Box has no app {name!r}")
        return f"{CONSOLE_BY_PERSON}/{app['id']}"

    def decide(self, name: str, decision: str) -> None:
        """Authorize, decline, enable or disable an app, as its admin would."""
        self._json("POST", f"{self._path(name)}/authorization/decision", {"decision": decision})

    def create_app(self, name: str) -> dict[str, Any]:
        """Register an app over the Console API."""
        headers = {"Idempotency-Key": secrets.token_hex(8)}
        response = self.client.post(APPS, json={"name": name, "reference": ""}, headers=headers)
        return dict(response.raise_for_status().json())

    # What people do by hand in Box's consoles

    def create_app_by_hand(
        self, name: str, *, client_credentials: bool = False, user_access: bool = False, enterprise: str | None = None
    ) -> dict[str, Any]:
        """Create an app.

        Args:
            client_credentials: it authenticates with client id and secret, and has no keys.
            user_access: with client credentials it may also act as any user.
            enterprise: id of another enterprise than the sandbox's own.
        """
        kind = "client_credentials" if client_credentials else "app_token"
        body = {"name": name, "kind": kind, "user_access": user_access}
        elsewhere = {"enterprise_id": enterprise} if enterprise is not None else {}
        return dict(self._json("POST", CONSOLE_BY_PERSON, body | elsewhere))

    def submit(self, name: str) -> None:
        """Submit an app to the admin."""
        self._json("POST", f"{self._path(name)}/authorization")

    def generate_key(self, name: str, slot: str = "primary", days: int | None = 30) -> str:
        """Generate a key in a free slot: for 30 days, for 60, or None for ever. Returns the value."""
        return str(self._json("POST", f"{self._path(name)}/tokens/{slot}", {"expires_in_days": days})["token"])

    def revoke_key(self, name: str, slot: str = "primary") -> None:
        """Revoke the key in a slot."""
        self._json("DELETE", f"{self._path(name)}/tokens/{slot}")

    def expire_key(self, name: str, slot: str = "primary") -> None:
        """Let the key in a slot expire now."""
        self._json("POST", f"{self._path(name)}/tokens/{slot}/expire")

    def set_cors(self, name: str, domains: str) -> None:
        """Fill in the field with the CORS domains: origins with commas between them."""
        self._json("PUT", f"{self._path(name)}/cors-domains", {"domains": domains})

    def client_secret(self, name: str) -> str:
        """The client secret; an App Token app has none, which is an error."""
        return str(self._json("GET", f"{self._path(name)}/client-secret")["client_secret"])

    def new_client_secret(self, name: str) -> str:
        """A new client secret in place of the old one, also for an App Token app, which has none at Box."""
        return str(self._json("POST", f"{self._path(name)}/client-secret")["client_secret"])

    def developer_token(self, name: str) -> str:
        """A token that acts as a person, for an hour."""
        return str(self._json("POST", f"{self._path(name)}/developer-token")["token"])

    def rename_app(self, name: str, new: str) -> None:
        """Give an app another name."""
        self._json("PATCH", self._path(name), {"name": new})

    def delete_app(self, name: str) -> None:
        """Delete an app, its tokens and its content."""
        self._json("DELETE", self._path(name))

    def create_user(self, login: str, enterprise: str | None = None) -> dict[str, Any]:
        """A managed user: ``id``, ``name``, ``login``, ``enterprise_id``."""
        elsewhere = {"enterprise_id": enterprise} if enterprise is not None else {}
        return dict(self._json("POST", "/sandbox/v1/users", {"login": login} | elsewhere))

    # What only a sandbox can do

    def access_token_seconds(self, seconds: int) -> None:
        """Let downscoped tokens and those for client credentials live so long, from now on."""
        self._json("PUT", "/sandbox/v1/access-token-seconds", {"seconds": seconds})

    def set_clock(self, offset_seconds: float) -> None:
        """Set Box's clock: so far ahead of this machine's, or behind it."""
        self._json("PUT", "/sandbox/v1/clock", {"offset_seconds": offset_seconds})

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
