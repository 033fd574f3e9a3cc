"""Another name for the Secret: the same token moves there first, and the old one goes when nobody needs it."""

from typing import Any

import pytest
from tests.e2e import rotating
from tests.e2e.story import make_ready, values

from playground import Playground
from playground.cluster import path_of
from playground.output import until
from playground.play import secret_manifest

NEW = "billing-box"


def rename(play: Playground, ns: str, secret: str | None = NEW) -> None:
    """Change the name of the Secret in the spec."""
    play.cluster.patch(play.path(ns, "viewer"), {"spec": {"tokens": {"secret": {"name": secret}}}})


def await_secret(play: Playground, ns: str, secret: str = NEW) -> dict[str, Any]:
    """Wait until a Secret is there, and the status names it; returns it."""
    until(lambda: rotating.tokens(play, ns).get("secretName") == secret, 20, f"the status to name Secret {secret}")
    return dict(play.secret(ns, secret))


def await_gone(play: Playground, ns: str, secret: str = rotating.SECRET) -> None:
    """Wait until a Secret is gone."""
    until(lambda: play.secret(ns, secret) is None, 20, f"Secret {secret} to go")


@pytest.mark.also_on("namespaced")
def test_the_token_moves_to_the_new_name(play: Playground, ns: str) -> None:
    """Nothing is generated or revoked; both Secrets hold it for the overlap, then the old one goes."""
    make_ready(play, ns)
    before, mark = play.secret(ns, rotating.SECRET), play.box.mark()

    rename(play, ns)

    moved = await_secret(play, ns)
    assert values(moved) == values(before) == values(play.secret(ns, rotating.SECRET))
    assert moved["metadata"]["labels"] == before["metadata"]["labels"]
    assert moved["metadata"]["ownerReferences"] == before["metadata"]["ownerReferences"]
    assert f"The renamed Secret '{rotating.SECRET}' stays until" in rotating.say_of_token(play, ns)
    rotating.set_rotation(play, ns, overlap="0s")
    await_gone(play, ns)
    play.await_condition(ns, "viewer", "Ready")
    assert {(call["method"], call["path"]) for call in play.box.requests(mark)} <= {("GET", "/console/v1/apps")}
    assert rotating.live(play, ns) == rotating.issued(play, ns) == [rotating.notes(play, ns, NEW)["fingerprint"]]


def test_the_old_name_goes_after_the_overlap(play: Playground, ns: str) -> None:
    """By time alone, at the cost of two Secrets and two statuses; afterwards nothing is said of it any more."""
    start = rotating.make_quiet(play, ns, tokens={"rotation": {"overlap": "3s"}})

    rename(play, ns)

    await_secret(play, ns)
    assert play.secret(ns, rotating.SECRET) is not None
    await_gone(play, ns)
    until(lambda: rotating.SECRET not in rotating.say_of_token(play, ns), 10, "the message to forget it")
    rotating.await_writes(play, ns, start, *2 * ["secrets", "boxcustomapps/status"])


def test_a_second_rename_within_the_overlap(play: Playground, ns: str) -> None:
    """All three Secrets hold the token; the two of before go together.

    Also after a restart: they are found by their owner, and the overlap goes on where it was.
    """
    make_ready(play, ns)
    rename(play, ns)
    await_secret(play, ns)

    rename(play, ns, "third-box")

    await_secret(play, ns, "third-box")
    rotating.restart_operator(play)
    rotating.await_pass(play, ns)
    assert rotating.token_in(play, ns) == rotating.token_in(play, ns, NEW) == rotating.token_in(play, ns, "third-box")
    rotating.set_rotation(play, ns, overlap="0s")
    await_gone(play, ns)
    await_gone(play, ns, NEW)
    fingerprint = rotating.notes(play, ns, "third-box")["fingerprint"]
    assert rotating.live(play, ns) == rotating.issued(play, ns) == [fingerprint]


@pytest.mark.also_on("namespaced")
def test_a_rename_while_the_operator_is_away(play: Playground, ns: str) -> None:
    """The next start does the same."""
    make_ready(play, ns, tokens={"rotation": {"overlap": "1s"}})
    token = rotating.token_in(play, ns)
    play.operator.stop()
    rename(play, ns)

    play.operator.start()

    await_secret(play, ns)
    await_gone(play, ns)
    assert rotating.token_in(play, ns, NEW) == token
    assert len(rotating.issued(play, ns)) == 1


@pytest.mark.parametrize("way", ["env", "volume"])
def test_the_old_name_stays_while_a_pod_refers_to_it(play: Playground, ns: str, way: str) -> None:
    """Its next start would fail without, so that every running pod counts, whenever it started."""
    make_ready(play, ns, tokens={"rotation": {"overlap": "0s"}})
    rotating.make_pod(play, ns, "web", way, since=rotating.ago(-3600))

    rename(play, ns)

    await_secret(play, ns)
    rotating.await_pass(play, ns)
    assert rotating.token_in(play, ns) == rotating.token_in(play, ns, NEW)
    rotating.delete_pod(play, ns, "web")
    await_gone(play, ns)
    assert len(rotating.live(play, ns)) == len(rotating.issued(play, ns)) == 1


def test_the_deadline_ends_the_wait_for_pods(play: Playground, ns: str) -> None:
    """A Warning names the pod that refers to the old name."""
    make_ready(play, ns, tokens={"rotation": {"overlap": "1s", "retireDeadline": "2s"}})
    rotating.make_pod(play, ns, "web")

    rename(play, ns)

    await_gone(play, ns)
    said = rotating.await_warning(play, ns, "RetiredInUse")
    assert rotating.SECRET in said
    assert "web" in said


