"""``box-app-operator uninstall``: nothing is left behind that only the operator could let go."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from tests.e2e.commands import Done, operator
from tests.e2e.story import box_app, delete, live_tokens, make_ready, values

from playground import Playground
from playground.cluster import NAMESPACE
from playground.play import GROUP

DEPLOYMENT = {"namespace": NAMESPACE, "name": "box-app-operator"}

ALSO_ON = ("namespaced",)
"""It looks where the operator works: in the whole cluster, or in each namespace of a list."""


def uninstall(play: Playground, ns: str, *flags: str) -> Done:
    """What the chart's hook runs, as an admin. Other tests' objects are not asked about."""
    return operator("uninstall", f"--kubeconfig={play.cluster.kubeconfig}", f"--namespaces={ns}", *flags)


def test_it_is_refused_while_apps_need_the_operator(play: Playground, ns: str) -> None:
    """Exit code 1, the names and both ways out; nothing changed."""
    before = make_ready(play, ns)

    done = uninstall(play, ns)

    assert done.returncode == 1
    for word in (f"{ns}/viewer", "Delete them first", "uninstall.policy=ReleaseFinalizers", "helm rollback"):
        assert word in done.stdout
    assert play.get(ns, "viewer") == before


def test_nothing_left_is_no_reason_to_refuse(play: Playground, ns: str) -> None:
    """Also in a namespace that has nothing at all."""
    done = uninstall(play, ns)

    assert (done.returncode, done.stderr) == (0, "")
    assert "No BoxCustomApp needs the operator" in done.stdout


@pytest.fixture
def deployment(play: Playground) -> Iterator[dict[str, Any]]:
    """The operator's Deployment, as far as an API server without nodes has one."""
    labels = {"app.kubernetes.io/name": "box-app-operator"}
    template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "operator", "image": "operator"}]}}
    spec = {"replicas": 2, "selector": {"matchLabels": labels}, "template": template}
    play.cluster.ensure({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": DEPLOYMENT, "spec": spec})
    yield labels
    play.cluster.delete(f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{DEPLOYMENT['name']}")


def test_finalizers_are_released_and_box_stays(play: Playground, ns: str, deployment: dict[str, Any]) -> None:
    """The operator is stopped first; then the object can be deleted without it, and its token lives on."""
    if play.cluster.plane is None:
        pytest.skip("the imitation has no scale")
    make_ready(play, ns)
    token = values(play.secret(ns, "viewer-box-token"))["BOX_APP_TOKEN"]
    play.operator.stop()

    name = f"{DEPLOYMENT['namespace']}/{DEPLOYMENT['name']}"
    done = uninstall(play, ns, "--policy=release-finalizers", f"--deployment={name}")

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"{ns}/viewer: released" in done.stdout
    assert not play.get(ns, "viewer")["metadata"].get("finalizers")
    path = f"/apis/apps/v1/namespaces/{NAMESPACE}/deployments/{DEPLOYMENT['name']}"
    assert play.cluster.get(path)["spec"]["replicas"] == 0
    assert live_tokens(play, box_app(play, ns)) == [token]
    delete(play, ns)
    play.operator.start()


def held_enterprise(play: Playground, ns: str) -> str:
    """A BoxEnterprise with the finalizers of two installations, neither of which is the one that runs; its path."""
    play.enterprise(f"{ns}-corp")
    path = f"{GROUP}/boxenterprises/{ns}-corp"
    play.cluster.patch(path, {"metadata": {"finalizers": [f"boxapps.dev/{ns}.first", f"boxapps.dev/{ns}.second"]}})
    return path


def test_an_enterprise_that_stays_held_is_named(play: Playground, ns: str) -> None:
    """No app explains it, so that the operator should have let it go; nothing changed."""
    path = held_enterprise(play, ns)

    done = uninstall(play, ns, f"--lease={ns}/first")

    assert done.returncode == 1
    for word in (f"BoxEnterprise {ns}-corp", "check whether it runs", "uninstall.policy=ReleaseFinalizers"):
        assert word in done.stdout
    assert len(play.cluster.get(path)["metadata"]["finalizers"]) == 2


def test_an_enterprise_that_is_let_go_meanwhile_is_waited_for(play: Playground, ns: str) -> None:
    """The operator takes its finalizer off right after the last app; an uninstall may come in between."""
    path = held_enterprise(play, ns)

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(uninstall, play, ns, f"--lease={ns}/first")
        play.cluster.patch(path, {"metadata": {"finalizers": [f"boxapps.dev/{ns}.second"]}})
        done = running.result()

    assert done.returncode == 0, done.stdout + done.stderr
    assert "No BoxCustomApp needs the operator" in done.stdout


def test_only_an_installations_own_enterprises_are_released(play: Playground, ns: str) -> None:
    """Another one still holds them for the apps that it sees."""
    path = held_enterprise(play, ns)

    done = uninstall(play, ns, "--policy=release-finalizers", f"--lease={ns}/first")

    assert done.returncode == 0, done.stdout + done.stderr
    assert f"BoxEnterprise {ns}-corp: released." in done.stdout
    assert play.cluster.get(path)["metadata"]["finalizers"] == [f"boxapps.dev/{ns}.second"]


def test_without_a_way_to_kubernetes_it_is_one_line(play: Playground) -> None:
    """Exit code 1 and what to give, no traceback."""
    done = operator("uninstall", "--kubeconfig=/nowhere")

    assert done.returncode == 1
    assert "No way to Kubernetes" in done.stdout
