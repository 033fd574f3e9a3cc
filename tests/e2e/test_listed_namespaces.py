"""An operator with a list of namespaces: what happens to one of them is no matter to the others."""

import pytest
from tests.e2e.api_server import cors_of
from tests.e2e.conftest import Stage
from tests.e2e.story import make_ready

from playground import Playground
from playground.chart.manifests import installation
from playground.output import until

PLANES = ("namespaced",)
"""Elsewhere no namespaces are listed."""
SECONDS = 60.0
ROLES = "/apis/rbac.authorization.k8s.io/v1/namespaces/{}/{}"


@pytest.fixture(autouse=True)
def refusals_expected(stage: Stage, play: Playground) -> None:
    """A namespace takes the operator's Role with it."""
    stage.aftermath.refusals_expected = True


def delete_namespace(play: Playground, name: str) -> None:
    """Delete a namespace, and wait until it is gone."""
    path = f"/api/v1/namespaces/{name}"
    play.cluster.delete(path)
    until(lambda: play.cluster.get(path) is None, SECONDS, f"namespace {name} to be gone")


def upgrade(play: Playground, namespace: str) -> None:
    """What ``helm upgrade`` creates in a namespace that has lost the operator's Role."""
    for manifest in installation(play.cluster.namespaces):
        if manifest["metadata"].get("namespace") == namespace:
            play.cluster.ensure(manifest)


def restart(play: Playground) -> int:
    """End the operator and start it again; returns where its log goes on."""
    play.operator.stop()
    said = len(play.logs())
    play.operator.start()
    return said


def warnings_about(play: Playground, namespace: str, since: int = 0) -> list[str]:
    """What the operator warned of in a namespace as a whole."""
    lines = play.logs()[since:].splitlines()
    return [line for line in lines if " WARNING " in line and f"Namespace {namespace} " in line]


def test_a_namespace_that_is_deleted_ends_nothing_for_the_others(play: Playground, ns: str, other_ns: str) -> None:
    """Neither while the operator runs, nor at its next start; the one warning says what to do.

    When it comes back its apps become Ready without a restart, as soon as the operator has its Role there again.
    """
    make_ready(play, ns)
    make_ready(play, other_ns)

    delete_namespace(play, ns)
    make_ready(play, other_ns, "second")
    said = restart(play)
    make_ready(play, other_ns, "third")

    assert play.operator.ended() is None
    until(lambda: len(warnings_about(play, ns, said)) == 1, SECONDS, "a warning")
    assert len(warnings_about(play, ns, said)) == 1
    assert "does not exist. Create it and run helm upgrade" in warnings_about(play, ns, said)[0]

    play.namespace(ns)
    until(lambda: len(warnings_about(play, ns, said)) == 2, SECONDS, "a warning about the Role")
    assert "creates the operator's Role and RoleBinding there" in warnings_about(play, ns, said)[1]
    upgrade(play, ns)

    make_ready(play, ns, "again")
    until(lambda: f"Namespace {ns} is watched again" in play.logs()[said:], SECONDS, "the word that it is over")
    assert play.operator.ended() is None


def test_a_role_that_is_missing_for_a_while_loses_nothing(play: Playground, ns: str, other_ns: str) -> None:
    """What changed meanwhile is noticed; the other namespace is worked in all the time."""
    make_ready(play, ns)
    minted = len(play.box.issued_tokens())
    names = {plural: ROLES.format(ns, plural) for plural in ("roles", "rolebindings")}
    taken = {path: play.cluster.get(path)["items"] for path in names.values()}
    for path, items in taken.items():
        for item in items:
            play.cluster.delete(f"{path}/{item['metadata']['name']}")
    said = restart(play)
    until(lambda: len(warnings_about(play, ns, said)) == 1, SECONDS, "a warning")
    make_ready(play, other_ns, "meanwhile")
    play.cluster.patch(play.path(ns, "viewer"), {"spec": {"cors": {"domains": ["https://new.example.com"]}}})

    upgrade(play, ns)

    until(lambda: cors_of(play, ns) == ["https://new.example.com"], SECONDS, "the change to be acted upon")
    assert len(play.box.issued_tokens()) == minted + 1, "one for the other namespace's app, none for this one"
