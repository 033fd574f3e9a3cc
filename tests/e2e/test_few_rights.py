"""An installation that grants less: what cannot be looked at is waited for, not for ever, and said."""

from collections.abc import Iterator
from contextlib import contextmanager

import pytest
from tests.e2e import rotating
from tests.e2e.api_server import ROLE
from tests.e2e.conftest import Stage
from tests.e2e.story import make_ready

from playground import Playground
from playground.cluster import ACCOUNT, NAMESPACE
from playground.output import until

PLANES = ("real",)
"""Only a real API server asks who may do what; and with a list of namespaces there are as many Roles."""


@pytest.fixture(autouse=True)
def refusals_expected(stage: Stage, play: Playground) -> None:
    """Every test here takes rights away."""
    stage.aftermath.refusals_expected = True


@contextmanager
def without(play: Playground, group: str, resource: str) -> Iterator[None]:
    """Take the rights to a resource away from the operator."""
    rules = play.cluster.get(ROLE)["rules"]
    play.cluster.patch(ROLE, {"rules": [rule for rule in rules if resource not in rule["resources"]]})
    until(lambda: not _is_allowed(play, group, resource), 10, "the right to be gone")
    try:
        yield
    finally:
        play.cluster.patch(ROLE, {"rules": rules})
        until(lambda: _is_allowed(play, group, resource), 10, "the right to be back")


def _is_allowed(play: Playground, group: str, resource: str) -> bool:
    verb = "list" if resource == "pods" else "get"
    attributes = {"group": group, "resource": resource, "verb": verb, "namespace": NAMESPACE}
    spec = {"user": f"system:serviceaccount:{NAMESPACE}:{ACCOUNT}", "resourceAttributes": attributes}
    review = {"apiVersion": "authorization.k8s.io/v1", "kind": "SubjectAccessReview", "spec": spec}
    answer = play.cluster.send("POST", "/apis/authorization.k8s.io/v1/subjectaccessreviews", review)
    return bool(answer.raise_for_status().json()["status"]["allowed"])


def test_a_workload_that_cannot_be_restarted_holds_nothing_up_for_ever(play: Playground, ns: str) -> None:
    """The message says which it is; after a few minutes the previous token goes all the same."""
    ref = rotating.make_workload(play, ns, "Deployment", "web")
    make_ready(play, ns, tokens={"rotation": {"overlap": "0s", "restart": [ref]}})
    with without(play, "apps", "deployments"):
        rotating.rotate(play, ns)
        rotating.await_pass(play, ns)
        assert len(rotating.live(play, ns)) == 2
        assert "Deployment/web" in rotating.say_of_token(play, ns)

        rotating.pretend_published(play, ns, 600)

        rotating.await_retired(play, ns)


def test_pods_that_nobody_knows_count_until_the_deadline(play: Playground, ns: str) -> None:
    """No number is told rather than a wrong one, and the Warning says that nobody knows."""
    make_ready(play, ns, tokens={"rotation": {"overlap": "0s"}})
    with without(play, "", "pods"):
        rotating.rotate(play, ns)
        rotating.await_pass(play, ns)
        assert "usedBy" not in rotating.tokens(play, ns)["retiring"]
        assert len(rotating.live(play, ns)) == 2

        rotating.set_rotation(play, ns, retireDeadline="1s")

        rotating.await_retired(play, ns)
        assert "it is not known which pods still use it" in rotating.await_warning(play, ns, "RetiredInUse")


def test_pods_are_known_as_soon_as_the_right_is_granted(play: Playground, ns: str) -> None:
    """The wait for them goes on with a number, and ends without a Warning."""
    make_ready(play, ns, tokens={"rotation": {"overlap": "0s"}})
    rotating.make_pod(play, ns, "web")
    with without(play, "", "pods"):
        rotating.rotate(play, ns)
        rotating.await_pass(play, ns)
        assert "usedBy" not in rotating.tokens(play, ns)["retiring"]

    rotating.await_used_by(play, ns, "web")
