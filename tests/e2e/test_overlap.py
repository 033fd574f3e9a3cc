"""While two tokens are live: when the previous one goes, and what may happen to the app meanwhile."""

import re
from datetime import datetime, timedelta

import pytest
from tests.e2e import rotating
from tests.e2e.story import DOMAINS, box_app, delete, make_ready, stated
from tests.e2e.test_adoption import adopted

from playground import Playground
from playground.output import until

HOUR = timedelta(hours=1)
"""The overlap when the spec says nothing."""


def slots(play: Playground, ns: str) -> dict[str, str]:
    """The fingerprints of an app's tokens in Box, by slot."""
    return {slot: token["fingerprint"] for slot, token in box_app(play, ns)["tokens"].items() if token}


@pytest.mark.parametrize("retire", ["WhenUnused", "AfterOverlap"])
def test_the_previous_token_stays_live_for_the_overlap(play: Playground, ns: str, retire: str) -> None:
    """An hour when nothing else is said; status and message tell of it, and a shorter overlap ends it."""
    old = make_ready(play, ns, tokens={"rotation": {"retire": retire}})["status"]["tokens"]["active"]

    body = rotating.rotate(play, ns)

    shown, rotated_at = body["status"]["tokens"], datetime.fromisoformat(rotating.notes(play, ns)["rotated-at"])
    assert shown["retiring"].items() >= old.items()
    assert slots(play, ns) == {each["slot"]: each["fingerprint"] for each in (old, shown["active"])}
    assert rotating.live(play, ns) == [old["fingerprint"], shown["active"]["fingerprint"]]
    said = re.findall(r"previous token stays live until ([^ ,]+Z)", rotating.say_of_token(play, ns))
    assert [datetime.fromisoformat(each) for each in said] == [rotated_at.replace(microsecond=0) + HOUR]
    assert stated(body)["status"] == "True"
    rotating.set_rotation(play, ns, overlap="0s")
    assert rotating.await_retired(play, ns) == shown["active"]["fingerprint"]


def test_after_overlap_asks_for_no_pods(play: Playground, ns: str) -> None:
    """The end of the overlap is the end, whoever still uses the token; nobody is counted."""
    make_ready(play, ns, tokens={"rotation": {"retire": "AfterOverlap"}})
    rotating.make_pod(play, ns, "web")
    assert "usedBy" not in rotating.rotate(play, ns)["status"]["tokens"]["retiring"]

    rotating.set_rotation(play, ns, overlap="0s")

    rotating.await_retired(play, ns)
    assert rotating.warnings(play, ns, "RetiredInUse") == []


def test_neither_an_edit_nor_a_restart_of_the_operator_ends_an_overlap(play: Playground, ns: str) -> None:
    """CORS domains and labels change, both tokens stay; and what the Secret tells is enough to go on from."""
    make_ready(play, ns)
    before = rotating.rotate(play, ns)["status"]["tokens"]
    spec = {"cors": {"domains": DOMAINS}, "tokens": {"secret": {"labels": {"team": "billing"}}}}

    play.cluster.patch(play.path(ns, "viewer"), {"spec": spec})

    body = play.await_condition(ns, "viewer", "Ready")
    assert box_app(play, ns)["cors_domains"] == DOMAINS
    assert play.secret(ns, rotating.SECRET)["metadata"]["labels"]["team"] == "billing"
    assert body["status"]["tokens"] == before
    rotating.restart_operator(play)
    assert rotating.await_pass(play, ns)["status"]["tokens"] == before
    assert len(rotating.issued(play, ns)) == len(rotating.live(play, ns)) == 2
    rotating.set_rotation(play, ns, overlap="0s")
    rotating.await_retired(play, ns)


@pytest.mark.parametrize("edit", [("annotations",), ("annotations", "labels", "ownerReferences")], ids=len)
def test_notes_that_somebody_removed_end_no_overlap(play: Playground, ns: str, edit: tuple[str, ...]) -> None:
    """The status remembers that there is a previous token: better too long than too early."""
    make_ready(play, ns)
    before, told = rotating.rotate(play, ns)["status"]["tokens"], rotating.notes(play, ns)

    play.cluster.patch(f"/api/v1/namespaces/{ns}/secrets/{rotating.SECRET}", {"metadata": dict.fromkeys(edit)})

    until(lambda: play.secret(ns, rotating.SECRET)["metadata"].get("annotations"), 20, "the notes")
    assert rotating.notes(play, ns)["previous-fingerprint"] == told["previous-fingerprint"]
    assert rotating.await_pass(play, ns)["status"]["tokens"] == before
    assert len(rotating.issued(play, ns)) == len(rotating.live(play, ns)) == 2


def test_a_previous_token_that_is_over_frees_its_slot(play: Playground, ns: str) -> None:
    """Nothing is to be protected in a token that expired."""
    make_ready(play, ns)
    old = rotating.rotate(play, ns)["status"]["tokens"]["retiring"]

    play.box.call("POST", f"/sandbox/v1/apps/{box_app(play, ns)['id']}/tokens/{old['slot']}/expire")

    rotating.await_retired(play, ns)
    assert list(slots(play, ns)) != [old["slot"]]


