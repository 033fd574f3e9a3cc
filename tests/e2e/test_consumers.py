"""The previous token stays live while running pods may hold it, and no longer. Without an overlap, to see just that."""

from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.e2e import rotating
from tests.e2e.story import make_ready

from playground import Playground
from playground.cluster import is_own
from playground.output import until

AT_ONCE: dict[str, Any] = {"rotation": {"overlap": "0s"}}
"""``spec.tokens`` of an app whose previous token stays for nothing but pods."""
FUTURE = rotating.ago(-86400)
"""When a container starts that is sure to start after a publication."""
KEEPING = ("env", "env-from", "sub-path", "init", "ephemeral")
"""The ways in which a container keeps for good what the Secret held when it started."""


@pytest.fixture
def app(play: Playground, ns: str) -> str:
    """An app that is Ready, with its first token; returns the fingerprint."""
    return make_ready(play, ns, tokens=AT_ONCE)["status"]["tokens"]["active"]["fingerprint"]


# Pods that count


@pytest.mark.parametrize("way", rotating.WAYS)
def test_a_pod_keeps_the_previous_token_live(play: Playground, ns: str, app: str, way: str) -> None:
    """However it uses the Secret; the status names it, and the token is revoked when it is gone."""
    rotating.make_pod(play, ns, "web", way)

    rotating.rotate(play, ns)

    rotating.await_used_by(play, ns, "web")
    assert len(rotating.live(play, ns)) == 2
    assert "while running pods may use it, at most until" in rotating.say_of_token(play, ns)
    rotating.delete_pod(play, ns, "web")
    assert rotating.await_retired(play, ns) != app
    assert rotating.warnings(play, ns, "RetiredInUse") == []


@pytest.mark.parametrize("way", KEEPING)
def test_a_container_that_started_anew_has_the_new_token(play: Playground, ns: str, app: str, way: str) -> None:
    """The kubelet gives it what the Secret holds by then."""
    rotating.make_pod(play, ns, "web", way)
    rotating.rotate(play, ns)
    rotating.await_used_by(play, ns, "web")

    # A pod with a volume counts for two minutes anyhow, so that its own start is moved too.
    rotating.run_pod(play, ns, "web", FUTURE)

    rotating.await_retired(play, ns)


@pytest.mark.also_on("namespaced")
def test_pods_are_counted_and_the_first_few_named(play: Playground, ns: str, app: str) -> None:
    """Five names, in the order of the alphabet; the count goes down as they go."""
    for way in rotating.WAYS:
        rotating.make_pod(play, ns, f"{way}-pod", way)
    rotating.rotate(play, ns)
    rotating.await_used_by(play, ns, *(f"{way}-pod" for way in rotating.WAYS))

    for way in ("env", "volume", "init"):
        rotating.delete_pod(play, ns, f"{way}-pod")

    rotating.await_used_by(play, ns, "env-from-pod", "ephemeral-pod", "projected-pod", "sub-path-pod")
    assert len(rotating.live(play, ns)) == 2


def test_a_pod_without_a_word_from_its_kubelet_counts_once_it_runs(play: Playground, ns: str, app: str) -> None:
    """Containers of which no status tells stand for as long as their pod."""
    rotating.make_pod(play, ns, "web")
    rotating.write_pod_status(play, ns, "web", {"containerStatuses": None})

    rotating.rotate(play, ns)

    rotating.await_used_by(play, ns, "web")


def test_a_volume_is_fresh_after_two_minutes(play: Playground, ns: str, app: str) -> None:
    """The kubelet brings it up to date, unless it was mounted by subPath."""
    rotating.make_pod(play, ns, "web", "volume")
    rotating.make_pod(play, ns, "old", "sub-path")
    rotating.rotate(play, ns)
    rotating.await_used_by(play, ns, "old", "web")

    rotating.pretend_published(play, ns, 180)

    rotating.await_used_by(play, ns, "old")
    rotating.delete_pod(play, ns, "old")
    rotating.await_retired(play, ns)


