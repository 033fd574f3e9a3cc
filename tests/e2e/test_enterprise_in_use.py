"""A BoxEnterprise that apps use is held by a finalizer, and goes with the last of them."""

from typing import Any

import pytest
from tests.e2e.api_server import without_right
from tests.e2e.commands import kubectl, needs_kubectl
from tests.e2e.conftest import Stage
from tests.e2e.rotating import rotate
from tests.e2e.story import await_enterprise, await_enterprise_gone, box_app, delete, enterprise_path, make_ready

from playground import Playground
from playground.output import until
from playground.play import app_manifest, condition

FINALIZER = "boxapps.dev/finalizer"
FORCE = {"metadata": {"annotations": {"boxapps.dev/force-delete": "true"}}}


def finalizers(play: Playground, name: str) -> list[str]:
    """The finalizers of a BoxEnterprise that is there."""
    return list(play.cluster.get(enterprise_path(name))["metadata"].get("finalizers") or ())


def await_users(play: Playground, name: str, words: str) -> str:
    """Wait until a deleted BoxEnterprise says how many apps use it; returns the whole message."""

    def look() -> dict[str, Any] | None:
        ready = condition(play.cluster.get(enterprise_path(name)), "Ready")
        return ready if ready is not None and ready["message"].startswith(words) else None

    ready = until(look, 20, f"BoxEnterprise {name} to say {words!r}")
    body = play.cluster.get(enterprise_path(name))
    assert (ready["status"], ready["reason"]) == ("False", "Deleting")
    assert condition(body, "Reconciling") is not None
    assert condition(body, "Stalled") is None
    return str(ready["message"])


@pytest.fixture
def corp(play: Playground, ns: str) -> str:
    """A BoxEnterprise of its own; its name."""
    name = f"{ns}-corp"
    play.enterprise(name)
    return name


@pytest.mark.also_on("namespaced")
def test_a_deleted_enterprise_is_held_while_apps_use_it(play: Playground, ns: str, other_ns: str, corp: str) -> None:
    """Its condition counts them and names no tenant; they live as before, and it goes right after the last of them."""
    used = {"enterpriseRef": {"name": corp}}
    make_ready(play, ns, **used)
    make_ready(play, other_ns, "theirs", **used)
    assert finalizers(play, corp) == [FINALIZER]

    play.cluster.delete(enterprise_path(corp))

    message = await_users(play, corp, "2 BoxCustomApps still use it.")
    assert "kubectl annotate boxenterprise" in message
    # Its own name was derived from the first namespace.
    shown = str(play.cluster.get(enterprise_path(corp))["status"]).replace(corp, "")
    assert [name for name in (ns, other_ns, "viewer", "theirs") if name in shown] == []
    rotate(play, ns)
    mark = play.box.mark()
    play.cluster.delete(play.path(ns, "viewer"))
    await_users(play, corp, "1 BoxCustomApp still uses it.")
    play.cluster.delete(play.path(other_ns, "theirs"))
    await_enterprise_gone(play, corp)
    assert (play.get(ns, "viewer"), play.get(other_ns, "theirs")) == (None, None)
    for namespace, name in ((ns, "viewer"), (other_ns, "theirs")):
        assert box_app(play, namespace, name)["tokens"] == {"primary": None, "secondary": None}
    revoked = [call for call in play.box.requests(mark) if call["method"] == "DELETE"]
    assert [call["status"] for call in revoked] == [204] * 3


@needs_kubectl
def test_kubectl_waits_for_the_last_app(play: Playground, ns: str, corp: str) -> None:
    """``kubectl delete`` and ``kubectl wait`` return when both are gone, whatever was deleted first."""
    make_ready(play, ns, enterpriseRef={"name": corp})

    kubectl(play, "delete", "boxenterprise", corp, "--wait=false").check_returncode()
    await_users(play, corp, "1 BoxCustomApp still uses it.")
    assert " Deleting " in kubectl(play, "get", "boxenterprise", corp).stdout
    kubectl(play, "delete", "boxcustomapp", "viewer", "-n", ns, "--timeout=120s").check_returncode()
    kubectl(play, "wait", "--for=delete", f"boxenterprise/{corp}", "--timeout=120s").check_returncode()