def test_a_request_within_the_overlap_waits_for_its_end(play: Playground, ns: str) -> None:
    """The promise to the pods comes first; then the next rotation has the slot at once."""
    make_ready(play, ns, tokens={"rotation": {"overlap": "1h"}})
    rotating.rotate(play, ns)
    begun = datetime.fromisoformat(rotating.notes(play, ns)["rotated-at"])

    request = rotating.request_rotation(play, ns)

    assert rotating.await_pass(play, ns)["status"]["lastHandledRotateAt"] != request
    rotating.set_rotation(play, ns, overlap="4s")
    rotating.await_handled(play, ns, request)
    assert datetime.fromisoformat(rotating.notes(play, ns)["rotated-at"]) >= begun + timedelta(seconds=4)
    assert len(rotating.issued(play, ns)) == 3
    assert rotating.warnings(play, ns, "RetiredInUse") == []
    rotating.await_retired(play, ns)


# The app is disabled


def test_a_disabled_app_keeps_both_tokens_and_rotates_once_it_is_enabled(play: Playground, ns: str) -> None:
    """Although the overlap ends meanwhile. Box gives out no tokens before; the request is kept."""
    make_ready(play, ns)
    rotating.rotate(play, ns)
    play.box.decide(f"{ns} viewer", "disable")
    play.await_condition(ns, "viewer", "Disabled", "Authorized")
    rotating.set_rotation(play, ns, overlap="0s")
    mark, request = play.box.mark(), rotating.request_rotation(play, ns)
    assert rotating.await_pass(play, ns)["status"]["lastHandledRotateAt"] != request
    assert [call for call in play.box.requests(mark) if call["method"] != "GET"] == []
    assert len(slots(play, ns)) == 2

    play.box.decide(f"{ns} viewer", "enable")

    rotating.await_handled(play, ns, request)
    rotating.await_retired(play, ns)
    assert len(rotating.issued(play, ns)) == 3


def test_a_suspended_app_rotates_once_it_goes_on(play: Playground, ns: str) -> None:
    """Neither a request nor the end of an overlap is acted upon before."""
    make_ready(play, ns)
    rotating.rotate(play, ns)
    spec = {"suspend": True, "tokens": {"rotation": {"overlap": "0s"}}}
    play.cluster.patch(play.path(ns, "viewer"), {"spec": spec})
    play.await_condition(ns, "viewer", "Suspended")
    request = rotating.request_rotation(play, ns)
    make_ready(play, ns, "another")
    assert len(rotating.issued(play, ns)) == len(rotating.live(play, ns)) == 2

    play.cluster.patch(play.path(ns, "viewer"), {"spec": {"suspend": False}})

    rotating.await_handled(play, ns, request)
    rotating.await_retired(play, ns)
    assert len(rotating.issued(play, ns)) == 3


# The object is deleted


@pytest.mark.parametrize(("policy", "left"), [("RevokeTokens", 0), ("Delete", 0), ("Retain", 2)])
def test_a_deletion_in_the_middle_of_the_overlap(play: Playground, ns: str, policy: str, left: int) -> None:
    """The policy counts for both tokens."""
    make_ready(play, ns, deletionPolicy=policy)
    rotating.rotate(play, ns)
    app = box_app(play, ns)

    delete(play, ns)
    assert (play.box.app(f"{ns} viewer") is None) == (policy == "Delete")
    alive = [entry for entry in play.box.issued_tokens() if entry["app_id"] == app["id"] and entry["live"]]
    assert len(alive) == left


# The app was adopted


def test_both_tokens_of_an_adopted_app_are_revoked_with_it(play: Playground, ns: str) -> None:
    """The operator generated both."""
    adopted(play, ns)
    rotating.rotate(play, ns)
    assert len(rotating.live(play, ns)) == 2
    rotating.restart_operator(play)

    delete(play, ns)
    assert rotating.live(play, ns) == []


def test_a_rotation_waits_for_the_key_of_a_person(play: Playground, ns: str) -> None:
    """SlotsOccupied, as an Event and in the message, while Ready stays True; it goes on when the key is revoked."""
    app = adopted(play, ns, "primary", tokens={"rotation": {"overlap": "1s"}})
    request = rotating.request_rotation(play, ns)

    said = rotating.await_warning(play, ns, "SlotsOccupied")

    assert "Revoke that one in the Developer Console" in said
    assert said in rotating.say_of_token(play, ns)
    body = rotating.await_pass(play, ns)
    assert body["status"].get("lastHandledRotateAt") is None
    assert stated(body)["status"] == "True"
    assert slots(play, ns)["primary"] == app["tokens"]["primary"]["fingerprint"]
    play.box.call("DELETE", f"/console/v1/apps/{app['id']}/tokens/primary")
    rotating.await_handled(play, ns, request)
    rotating.await_retired(play, ns)
    assert len(rotating.warnings(play, ns, "SlotsOccupied")) == 1
