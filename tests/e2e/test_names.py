"""Names are unique across all of Box: an object whose name another app has continues as soon as that name is free."""

from typing import Any

import pytest
from tests.e2e.story import await_body, await_gone, delete, make_ready, stated

from playground import Playground
from playground.output import until
from playground.play import condition

APPS = "/console/v1/apps"
NEW = "invoice-viewer"


def registrations(play: Playground, mark: int) -> list[int]:
    """How Box answered each registration since a mark."""
    calls = play.box.requests(mark)
    return [call["status"] for call in calls if (call["method"], call["path"]) == ("POST", APPS)]


def deletions(play: Playground, mark: int) -> list[int]:
    """How Box answered each deletion of an app since a mark."""
    calls = play.box.requests(mark)
    return [call["status"] for call in calls if call["method"] == "DELETE" and call["path"].count("/") == 4]


def warnings(play: Playground, ns: str, name: str = NEW) -> list[str]:
    """The reasons of the Warnings about an object."""
    return [event["reason"] for event in play.events(ns, name) if event["type"] == "Warning"]


def await_waiting(play: Playground, ns: str, words: str, name: str = NEW) -> dict[str, Any]:
    """Wait until an object waits for its name, in these words; returns its condition Ready."""

    def waits(body: Any) -> bool:
        waiting = condition(body, "Reconciling") is not None and condition(body, "Stalled") is None
        return waiting and words in (condition(body, "Ready") or {}).get("message", "")

    found = stated(await_body(play, ns, waits, f"{ns}/{name} to say {words!r}", name))
    assert (found["status"], found["reason"]) == ("False", "NameTaken")
    return found


@pytest.mark.also_on("namespaced")
@pytest.mark.parametrize("elsewhere", [False, True], ids=["same-enterprise", "another-enterprise"])
def test_an_object_renamed_in_git_continues_as_soon_as_its_name_is_free(
    play: Playground, ns: str, elsewhere: bool
) -> None:
    """``metadata.name`` changes, ``displayName`` stays: the new object is made first, then the old one is pruned.

    One refused registration, and none that is tried in vain; no resync is waited for. One operator may look after
    several enterprises, and names are unique across all of Box.
    """
    mark, corp = play.box.mark(), {"enterpriseRef": {"name": f"{ns}-corp"}} if elsewhere else {}
    if elsewhere:
        play.enterprise(f"{ns}-corp")
    old = make_ready(play, ns, displayName=f"{ns} shared", deletionPolicy="Delete")
    play.app(ns, NEW, displayName=f"{ns} shared", deletionPolicy="Delete", **corp)
    assert condition(play.await_condition(ns, NEW, "NameTaken"), "Stalled") is not None

    play.cluster.delete(play.path(ns, "viewer"))

    body = play.await_condition(ns, NEW, "PendingApproval", "Authorized")
    assert body["status"]["appID"] != old["status"]["appID"]
    assert (registrations(play, mark), deletions(play, mark)) == ([201, 409, 201], [204])
    assert warnings(play, ns) == ["NameTaken"]
    await_gone(play, ns)


def test_a_name_is_waited_for_while_its_app_is_being_deleted(play: Playground, ns: str) -> None:
    """Reconciling, in words that say what is waited for, and no Warning more; also when the new object comes later."""
    make_ready(play, ns, displayName=f"{ns} shared", deletionPolicy="Delete")
    play.app(ns, NEW, displayName=f"{ns} shared")
    play.await_condition(ns, NEW, "NameTaken")
    play.box.fault({"kind": "status", "status": 503, "method": "DELETE", "path": APPS, "count": None})
    play.cluster.delete(play.path(ns, "viewer"))

    await_waiting(play, ns, f"BoxCustomApp {ns}/viewer has the name '{ns} shared' and is being deleted")

    play.app(ns, "late", displayName=f"{ns} shared")
    await_waiting(play, ns, "is being deleted", "late")
    assert (warnings(play, ns), warnings(play, ns, "late")) == (["NameTaken"], [])
    play.box.fault()
    await_gone(play, ns)
    names = (NEW, "late")
    until(lambda: any((play.get(ns, name).get("status") or {}).get("appID") for name in names), 20, "one to have it")


def test_another_tenants_object_is_not_named(play: Playground, ns: str, other_ns: str) -> None:
    """Neither its name nor its namespace; it is waited for all the same."""
    make_ready(play, other_ns, "theirs", displayName=f"{ns} shared", deletionPolicy="Delete")
    play.app(ns, NEW, displayName=f"{ns} shared")
    play.await_condition(ns, NEW, "NameTaken")
    play.box.fault({"kind": "status", "status": 503, "method": "DELETE", "path": APPS, "count": None})
    play.cluster.delete(play.path(other_ns, "theirs"))

    ready = await_waiting(play, ns, "of another namespace")

    assert other_ns not in ready["message"]
    assert "theirs" not in ready["message"]
    play.box.fault()
    play.await_condition(ns, NEW, "PendingApproval", "Authorized")


