"""Many apps that are Ready, written by a script: for measuring what a thousand of them cost.

One app is made Ready by the operator itself. The others are copies of it: its object with its status, its Secret and
its app in Box, with names, ids and tokens of their own, so that an operator that starts finds everything settled.
"""

import asyncio
import hashlib
import json
import secrets
import sqlite3
import ssl
from base64 import b64decode, b64encode
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx

from playground.cluster import Cluster
from playground.play import GROUP, Playground

CONNECTIONS = 8
NAMESPACES = 20
FIRST_APP = 5_000_000
TEMPLATE_NAMESPACE, TEMPLATE = "crowd-0", "template"


@dataclass(frozen=True, slots=True)
class Template:
    """The app that all others are copies of, as JSON texts. ``names`` are the words that each copy has of its own."""

    body: str
    secret: str
    app: str
    token: str
    names: dict[str, str]


class Crowd:
    """Makes a cluster and a Box that are full of settled apps.

    The playground's sandbox must keep its state in ``state`` and have a fixed port. It is stopped while apps are added
    to it, and so is the operator.
    """

    def __init__(self, play: Playground, state: Path) -> None:
        self._play = play
        self._state = state
        self._template = self._make_template()
        self.count = 1

    def _make_template(self) -> Template:
        play = self._play
        play.namespace(TEMPLATE_NAMESPACE)
        play.app(TEMPLATE_NAMESPACE, TEMPLATE, cors={"domains": ["https://template.example.com"]})
        body = play.await_condition(TEMPLATE_NAMESPACE, TEMPLATE, "Ready")
        secret = play.secret(TEMPLATE_NAMESPACE, f"{TEMPLATE}-box-token")
        play.stop_operator()
        play.box.stop()
        with sqlite3.connect(self._state) as file:
            ((app,),) = file.execute("SELECT body FROM apps")
            ((token,),) = file.execute("SELECT body FROM tokens")
        app, token = app.decode(), token.decode()
        value = b64decode(secret["data"]["BOX_APP_TOKEN"]).decode()
        names = {
            "id": json.loads(app)["id"],
            "client": json.loads(app)["client_id"],
            "uid": body["metadata"]["uid"],
            "token": value,
            "hash": _digest(value),
            "fingerprint": _digest(value)[:16],
        }
        secret["data"] = {key: b64decode(text).decode() for key, text in secret["data"].items()}
        for item in (body, secret):
            for field in ("resourceVersion", "creationTimestamp", "managedFields", "generation"):
                item["metadata"].pop(field, None)
        return Template(json.dumps(body), json.dumps(secret), app, token, names)

    def grow(self, count: int) -> None:
        """Add copies until there are so many apps; Box runs again afterwards."""
        asyncio.run(self._grow(range(self.count, count)))
        self.count = max(count, self.count)
        self._play.box.start()

    async def _grow(self, numbers: range) -> None:
        for number in range(NAMESPACES):
            self._play.namespace(f"crowd-{number}")
        rows: dict[int, dict[str, str]] = {}
        todo = iter(numbers)

        async def work() -> None:
            for number in todo:
                rows[number] = await self._add(client, number)

        async with _client_of(self._play.cluster) as client:
            await asyncio.gather(*(work() for _ in range(CONNECTIONS)))
        self._add_to_box(rows)

    async def _add(self, client: httpx.AsyncClient, number: int) -> dict[str, str]:
        """An app in the cluster with its Secret; returns the words of its own."""
        body = json.loads(self._copy(self._template.body, number, {}))
        apps = f"{GROUP}/namespaces/{body['metadata']['namespace']}/boxcustomapps"
        created = await _send(client, "POST", apps, {**body, "metadata": {**body["metadata"], "uid": None}})
        value = secrets.token_hex(16)
        own = {
            "id": str(FIRST_APP + number),
            "client": secrets.token_hex(16),
            "uid": created["metadata"]["uid"],
            "token": value,
            "hash": _digest(value),
            "fingerprint": _digest(value)[:16],
        }
        status = json.loads(self._copy(self._template.body, number, own))["status"]
        path = f"{apps}/{body['metadata']['name']}/status"
        await _send(client, "PATCH", path, {"status": status}, "application/merge-patch+json")
        secret = json.loads(self._copy(self._template.secret, number, own))
        secret["data"] = {key: b64encode(text.encode()).decode() for key, text in secret["data"].items()}
        secret["metadata"].pop("uid", None)
        await _send(client, "POST", f"/api/v1/namespaces/{secret['metadata']['namespace']}/secrets", secret)
        return own

    def _copy(self, text: str, number: int, own: dict[str, str]) -> str:
        """A text of the template, with the words of a copy."""
        for word, mine in own.items():
            text = text.replace(self._template.names[word], mine)
        return text.replace(TEMPLATE_NAMESPACE, f"crowd-{number % NAMESPACES}").replace(TEMPLATE, f"app-{number}")

    def _add_to_box(self, rows: dict[int, dict[str, str]]) -> None:
        with sqlite3.connect(self._state) as file:
            for number, own in rows.items():
                app = json.loads(self._copy(self._template.app, number, own))
                app |= {"revision": FIRST_APP + number, "salt": secrets.token_hex(16)}
                token = self._copy(self._template.token, number, own)
                file.execute("INSERT INTO apps VALUES (?, ?)", (own["id"], json.dumps(app).encode()))
                file.execute("INSERT INTO tokens VALUES (?, ?)", (own["hash"], token.encode()))


def _client_of(cluster: Cluster) -> httpx.AsyncClient:
    plane = cluster.plane
    verify = ssl.create_default_context(cafile=str(plane.ca_file)) if plane is not None else True
    headers = {"Authorization": cluster.client.headers["Authorization"]}
    return httpx.AsyncClient(base_url=cluster.url, verify=verify, headers=headers, timeout=60.0)


async def _send(
    client: httpx.AsyncClient, method: str, path: str, body: Any, content_type: str = "application/json"
) -> dict[str, Any]:
    response = await client.request(method, path, content=json.dumps(body), headers={"Content-Type": content_type})
    return dict(response.raise_for_status().json())


def _digest(value: str) -> str:
    return hashlib.sha256(value.encode()).hexdigest()
