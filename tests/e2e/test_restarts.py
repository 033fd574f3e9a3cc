"""Workloads are restarted once for each token, however many apps and operators there are."""

from typing import Any

import pytest
from tests.e2e import rotating
from tests.e2e.conftest import other_operator
from tests.e2e.story import approve, make_ready, stated

from playground import Playground
from playground.output import until
from playground.play import app_manifest

KINDS = {"Deployment": "deployments", "StatefulSet": "statefulsets", "DaemonSet": "daemonsets"}


def restarting(*refs: dict[str, str], **rotation: Any) -> dict[str, Any]:
    """``spec.tokens`` of an app that restarts these workloads."""
    return {"rotation": {"overlap": "1s", "restart": list(refs), **rotation}}


def await_mark(play: Playground, ns: str, ref: dict[str, str], fingerprint: str) -> None:
    """Wait until a workload is marked with this token."""
    until(lambda: rotating.mark_of(play, ns, ref) == fingerprint, 20, f"{ref} to be marked")


def await_restarted(play: Playground, ns: str, *refs: dict[str, str], name: str = "viewer") -> None:
    """Wait until the status lists exactly these workloads, in this order."""
    wanted = [f"{ref['kind']}/{ref['name']}" for ref in refs]
    until(lambda: rotating.tokens(play, ns, name).get("restarted", []) == wanted, 20, f"{wanted} to be restarted")


@pytest.mark.also_on("namespaced")
@pytest.mark.parametrize("kind", KINDS)
def test_a_workload_is_restarted_once_for_each_token(play: Playground, ns: str, kind: str) -> None:
    """Marked with the fingerprint, as the status says; not for the first token, and not again after a restart."""
    ref, start = rotating.make_workload(play, ns, kind, "web"), play.cluster.audit_size()
    make_ready(play, ns, tokens=restarting(ref))
    rotating.await_pass(play, ns)
    assert rotating.mark_of(play, ns, ref) is None
    assert "restarted" not in rotating.tokens(play, ns)

    for number in (1, 2):
        active = rotating.rotate(play, ns)["status"]["tokens"]["active"]["fingerprint"]
        await_mark(play, ns, ref, active)
        await_restarted(play, ns, ref)
        rotating.await_retired(play, ns)
        rotating.restart_operator(play)
        rotating.await_pass(play, ns)
        await_restarted(play, ns, ref)
        assert rotating.restarts(play, ns, start) == [f"{KINDS[kind]}/web"] * number


def test_a_restart_costs_one_write(play: Playground, ns: str) -> None:
    """Three writes for the rotation, one for each of the workloads, and an Event for each token."""
    refs = [rotating.make_workload(play, ns, kind, "web") for kind in KINDS]
    start = rotating.make_quiet(play, ns, tokens=restarting(*refs))

    rotating.rotate(play, ns)

    rotating.await_retired(play, ns)
    rotating.await_writes(play, ns, start, "secrets", *KINDS.values(), *2 * ["events", "boxcustomapps/status"])
    assert rotating.tokens(play, ns)["restarted"] == [f"{kind}/web" for kind in KINDS]


def test_what_others_wrote_on_the_workload_stays(play: Playground, ns: str) -> None:
    """A restart adds two annotations and changes nothing else."""
    ref = rotating.make_workload(play, ns, "Deployment", "web", note="mine")
    path = f"/apis/apps/v1/namespaces/{ns}/deployments/web"
    play.cluster.patch(path, {"spec": {"template": {"metadata": {"annotations": {"note": "mine"}}}}})
    before = play.cluster.get(path)
    make_ready(play, ns, tokens=restarting(ref))

    await_mark(play, ns, ref, rotating.rotate(play, ns)["status"]["tokens"]["active"]["fingerprint"])

    after = play.cluster.get(path)
    template, own = after["spec"]["template"]["metadata"]["annotations"], after["metadata"]["annotations"]
    assert set(template) == {"note", "boxapps.dev/token"}
    assert set(own) == {*before["metadata"]["annotations"], "boxapps.dev/restarted-at"}
    template.pop("boxapps.dev/token")
    assert after["spec"] == before["spec"]


