"""Mode Assisted in trouble: outages, lost Secrets and keys, an app that is disabled, a restart."""

from typing import Any

import pytest
from tests.e2e import people, rotating
from tests.e2e.story import DOMAINS, await_one_token, live_tokens, stated

from playground import Playground
from playground.output import until
from playground.play import GROUP, condition

DOWN = {"path": "/", "count": None}


stage = people.without_console()


@pytest.mark.parametrize("fault", [{"kind": "status", "status": 503}, {"kind": "cut_before"}], ids=["503", "cut"])
def test_an_outage_is_said_and_ends_by_itself(play: Playground, ns: str, fault: dict[str, Any]) -> None:
    """Conditions keep for a while, then Ready is Unknown for BoxUnavailable; facets, tokens and Secret stay."""
    people.make_ready(play, ns)
    secret, before = play.secret(ns, rotating.SECRET), play.get(ns, "viewer")["status"]
    play.box.fault({**DOWN, **fault})

    body = play.await_condition(ns, "viewer", "BoxUnavailable", seconds=15)

    assert stated(body)["status"] == "Unknown"
    for type_ in ("Registered", "Authorized", "TokenReady", "CORSSynced"):
        assert condition(body, type_) == next(each for each in before["conditions"] if each["type"] == type_)
    assert body["status"]["tokens"] == before["tokens"]
    play.box.fault()
    play.await_condition(ns, "viewer", "Ready")
    assert play.secret(ns, rotating.SECRET) == secret


def test_a_passing_outage_changes_nothing(play: Playground, ns: str) -> None:
    """A few calls without an answer are nobody's news."""
    people.make_ready(play, ns)
    before = play.get(ns, "viewer")
    play.box.fault({"path": "/2.0/(files/1|users/me)", "kind": "status", "status": 503, "count": 2})
    until(lambda: play.box.faults_left() == [], 20, "the outage to be met")

    rotating.await_pass(play, ns)

    body = play.get(ns, "viewer")
    assert [body["status"]["conditions"], body["status"]["tokens"]] == [
        before["status"]["conditions"],
        before["status"]["tokens"],
    ]


@pytest.mark.also_on("namespaced")
def test_a_restart_at_rest_writes_nothing(play: Playground, ns: str) -> None:
    """Dates, origins and names are where the next process finds them."""
    people.make_ready(play, ns, cors={"domains": []})
    people.make_authorized(play, ns, "waiting", tokens={"importFrom": {"name": "others"}})
    people.await_step(play, ns, "Review and Submit", "waiting")
    ready = {"total": len(play.cluster.get(f"{GROUP}/boxcustomapps")["items"])}
    path = f"{GROUP}/boxenterprises/default"
    until(lambda: ready.items() <= play.cluster.get(path)["status"]["apps"].items(), 20, "the counts")
    rotating.await_pass(play, ns)
    start, said = play.cluster.audit_size(), len(play.logs())

    rotating.restart_operator(play)

    until(lambda: play.logs()[said:].count(": resync") >= 3, 30, "three resyncs after the restart")
    writes = [write for write in play.cluster.writes(start) if write.namespace == ns]
    assert writes == []


@pytest.mark.parametrize("away", [False, True], ids=["running", "away"])
def test_a_deleted_secret_comes_back_without_anybody(play: Playground, ns: str, away: bool) -> None:
    """The key still lies where the person put it: the same token is published again."""
    people.make_ready(play, ns)
    token, person = rotating.token_in(play, ns), people.Person(play, ns)
    if away:
        play.operator.stop()
    people.drop_secret(play, ns, rotating.SECRET)
    if away:
        play.operator.start()

    until(lambda: play.secret(ns, rotating.SECRET), 10, "the Secret")

    person.work_until_ready()
    assert person.did == []
    assert rotating.token_in(play, ns) == token == await_one_token(play, ns)


