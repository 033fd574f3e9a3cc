"""What tests of the API server's bad days have in common."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e.conftest import Stage

from playground import Playground
from playground.cluster import ACCOUNT
from playground.output import until

SECONDS = 60.0
REGISTER, MINT, REVOKE = "POST /console/v1/apps$", "POST /console/v1/apps/[0-9]+/tokens/", "DELETE .*/tokens/"
ROLE = f"/apis/rbac.authorization.k8s.io/v1/clusterroles/{ACCOUNT}"
INSTALL_CRDS = "kubectl apply -f crds/"


@contextmanager
def without_right(play: Playground, verb: str, resource: str) -> Iterator[None]:
    """Take a right away from the operator."""
    rules = play.cluster.get(ROLE)["rules"]
    fewer = [[each for each in rule["verbs"] if each != verb or resource not in rule["resources"]] for rule in rules]
    play.cluster.patch(ROLE, {"rules": [{**rule, "verbs": verbs} for rule, verbs in zip(rules, fewer, strict=True)]})
    try:
        yield
    finally:
        play.cluster.patch(ROLE, {"rules": rules})


def calls(play: Playground, mark: int, what: str) -> int:
    """How many calls of a kind Box granted since a mark; ``what`` is a method and a regular expression of the path."""
    # A call that is under way has no status yet.
    granted = [f"{call['method']} {call['path']}" for call in play.box.requests(mark) if call.get("status", 500) < 300]
    return len([call for call in granted if re.match(what, call)])


def await_end(play: Playground) -> int:
    """Wait until the operator ended by itself; returns its exit code."""
    until(lambda: play.operator.ended() is not None, SECONDS, "the operator to end")
    return play.operator.ended() or 0


def await_end_in_one_line(stage: Stage, play: Playground, since: int, words: str) -> None:
    """The operator ends with 1 and one line that says so, and nowhere with a traceback."""
    stage.aftermath.last_words = (*stage.aftermath.last_words, words)
    assert await_end(play) == 1
    said = play.logs()[since:]
    lines = [line for line in said.splitlines() if " ERROR " in line or "bug" in line]
    assert len(lines) == 1, said[-3000:]
    assert words in lines[0]
    assert "Traceback" not in said


def cors_of(play: Playground, ns: str, name: str = "viewer") -> Any:
    """The CORS domains of an app, as its status tells them and as Box has them, if these agree."""
    told = (play.get(ns, name).get("status") or {}).get("corsDomains")
    app = play.box.app(f"{ns} {name}") or {}
    return told if told == app.get("cors_domains") else None


def set_cors(play: Playground, ns: str, domain: str, name: str = "viewer") -> None:
    """Ask for one CORS domain, and wait until Box has it and the status tells so."""
    play.cluster.patch(play.path(ns, name), {"spec": {"cors": {"domains": [domain]}}})
    until(lambda: cors_of(play, ns, name) == [domain], SECONDS, f"{domain} to be allowed")


def await_said(play: Playground, since: int, words: str) -> None:
    """Wait until the operator said something."""
    until(lambda: words in play.logs()[since:], SECONDS, f"the words {words!r}")


def reasons(play: Playground, ns: str, name: str = "viewer") -> list[str]:
    """The reasons of all Events about an object, in order of their reasons."""
    return sorted(event["reason"] for event in play.events(ns, name))


def await_reasons(play: Playground, ns: str, *expected: str, name: str = "viewer") -> None:
    """Wait until these Events are there and no others. They come right after the status that they speak of."""

    def told() -> bool:
        return reasons(play, ns, name) == sorted(expected)

    until(told, SECONDS, f"the Events {sorted(expected)}; there are {reasons(play, ns, name)}")
