"""Another authentication in the spec of an app that has a token: another app in Box, and nobody is without a token."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e import grants, people
from tests.e2e.conftest import Stage
from tests.e2e.grants import Client, at_work, message_of
from tests.e2e.pace import stretched
from tests.e2e.rotating import (
    SECRET,
    await_pass,
    await_used_by,
    await_writes,
    delete_pod,
    live,
    make_pod,
    notes,
    token_in,
    tokens,
)
from tests.e2e.story import box_app, make_ready, values

from playground import Playground
from playground.output import until

AT_ONCE = {"rotation": {"overlap": "0s", "retire": "AfterOverlap"}}
LATER = {"rotation": {"overlap": "1h", "retire": "AfterOverlap"}}
APP_TOKEN: dict[str, Any] = {"authentication": None, "clientCredentials": None}
QUICK_SECONDS = 6


@pytest.fixture(scope="module")
def enterprises(stage: Stage) -> None:
    """Enterprises of both modes."""
    grants.make_enterprises(stage.play)


@pytest.fixture(autouse=True)
def finished(play: Playground, ns: str, enterprises: None) -> Iterator[None]:
    """Nothing of a test goes on in the next one."""
    yield
    grants.finish(play, ns)


def in_mode(mode: str) -> dict[str, Any]:
    """The reference to an enterprise that looks again every second."""
    return {"enterpriseRef": {"name": mode.lower()}}


def make(play: Playground, ns: str, mode: str, **spec: Any) -> str:
    """An app with an App Token, which the operator or a person made; returns the token."""
    if mode == "Automated":
        make_ready(play, ns, **in_mode(mode), **spec)
    else:
        spec["tokens"] = {**spec.get("tokens", {}), "importFrom": {"name": people.KEYS}}
        people.make_ready(play, ns, **in_mode(mode), **spec)
    return token_in(play, ns)


def move(play: Playground, ns: str, mode: str, **spec: Any) -> dict[str, Any]:
    """The spec asks for client credentials, which are there; returns their app."""
    other = grants.another(play, ns)
    grants.hand_over(play, ns, other)
    change(play, ns, **grants.granted_by(mode.lower(), other), **spec)
    return other


def change(play: Playground, ns: str, **spec: Any) -> None:
    """Change the spec; it must be accepted."""
    play.cluster.patch(play.path(ns, "viewer"), {"spec": spec})


def await_retired(play: Playground, ns: str) -> None:
    """Wait until no App Token of the first app is live, and the status speaks neither of one nor of that app."""

    def look() -> bool:
        status = play.get(ns, "viewer")["status"]
        return live(play, ns) == [] and "appID" not in status and "retiring" not in status["tokens"]

    until(look, 20, "the App Token to be gone")


@pytest.mark.parametrize("mode", grants.MODES)
def test_nobody_is_without_a_token(play: Playground, ns: str, mode: str) -> None:
    """Not one 401 from the App Token to the third access token; status and Secret are of one mind all the time."""
    play.box.access_token_seconds(stretched(QUICK_SECONDS))
    first, mine = make(play, ns, mode, tokens=LATER), box_app(play, ns)

    with at_work(Client(play, ns)) as client:
        other = move(play, ns, mode)
        client.await_seen(4)
        assert grants.is_live(play, first)
        assert tokens(play, ns)["retiring"]["fingerprint"] == live(play, ns)[0]
        assert notes(play, ns)["former-app-tokens"].startswith(f"{mine['id']}/primary/")

    grants.check_client(play, ns, other)
    assert "appID" not in play.get(ns, "viewer")["status"]
    assert grants.ready_of(play, ns) == ("True", "Ready")


def test_the_app_token_is_revoked_after_its_overlap(play: Playground, ns: str) -> None:
    """By the operator, at the console; the app stays."""
    make(play, ns, "Automated", tokens=AT_ONCE)

    other = move(play, ns, "Automated")

    await_retired(play, ns)
    grants.check_client(play, ns, other)
    assert box_app(play, ns)["tokens"] == {"primary": None, "secondary": None}


@pytest.mark.also_on("namespaced")
def test_a_pod_keeps_the_app_token(play: Playground, ns: str) -> None:
    """One that read it at its start, while access tokens come and go; people see which."""
    play.box.access_token_seconds(stretched(QUICK_SECONDS))
    first = make(play, ns, "Automated", tokens={"rotation": {"overlap": "0s"}})
    make_pod(play, ns, "web")

    other = move(play, ns, "Automated")

    await_used_by(play, ns, "web")
    access = grants.await_other(play, ns, first)
    grants.await_other(play, ns, access)
    assert grants.is_live(play, first)
    delete_pod(play, ns, "web")
    await_retired(play, ns)
    grants.check_client(play, ns, other)


def test_a_person_is_asked_to_revoke_it_where_nobody_else_can(play: Playground, ns: str) -> None:
    """``spec.clientID`` may stay as it is: it names the app whose page the step leads to."""
    make(play, ns, "Assisted", tokens=AT_ONCE)

    other = move(play, ns, "Assisted")

    people.await_step(play, ns, "Press Revoke for the Primary Access Token.")
    grants.check_client(play, ns, other)
    assert play.get(ns, "viewer")["spec"]["clientID"] == box_app(play, ns)["client_id"]
    assert play.get(ns, "viewer")["status"]["nextSteps"][0]["where"].endswith(f"/app/{box_app(play, ns)['id']}")
    play.box.revoke_key(f"{ns} viewer")
    await_retired(play, ns)
    assert people.steps(play, ns) == []


def test_until_there_are_credentials_the_app_token_stays(play: Playground, ns: str) -> None:
    """It is not touched, nothing is said of it that is not so, and nothing is written at rest."""
    first, mine = make(play, ns, "Automated", tokens=AT_ONCE), box_app(play, ns)
    secret, other = play.secret(ns, SECRET), grants.another(play, ns)
    change(play, ns, **grants.granted_by("automated", other))
    people.await_step(play, ns, f"Secret {grants.CREDENTIALS!r}")

    start = grants.quiet(play, ns)
    await_writes(play, ns, start)

    body = play.get(ns, "viewer")
    assert play.secret(ns, SECRET) == secret
    assert (body["status"]["appID"], body["status"]["clientID"]) == (mine["id"], mine["client_id"])
    assert grants.ready_of(play, ns) == ("True", "Ready")
    assert grants.is_live(play, first)
    grants.hand_over(play, ns, other)
    await_retired(play, ns)
    grants.check_client(play, ns, other)


@pytest.mark.parametrize("policy", ["RevokeTokens", "Delete"])
def test_deletion_ends_both(play: Playground, ns: str, policy: str) -> None:
    """The access token, and the App Token in its overlap; the app that the operator registered goes by the policy."""
    first = make(play, ns, "Automated", deletionPolicy=policy)
    other = move(play, ns, "Automated")
    until(lambda: token_in(play, ns) != first, 10, "the access token")
    access = token_in(play, ns)

    play.cluster.delete(play.path(ns, "viewer"))

    grants.await_gone(play, ns)
    assert not grants.is_live(play, first)
    assert not grants.is_live(play, access)
    assert (play.box.app(f"{ns} viewer") is None) == (policy == "Delete")
    assert play.box.app(other["name"]) is not None


@pytest.mark.parametrize("mode", grants.MODES)
def test_app_tokens_take_over_again(play: Playground, ns: str, mode: str) -> None:
    """The access token stays until there is one; a key may be of another app than the first one."""
    make(play, ns, mode, tokens=AT_ONCE)
    move(play, ns, mode)
    if mode == "Assisted":
        people.await_step(play, ns, "Press Revoke")
        play.box.revoke_key(f"{ns} viewer")
    await_retired(play, ns)
    access = token_in(play, ns)
    # Nobody is asked for a new authorization of the app that was registered first: its admin must decide.
    play.box.decide(f"{ns} viewer", "disable")

    if mode == "Automated":
        change(play, ns, **APP_TOKEN)
        play.await_condition(ns, "viewer", "Disabled")
        assert token_in(play, ns) == access
        play.box.decide(f"{ns} viewer", "enable")
        wanted = box_app(play, ns)
    else:
        wanted = play.box.create_app_by_hand(f"{ns} third")
        play.box.decide(wanted["name"], "authorize")
        change(play, ns, **APP_TOKEN, clientID=wanted["client_id"])
        until(lambda: "Generate Key" in str(people.steps(play, ns)), 10, "a key to be asked for")
        assert token_in(play, ns) == access
        people.hand_over(play, ns, primary=play.box.generate_key(wanted["name"]))

    play.await_condition(ns, "viewer", "Ready")
    grants.check_token_of(play, ns, wanted)
    assert play.get(ns, "viewer")["status"]["appID"] == wanted["id"]


def test_a_credential_of_the_wrong_kind_changes_nothing(play: Playground, ns: str) -> None:
    """Client id and secret of the App Token app: Box knows no such grant for it, and pods keep what they have."""
    first = make(play, ns, "Automated")
    secret = play.box.new_client_secret(f"{ns} viewer")
    grants.hand_over(play, ns, box_app(play, ns), secret)

    change(play, ns, **grants.granted_by("automated", box_app(play, ns)))

    until(lambda: "the app may not use this grant" in message_of(play.get(ns, "viewer")), 10, "the refusal to be said")
    await_pass(play, ns)
    assert token_in(play, ns) == first
    assert grants.ready_of(play, ns) == ("True", "Ready")
    assert values(play.secret(ns, SECRET))["BOX_CLIENT_ID"] == box_app(play, ns)["client_id"]