@pytest.mark.parametrize("away", [False, True], ids=["running", "restarted"])
def test_a_key_that_left_the_import_secret_is_revoked_all_the_same(play: Playground, ns: str, away: bool) -> None:
    """Whoever hands over the next key in a Secret of its own must hear that the one before is still live."""
    people.make_ready(play, ns)
    people.drop_secret(play, ns, people.KEYS)
    if away:
        rotating.restart_operator(play)
    rotating.request_rotation(play, ns)
    people.await_step(play, ns, "Secondary Access Token")
    person = people.Person(play, ns)

    person.work_until(
        lambda: "generate secondary" in person.did and not people.steps(play, ns), "the end of the rotation"
    )

    await_one_token(play, ns, seconds=5)


def test_a_deletion_long_after_a_rotation(play: Playground, ns: str) -> None:
    """What was revoked, taken out of the Secret and forgotten with the process is not asked for again.

    What is published is enough for rest, and for the next process.
    """
    app = people.make_ready(play, ns)
    rotating.request_rotation(play, ns)
    people.await_step(play, ns, "Secondary Access Token")
    person = people.Person(play, ns)
    person.work_until_ready()
    people.drop_secret(play, ns, people.KEYS)
    rotating.restart_operator(play)
    rotating.await_pass(play, ns)
    assert people.steps(play, ns) == []
    assert stated(play.get(ns, "viewer"))["status"] == "True"

    person.let_go()

    assert person.did == ["generate secondary", "revoke primary", "revoke secondary"]
    assert live_tokens(play, app) == []


def test_a_key_may_lie_there_before_anybody_asks(play: Playground, ns: str) -> None:
    """Also before the object itself."""
    app = play.box.create_app_by_hand(f"{ns} viewer")
    play.box.decide(app["name"], "authorize")
    people.hand_over(play, ns, secondary=play.box.generate_key(app["name"], "secondary"))
    people.make(play, ns, clientID=app["client_id"])
    person = people.Person(play, ns)

    play.await_condition(ns, "viewer", "Ready")

    assert person.did == []
    assert play.get(ns, "viewer")["status"]["tokens"]["active"]["slot"] == "secondary"


def test_a_key_in_the_other_slot_is_taken_before_a_rotation_is_due(play: Playground, ns: str) -> None:
    """Whoever generates one wants it to be used; the one before is phased out as after any rotation."""
    app = people.make_ready(play, ns)
    person, key = people.Person(play, ns), play.box.generate_key(app["name"], "secondary")

    people.hand_over(play, ns, secondary=key)

    until(lambda: rotating.token_in(play, ns) == key, 10, "the key to be published")
    people.await_step(play, ns, "Press Revoke")
    person.work_until_ready()
    assert person.did == ["revoke primary"]
    assert await_one_token(play, ns) == key


@pytest.mark.parametrize(
    ("fate", "kept"),
    [("revoke_key", True), ("revoke_key", False), ("expire_key", True)],
    ids=["revoked", "gone", "expired"],
)
def test_a_key_that_is_over_is_said_and_asked_for_again(play: Playground, ns: str, fate: str, kept: bool) -> None:
    """What pods get comes first, then the task: another key, and no other authorization. The next key mends it.

    Whether or not it still lies where it was handed over; a slot of the console may still hold one that has expired.
    """
    app, person, before = people.make_ready(play, ns), people.Person(play, ns), rotating.token_in(play, ns)
    if not kept:
        people.drop_secret(play, ns, people.KEYS)

    getattr(play.box, fate)(app["name"])

    body = play.await_condition(ns, "viewer", "TokenRejected")
    rotating.check_refused(play, ns, body, "it was revoked, or has expired. Under Configuration press Generate Key")
    assert "Review and Submit" not in stated(body)["message"]
    rotating.await_pass(play, ns)
    person.work_until_ready()
    assert person.did[0].startswith("generate")
    assert len(rotating.warnings(play, ns, "TokenRejected")) == 1
    assert stated(play.get(ns, "viewer"), "TokenReady")["reason"] == "Published"
    assert rotating.token_in(play, ns) != before
    assert live_tokens(play, app) == [rotating.token_in(play, ns)]


