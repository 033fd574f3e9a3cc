"""Mode Assisted: a person does at Box's consoles what ``status.nextSteps`` says, and the operator proves it."""

import pytest
from tests.e2e import people
from tests.e2e.rotating import SECRET, annotate, await_handled, await_pass, request_rotation, restart_operator, token_in
from tests.e2e.story import DOMAINS, await_enterprise, await_one_token, box_app, live_tokens, stated, values

from playground import Playground
from playground.play import condition, secret_manifest

CLIENT_SECRET = {"name": "client", "key": "secret"}


stage = people.without_console()


def give_client_secret(play: Playground, ns: str) -> None:
    """Put the app's client secret where the spec says."""
    value = play.box.new_client_secret(f"{ns} viewer")
    play.cluster.ensure(secret_manifest(ns, CLIENT_SECRET["name"], {CLIENT_SECRET["key"]: value}))


@pytest.mark.parametrize(("expiry", "days"), [("30d", 30), ("60d", 60), ("Never", None)])
def test_a_person_is_led_from_nothing_to_ready(
    play: Playground, ns: str, users_me: bool, expiry: str, days: int | None
) -> None:
    """What stands in nextSteps is enough, in this order; the key, its expiry and the CORS domains are as asked for."""
    people.make(play, ns, cors={"domains": DOMAINS}, tokens={"importFrom": {"name": people.KEYS}, "expiry": expiry})
    person = people.Person(play, ns)

    person.work_until_ready()

    assert person.did == ["create", "cors", "submit", "authorize", "generate primary"]
    app, status = box_app(play, ns), play.get(ns, "viewer")["status"]
    assert app["cors_domains"] == DOMAINS == status["corsDomains"]
    assert status["clientID"] == app["client_id"]
    assert status.get("appID") == (app["id"] if users_me else None)
    assert status.get("consoleURL") == (f"{people.CONSOLE}/app/{app['id']}" if users_me else None)
    assert live_tokens(play, app) == [token_in(play, ns)]
    assert (app["tokens"]["primary"]["expires_at"] is None) == (days is None)
    assert (values(play.secret(ns, SECRET))["BOX_TOKEN_EXPIRES_AT"] == "") == (days is None)


@pytest.mark.also_on("namespaced")
def test_a_person_is_led_through_two_rotations_to_the_end(play: Playground, ns: str) -> None:
    """The other slot, the revocation, and at the end the revocation of what is left; Ready stays True meanwhile.

    The key that had its time lies in the import Secret until its slot is needed again.
    """
    people.make(play, ns)
    person = people.Person(play, ns)
    person.work_until_ready()
    seen, since = {token_in(play, ns)}, condition(play.get(ns, "viewer"), "Ready")
    for slot in ("Secondary", "Primary"):
        request = request_rotation(play, ns)
        people.await_step(play, ns, f"Generate Key for the {slot}")
        person.work_until_ready()
        body = await_handled(play, ns, request)
        seen.add(await_one_token(play, ns))

    assert len(seen) == 3
    assert stated(body)["lastTransitionTime"] == (since or {})["lastTransitionTime"]
    assert "cannot be used" not in str(play.get(ns, "viewer")["status"]["conditions"])
    person.let_go()
    turns = ["generate secondary", "revoke primary", "generate primary", "revoke secondary", "revoke primary"]
    assert person.did == ["create", "submit", "authorize", "generate primary", *turns]
    assert live_tokens(play, box_app(play, ns)) == []


def test_kubectl_shows_the_first_step(play: Playground, ns: str) -> None:
    """Whoever has nothing but ``kubectl get -o wide`` knows what to do; the enterprise says its mode.

    A key cannot be generated for an app that nobody created, submitted and authorized.
    """
    people.make(play, ns, displayName=f"{ns} Dana's viewer")
    people.await_step(play, ns, "Create a Custom App")

    row = people.columns(play, ns)

    assert [step.split()[0] for step in people.steps(play, ns)] == ["Create"]
    assert (row["READY"], row["AUTHORIZED"], row["TOKEN"]) == ("False", "Unknown", "Unknown")
    assert row["REASON"] == "AwaitingClientID"
    assert row["MESSAGE"].endswith(people.steps(play, ns)[0])
    people.Person(play, ns).work_until_ready()
    row = people.columns(play, ns)
    assert (row["READY"], row["AUTHORIZED"], row["TOKEN"], row["REASON"]) == ("True", "True", "True", "Ready")
    assert row["CLIENT-ID"] == play.get(ns, "viewer")["spec"]["clientID"]
    assert await_enterprise(play, "default", "Ready")["spec"]["console"] == {"mode": "Assisted"}


@pytest.mark.also_on("namespaced")
def test_with_a_client_secret_nobody_revokes(play: Playground, ns: str) -> None:
    """At a rotation and at the end the operator does it through Box's public API."""
    app = people.make_ready(play, ns, clientSecretRef=CLIENT_SECRET)
    give_client_secret(play, ns)
    request, person = request_rotation(play, ns), people.Person(play, ns)
    people.await_step(play, ns, "Secondary Access Token")

    person.work_until_ready()

    await_handled(play, ns, request)
    await_one_token(play, ns)
    person.let_go()
    assert person.did == ["generate secondary"]
    assert live_tokens(play, app) == []


