"""Keys that people hand over in mode Assisted: Box is asked about each, and only the app's own are published."""

from collections.abc import Callable
from functools import partial
from typing import Any

import httpx
import pytest
from tests.e2e.people import KEYS, Person, hand_over, make, make_authorized, make_ready, traces, without_console
from tests.e2e.rotating import SECRET, await_pass, say_of_token, token_in
from tests.e2e.story import await_body, await_one_token, delete, stated

from playground import Playground
from playground.output import until
from playground.play import condition

OWN_ENTERPRISE, OTHER_ENTERPRISE = "1234567", "7654321"
EMPTY = " \n"
EXCHANGE = {
    "grant_type": "urn:ietf:params:oauth:grant-type:token-exchange",
    "subject_token_type": "urn:ietf:params:oauth:token-type:access_token",
    "scope": "item_preview",
}


stage = without_console(enterpriseID=OWN_ENTERPRISE)
"""Keys of another enterprise are known by that."""


# Keys that are no good, each from the app that they are handed over for


def of_another_app(play: Playground, app: dict[str, Any], enterprise: str | None = None) -> str:
    """From the wrong page of the console, or from the right page of the wrong console."""
    other = play.box.create_app_by_hand(f"{app['name']} of others", enterprise=enterprise)
    play.box.decide(other["name"], "authorize")
    return play.box.generate_key(other["name"])


def developer_token(play: Playground, app: dict[str, Any]) -> str:
    """The button beside: it acts as a person, and for an hour."""
    return play.box.developer_token(app["name"])


def over(end: str, play: Playground, app: dict[str, Any]) -> str:
    """Somebody pressed Revoke before it was used, or it lay about for too long."""
    key = play.box.generate_key(app["name"], "secondary")
    getattr(play.box, end)(app["name"], "secondary")
    return key


def in_two_parts(play: Playground, app: dict[str, Any]) -> str:
    """Copied with a line break inside."""
    key = play.box.developer_token(app["name"])
    return f"{key[:16]}\n{key[16:]}"


DEAD = "it was revoked, has expired, or was not copied whole."
NOT_OURS = f"it belongs to enterprise {OTHER_ENTERPRISE}, not to {OWN_ENTERPRISE}."
BAD: dict[str, tuple[Callable[[Playground, dict[str, Any]], str | bytes], str]] = {
    "another-app": (of_another_app, "it belongs to app "),
    "another-enterprise": (partial(of_another_app, enterprise=OTHER_ENTERPRISE), NOT_OURS),
    "developer-token": (developer_token, "is it a developer token?"),
    "revoked": (partial(over, "revoke_key"), DEAD),
    "expired": (partial(over, "expire_key"), DEAD),
    # Not copied whole.
    "made-up": (lambda play, app: developer_token(play, app)[:20], DEAD),
    "in-two-parts": (in_two_parts, "there is white space inside"),
    # The paste did not work.
    "empty": (lambda *_: EMPTY, "it is empty."),
    # Encoded twice, or another file.
    "binary": (lambda *_: b"\x89PNG\r\n\x1a\n\x00\xff", "it is not text"),
}


def await_complaint(play: Playground, ns: str, words: str) -> dict[str, Any]:
    """Wait until ``TokenReady`` says so; returns the object."""

    def said(body: Any) -> bool:
        return words in (condition(body, "TokenReady") or {}).get("message", "")

    return await_body(play, ns, said, f"{ns}/viewer to say {words!r}")


OF_OTHERS = ("another-app", "another-enterprise")


@pytest.fixture
def identified(users_me: bool) -> None:
    """For tests in which Box must say whose a key is; ``test_a_key_of_others_...`` has what happens otherwise."""
    if not users_me:
        pytest.skip("Box does not say whose a key is")


