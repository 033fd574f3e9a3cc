"""Apps that authenticate with client id and secret, downscoped tokens, and whoever uses what the operator publishes."""

import contextlib
import json
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import httpx
from tests.e2e.rotating import SECRET, annotate, await_pass, token_in
from tests.e2e.story import LABELS, box_app, change, message_of, secret_path, stated, values

from playground import Playground
from playground.output import until
from playground.play import GROUP, condition, secret_manifest

CREDENTIALS = "viewer-client"
LONG_SECONDS = 4175
"""How long access tokens live unless a test says otherwise."""
PAUSE_SECONDS = 0.05
MODES = ("Automated", "Assisted")
BOX_CLIENT = httpx.Client(verify=False)
"""The sandbox talks plain HTTP: to read all certificate authorities for each call would be most of its time."""


# What people do


def make_enterprises(play: Playground) -> None:
    """Enterprises of both modes: "automated" and "assisted" look again every second, those with "-slow" hardly ever."""
    for mode in MODES:
        console = {} if mode == "Automated" else {"console": {"mode": mode}}
        play.enterprise(mode.lower(), resyncInterval="1s", **console)
        play.enterprise(f"{mode.lower()}-slow", resyncInterval="1h", **console)


def by_hand(play: Playground, ns: str, *, authorized: bool = True, user_access: bool = False) -> dict[str, Any]:
    """A person makes an app that authenticates with client id and secret; the admin decides at once, or not yet."""
    app = play.box.create_app_by_hand(f"{ns} viewer", client_credentials=True, user_access=user_access)
    if authorized:
        play.box.decide(app["name"], "authorize")
    return app


def another(play: Playground, ns: str) -> dict[str, Any]:
    """A person makes another app of this kind beside the first one; the admin did not decide yet."""
    return play.box.create_app_by_hand(f"{ns} other", client_credentials=True)


def hand_over(play: Playground, ns: str, app: dict[str, Any], secret: str | None = None) -> None:
    """Put client id and secret where the operator looks for them; the secret is the right one unless given."""
    known = {"clientID": app["client_id"], "clientSecret": secret or play.box.client_secret(app["name"])}
    play.cluster.ensure(secret_manifest(ns, CREDENTIALS, known))
    play.cluster.patch(secret_path(ns, CREDENTIALS), {"stringData": known})


def granted_by(corp: str, app: dict[str, Any], user: dict[str, Any] | None = None) -> dict[str, Any]:
    """The spec of an app of this enterprise whose access tokens act as the service account, or as a user."""
    subject = {"type": "user", "id": user["id"]} if user else {"type": "enterprise", "id": app["enterprise_id"]}
    credentials = {"secretRef": {"name": CREDENTIALS}, "subject": subject}
    given = {"authentication": "ClientCredentials", "clientCredentials": credentials}
    return {"enterpriseRef": {"name": corp}, **given}


def make_granted(
    play: Playground, ns: str, corp: str, user: dict[str, Any] | None = None, **spec: Any
) -> dict[str, Any]:
    """An app with client id and secret that is Ready, and acts as itself or as a user; returns the object."""
    app = by_hand(play, ns, user_access=user is not None)
    hand_over(play, ns, app)
    play.app(ns, "viewer", **granted_by(corp, app, user), **spec)
    return play.await_condition(ns, "viewer", "Ready")


def make_refused(play: Playground, ns: str, corp: str, trouble: str) -> dict[str, Any]:
    """An app with client id and secret that Box gives no token, and says so; returns the app in Box."""
    app = by_hand(play, ns, authorized=trouble != "not-authorized", user_access=trouble == "unknown-user")
    hand_over(play, ns, app, "not-the-secret" if trouble == "wrong-secret" else None)
    user = {"id": "999"} if trouble in ("unknown-user", "no-user-access") else None
    play.app(ns, "viewer", **granted_by(corp, app, user))
    until(lambda: condition(play.get(ns, "viewer"), "Ready"), 10, "the refusal to be said")
    return app


def finish(play: Playground, ns: str) -> None:
    """End a test: look for what must not be told, and let nothing go on that would be counted in the next one."""
    play.box.access_token_seconds(LONG_SECONDS)
    try:
        play.operator.check()
    except RuntimeError:
        play.operator.start()
    check_untold(play, ns)
    for item in play.cluster.get(f"{GROUP}/namespaces/{ns}/boxcustomapps")["items"]:
        name = item["metadata"]["name"]
        annotate(play, ns, name, "force-delete", "true")
        play.cluster.delete(play.path(ns, name))
    until(lambda: not play.cluster.get(f"{GROUP}/namespaces/{ns}/boxcustomapps")["items"], 20, "the objects to go")


