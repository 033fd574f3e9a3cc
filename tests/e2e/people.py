"""People at Box's consoles, where there is no Console API: they read ``status.nextSteps`` and do what stands there."""

import base64
import json
import re
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from tests.e2e.conftest import QUICK, Stage, staged

from playground import Cluster, Playground
from playground.cluster import path_of
from playground.output import until
from playground.play import GROUP, condition, secret_manifest

FLAGS = ("--no-console", "--rate-limit", "100000")
WITHOUT_USERS_ME = "--app-tokens-without-users-me"
CONSOLE = "https://app.box.com/developers/console"
ADMIN_APPS = "https://app.box.com/master/platform-apps"
KEYS = "keys"
AT_ONCE = {"overlap": "0s", "retire": "AfterOverlap"}
"""A rotation that waits for nobody's pods."""
EXPIRIES = {"30 days": 30, "60 days": 60, "No Expiry": None}


def without_console(**spec: Any) -> Any:
    """The fixture ``stage`` of a module: a Box as it is, without a Console API; "default" is in mode Assisted."""

    @pytest.fixture(scope="module")
    def stage(cluster: Cluster, users_me: bool) -> Iterator[Stage]:
        with staged(cluster, FLAGS if users_me else (*FLAGS, WITHOUT_USERS_ME)) as stage:
            stage.play.start_operator(**QUICK)
            stage.play.enterprise(console={"mode": "Assisted"}, resyncInterval="1s", **spec)
            yield stage

    return stage


# What people do without being told


def make(play: Playground, ns: str, name: str = "viewer", rotation: Any = None, **spec: Any) -> None:
    """Make an object whose keys are handed over in a Secret."""
    tokens = {"importFrom": {"name": KEYS}, "rotation": AT_ONCE if rotation is None else rotation}
    play.app(ns, name, **{"tokens": tokens, **spec})


def make_authorized(play: Playground, ns: str, name: str = "viewer", **spec: Any) -> dict[str, Any]:
    """Make an object and, by hand, its app in Box, which is authorized and has no key yet; returns the app."""
    app = play.box.create_app_by_hand(f"{ns} {name}")
    play.box.decide(app["name"], "authorize")
    make(play, ns, name, clientID=app["client_id"], **spec)
    return app


def make_ready(play: Playground, ns: str, name: str = "viewer", **spec: Any) -> dict[str, Any]:
    """Make an object and all that belongs to it in Box, and wait until it is Ready; returns the app."""
    app = make_authorized(play, ns, name, **spec)
    hand_over(play, ns, primary=play.box.generate_key(app["name"]))
    play.await_condition(ns, name, "Ready")
    return app


def hand_over(play: Playground, ns: str, secret: str = KEYS, **keys: str | bytes) -> None:
    """Put keys into the Secret beside what is there."""
    play.cluster.ensure(secret_manifest(ns, secret, {}))
    data = {key: encoded(value) for key, value in keys.items()}
    play.cluster.patch(path_of(secret_manifest(ns, secret, {})), {"data": data})


def drop_secret(play: Playground, ns: str, name: str) -> None:
    """Delete a Secret."""
    play.cluster.delete(path_of(secret_manifest(ns, name, {})))


def columns(play: Playground, ns: str, name: str = "viewer") -> dict[str, str]:
    """The row of ``kubectl get bca -o wide`` by column, as the API server gives it to kubectl."""
    accept = {"Accept": "application/json;as=Table;g=meta.k8s.io;v=v1"}
    table = play.cluster.client.get(play.path(ns, name), headers=accept).raise_for_status().json()
    names = [column["name"] for column in table["columnDefinitions"]]
    return dict(zip(names, table["rows"][0]["cells"], strict=True))


def steps(play: Playground, ns: str, name: str = "viewer") -> list[str]:
    """What ``status.nextSteps`` asks for."""
    return [step["what"] for step in (play.get(ns, name).get("status") or {}).get("nextSteps") or ()]


def await_step(play: Playground, ns: str, words: str, name: str = "viewer") -> str:
    """Wait until the first next step holds these words; returns it."""

    def look() -> str | None:
        first = next(iter(steps(play, ns, name)), "")
        return first if words in first else None

    return until(look, 20, f"{ns}/{name} to ask for {words!r}")


def encoded(value: str | bytes) -> str:
    """As the data of a Secret has it."""
    return base64.b64encode(value if isinstance(value, bytes) else value.encode()).decode()


def traces(play: Playground, start: int, value: str | bytes) -> list[str]:
    """Where a value stands that must stand nowhere, plain or in base64: log, audit log from an offset on, objects."""
    needles = (encoded(value).rstrip("="), *value.split()) if isinstance(value, str) else (encoded(value),)
    places = {
        "the log": play.logs(),
        "the audit log": "\n".join(json.dumps(entry) for entry in play.cluster.audit(start)),
        **{
            path: json.dumps(play.cluster.get(path))
            for path in (f"{GROUP}/boxcustomapps", f"{GROUP}/boxenterprises", "/api/v1/events")
        },
    }
    return [place for place, text in places.items() if any(needle in text for needle in needles)]


# What people do because they are told