def test_an_enterprise_that_no_app_uses_goes_at_once(play: Playground, ns: str, corp: str) -> None:
    """It has no finalizer: neither before its first app, nor after its last, nor for apps that have nothing in Box."""
    assert finalizers(play, corp) == []
    make_ready(play, ns, enterpriseRef={"name": corp})
    play.app(ns, "suspended", enterpriseRef={"name": corp}, suspend=True)
    play.await_condition(ns, "suspended", "Suspended")
    play.cluster.delete(play.path(ns, "viewer"))
    until(lambda: finalizers(play, corp) == [], 60, "the finalizer to be taken off")

    play.cluster.delete(enterprise_path(corp))

    await_enterprise_gone(play, corp)


def test_an_outage_is_said_beside_the_apps_that_wait_for_it(play: Playground, ns: str, corp: str) -> None:
    """Whoever waits for the BoxEnterprise to go learns why its apps do not."""
    make_ready(play, ns, enterpriseRef={"name": corp})
    play.box.fault({"kind": "status", "status": 503, "path": "/", "count": None})
    await_enterprise(play, corp, "BoxUnavailable")

    play.cluster.delete(enterprise_path(corp))
    play.cluster.delete(play.path(ns, "viewer"))

    assert "answered 503" in await_users(play, corp, "1 BoxCustomApp still uses it.")
    play.box.fault()
    await_enterprise_gone(play, corp)


def test_no_app_begins_with_an_enterprise_that_is_being_deleted(play: Playground, ns: str, corp: str) -> None:
    """It waits, without a finalizer and without a call to Box, until there is one of that name again."""
    make_ready(play, ns, enterpriseRef={"name": corp})
    play.cluster.delete(enterprise_path(corp))
    await_users(play, corp, "1 BoxCustomApp still uses it.")
    mark = play.box.mark()

    play.app(ns, "late", enterpriseRef={"name": corp})

    body = play.await_condition(ns, "late", "EnterpriseNotReady")
    assert "is being deleted and takes no new apps" in str(condition(body, "Ready"))
    assert condition(body, "Reconciling") is not None
    assert not body["metadata"].get("finalizers")
    assert [call for call in play.box.requests(mark) if call["method"] != "GET"] == []
    play.cluster.delete(play.path(ns, "viewer"))
    await_enterprise_gone(play, corp)
    play.await_condition(ns, "late", "EnterpriseNotFound")
    play.enterprise(corp)
    play.await_condition(ns, "late", "PendingApproval", "Authorized")
    assert finalizers(play, corp) == [FINALIZER]


def test_force_delete_lets_an_enterprise_go(play: Playground, ns: str, corp: str) -> None:
    """As for apps: nothing is done in Box; its apps say that it is not there. Finalizers of others stay."""
    make_ready(play, ns, enterpriseRef={"name": corp})
    held = {"metadata": {"finalizers": [FINALIZER, "boxapps.dev/another.installation", "example.com/other"]}}
    play.cluster.patch(enterprise_path(corp), held)
    play.cluster.delete(enterprise_path(corp))
    await_users(play, corp, "1 BoxCustomApp still uses it.")
    app = box_app(play, ns)

    play.cluster.patch(enterprise_path(corp), FORCE)

    until(lambda: finalizers(play, corp) == ["example.com/other"], 20, "the finalizers to be taken off")
    play.cluster.patch(enterprise_path(corp), {"metadata": {"finalizers": None}})
    play.await_condition(ns, "viewer", "EnterpriseNotFound")
    assert box_app(play, ns)["tokens"] == app["tokens"]


def test_the_annotation_alone_lets_nothing_go(play: Playground, ns: str, corp: str) -> None:
    """It counts once the BoxEnterprise is deleted, not before."""
    make_ready(play, ns, enterpriseRef={"name": corp})
    play.cluster.patch(enterprise_path(corp), FORCE)

    make_ready(play, ns, "second", enterpriseRef={"name": corp})

    assert finalizers(play, corp) == [FINALIZER]
    play.cluster.delete(enterprise_path(corp))
    await_enterprise_gone(play, corp)