@pytest.mark.parametrize("lost", [False, True], ids=["at-hand", "out-of-sight"])
def test_a_deletion_in_the_middle_of_a_rotation_asks_for_both_keys(play: Playground, ns: str, lost: bool) -> None:
    """Also when the value of the previous one is in no Secret any more, and the process is another one."""
    app, person = people.make_ready(play, ns), people.Person(play, ns)
    request_rotation(play, ns)
    person.work_until(lambda: "generate secondary" in person.did, "the other key")
    people.await_step(play, ns, "Press Revoke for the Primary")
    if lost:
        people.drop_secret(play, ns, people.KEYS)
        restart_operator(play)

    play.cluster.delete(play.path(ns, "viewer"))

    # What cannot be proven keeps the object, once both were asked for.
    both = {"revoke primary", "revoke secondary"}
    person.work_until(lambda: play.get(ns, "viewer") is None or (lost and both <= {*person.did}), "the object to go")
    assert both <= {*person.did}
    assert live_tokens(play, app) == []


@pytest.mark.parametrize(
    ("policy", "secret", "deeds"),
    [
        ("Delete", None, ["delete"]),
        ("Delete", "right", ["delete"]),
        ("Retain", None, []),
        ("RevokeTokens", "wrong", ["revoke primary"]),
    ],
)
def test_deletion_policies(play: Playground, ns: str, policy: str, secret: str | None, deeds: list[str]) -> None:
    """Delete asks for the app's deletion, Retain asks for nothing and leaves everything.

    With a client secret the tokens can be revoked without anybody; the app cannot be deleted without anybody. One that
    Box refuses leaves it to a person, as with an App Token app of the real Box, which has none.
    """
    if secret == "wrong":
        play.cluster.ensure(secret_manifest(ns, CLIENT_SECRET["name"], {CLIENT_SECRET["key"]: "wrong"}))
    spec = {"clientSecretRef": CLIENT_SECRET} if secret else {}
    app, person = people.make_ready(play, ns, deletionPolicy=policy, **spec), people.Person(play, ns)
    if secret == "right":
        give_client_secret(play, ns)

    person.let_go()

    assert person.did == deeds
    assert (play.box.app(app["name"]) is None) == (policy == "Delete")
    assert bool(live_tokens(play, app)) == (policy == "Retain")


def test_an_app_that_is_declined_can_be_submitted_again(play: Playground, ns: str) -> None:
    """Without a key Box tells nothing of it: the steps stay, and whoever goes through them again gets there."""
    people.make(play, ns)
    first = people.Person(play, ns)
    first.work_until(lambda: "submit" in first.did, "the submission")
    play.box.decide(f"{ns} viewer", "decline")
    await_pass(play, ns)
    assert people.steps(play, ns)[0] == "Under Authorization press Review and Submit."

    second = people.Person(play, ns)
    second.work_until_ready()

    assert second.did == ["submit", "authorize", "generate primary"]


def test_other_domains_are_asked_for(play: Playground, ns: str) -> None:
    """The whole new list, to be pasted; Ready says so until Box allows each of them."""
    people.make(play, ns, cors={"domains": DOMAINS[:1]})
    person = people.Person(play, ns)
    person.work_until_ready()
    play.cluster.patch(play.path(ns, "viewer"), {"spec": {"cors": {"domains": DOMAINS[1:]}}})
    body = play.await_condition(ns, "viewer", "AwaitingHuman")
    assert people.steps(play, ns) == [f"Put exactly this into the field CORS Domains: {', '.join(DOMAINS[1:])}"]
    assert f"Box does not allow {', '.join(DOMAINS[1:])}." in stated(body, "CORSSynced")["message"]

    person.work_until_ready()

    assert person.did[-2:] == ["generate primary", "cors"]
    assert box_app(play, ns)["cors_domains"] == DOMAINS[1:]


@pytest.mark.parametrize("wish", [True, False], ids=["on-request", "with-another-list"])
def test_a_domain_that_somebody_took_out_is_asked_for_again(play: Playground, ns: str, wish: bool) -> None:
    """At the latest when somebody asks for a look, or changes the list."""
    people.make(play, ns, cors={"domains": DOMAINS[:2]})
    people.Person(play, ns).work_until_ready()
    play.box.set_cors(f"{ns} viewer", ", ".join(DOMAINS[1:]))

    if wish:
        annotate(play, ns, "viewer", "reconcile-requested-at", "now")
    else:
        play.cluster.patch(play.path(ns, "viewer"), {"spec": {"cors": {"domains": DOMAINS}}})

    play.await_condition(ns, "viewer", "AwaitingHuman", "CORSSynced", seconds=10)


@pytest.mark.parametrize("left", [DOMAINS[:1], []], ids=["one", "none"])
def test_domains_that_the_spec_drops_are_to_be_taken_out(play: Playground, ns: str, left: list[str]) -> None:
    """Where pages lose their right the console must follow: what Box allowed before is tried."""
    people.make(play, ns, cors={"domains": DOMAINS})
    person = people.Person(play, ns)
    person.work_until_ready()
    play.cluster.patch(play.path(ns, "viewer"), {"spec": {"cors": {"domains": left}}})

    await_pass(play, ns)
    person.work_until_ready()

    assert box_app(play, ns)["cors_domains"] == left


def test_leftovers_that_allow_anybody_are_noticed(play: Playground, ns: str) -> None:
    """With an empty list in the spec no origin may be allowed; one that nobody asks for is tried."""
    app = people.make_authorized(play, ns)
    play.box.set_cors(app["name"], "https://*.invalid")
    people.hand_over(play, ns, primary=play.box.generate_key(app["name"]))
    people.await_step(play, ns, "Empty the field CORS Domains.")

    people.Person(play, ns).work_until_ready()

    assert box_app(play, ns)["cors_domains"] == []