class Person:
    """Does at Box's consoles what ``status.nextSteps`` of an object says, to the letter, and nothing else.

    Attributes:
        did: what was done, in order.
    """

    def __init__(self, play: Playground, ns: str, name: str = "viewer") -> None:
        self._play, self._ns, self._name = play, ns, name
        self._body: dict[str, Any] = {}
        self._standing: list[dict[str, str]] = []
        self.did: list[str] = []

    def work_until(self, over: Callable[[], object], what: str, most: int = 12) -> None:
        """Do one step after the other until it is over."""
        for _ in range(most):
            step = until(lambda: bool(over()) or self._next(), 20, f"{what}; so far: {self.did}")
            if step is True:
                return
            assert isinstance(step, dict)
            self._do(step)
        raise AssertionError(f"{most} steps were not enough for {what}: {self.did}")

    def work_until_ready(self) -> None:
        """Do one step after the other until the object is Ready and nothing is asked for any more."""
        self.work_until(lambda: self._is_ready() and not self._asked(), f"{self._name} to be Ready")

    def let_go(self) -> None:
        """Delete the object, and do one step after the other until it is gone."""
        self._play.cluster.delete(self._play.path(self._ns, self._name))
        self.work_until(lambda: self._play.get(self._ns, self._name) is None, "the object to go")

    def _is_ready(self) -> bool:
        self._look()
        return (condition(self._body, "Ready") or {}).get("status") == "True"

    def _look(self) -> None:
        self._body = self._play.get(self._ns, self._name) or {}

    def _asked(self) -> list[dict[str, str]]:
        return list((self._body.get("status") or {}).get("nextSteps") or ())

    def _is_current(self) -> bool:
        """Does the status speak of the spec as it is now?"""
        generation = self._body.get("metadata", {}).get("generation")
        return generation is not None and (self._body.get("status") or {}).get("observedGeneration") == generation

    def _next(self) -> dict[str, str] | None:
        """The first step that was not done yet. What Box cannot tell the operator stays in the list for a while."""
        self._look()
        if not self._is_current():
            return None
        asked = self._asked()
        self._check_told(asked)
        self._standing = [step for step in self._standing if step in asked]
        return next((step for step in asked if step not in self._standing), None)

    def _check_told(self, asked: list[dict[str, str]]) -> None:
        """Whoever has nothing but ``kubectl get`` reads the first step, too, in words of a condition."""
        ready = condition(self._body, "Ready")
        if ready is not None and ready["status"] == "False" and asked:
            assert asked[0]["what"] in ready["message"]

    def _do(self, step: dict[str, str]) -> None:
        for pattern, action in ACTIONS.items():
            match = re.fullmatch(pattern, step["what"])
            if match is not None:
                self.did.append(action(self, step["where"], *match.groups()))
                self._standing.append(step)
                return
        raise AssertionError(f"nobody understands {step['what']!r}")

    @property
    def _app(self) -> dict[str, Any]:
        wanted = self._body["spec"]["clientID"]
        return next(app for app in self._play.box.apps() if app["client_id"] == wanted)

    def _page(self, where: str) -> str:
        """The name of the app whose page this is; it is found by its name while nobody knows its number."""
        app, known = self._app, (self._body.get("status") or {}).get("appID")
        assert where == (f"{CONSOLE}/app/{app['id']}" if known else CONSOLE)
        return str(app["name"])

    def _create(self, where: str, _: str, name: str) -> str:
        assert where == CONSOLE
        app = self._play.box.create_app_by_hand(name)
        self._play.cluster.patch(self._play.path(self._ns, self._name), {"spec": {"clientID": app["client_id"]}})
        return "create"

    def _fill_in_cors(self, where: str, domains: str = "") -> str:
        self._play.box.set_cors(self._page(where), domains)
        return "cors"

    def _submit(self, where: str) -> str:
        self._play.box.submit(self._page(where))
        return "submit"

    def _decide(self, where: str, verbs: str, client_id: str) -> str:
        """The row of the app shows which it is."""
        app = self._app
        assert (where, client_id) == (ADMIN_APPS, app["client_id"])
        verb = "enable" if "enable" in verbs and app["authorization"]["state"] == "authorized" else "authorize"
        self._play.box.decide(app["name"], verb)
        return verb

    def _generate(self, where: str, title: str, expiry: str, secret: str, slot: str) -> str:
        assert title.lower() == slot
        key = self._play.box.generate_key(self._page(where), slot, EXPIRIES[expiry])
        hand_over(self._play, self._ns, secret, **{slot: key})
        return f"generate {slot}"

    def _revoke(self, where: str, title: str) -> str:
        self._play.box.revoke_key(self._page(where), title.lower())
        return f"revoke {title.lower()}"

    def _delete(self, where: str, _: str, name: str, client_id: str) -> str:
        assert (self._page(where), client_id) == (name, self._app["client_id"])
        self._play.box.delete_app(name)
        return "delete"


QUOTED = r"(['\"])(.+)\{}"
SLOT = "(Primary|Secondary)"
ACTIONS: dict[str, Callable[..., str]] = {
    rf"Create a Custom App with the authentication method App Token and the name {QUOTED.format(1)}, "
    r"and write its Client ID into spec\.clientID\.": Person._create,
    "Put exactly this into the field CORS Domains: (.+)": Person._fill_in_cors,
    r"Empty the field CORS Domains\.": Person._fill_in_cors,
    r"Under Authorization press Review and Submit\.": Person._submit,
    r"A Box admin must (authorize|enable|authorize or enable) the app with client id ([A-Za-z0-9]+)\.": Person._decide,
    rf"Under Configuration press Generate Key for the {SLOT} Access Token, choose ({'|'.join(EXPIRIES)}), "
    r"and put the key into Secret '(.+)' under '(primary|secondary)'\.": Person._generate,
    rf"Press Revoke for the {SLOT} Access Token\.": Person._revoke,
    rf"Delete the app {QUOTED.format(1)} \(client id ([A-Za-z0-9]+)\) in the Developer Console\.": Person._delete,
}
"""What people do for which words."""