@pytest.mark.parametrize("kind", BAD)
def test_consumers_keep_the_good_one(play: Playground, ns: str, users_me: bool, kind: str) -> None:
    """A bad key beside one that works is named, and changes nothing."""
    if not users_me and kind in OF_OTHERS:
        pytest.skip("Box does not say whose a key is")
    app = make_ready(play, ns)
    start, secret, (generate, words) = play.cluster.audit_size(), play.secret(ns, SECRET), BAD[kind]
    before, key = condition(play.get(ns, "viewer"), "Ready"), generate(play, app)

    hand_over(play, ns, secondary=key)

    body = await_complaint(play, ns, words)
    await_pass(play, ns)
    assert "Key 'secondary' cannot be used: " in stated(body, "TokenReady")["message"]
    assert stated(body)["lastTransitionTime"] == (before or {})["lastTransitionTime"]
    assert stated(body, "TokenReady")["status"] == "True"
    assert play.secret(ns, SECRET) == secret
    assert key == EMPTY or traces(play, start, key) == []


@pytest.mark.parametrize("kind", [each for each in BAD if each != "another-app"])
def test_a_bad_first_key_is_never_published(play: Playground, ns: str, users_me: bool, kind: str) -> None:
    """TokenReady is False and says what is wrong with it; the right one is taken as soon as it is there."""
    if not users_me and kind in OF_OTHERS:
        pytest.skip("Box does not say whose a key is")
    app = make_authorized(play, ns)
    start, (generate, words) = play.cluster.audit_size(), BAD[kind]
    key = generate(play, app)

    hand_over(play, ns, primary=key)

    token = condition(await_complaint(play, ns, words), "TokenReady") or {}
    await_pass(play, ns)
    assert (token["status"], token["reason"]) == ("False", "TokenRejected")
    assert "Key 'primary' cannot be used: " in token["message"]
    assert play.secret(ns, SECRET) is None
    good = play.box.generate_key(app["name"])
    hand_over(play, ns, primary=good)
    play.await_condition(ns, "viewer", "Ready")
    assert token_in(play, ns) == good
    assert key == EMPTY or traces(play, start, key) == []


@pytest.mark.parametrize("kind", OF_OTHERS)
def test_a_key_of_others_is_not_noticed_where_box_does_not_say_so(
    play: Playground, ns: str, users_me: bool, kind: str
) -> None:
    """It is live, so it is taken as any other; Registered tells that nobody can see whose it is."""
    if users_me:
        pytest.skip("Box says whose a key is")
    app = make_authorized(play, ns)
    key = BAD[kind][0](play, app)

    hand_over(play, ns, primary=key)

    body = play.await_condition(ns, "viewer", "Ready")
    assert token_in(play, ns) == key
    assert "a key of another app would not be noticed" in stated(body, "Registered")["message"]
    assert body["status"]["clientID"] == app["client_id"]
    assert "appID" not in body["status"]


@pytest.mark.usefixtures("identified")
def test_a_bad_key_in_place_of_a_lost_one(play: Playground, ns: str) -> None:
    """The app is known by then: a key of another one is refused although no other is there."""
    app = make_ready(play, ns)
    play.box.revoke_key(app["name"])
    play.await_condition(ns, "viewer", "TokenRejected", "TokenReady")
    before, key = play.secret(ns, SECRET), of_another_app(play, app)

    hand_over(play, ns, primary=key)

    body = await_complaint(play, ns, f", not to app {app['id']}.")
    assert stated(body, "TokenReady")["reason"] == "TokenRejected"
    assert play.secret(ns, SECRET) == before


@pytest.mark.usefixtures("identified")
def test_the_first_key_of_another_app_can_be_undone(play: Playground, ns: str) -> None:
    """Box does not tell whose client id a key has: the first is believed, and its name shown; a new object mends it."""
    app = make_authorized(play, ns, deletionPolicy="Retain")
    wrong = of_another_app(play, app)
    hand_over(play, ns, primary=wrong)
    body = play.await_condition(ns, "viewer", "Ready")
    assert f"which Box calls '{app['name']} of others'" in stated(body, "Registered")["message"]
    good = play.box.generate_key(app["name"])
    hand_over(play, ns, primary=good)
    await_complaint(play, ns, f"it belongs to app {app['id']} ({app['name']}), not to app {body['status']['appID']}.")

    delete(play, ns)
    make(play, ns, clientID=app["client_id"])

    play.await_condition(ns, "viewer", "Ready")
    until(lambda: token_in(play, ns) == good, 10, "the right key to be published")
    assert {entry["token"]: entry["live"] for entry in play.box.issued_tokens()}[wrong]