def test_after_overlap_waits_for_no_pod(play: Playground, ns: str) -> None:
    """The author of the spec said so."""
    make_ready(play, ns, tokens={"rotation": {"overlap": "1s", "retire": "AfterOverlap"}})
    rotating.make_pod(play, ns, "web")

    rename(play, ns)

    await_gone(play, ns)


def test_a_foreign_secret_under_the_new_name_is_a_conflict(play: Playground, ns: str) -> None:
    """It is left untouched and the old one stays, until somebody makes room, or takes the name back."""
    make_ready(play, ns, tokens={"rotation": {"overlap": "0s"}})
    token, foreign = rotating.token_in(play, ns), secret_manifest(ns, NEW, {"password": "mine"})
    play.cluster.ensure(foreign)

    rename(play, ns)

    play.await_condition(ns, "viewer", "SecretConflict")
    rotating.await_pass(play, ns)
    assert values(play.secret(ns, NEW)) == {"password": "mine"}
    assert rotating.token_in(play, ns) == token
    assert len(rotating.live(play, ns)) == 1
    rename(play, ns, None)
    body = play.await_condition(ns, "viewer", "Ready")
    assert body["status"]["tokens"]["secretName"] == rotating.SECRET
    assert values(play.secret(ns, NEW)) == {"password": "mine"}
    rename(play, ns)
    play.await_condition(ns, "viewer", "SecretConflict")
    play.cluster.delete(path_of(foreign))
    play.await_condition(ns, "viewer", "Ready")
    await_gone(play, ns)
    assert rotating.token_in(play, ns, NEW) == token
    assert len(rotating.issued(play, ns)) == 1


# Renaming and rotating


def test_a_rename_in_the_middle_of_an_overlap(play: Playground, ns: str) -> None:
    """The previous token keeps its time; the new Secret tells of it."""
    make_ready(play, ns)
    before = rotating.rotate(play, ns)["status"]["tokens"]
    told = rotating.notes(play, ns)

    rename(play, ns)

    await_secret(play, ns)
    about_the_name = ("secret-name", "published-at")
    assert rotating.notes(play, ns, NEW) == {
        **told,
        **{key: rotating.notes(play, ns, NEW)[key] for key in about_the_name},
    }
    assert rotating.tokens(play, ns) == {**before, "secretName": NEW}
    assert len(rotating.live(play, ns)) == 2
    rotating.set_rotation(play, ns, overlap="0s")
    await_gone(play, ns)
    rotating.await_retired(play, ns)
    assert len(rotating.issued(play, ns)) == 2


def test_a_rotation_while_a_pod_refers_to_the_old_name(play: Playground, ns: str) -> None:
    """What the old Secret holds stays live for as long as it is there, and both go with the pod."""
    make_ready(play, ns, tokens={"rotation": {"overlap": "0s"}})
    rotating.make_pod(play, ns, "web", "volume", since=rotating.ago(-3600))
    rename(play, ns)
    await_secret(play, ns)
    old = rotating.token_in(play, ns)

    rotating.rotate(play, ns)

    rotating.await_used_by(play, ns, "web")
    assert rotating.token_in(play, ns) == old != rotating.token_in(play, ns, NEW)
    assert len(rotating.live(play, ns)) == 2
    rotating.delete_pod(play, ns, "web")
    await_gone(play, ns)
    rotating.await_retired(play, ns)


def test_a_rename_forgets_no_pod_that_holds_the_previous_token(play: Playground, ns: str) -> None:
    """It got that token under the old name, and does not hold another because the Secret has a new one."""
    make_ready(play, ns, tokens={"rotation": {"overlap": "0s"}})
    rotating.make_pod(play, ns, "web")
    rotating.rotate(play, ns)
    rotating.await_used_by(play, ns, "web")

    rename(play, ns)

    await_secret(play, ns)
    rotating.await_pass(play, ns)
    assert len(rotating.live(play, ns)) == 2
    rotating.await_used_by(play, ns, "web")


def test_a_rename_restarts_nothing(play: Playground, ns: str) -> None:
    """The token is as old as before: a workload that was listed too late for it is so under the new name too."""
    ref = rotating.make_workload(play, ns, "Deployment", "web")
    make_ready(play, ns, tokens={"rotation": {"overlap": "0s"}})
    rotating.rotate(play, ns)
    rotating.pretend_published(play, ns, 7200)
    rotating.set_rotation(play, ns, restart=[ref])
    rotating.await_pass(play, ns)
    assert rotating.mark_of(play, ns, ref) is None

    rename(play, ns)

    await_secret(play, ns)
    rotating.await_pass(play, ns)
    assert rotating.mark_of(play, ns, ref) is None


@pytest.mark.parametrize("age", [0, 7200])
def test_a_name_that_is_taken_back_ends_the_other(play: Playground, ns: str, age: int) -> None:
    """After the overlap, which begins with the change, however long the token has stood under the old name."""
    make_ready(play, ns)
    rotating.pretend_published(play, ns, age)
    rename(play, ns)
    await_secret(play, ns)

    rename(play, ns, None)

    await_secret(play, ns, rotating.SECRET)
    rotating.await_pass(play, ns)
    assert play.secret(ns, NEW) is not None
    rotating.set_rotation(play, ns, overlap="0s")
    await_gone(play, ns, NEW)
    play.await_condition(ns, "viewer", "Ready")
    assert len(rotating.issued(play, ns)) == 1