def test_the_operator_counts_again_after_a_restart(play: Playground, ns: str, app: str) -> None:
    """Also pods that came or went while it was away."""
    rotating.make_pod(play, ns, "one")
    rotating.make_pod(play, ns, "two")
    rotating.rotate(play, ns)
    rotating.await_used_by(play, ns, "one", "two")
    play.operator.stop()
    rotating.delete_pod(play, ns, "two")

    play.operator.start()

    rotating.await_used_by(play, ns, "one")
    assert len(rotating.live(play, ns)) == 2
    rotating.restart_operator(play)
    rotating.delete_pod(play, ns, "one")
    rotating.await_retired(play, ns)


# Pods that do not count

ENDED = [{"name": "init", "image": "", "imageID": "", "state": {"terminated": {"exitCode": 0}}}]
OTHERS: dict[str, tuple[dict[str, str], dict[str, Any]]] = {
    "started-later": ({"since": FUTURE}, {}),
    "not-started": ({}, {"phase": "Pending", "startTime": None, "containerStatuses": None}),
    "succeeded": ({}, {"phase": "Succeeded"}),
    "failed": ({"way": "volume"}, {"phase": "Failed"}),
    "init-is-over": ({"way": "init"}, {"initContainerStatuses": ENDED}),
    "uses-another-secret": ({"secret": "another-box-token"}, {}),
}
"""How the pod is made, and what its status says apart from that."""


@pytest.mark.parametrize("other", OTHERS)
def test_a_pod_that_cannot_hold_the_token_is_not_counted(play: Playground, ns: str, app: str, other: str) -> None:
    """Beside one that can, so that it is certain that somebody counted; and it keeps nothing live."""
    rotating.make_pod(play, ns, "web")
    how, status = OTHERS[other]
    rotating.make_pod(play, ns, "other", **how)
    rotating.write_pod_status(play, ns, "other", status)

    rotating.rotate(play, ns)

    rotating.await_used_by(play, ns, "web")
    assert rotating.await_pass(play, ns)["status"]["tokens"]["retiring"]["usedBy"]["count"] == 1
    rotating.delete_pod(play, ns, "web")
    rotating.await_retired(play, ns)


@pytest.mark.also_on("namespaced")
def test_a_pod_in_another_namespace_is_not_counted(play: Playground, ns: str, app: str) -> None:
    """The Secret of that name is another one there."""
    rotating.make_pod(play, ns, "web")
    rotating.make_pod(play, play.namespace(f"{ns}-elsewhere"), "other")

    rotating.rotate(play, ns)

    rotating.await_used_by(play, ns, "web")


def test_a_pod_that_is_marked_with_the_active_token_is_not_counted(play: Playground, ns: str, app: str) -> None:
    """It was made for this token by a restart, whatever the clocks of the nodes say."""
    for name in ("one", "two"):
        rotating.make_pod(play, ns, name)
        play.cluster.patch(rotating.pod_path(ns, name), {"metadata": {"annotations": {rotating.TOKEN_MARK: app}}})
    active = rotating.rotate(play, ns)["status"]["tokens"]["active"]["fingerprint"]
    rotating.await_used_by(play, ns, "one", "two")

    play.cluster.patch(rotating.pod_path(ns, "one"), {"metadata": {"annotations": {rotating.TOKEN_MARK: active}}})

    rotating.await_used_by(play, ns, "two")
    assert len(rotating.live(play, ns)) == 2


# Not for ever


def test_the_deadline_ends_the_wait(play: Playground, ns: str) -> None:
    """A Warning names the pod that still uses the token, and the token is revoked."""
    make_ready(play, ns, tokens={"rotation": {"overlap": "1s", "retireDeadline": "3s"}})
    rotating.make_pod(play, ns, "web")

    rotating.rotate(play, ns)

    rotating.await_used_by(play, ns, "web")
    rotating.await_retired(play, ns)
    said = rotating.await_warning(play, ns, "RetiredInUse")
    assert "retireDeadline has passed" in said
    assert "web" in said