@pytest.mark.parametrize("policy", ["RevokeTokens", "Retain"])
def test_an_app_that_stays_in_box_keeps_its_name(play: Playground, ns: str, policy: str) -> None:
    """Nothing will free it: the author must act, and is not kept waiting."""
    make_ready(play, ns, displayName=f"{ns} shared", deletionPolicy=policy)
    play.app(ns, NEW, displayName=f"{ns} shared")
    play.await_condition(ns, NEW, "NameTaken")

    delete(play, ns)
    assert condition(play.await_condition(ns, NEW, "NameTaken"), "Stalled") is not None


def test_a_policy_that_changes_meanwhile_is_noticed(play: Playground, ns: str) -> None:
    """The app is to stay now: who waits for its name is told, and the other way round."""
    make_ready(play, ns, displayName=f"{ns} shared", deletionPolicy="Delete")
    play.box.fault({"kind": "status", "status": 503, "method": "DELETE", "path": APPS, "count": None})
    play.app(ns, NEW, displayName=f"{ns} shared")
    play.cluster.delete(play.path(ns, "viewer"))
    await_waiting(play, ns, "is being deleted")

    play.cluster.patch(play.path(ns, "viewer"), {"spec": {"deletionPolicy": "RevokeTokens"}})

    until(lambda: condition(play.get(ns, NEW), "Stalled"), 20, "the new object to be Stalled")
    play.box.fault()


def test_a_name_that_another_object_gives_up_is_taken_at_once(play: Playground, ns: str) -> None:
    """One commit gives an app another name, and its former one to a new object; Box is out of reach meanwhile."""
    make_ready(play, ns, displayName=f"{ns} shared")
    play.box.fault({"kind": "status", "status": 503, "method": "PATCH", "path": APPS, "count": None})
    play.cluster.patch(play.path(ns, "viewer"), {"spec": {"displayName": f"{ns} other"}})
    play.app(ns, NEW, displayName=f"{ns} shared")

    await_waiting(play, ns, "is about to be renamed")

    assert warnings(play, ns) == []
    play.box.fault()
    play.await_condition(ns, NEW, "PendingApproval", "Authorized")
    play.await_condition(ns, "viewer", "Ready")


def test_objects_that_wait_for_each_other_are_stalled(play: Playground, ns: str) -> None:
    """Each wants the name that the other has: nothing ever frees either; a third name in between mends it."""
    for name, wanted in (("one", "first"), ("two", "second")):
        play.app(ns, name, displayName=f"{ns} {wanted}")
        play.await_condition(ns, name, "PendingApproval", "Authorized")

    play.cluster.patch(play.path(ns, "one"), {"spec": {"displayName": f"{ns} second"}})
    play.cluster.patch(play.path(ns, "two"), {"spec": {"displayName": f"{ns} first"}})

    for name in ("one", "two"):
        until(lambda name=name: condition(play.get(ns, name), "Stalled"), 20, f"{name} to be Stalled")
    play.cluster.patch(play.path(ns, "two"), {"spec": {"displayName": f"{ns} third"}})
    play.await_condition(ns, "one", "Registered", "Registered")
    play.await_condition(ns, "two", "Registered", "Registered")
    assert {play.box.app(f"{ns} second") is not None, play.box.app(f"{ns} third") is not None} == {True}


def test_a_name_is_taken_at_once_when_a_person_deletes_its_app(play: Playground, ns: str) -> None:
    """The listing tells that it is gone; upper and lower case make no other name."""
    name = f"{ns} shared"
    play.box.create_app_by_hand(name)
    play.app(ns, NEW, displayName=name.upper())
    assert condition(play.await_condition(ns, NEW, "NameTaken"), "Stalled") is not None

    play.box.delete_app(name)

    play.await_condition(ns, NEW, "PendingApproval", "Authorized")


def test_a_name_is_taken_at_once_when_a_person_renames_its_app(play: Playground, ns: str) -> None:
    """The listing tells that it has another name; nobody renames it back, for its object is suspended."""
    make_ready(play, ns, displayName=f"{ns} shared")
    play.cluster.patch(play.path(ns, "viewer"), {"spec": {"suspend": True}})
    play.await_condition(ns, "viewer", "Suspended")
    play.app(ns, NEW, displayName=f"{ns} shared")
    assert condition(play.await_condition(ns, NEW, "NameTaken"), "Stalled") is not None

    play.box.rename_app(f"{ns} shared", f"{ns} theirs")

    play.await_condition(ns, NEW, "PendingApproval", "Authorized")
