"""One look: what it reads and what not, what is in its way, and what is followed while something is waited for."""

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from tests.fakes.cluster import NAMESPACE, FakeCluster
from tests.fakes.fates import Fate
from tests.unit.core.test_steps import PUBLISHED
from tests.unit.examples import NO_TOKEN, look, ready_world
from tests.unit.pretend import NOON, World
from tests.unit.shell import Shell
from tests.unit.strategies import DESIRED
from tests.unit.tokens.test_restarts import WEB, rotated

from box_app_operator.api.spec import FINALIZER
from box_app_operator.cache.cluster import NamespaceView, SecretMark
from box_app_operator.errors import ForbiddenError
from box_app_operator.model.box import UID, Problem
from box_app_operator.model.conditions import Reason
from box_app_operator.model.observed import Observed, WorkloadView
from box_app_operator.model.secret import SECRET_NAME
from box_app_operator.modes.clients import make_clients
from box_app_operator.observe.consumers import Consumers
from box_app_operator.observe.observer import Observer
from box_app_operator.observe.secrets import SecretObserver

TEAM_A = {"matchLabels": {"team": "a"}}
AWAY = Problem(Reason.BOX_UNAVAILABLE, "Box does not answer.", NOON)
HELD: dict[str, Any] = {"finalizers": [FINALIZER]}
GOES: dict[str, Any] = {**HELD, "deletionTimestamp": "2026-03-01T12:00:00Z"}


async def observed(shell: Shell) -> Observed:
    """What one look finds. ``shell.cluster.wanted`` is who follows a Secret of people."""
    clients, cluster = make_clients(shell.store, shell.cluster, shell), shell.cluster
    secrets, consumers = (
        SecretObserver(shell.store, cluster),
        Consumers(shell.store, cluster, FakeCluster(), timedelta()),
    )
    observer = Observer(shell.store, shell, secrets, clients, consumers, cluster, shell)  # type: ignore[arg-type]
    return await observer.observe(shell.resource, shell.memory)


@pytest.mark.parametrize(
    ("link", "labels", "metadata", "reason"),
    [
        ({}, {}, {}, None),
        ({"problem": AWAY}, {}, {}, "BoxUnavailable"),
        ({"selector": TEAM_A}, {"team": "a"}, {}, None),
        ({"selector": TEAM_A, "problem": AWAY}, {"team": "b"}, {}, "NamespaceNotAllowed"),
        ({"selector": TEAM_A}, {"team": "b"}, GOES, None),
        ({"selector": TEAM_A, "problem": AWAY}, None, {}, None),
        ({"is_deleting": True}, {}, {}, "EnterpriseNotReady"),
        ({"is_deleting": True}, {}, HELD, None),
        (None, {}, {}, "EnterpriseNotFound"),
    ],
)
async def test_what_is_in_the_way_is_found_in_this_order(
    shell: Shell, link: Any, labels: Any, metadata: Any, reason: Any
) -> None:
    """What the object's own people must change first; a deletion is held up by Box alone.

    While no watch has told of the namespace, its labels are waited for: nothing is known, and nothing is said.
    """
    shell.store.drop_namespace(NAMESPACE)
    if labels is not None:
        shell.store.put_namespace(NAMESPACE, NamespaceView(UID("n"), "2", labels))
    shell.edit(metadata=metadata)
    for name, trait in (link or {}).items():
        setattr(shell.link, name, trait)
    shell.link = shell.link if link is not None else None  # type: ignore[assignment]

    seen = await observed(shell)

    assert (seen.problem.reason if seen.problem is not None else None) == reason
    assert seen.known == (link is not None and labels is not None)


@pytest.mark.parametrize(("metadata", "follows"), [({}, True), (GOES, False)])
async def test_the_secret_of_a_person_is_followed_while_its_key_is_waited_for(metadata: Any, follows: bool) -> None:
    """No object that goes waits for one."""
    shell = Shell(clientID="client-1", tokens={"importFrom": {"name": "keys"}})
    shell.link.has_console = False
    shell.edit(metadata=metadata)
    shell.cluster.wanted = {shell.desired.uid} - ({shell.desired.uid} if follows else set())

    await observed(shell)

    assert shell.cluster.wanted == ({shell.desired.uid} if follows else set())


@pytest.mark.parametrize("terminating", [True, False])
async def test_only_what_changed_and_concerns_the_object_is_read(shell: Shell, terminating: bool) -> None:
    """Once. A missing right hides what is there only where the namespace ends: the operator's Role goes with it."""
    observer, read = SecretObserver(shell.store, shell.cluster), list[str]()
    own = replace(PUBLISHED, owner_uid=shell.desired.uid)
    before = replace(own, name="before", annotations={SECRET_NAME: "before"})
    secrets = {
        s.name: s for s in (own, before, replace(own, name="copy"), replace(own, name="not ours", owner_uid=UID("x")))
    }
    for name, secret in secrets.items():
        shell.store.mark_secret(SecretMark(NAMESPACE, name, secret.uid, "1", secret.owner_uid))

    async def read_secret(_: str, name: str) -> Any:
        read.append(name)
        if name not in secrets:
            raise ForbiddenError("KubernetesUnavailable", "403")
        return secrets[name]

    shell.cluster.read_secret = read_secret  # type: ignore[method-assign]
    for _ in range(2):
        await observer.read_changed(shell.desired)
    assert sorted(read) == ["before", "copy", own.name]
    assert [secret.name for secret in observer.renamed(shell.desired)] == ["before"]

    del secrets[own.name]
    shell.store.put_namespace(NAMESPACE, NamespaceView(UID("n"), "2", {}, terminating))
    if terminating:
        await observer.refresh(shell.desired)
    else:
        with pytest.raises(ForbiddenError):
            await observer.refresh(shell.desired)
    assert (observer.see(shell.desired, own.name, {}, NOON) is None) == terminating


ROTATED = rotated()


@pytest.mark.parametrize(
    ("world", "pods"),
    [
        (ROTATED, True),
        (replace(ROTATED, desired=replace(ROTATED.desired, suspended=True)), False),
        (replace(ROTATED, desired=replace(ROTATED.desired, deleting=True)), False),
        (ready_world(), False),
        (NO_TOKEN, False),
    ],
    ids=["a token is phased out", "suspended", "deleting", "at rest", "no token"],
)
async def test_pods_are_followed_while_a_token_is_phased_out(world: World, pods: bool) -> None:
    """Else their watch ends. A workload is read then, too, once; one that cannot be read holds up no look."""
    shell, view = Shell(), WorkloadView(WEB, resource_version="7")
    shell.cluster.wanted, shell.cluster.workloads = {DESIRED.uid}, {WEB: view}
    consumers, blind = (
        Consumers(shell.store, shell.cluster, shell.cluster, timedelta()),
        look(world, pods=None).observed,
    )

    seen = await consumers.look(world.desired, blind, {}, NOON)
    assert (seen.pods is not None, shell.cluster.wanted, seen.workloads) == (
        *(pods, {DESIRED.uid} if pods else set(), {WEB: view} if pods else {}),
    )
    shell.fail_next(Fate.CRASH_BEFORE)
    assert (await consumers.look(world.desired, blind, {WEB: view}, NOON)).workloads == seen.workloads
    shell.fail_next(Fate.LOST_BEFORE)
    assert (await consumers.look(world.desired, blind, {}, NOON)).workloads == {}