@pytest.mark.parametrize("around", ["\n", "  ", "\r\n", "\t"], ids=repr)
def test_white_space_around_a_key_is_nobodys_intention(play: Playground, ns: str, around: str) -> None:
    """An editor puts a newline at the end of a file; the key is published without."""
    app = make_authorized(play, ns)
    key = play.box.generate_key(app["name"])

    hand_over(play, ns, primary=f"{around}{key}{around}")

    play.await_condition(ns, "viewer", "Ready")
    assert token_in(play, ns) == key


@pytest.mark.also_on("namespaced")
def test_a_missing_secret_is_named(play: Playground, ns: str) -> None:
    """With the key that is expected in it."""
    make_authorized(play, ns)
    body = await_complaint(play, ns, f"put the key into Secret {KEYS!r} under 'primary'.")
    assert stated(body, "TokenReady")["reason"] == "AwaitingToken"

    Person(play, ns).work_until_ready()

    assert await_one_token(play, ns)


def test_a_secret_with_neither_key_is_asked_for_one(play: Playground, ns: str) -> None:
    """Under its right name; what stands there under another is left alone."""
    app = make_authorized(play, ns)
    key = play.box.generate_key(app["name"])
    hand_over(play, ns, Primary=key)
    await_complaint(play, ns, KEYS)

    await_pass(play, ns)

    assert f"put the key into Secret {KEYS!r} under 'primary'." in say_of_token(play, ns)
    assert play.secret(ns, SECRET) is None
    hand_over(play, ns, primary=key)
    play.await_condition(ns, "viewer", "Ready")


def test_a_spec_that_names_no_secret_says_so(play: Playground, ns: str) -> None:
    """There is nowhere to put a key."""
    make_authorized(play, ns, tokens={})

    await_complaint(play, ns, "spec.tokens.importFrom")


def test_two_bad_keys_are_both_named(play: Playground, ns: str) -> None:
    """Each with its own reason; one that is good is taken all the same."""
    app = make_authorized(play, ns)
    hand_over(play, ns, primary=developer_token(play, app), secondary="")
    await_complaint(play, ns, "Key 'secondary' cannot be used: it is empty.")
    assert "Key 'primary' cannot be used: it acts for " in say_of_token(play, ns)

    hand_over(play, ns, primary=play.box.generate_key(app["name"]))

    body = play.await_condition(ns, "viewer", "Ready")
    assert "Key 'secondary' cannot be used: it is empty." in stated(body, "TokenReady")["message"]


def downscope(play: Playground, key: str) -> str:
    """A token with fewer rights, for about an hour."""
    answer = httpx.post(f"{play.box.url}/oauth2/token", data={**EXCHANGE, "subject_token": key}).raise_for_status()
    return str(answer.json()["access_token"])


def test_a_downscoped_token_is_never_published(play: Playground, ns: str) -> None:
    """It acts for the same account, has fewer rights, and is over within the hour."""
    make_ready(play, ns)
    good = token_in(play, ns)

    hand_over(play, ns, secondary=downscope(play, good))

    await_pass(play, ns)
    await_pass(play, ns)
    assert token_in(play, ns) == good
    assert "is it a downscoped token?" in say_of_token(play, ns)


def test_a_downscoped_token_that_may_not_ask_who_it_is(play: Playground, ns: str) -> None:
    """Box's refusal tells. The last test here: while it lasts every other app is refused, too."""
    app = make_authorized(play, ns)
    start, key = play.cluster.audit_size(), play.box.generate_key(app["name"])
    refusal = {"path": "/2.0/users/me", "kind": "status", "status": 403, "code": "insufficient_scope", "count": None}
    play.box.fault(refusal)
    child = downscope(play, key)

    hand_over(play, ns, primary=child)

    await_complaint(play, ns, "is it a downscoped token?")
    play.box.fault()
    await_pass(play, ns)
    assert play.secret(ns, SECRET) is None
    assert traces(play, start, child) == []
    hand_over(play, ns, primary=key)
    play.await_condition(ns, "viewer", "Ready")