def test_a_workload_that_is_added_to_the_list_is_restarted_during_the_overlap(play: Playground, ns: str) -> None:
    """Its pods may hold the previous token as well as any others."""
    refs = [rotating.make_workload(play, ns, "Deployment", name) for name in ("web", "worker")]
    make_ready(play, ns, tokens=restarting(refs[0], overlap="1h"))
    start, active = play.cluster.audit_size(), rotating.rotate(play, ns)["status"]["tokens"]["active"]["fingerprint"]
    await_mark(play, ns, refs[0], active)

    rotating.set_rotation(play, ns, restart=refs)

    await_mark(play, ns, refs[1], active)
    await_restarted(play, ns, *refs)
    assert rotating.restarts(play, ns, start) == ["deployments/web", "deployments/worker"]


# Workloads that several apps name


patient = other_operator(BOX_APP_OPERATOR_RESTART_WINDOW="12s")
"""It gives apps time enough to come together on a busy machine, too."""


@pytest.mark.parametrize("count", [2, 3])
def test_apps_that_rotate_together_restart_their_workload_once(
    play: Playground, ns: str, patient: None, count: int
) -> None:
    """All of them wait for the rest, and list it; afterwards the previous tokens go."""
    ref, names = rotating.make_workload(play, ns, "Deployment", "web"), [f"app-{number}" for number in range(count)]
    for name in names:
        make_ready(play, ns, name, tokens=restarting(ref))
    start = play.cluster.audit_size()

    requests = {name: rotating.request_rotation(play, ns, name) for name in names}

    active = [rotating.await_handled(play, ns, requests[name], name)["status"]["tokens"]["active"] for name in names]
    for name in names:
        await_restarted(play, ns, ref, name=name)
        rotating.await_retired(play, ns, name)
    assert rotating.restarts(play, ns, start) == ["deployments/web"]
    assert rotating.mark_of(play, ns, ref) in [token["fingerprint"] for token in active]
    rotating.restart_operator(play)
    for name in names:
        rotating.await_pass(play, ns, name)
    assert rotating.restarts(play, ns, start) == ["deployments/web"]


def test_an_operator_that_ends_while_apps_wait_for_each_other(play: Playground, ns: str, patient: None) -> None:
    """The next one waits for the rest of the time, and restarts the workload once."""
    ref, names = rotating.make_workload(play, ns, "Deployment", "web"), ("one", "two")
    for name in names:
        make_ready(play, ns, name, tokens=restarting(ref))
    start = play.cluster.audit_size()
    for name in names:
        rotating.rotate(play, ns, name)
    play.operator.kill()
    early = rotating.restarts(play, ns, start)

    play.operator.start()

    assert early == []
    for name in names:
        await_restarted(play, ns, ref, name=name)
        rotating.await_retired(play, ns, name)
    assert rotating.restarts(play, ns, start) == ["deployments/web"]


def test_apps_that_rotate_apart_restart_their_workload_each(play: Playground, ns: str) -> None:
    """A restart from before a publication cannot have brought its token to the pods."""
    ref = rotating.make_workload(play, ns, "Deployment", "web")
    for name in ("one", "two"):
        make_ready(play, ns, name, tokens=restarting(ref))
    start = play.cluster.audit_size()

    for number, name in enumerate(("one", "two"), 1):
        active = rotating.rotate(play, ns, name)["status"]["tokens"]["active"]["fingerprint"]
        await_mark(play, ns, ref, active)
        await_restarted(play, ns, ref, name=name)
        assert rotating.restarts(play, ns, start) == ["deployments/web"] * number


def test_the_previous_token_waits_for_the_restart(play: Playground, ns: str, patient: None) -> None:
    """It is not revoked while the workload that may use it is yet to be restarted, although nothing else needs it."""
    ref = rotating.make_workload(play, ns, "Deployment", "web")
    for name in ("viewer", "another"):
        make_ready(play, ns, name, tokens=restarting(ref, overlap="0s", retire="AfterOverlap"))
    active = rotating.rotate(play, ns)["status"]["tokens"]["active"]["fingerprint"]
    assert rotating.mark_of(play, ns, ref) is None
    assert len(rotating.live(play, ns)) == 2

    until(lambda: len(rotating.live(play, ns)) == 1, 20, "the previous token to be revoked")

    assert rotating.mark_of(play, ns, ref) == active


