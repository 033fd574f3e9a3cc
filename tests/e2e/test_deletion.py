"""What happens in Box when the object goes, and that the object waits for it."""

import pytest
from tests.e2e.conftest import Stage
from tests.e2e.story import await_gone, box_app, delete, delete_by_force, force, live_tokens, make_ready, stated, values

from playground import Playground
from playground.output import until

ALSO_ON = ("embedded",)
"""Finalizers and the collection of what has no owner are the imitation's own."""
GARBAGE_COLLECTION_SECONDS = 90
"""The real garbage collector learns of new kinds every 30 s."""


@pytest.mark.also_on("namespaced")
def test_revoke_tokens_is_the_rule(play: Playground, ns: str) -> None:
    """Both slots are empty, the app and its content stay, the Secret goes with its owner."""
    make_ready(play, ns)
    token = values(play.secret(ns, "viewer-box-token"))["BOX_APP_TOKEN"]

    delete(play, ns)

    app = box_app(play, ns)
    assert app["tokens"] == {"primary": None, "secondary": None}
    assert token not in live_tokens(play, app)
    until(lambda: play.secret(ns, "viewer-box-token") is None, GARBAGE_COLLECTION_SECONDS, "the Secret to go")


def test_retain_leaves_box_alone(play: Playground, ns: str) -> None:
    """No call to Box at all."""
    make_ready(play, ns, deletionPolicy="Retain")
    mark, before = play.box.mark(), box_app(play, ns)

    delete(play, ns)

    assert box_app(play, ns) == before
    assert [call for call in play.box.requests(mark) if call["method"] != "GET"] == []


def test_delete_deletes_the_app(play: Playground, ns: str) -> None:
    """Its name is free again."""
    make_ready(play, ns, deletionPolicy="Delete")

    delete(play, ns)

    assert play.box.app(f"{ns} viewer") is None
    make_ready(play, ns)


@pytest.mark.parametrize("forced", [True, False], ids=["forced", "over"])
def test_an_outage_holds_the_object_until_it_is_over_or_by_force(play: Playground, ns: str, forced: bool) -> None:
    """Deleting says what it waits for and how to leave Box as it is; once Box answers again the deletion is done."""
    make_ready(play, ns)
    play.box.fault({"kind": "status", "status": 503, "path": "/console", "count": None})

    play.cluster.delete(play.path(ns, "viewer"))

    assert "boxapps.dev/force-delete" in stated(play.await_condition(ns, "viewer", "Deleting"))["message"]
    if forced:
        force(play, ns)
        return
    play.box.fault()
    await_gone(play, ns)
    assert box_app(play, ns)["tokens"] == {"primary": None, "secondary": None}


def test_what_was_never_registered_goes_at_once(play: Playground, ns: str) -> None:
    """Nothing is in Box, so nothing is waited for."""
    play.app(ns, "viewer", displayName="Taken Name")
    play.await_condition(ns, "viewer", "NameTaken")

    delete(play, ns)


@pytest.mark.also_on("namespaced")
def test_an_enterprise_that_went_by_force_holds_what_lives_in_box(play: Playground, ns: str) -> None:
    """Secret and tokens are as before once it is back; a deletion waits for it to come back, or for force-delete."""
    enterprise = play.enterprise(f"{ns}-corp")
    make_ready(play, ns, enterpriseRef={"name": f"{ns}-corp"})
    secret = play.secret(ns, "viewer-box-token")
    delete_by_force(play, f"{ns}-corp")
    play.await_condition(ns, "viewer", "EnterpriseNotFound")
    assert play.secret(ns, "viewer-box-token") == secret
    play.cluster.create(enterprise).raise_for_status()
    play.await_condition(ns, "viewer", "Ready")
    assert play.secret(ns, "viewer-box-token") == secret
    delete_by_force(play, f"{ns}-corp")
    play.await_condition(ns, "viewer", "EnterpriseNotFound")
    play.cluster.delete(play.path(ns, "viewer"))
    play.await_condition(ns, "viewer", "Deleting")

    play.cluster.create(enterprise).raise_for_status()

    await_gone(play, ns)
    assert box_app(play, ns)["tokens"] == {"primary": None, "secondary": None}


@pytest.mark.also_on("namespaced")
def test_a_namespace_can_be_deleted(stage: Stage, play: Playground, ns: str) -> None:
    """Secret, object and a Role are deleted at once; the tokens are revoked all the same, and the namespace goes."""
    stage.aftermath.refusals_expected = bool(play.cluster.namespaces)
    make_ready(play, ns)

    play.cluster.delete(f"/api/v1/namespaces/{ns}")

    await_gone(play, ns)
    assert box_app(play, ns)["tokens"] == {"primary": None, "secondary": None}
    until(lambda: play.cluster.get(f"/api/v1/namespaces/{ns}") is None, 30, "the namespace to go")
