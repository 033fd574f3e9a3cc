"""Somebody edits a status: it is written as it was, nothing else comes of it, and the object can be deleted."""

import copy
from typing import Any

import pytest
from tests.e2e.rotating import issued, rotate
from tests.e2e.story import DOMAINS, await_gone, box_app, force, live_tokens, make_ready

from playground import Playground
from playground.output import until

Json = dict[str, Any]


def remove(*paths: str) -> list[Json]:
    """A JSON patch that removes lines of the status."""
    return [{"op": "remove", "path": f"/status/{path}"} for path in paths]


def put(path: str, value: Any) -> list[Json]:
    """A JSON patch that puts something in the place of a line of the status."""
    return [{"op": "add", "path": f"/status/{path}".rstrip("/"), "value": value}]


EDITS: dict[str, list[Json]] = {
    "slot removed": remove("tokens/active/slot"),
    "slot of another version": put("tokens/active/slot", "Primary"),
    "fingerprint removed": remove("tokens/active/fingerprint"),
    "fingerprint that is none": put("tokens/active/fingerprint", "secret"),
    "fingerprint of another token": put("tokens/active/fingerprint", "0" * 16),
    "date before all dates": put("tokens/active/issuedTime", "0001-01-01T00:00:00Z"),
    "date after all dates": put("tokens/active/expiryTime", "9999-12-31T23:59:59Z"),
    "active removed": remove("tokens/active"),
    "retiring emptied": put("tokens/retiring", {}),
    "slot of the previous token": put("tokens/retiring/slot", ""),
    "tokens removed": remove("tokens"),
    "appID removed": remove("appID"),
    "appID that is a path": put("appID", "../../x"),
    "appID of another app": put("appID", "1"),
    "appID and clientID removed": remove("appID", "clientID"),
    "clientID that is none": put("clientID", "\u202e"),
    "state of another version": put("authorization/state", "Maybe"),
    "domains that are none": put("corsDomains", ["https://ü", "a\nX: y"]),
    "steps of somebody": put("nextSteps", [{"what": "Call me."}]),
    "conditions removed": remove("conditions"),
    "one condition removed": remove("conditions/2"),
    "condition of another version": put("conditions/2/type", "TokenPublished"),
    "reason of another version": put("conditions/4/reason", "BecauseISaySo"),
    "condition turned round": put("conditions/4/status", "False"),
    "transition after all dates": put("conditions/4/lastTransitionTime", "9999-12-31T23:59:59Z"),
    "generation to come": put("observedGeneration", 10**12),
    "requests forgotten": remove("lastHandledRotateAt"),
    "emptied": put("", {}),
}


def edit(play: Playground, ns: str, patch: list[Json]) -> None:
    """As ``kubectl edit --subresource=status`` does."""
    path = f"{play.path(ns, 'viewer')}/status"
    play.cluster.send("PATCH", path, patch, "application/json-patch+json").raise_for_status()


def plain(body: Json) -> Json:
    """The status without since when conditions are so."""
    status = copy.deepcopy(body["status"])
    for condition in status.get("conditions", ()):
        condition.pop("lastTransitionTime", None)
    return dict(status)


def await_status(play: Playground, ns: str, wanted: Json, title: str) -> None:
    """Wait until the status says what it said before."""
    until(lambda: plain(play.get(ns, "viewer")) == wanted, 20, f"the status as before, after: {title}")


def test_every_edit_is_undone_and_nothing_comes_of_it(play: Playground, ns: str) -> None:
    """Neither another token, nor a call that changes anything in Box, nor a warning; the Secret stays as it is."""
    make_ready(play, ns, cors={"domains": DOMAINS})
    before, secret, mark = plain(rotate(play, ns)), play.secret(ns, "viewer-box-token"), play.box.mark()
    assert "retiring" in before["tokens"]

    for title, patch in EDITS.items():
        edit(play, ns, patch)
        await_status(play, ns, before, title)

    assert [call for call in play.box.requests(mark) if call["method"] != "GET"] == []
    assert play.secret(ns, "viewer-box-token") == secret
    assert len(issued(play, ns)) == 2
    assert {event["type"] for event in play.events(ns, "viewer")} == {"Normal"}


def test_a_status_from_an_old_backup_is_brought_up_to_date(play: Playground, ns: str) -> None:
    """It speaks of the time before the first token."""
    play.app(ns, "viewer")
    old = play.await_condition(ns, "viewer", "PendingApproval", "Authorized")["status"]
    play.box.decide(f"{ns} viewer", "authorize")
    now = plain(play.await_condition(ns, "viewer", "Ready"))

    edit(play, ns, put("", old))

    await_status(play, ns, now, "a backup")
    assert len(issued(play, ns)) == 1


@pytest.mark.parametrize("title", ["slot removed", "tokens removed", "appID of another app", "emptied"])
def test_the_object_can_be_deleted_right_after_an_edit(play: Playground, ns: str, title: str) -> None:
    """Its tokens are revoked, whatever the status says of them: the operator had no time to mend it."""
    make_ready(play, ns)
    play.operator.stop()
    edit(play, ns, EDITS[title])
    play.cluster.delete(play.path(ns, "viewer"))

    play.operator.start()

    await_gone(play, ns)
    assert live_tokens(play, box_app(play, ns)) == []


@pytest.mark.parametrize("title", ["slot of another version", "emptied"])
def test_the_object_can_be_forced_to_go_after_an_edit(play: Playground, ns: str, title: str) -> None:
    """While Box is out of reach."""
    make_ready(play, ns)
    play.box.fault({"kind": "status", "status": 503, "path": "/", "count": None})
    edit(play, ns, EDITS[title])
    play.cluster.delete(play.path(ns, "viewer"))
    play.await_condition(ns, "viewer", "Deleting")

    force(play, ns)