def test_with_both_secrets_lost_the_steps_lead_to_another_key(play: Playground, ns: str) -> None:
    """The console still has a key in the primary slot, whose value nobody has any more."""
    app = people.make_ready(play, ns)
    people.drop_secret(play, ns, people.KEYS)
    people.drop_secret(play, ns, rotating.SECRET)
    until(lambda: stated(play.get(ns, "viewer"))["status"] == "False", 15, "Ready to be False")

    people.Person(play, ns).work_until_ready()

    assert live_tokens(play, app) == [rotating.token_in(play, ns)]


def test_an_app_that_is_disabled_and_enabled_again(play: Playground, ns: str) -> None:
    """Pods get 401, and that is said first; a Box admin is asked, and the Secret stays as it is."""
    app = people.make_ready(play, ns, cors={"domains": []})
    secret, person = play.secret(ns, rotating.SECRET), people.Person(play, ns)
    play.box.decide(app["name"], "disable")

    body = play.await_condition(ns, "viewer", "TokenRejected")

    rotating.check_refused(play, ns, body, "Box says that the app is disabled.")
    assert stated(body, "Authorized")["reason"] == "Disabled"
    assert body["status"]["authorization"] == {"state": "Disabled"}
    person.work_until_ready()
    assert person.did == ["enable"]
    assert play.secret(ns, rotating.SECRET) == secret
    assert stated(play.get(ns, "viewer"), "TokenReady")["reason"] == "Published"


@pytest.mark.parametrize("domains", [[], DOMAINS], ids=["no-domains", "domains"])
def test_an_app_that_is_disabled_before_its_first_key_is_tried(play: Playground, ns: str, domains: Any) -> None:
    """Box says so at the very first call; nothing else may hide it."""
    app = people.make_authorized(play, ns, cors={"domains": domains})
    key = play.box.generate_key(app["name"])
    play.box.decide(app["name"], "disable")
    people.hand_over(play, ns, primary=key)

    play.await_condition(ns, "viewer", "Disabled", seconds=15)

    person = people.Person(play, ns)
    person.work_until_ready()
    assert person.did == (["enable", "cors"] if domains else ["enable"])
    assert rotating.token_in(play, ns) == key


@pytest.mark.parametrize("decision", ["decline", "require_reauthorization"])
def test_an_app_that_lost_its_authorization(play: Playground, ns: str, decision: str) -> None:
    """Box's words are the same as for one that is disabled: the step must fit both."""
    app = people.make_ready(play, ns)
    play.box.decide(app["name"], decision)
    play.await_condition(ns, "viewer", "TokenRejected")

    people.Person(play, ns).work_until_ready()

    assert live_tokens(play, app) == [rotating.token_in(play, ns)]


def test_an_app_belongs_to_the_object_that_has_it(play: Playground, ns: str) -> None:
    """Two would revoke each other's keys; another one that names it later gets nothing, however old it is."""
    people.make(play, ns, "older", tokens={"importFrom": {"name": "others"}})
    people.await_step(play, ns, "Create a Custom App", "older")
    created = play.get(ns, "older")["metadata"]["creationTimestamp"]
    until(lambda: rotating.ago(1) > created, 10, "the next second: creation times tell no parts of one")
    app = people.make_ready(play, ns)
    people.hand_over(play, ns, "others", primary=rotating.token_in(play, ns))

    play.cluster.patch(play.path(ns, "older"), {"spec": {"clientID": app["client_id"]}})

    play.await_condition(ns, "older", "ManagedElsewhere", seconds=10)
    rotating.await_pass(play, ns, "older")
    body = rotating.await_pass(play, ns)
    assert stated(body)["status"] == "True"
    assert play.secret(ns, "older-box-token") is None
