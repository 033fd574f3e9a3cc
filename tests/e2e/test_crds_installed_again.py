"""A CRD is deleted and installed again: objects go with it in good order, and the operator comes back with it."""

from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e.api_server import INSTALL_CRDS, MINT, REGISTER, SECONDS, await_end_in_one_line, await_reasons, calls
from tests.e2e.conftest import Stage
from tests.e2e.story import await_one_token, make_ready

from playground import Playground
from playground.cluster import path_of
from playground.output import until
from playground.play import GROUP, crds

pytestmark = pytest.mark.usefixtures("operator_runs", "crds_stay")

PLANES = ("real", "namespaced")
"""The imitation keeps objects whose kind is gone."""
ALSO_ON = ("namespaced",)
"""There the operator's own reflectors watch BoxCustomApps."""


def install(play: Playground) -> None:
    """``kubectl apply -f crds/``; afterwards the API server knows the kinds."""
    for manifest in crds():
        play.cluster.ensure(manifest)
    for plural in ("boxcustomapps", "boxenterprises"):
        path = f"{GROUP}/{plural}"
        until(lambda path=path: play.cluster.send("GET", path).is_success, SECONDS, f"{plural} to be served")


def uninstall(play: Playground, plural: str) -> None:
    """``kubectl delete crd``, which waits until every object of the kind is gone."""
    (path,) = (path_of(manifest) for manifest in crds() if manifest["spec"]["names"]["plural"] == plural)
    play.cluster.delete(path)
    until(lambda: play.cluster.get(path) is None, SECONDS, f"{path} to be gone")


@pytest.fixture
def crds_stay(play: Playground) -> Iterator[None]:
    """Whatever happens in a test, what follows finds the kinds and the enterprise."""
    yield
    install(play)
    if play.cluster.get(f"{GROUP}/boxenterprises/default") is None:
        play.enterprise()


def test_a_crd_is_deleted_and_installed_again(stage: Stage, play: Playground, ns: str) -> None:
    """With the objects their apps go from Box; applied again, each is registered once and gets one token.

    Meanwhile the operator ends with one line that says what is missing, each time the kubelet starts it.
    """
    spec: dict[str, Any] = {"deletionPolicy": "Delete"}
    make_ready(play, ns, **spec)
    mark, said = play.box.mark(), len(play.logs())

    uninstall(play, "boxcustomapps")
    uninstall(play, "boxenterprises")

    assert play.box.app(f"{ns} viewer") is None, "the operator was there to delete it"
    await_end_in_one_line(stage, play, said, INSTALL_CRDS)
    said = len(play.logs())
    play.operator.start()
    await_end_in_one_line(stage, play, said, INSTALL_CRDS)

    install(play)
    play.operator.start()
    play.enterprise()
    make_ready(play, ns, **spec)

    await_one_token(play, ns)
    assert (calls(play, mark, REGISTER), calls(play, mark, MINT)) == (1, 1)
    # Ready once for each life of the object.
    await_reasons(play, ns, "AppDeleted", "Ready", "Ready")