def test_an_enterprise_is_held_while_the_operator_is_away(
    play: Playground, ns: str, corp: str, operator_runs: None
) -> None:
    """The next start counts again; an app that went meanwhile is not waited for."""
    for name in ("viewer", "second"):
        make_ready(play, ns, name, enterpriseRef={"name": corp})
    play.operator.stop()
    play.cluster.delete(enterprise_path(corp))
    play.cluster.patch(play.path(ns, "second"), {"metadata": {"finalizers": None}})
    play.cluster.delete(play.path(ns, "second"))

    play.operator.start()

    await_users(play, corp, "1 BoxCustomApp still uses it.")
    play.cluster.delete(play.path(ns, "viewer"))
    await_enterprise_gone(play, corp)


def test_apps_from_before_are_counted_at_the_next_start(
    play: Playground, ns: str, corp: str, operator_runs: None
) -> None:
    """An earlier version put no finalizer on BoxEnterprises."""
    make_ready(play, ns, enterpriseRef={"name": corp})
    play.operator.stop()
    play.cluster.patch(enterprise_path(corp), {"metadata": {"finalizers": None}})

    play.operator.start()

    until(lambda: finalizers(play, corp) == [FINALIZER], 60, "the finalizer to be put on")


def test_a_tenant_who_may_not_use_an_enterprise_cannot_hold_it(play: Playground, ns: str) -> None:
    """A finalizer is quickly written into a manifest; only what was made in Box counts there."""
    allowed = {"from": "Selector", "selector": {"matchLabels": {"box": "yes"}}}
    play.enterprise(f"{ns}-corp", allowedNamespaces=allowed)
    manifest = app_manifest(ns, "viewer", enterpriseRef={"name": f"{ns}-corp"})
    manifest["metadata"]["finalizers"] = [FINALIZER]
    play.cluster.create(manifest).raise_for_status()
    play.await_condition(ns, "viewer", "NamespaceNotAllowed")

    play.cluster.delete(enterprise_path(f"{ns}-corp"))

    await_enterprise_gone(play, f"{ns}-corp")
    delete(play, ns)


@pytest.mark.also_on("namespaced")
def test_with_a_list_of_namespaces_only_those_count(play: Playground, corp: str) -> None:
    """What the operator does not see it does not work upon either: it must not keep the BoxEnterprise for it."""
    if not play.cluster.namespaces:
        pytest.skip("the operator sees every namespace")
    elsewhere = play.namespace("not-watched")
    manifest = app_manifest(elsewhere, "viewer", enterpriseRef={"name": corp})
    manifest["metadata"]["finalizers"] = [FINALIZER]
    play.cluster.create(manifest).raise_for_status()

    play.cluster.delete(enterprise_path(corp))

    await_enterprise_gone(play, corp)


@pytest.mark.also_on("namespaced")
def test_nothing_is_made_in_box_before_the_enterprise_is_held(
    stage: Stage, play: Playground, ns: str, corp: str
) -> None:
    """Otherwise the BoxEnterprise could go in between, and nobody could tidy up. The refusal is in the message."""
    if play.cluster.plane is None:
        pytest.skip("the imitation asks nobody for rights")
    stage.aftermath.refusals_expected, mark = True, play.box.mark()

    def refused() -> bool:
        ready = condition(play.get(ns, "viewer"), "Ready")
        return ready is not None and "boxenterprises" in ready["message"]

    with without_right(play, "patch", "boxenterprises"):
        play.app(ns, "viewer", enterpriseRef={"name": corp})
        until(refused, 30, "the app to say what is refused")
        assert condition(play.get(ns, "viewer"), "Reconciling") is not None
        assert not play.get(ns, "viewer")["metadata"].get("finalizers")
        assert [call for call in play.box.requests(mark) if call["method"] != "GET"] == []

    play.await_condition(ns, "viewer", "PendingApproval", "Authorized")
    assert finalizers(play, corp) == [FINALIZER]