@pytest.mark.also_on("namespaced")
def test_the_same_name_in_another_namespace_is_another_workload(play: Playground, ns: str, other_ns: str) -> None:
    """It is not touched, and no app waits for those of the other."""
    ref = rotating.make_workload(play, ns, "Deployment", "web")
    for each in (ns, other_ns):
        make_ready(play, each, tokens=restarting(ref))
    rotating.make_workload(play, other_ns, "Deployment", "web")

    rotating.rotate(play, ns)

    await_restarted(play, ns, ref)
    rotating.await_retired(play, ns)
    assert rotating.mark_of(play, other_ns, ref) is None


@pytest.mark.also_on("namespaced")
def test_a_name_leads_into_no_other_namespace(play: Playground, ns: str, other_ns: str) -> None:
    """Who may write in one namespace has no rights in another because of the operator: not with any name."""
    ref, name = rotating.make_workload(play, other_ns, "Deployment", "web"), f"../../{other_ns}/deployments/web"
    tokens_spec = restarting({"kind": "Deployment", "name": name})

    accepted = play.cluster.create(app_manifest(ns, "viewer", tokens=tokens_spec)).is_success

    if accepted:
        approve(play, ns)
        rotating.rotate(play, ns)
        rotating.await_pass(play, ns)
    assert rotating.mark_of(play, other_ns, ref) is None


# Workloads that are left alone


@pytest.mark.also_on("namespaced")
def test_a_missing_workload_does_not_stop_the_rotation(play: Playground, ns: str) -> None:
    """A Warning and the message name it, once; the other one is restarted, Ready stays True."""
    here, missing = rotating.make_workload(play, ns, "Deployment", "web"), {"kind": "StatefulSet", "name": "nowhere"}
    make_ready(play, ns, tokens=restarting(missing, here))

    active = rotating.rotate(play, ns)["status"]["tokens"]["active"]["fingerprint"]

    assert "StatefulSet/nowhere" in rotating.await_warning(play, ns, "WorkloadNotFound")
    assert "StatefulSet/nowhere" in rotating.say_of_token(play, ns)
    await_mark(play, ns, here, active)
    await_restarted(play, ns, here)
    rotating.await_retired(play, ns)
    body = rotating.await_pass(play, ns)
    assert stated(body)["status"] == "True"
    assert len(rotating.warnings(play, ns, "WorkloadNotFound")) == 1


def test_a_workload_that_appears_is_restarted_after_all(play: Playground, ns: str) -> None:
    """At the next look, for as long as that may matter to its pods."""
    ref = {"kind": "Deployment", "name": "web"}
    make_ready(play, ns, tokens=restarting(ref, overlap="1h"))
    active = rotating.rotate(play, ns)["status"]["tokens"]["active"]["fingerprint"]
    rotating.await_warning(play, ns, "WorkloadNotFound")

    rotating.make_workload(play, ns, "Deployment", "web")
    rotating.await_pass(play, ns)

    await_mark(play, ns, ref, active)
    await_restarted(play, ns, ref)
    assert "does not exist" not in rotating.say_of_token(play, ns)


RELOADER = "reloader.stakater.com"
ANNOTATIONS = {
    "auto": ({f"{RELOADER}/auto": "true"}, False),
    "all-secrets": ({f"secret.{RELOADER}/auto": "true"}, False),
    "this-secret": ({f"secret.{RELOADER}/reload": "other, viewer-box-token"}, False),
    "switched-off": ({f"{RELOADER}/auto": "false"}, True),
    "another-secret": ({f"secret.{RELOADER}/reload": "other-secret"}, True),
}
"""Those of a workload, and whether the operator restarts it."""


@pytest.mark.parametrize(("annotations", "ours"), ANNOTATIONS.values(), ids=ANNOTATIONS)
def test_what_stakater_reloader_restarts_is_left_to_it(
    play: Playground, ns: str, annotations: dict[str, str], ours: bool
) -> None:
    """It does so as soon as the Secret changes; twice would be once too often. All else is the operator's."""
    ref = rotating.make_workload(play, ns, "Deployment", "web", **annotations)
    make_ready(play, ns, tokens=restarting(ref))
    start = play.cluster.audit_size()

    active = rotating.rotate(play, ns)["status"]["tokens"]["active"]["fingerprint"]

    await_restarted(play, ns, ref)
    rotating.await_retired(play, ns)
    assert rotating.restarts(play, ns, start) == (["deployments/web"] if ours else [])
    assert rotating.mark_of(play, ns, ref) == (active if ours else None)
    assert len(rotating.issued(play, ns)) == 2