def test_no_deadline_ends_the_wait_within_the_overlap(play: Playground, ns: str) -> None:
    """The overlap is the least that pods are promised."""
    make_ready(play, ns, tokens={"rotation": {"overlap": "3s", "retireDeadline": "1s"}})

    rotating.rotate(play, ns)

    begun = datetime.fromisoformat(rotating.notes(play, ns)["rotated-at"])
    until(lambda: len(rotating.live(play, ns)) == 1, 20, "the previous token to be revoked")
    assert datetime.now(begun.tzinfo) >= begun + timedelta(seconds=3)


def test_the_next_rotation_waits_for_no_pod(play: Playground, ns: str, app: str) -> None:
    """It needs the slot: the token before the previous one is revoked, and a Warning says who still uses it."""
    rotating.make_pod(play, ns, "web")
    rotating.rotate(play, ns)
    rotating.await_used_by(play, ns, "web")
    assert rotating.warnings(play, ns, "RetiredInUse") == []

    rotating.rotate(play, ns)

    assert rotating.live(play, ns) == rotating.issued(play, ns)[1:]
    assert len(rotating.issued(play, ns)) == 3
    said = rotating.await_warning(play, ns, "RetiredInUse")
    assert "the next rotation needs its slot" in said
    assert "web" in said
    rotating.await_used_by(play, ns, "web")


def test_the_next_rotation_waits_for_the_overlap_also_with_pods(play: Playground, ns: str) -> None:
    """Within the overlap nobody is hurried; when it ends, by time or by edit, the rotation goes on at once."""
    make_ready(play, ns)
    rotating.make_pod(play, ns, "web")
    rotating.rotate(play, ns)
    rotating.await_used_by(play, ns, "web")
    request = rotating.request_rotation(play, ns)
    assert rotating.await_pass(play, ns)["status"]["lastHandledRotateAt"] != request
    assert len(rotating.issued(play, ns)) == 2

    rotating.set_rotation(play, ns, overlap="0s")

    rotating.await_handled(play, ns, request)
    rotating.await_warning(play, ns, "RetiredInUse")
    assert rotating.tokens(play, ns)["retiring"]["usedBy"]["count"] == 1


def test_two_apps_of_a_namespace_have_their_own_pods(play: Playground, ns: str) -> None:
    """One goes on counting when the other has no more to count."""
    for name in ("one", "two"):
        make_ready(play, ns, name, tokens=AT_ONCE)
        rotating.make_pod(play, ns, f"web-{name}", secret=f"{name}-box-token")
    for name in ("one", "two"):
        rotating.rotate(play, ns, name)
        rotating.await_used_by(play, ns, f"web-{name}", name=name)

    for name in ("one", "two"):
        rotating.delete_pod(play, ns, f"web-{name}")
        rotating.await_retired(play, ns, name)


@pytest.mark.also_on("namespaced")
def test_pods_are_not_looked_at_in_quiet_times(play: Playground, ns: str, app: str) -> None:
    """Only while a token is phased out, and not any more afterwards."""
    rotating.make_pod(play, ns, "web")
    start = play.cluster.audit_size()
    rotating.await_pass(play, ns)
    assert _looks_at_pods(play, start) == []
    rotating.rotate(play, ns)
    rotating.delete_pod(play, ns, "web")
    rotating.await_retired(play, ns)
    assert _looks_at_pods(play, start) == ["list"]
    start = play.cluster.audit_size()

    rotating.make_pod(play, ns, "web")
    rotating.await_pass(play, ns)

    assert _looks_at_pods(play, start) == []


def _looks_at_pods(play: Playground, start: int) -> list[str]:
    """How the operator asked for pods since an offset of the audit log; a watch shows only when it ends."""
    asked = [entry for entry in play.cluster.audit(start) if is_own(entry)]
    return [entry["verb"] for entry in asked if entry["objectRef"]["resource"] == "pods" and entry["verb"] != "watch"]