# What came of it


def obtained(play: Playground, ns: str, kind: str = "client_credentials") -> list[str]:
    """The fingerprints of all access tokens of a kind that Box ever gave out for an app, in order."""
    mine = [entry for entry in play.box.issued_tokens() if entry["app_id"] == box_app(play, ns)["id"]]
    return [entry["fingerprint"] for entry in mine if entry["kind"] == kind]


def is_live(play: Playground, token: str) -> bool:
    """Does Box accept this token?"""
    return any(entry["live"] for entry in play.box.issued_tokens() if entry["token"] == token)


def asked(play: Playground, mark: int) -> int:
    """How many access tokens Box was asked for since a request, whatever it answered."""
    return sum((each["method"], each["path"]) == ("POST", "/oauth2/token") for each in play.box.requests(mark))


def use(play: Playground, token: str, path: str = "/2.0/users/me") -> httpx.Response:
    """A call to Box with a token."""
    return BOX_CLIENT.get(play.box.url + path, headers={"Authorization": f"Bearer {token}"})


def ready_of(play: Playground, ns: str) -> tuple[str, str]:
    """Status and reason of Ready."""
    found = stated(play.get(ns, "viewer"), "Ready")
    return found["status"], found["reason"]


def await_other(play: Playground, ns: str, before: str, secret: str = SECRET, seconds: float = 20.0) -> str:
    """Wait until a Secret holds another token than before; returns it."""

    def look() -> str | None:
        found = play.secret(ns, secret)
        token = values(found).get("BOX_APP_TOKEN") if found is not None and found.get("data") else None
        return token if token and token != before else None

    return until(look, seconds, f"another token in {ns}/{secret}")


def quiet(play: Playground, ns: str) -> int:
    """Wait until nothing is left to be done and all of it is logged; returns the offset of the audit log."""
    await_pass(play, ns)
    return play.cluster.audit_size()


def check_published(play: Playground, ns: str, body: dict[str, Any]) -> None:
    """The Secret has owner, labels and keys, is what the status says, and its token works."""
    app, secret, active = box_app(play, ns), play.secret(ns, SECRET), body["status"]["tokens"]["active"]
    meta, data, owner = secret["metadata"], values(secret), secret["metadata"]["ownerReferences"][0]
    assert set(data) == {"BOX_APP_TOKEN", "BOX_CLIENT_ID", "BOX_TOKEN_EXPIRES_AT"}
    assert data["BOX_CLIENT_ID"] == app["client_id"] == body["status"]["clientID"]
    assert data["BOX_TOKEN_EXPIRES_AT"] == active["expiryTime"]
    assert "slot" not in active
    assert use(play, data["BOX_APP_TOKEN"]).json()["login"] == app["service_account"]["login"]
    assert (owner["uid"], owner["controller"]) == (body["metadata"]["uid"], True)
    assert meta["labels"] == LABELS
    assert obtained(play, ns) == [active["fingerprint"]] == [meta["annotations"]["boxapps.dev/fingerprint"]]


def check_client(play: Playground, ns: str, app: dict[str, Any]) -> None:
    """Secret, status and Registered name the client of this app, whose service account the token acts for."""
    body, data = play.get(ns, "viewer"), values(play.secret(ns, SECRET))
    assert use(play, data["BOX_APP_TOKEN"]).json()["login"] == app["service_account"]["login"]
    assert data["BOX_CLIENT_ID"] == app["client_id"] == body["status"]["clientID"]
    assert app["client_id"] in message_of(body, "Registered")


def check_no_storm(play: Playground, ns: str, mark: int) -> None:
    """What Box refused once since the mark is not asked for again, but once for each wish to look again.

    And once when the watch of the credentials begins, if that is after the first time: they may have changed between.
    """
    assert 1 <= asked(play, mark) <= 2
    for count in (3, 4, 5):
        await_pass(play, ns)
        assert asked(play, mark) <= count


