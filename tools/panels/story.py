"""Twenty minutes in the life of an installation, with everything in them that the dashboard can show.

Tokens live for minutes here that live for an hour or for months elsewhere. Everything else is as it is.
"""

import contextlib
import random
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from typing import Any

import httpx

from controlplane.process import Process
from playground import Playground
from playground.cluster import NAMESPACE
from playground.output import until
from playground.play import secret_manifest

BOX_FLAGS = ("--rate-limit", "100000", "--access-token-seconds", "300", "--taken-name", "Taken Elsewhere")
OPERATOR_FLAGS = (
    "--leader-elect",
    f"--lease-namespace={NAMESPACE}",
    "--sweep-interval=2m",
    "--backoff-cap=30s",
    "--rotation-pause=1m",
)
TEAMS = ("billing", "claims", "search", "archive")
APPS, GRANTED = 28, 4
QUICK_ROTATION = {"every": "6m", "overlap": "30s"}
HELD_BACK = 4
"""So many apps are never decided upon."""
MINUTES = 20.0
START_SECONDS = 60.0
LOOK_SECONDS = 0.5
Action = Callable[[], None]


@dataclass
class Story:
    """What happens, and when.

    Args:
        replicas: addresses of the operator's two replicas.
    """

    play: Playground
    replicas: tuple[str, str]
    say: Callable[[str], None]
    _chance: random.Random = field(default_factory=lambda: random.Random(7))
    _processes: list[Process] = field(default_factory=list)

    def run(self) -> None:
        """Play it to its end, in real time."""
        began = time.monotonic()
        for minute, what, action in sorted(self._script(), key=lambda entry: entry[0]):
            _wait_until(began + minute * 60)
            if what:
                self.say(f"  {minute:4.1f} min: {what}")
            action()
        _wait_until(began + MINUTES * 60)

    def _script(self) -> Iterator[tuple[float, str, Action]]:
        yield 0.0, "two replicas start, and Box has two enterprises", self._begin
        for number in range(APPS):
            at = 0.5 + number * 0.09
            yield at, "", partial(self._create, number)
            if number >= HELD_BACK:
                yield at + self._chance.uniform(0.1, 2.5), "", partial(self._decide, number)
        for number in range(GRANTED):
            yield 1.0 + number * 0.4, "", partial(self._grant, number)
        yield 2.0, "some manifests are wrong, and one app is suspended", self._create_odd
        yield 5.5, "the second enterprise refuses the credential", partial(self._credential, "globex", "wrong")
        yield 7.0, "Box is slow", lambda: self.play.box.fault(_slow())
        yield 8.0, "Box is down", lambda: self.play.box.fault({"kind": "status", "status": 503, "count": None})
        yield 11.0, "Box is back", lambda: self.play.box.fault()
        yield 13.0, "an admin requests a rotation of everything", self._rotate_all
        yield 15.0, "the leader is killed", lambda: self._processes[0].kill()
        yield 16.0, "its pod is back", lambda: self._processes[0].start()

    def _begin(self) -> None:
        for address in self.replicas:
            self.play.start_operator(*OPERATOR_FLAGS, BOX_APP_OPERATOR_HEALTH_ADDRESS=address)
            self._processes.append(self.play.operator)
            until(partial(_is_ready, address), START_SECONDS, "a replica to be ready")
        self.play.enterprise("default", rateLimit={"requestsPerMinute": 120})
        self._credential("globex", self.play.box.console_token)
        secret = {"namespace": NAMESPACE, "name": "globex", "key": "token"}
        console = {"mode": "Automated", "url": self.play.box.url, "credentialsSecretRef": secret}
        self.play.enterprise("globex", console=console, resyncInterval="1m")
        for team in TEAMS:
            self.play.namespace(team)

    def _credential(self, name: str, token: str) -> None:
        manifest = secret_manifest(NAMESPACE, name, {"token": token})
        self.play.cluster.ensure(manifest)
        path = f"/api/v1/namespaces/{NAMESPACE}/secrets/{name}"
        self.play.cluster.patch(path, {"stringData": manifest["stringData"]})

    def _create(self, number: int) -> None:
        expiry = ("60d", "30d", "60d", "Never")[number % 4]
        rotation = QUICK_ROTATION if number % 2 else {}
        self.play.app(
            TEAMS[number % len(TEAMS)],
            f"viewer-{number}",
            displayName=_name(number),
            enterpriseRef={"name": "globex" if number % 7 == 3 else "default"},
            tokens={"expiry": expiry, "rotation": rotation},
            cors={"domains": [f"https://viewer-{number}.example"]},
        )

    def _decide(self, number: int) -> None:
        with contextlib.suppress(LookupError):
            self.play.box.decide(_name(number), "decline" if number == APPS - 1 else "authorize")

    def _grant(self, number: int) -> None:
        team, name = TEAMS[number % len(TEAMS)], f"worker-{number}"
        app = self.play.box.create_app_by_hand(f"Worker {number}", client_credentials=True)
        self.play.box.decide(app["name"], "authorize")
        known = {"clientID": app["client_id"], "clientSecret": self.play.box.client_secret(app["name"])}
        self.play.cluster.ensure(secret_manifest(team, name, known))
        subject = {"type": "enterprise", "id": app["enterprise_id"]}
        credentials = {"secretRef": {"name": name}, "subject": subject}
        self.play.app(team, name, authentication="ClientCredentials", clientCredentials=credentials)

    def _create_odd(self) -> None:
        self.play.app("archive", "taken", displayName="Taken Elsewhere")
        self.play.app("archive", "lost", enterpriseRef={"name": "nowhere"})
        self.play.app("archive", "asleep", suspend=True)

    def _rotate_all(self) -> None:
        now = datetime.now(UTC).isoformat()
        for team in TEAMS:
            for name in self._names(team):
                request = {"metadata": {"annotations": {"boxapps.dev/rotate-requested-at": now}}}
                self.play.cluster.patch(self.play.path(team, name), request)

    def _names(self, team: str) -> list[str]:
        path = f"/apis/boxapps.dev/v1alpha1/namespaces/{team}/boxcustomapps"
        return [item["metadata"]["name"] for item in self.play.cluster.get(path)["items"]]


def _name(number: int) -> str:
    return f"Viewer {number}"


def _slow() -> dict[str, Any]:
    return {"kind": "latency", "seconds": 0.8, "count": None, "path": "/(console/v1/apps/|2.0|oauth2)"}


def _is_ready(address: str) -> bool:
    return httpx.get(f"http://{address}/readyz").is_success


def _wait_until(moment: float) -> None:
    while time.monotonic() < moment:
        time.sleep(min(LOOK_SECONDS, max(0.0, moment - time.monotonic())))