def check_untold(play: Playground, ns: str, *others: str) -> None:
    """No client secret of an app of this namespace, and none of others, stands where somebody may read it."""
    mine = [each for each in play.box.apps() if each["kind"] == "client_credentials" and each["name"].startswith(ns)]
    secrets = [*others, *(play.box.client_secret(each["name"]) for each in mine)]
    objects = play.cluster.get(f"{GROUP}/namespaces/{ns}/boxcustomapps")["items"]
    events = play.cluster.get(f"/api/v1/namespaces/{ns}/events")["items"]
    notes = [each["metadata"] for each in play.cluster.get(f"/api/v1/namespaces/{ns}/secrets")["items"]]
    texts = (play.logs(), play.box.log.read_text(errors="replace"), play.cluster.audit_log.read_text(errors="replace"))
    told = [text for text in (*texts, json.dumps([objects, events, notes])) if any(each in text for each in secrets)]
    assert told == [], "a client secret was told"


# Downscoped tokens


def make_folder(play: Playground, ns: str, name: str = "invoices") -> str:
    """Make a folder with the App Token; returns its id."""
    body = {"name": name, "parent": {"id": "0"}}
    headers = {"Authorization": f"Bearer {token_in(play, ns)}"}
    return str(httpx.post(f"{play.box.url}/2.0/folders", json=body, headers=headers).raise_for_status().json()["id"])


def upload(play: Playground, token: str, folder: str) -> httpx.Response:
    """Upload a file into a folder."""
    attributes = json.dumps({"name": "a.txt", "parent": {"id": folder}})
    files: dict[str, Any] = {"attributes": (None, attributes), "file": ("a.txt", b"a")}
    headers = {"Authorization": f"Bearer {token}"}
    return httpx.post(f"{play.box.url}/api/2.0/files/content", files=files, headers=headers)


def ask_for(play: Playground, ns: str, *wanted: dict[str, Any]) -> httpx.Response:
    """Change ``spec.downscopedTokens``; the answer may be a refusal."""
    return change(play, ns, downscopedTokens=list(wanted))


def await_listed(play: Playground, ns: str, *secrets: str) -> None:
    """Wait until the status lists exactly these Secrets, with what they hold."""

    def look() -> bool:
        shown = play.get(ns, "viewer")["status"].get("downscopedTokens", [])
        return bool(shown == [_entry_for(play, ns, secret) for secret in secrets])

    until(look, 20, f"the status to list {secrets}")


def _entry_for(play: Playground, ns: str, secret: str) -> dict[str, str] | None:
    found = play.secret(ns, secret)
    if found is None or not found.get("data"):
        return None
    fingerprint = found["metadata"]["annotations"]["boxapps.dev/fingerprint"]
    return {"secretName": secret, "fingerprint": fingerprint, "expiryTime": values(found)["BOX_TOKEN_EXPIRES_AT"]}


def shape_of(secret: Any) -> tuple[object, ...]:
    """Everything of a Secret that stays the same from one token to the next."""
    meta, data = secret["metadata"], values(secret) if secret.get("data") else {}
    begins = {key: text[:2] for key, text in data.items()}
    return meta.get("labels"), meta.get("ownerReferences"), set(meta.get("annotations") or {}), begins


# Whoever uses tokens


@dataclass
class Client:
    """Reads a Secret and uses what it read at once, again and again.

    Attributes:
        seen: the different tokens that it read, in order.
        wrong: what it must not have met.
    """

    play: Playground
    ns: str
    secret: str = SECRET
    path: str = "/2.0/users/me"
    stop: threading.Event = field(default_factory=threading.Event)
    seen: list[str] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    def run(self) -> None:
        """Go on until stopped."""
        with httpx.Client(base_url=self.play.box.url, timeout=120.0) as box:
            while not self.stop.wait(PAUSE_SECONDS):
                token = token_in(self.play, self.ns, self.secret)
                status = box.get(self.path, headers={"Authorization": f"Bearer {token}"}).status_code
                if status != httpx.codes.OK:
                    self.wrong.append(f"{status} for token {len(self.seen)}")
                if token not in self.seen:
                    self.seen.append(token)

    def await_seen(self, count: int) -> None:
        """Wait until it read so many different tokens."""
        until(lambda: len(self.seen) >= count, 40, f"{count} tokens in {self.ns}/{self.secret}")


@contextlib.contextmanager
def at_work(client: Any) -> Iterator[Any]:
    """The client works in a thread of its own; what breaks it, or went wrong for it, breaks the test."""
    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(client.run)
        try:
            yield client
        finally:
            client.stop.set()
            running.result()
            assert client.wrong == []
