"""CRDs of an older version take what Kubernetes does not take in a Secret: whose fault that is, by field and cause."""

import copy
from collections.abc import Iterator
from typing import Any

import pytest
from tests.e2e.conftest import QUICK
from tests.e2e.grants import obtained
from tests.e2e.rotating import await_pass, rotate, token_in
from tests.e2e.story import make_ready, stated

from playground import Cluster, Playground
from playground.output import until
from playground.play import GROUP, app_manifest, crds

PLANES = ("real",)
"""The imitation takes any label."""
CRD = "/apis/apiextensions.k8s.io/v1/customresourcedefinitions/boxcustomapps.boxapps.dev"
LABEL = {"tokens": {"secret": {"labels": {"bad key": "x"}}}}
NAME = {"downscopedTokens": [{"secretName": "a..b", "scopes": ["item_download"]}]}


@pytest.fixture(scope="module")
def settings(cluster: Cluster) -> Iterator[dict[str, str]]:
    """The older CRDs are there before the operator starts, and the present ones again after it stopped."""
    for manifest in crds():
        cluster.ensure(manifest)
    before = cluster.get(CRD)["spec"]["versions"]
    older = copy.deepcopy(before)
    spec = older[0]["schema"]["openAPIV3Schema"]["properties"]["spec"]["properties"]
    del spec["tokens"]["properties"]["secret"]["properties"]["labels"]["x-kubernetes-validations"]
    del spec["downscopedTokens"]["items"]["properties"]["secretName"]["x-kubernetes-validations"]
    cluster.patch(CRD, {"spec": {"versions": older}})
    until(lambda: _takes(cluster, LABEL), 20, "the older schema")
    yield QUICK
    cluster.patch(CRD, {"spec": {"versions": before}})
    until(lambda: not _takes(cluster, LABEL), 20, "the present schema")


def _takes(cluster: Cluster, spec: dict[str, Any]) -> bool:
    manifest = app_manifest("default", "probe", **spec)
    return cluster.send("POST", f"{GROUP}/namespaces/default/boxcustomapps?dryRun=All", manifest).is_success


CASES = {
    "label": (LABEL, {"tokens": {"secret": None}}, "spec.tokens.secret.labels", "name part must consist"),
    "name": (NAME, {"downscopedTokens": None}, "spec.downscopedTokens[].secretName", "lowercase RFC 1123 subdomain"),
}
"""What the API server took, how it is taken back, and field and cause in the message."""


@pytest.mark.parametrize(("wrong", "back", "field", "cause"), CASES.values(), ids=CASES)
def test_what_kubernetes_cannot_take_is_named_by_its_field(
    play: Playground, ns: str, wrong: dict[str, Any], back: dict[str, Any], field: str, cause: str
) -> None:
    """InvalidSpec with field and cause, on an app that is Ready: the token stays, and the next spec mends it.

    Row: messages that misdirect.
    """
    make_ready(play, ns)
    before = token_in(play, ns)

    play.cluster.patch(play.path(ns, "viewer"), {"spec": wrong})

    body = play.await_condition(ns, "viewer", "InvalidSpec")
    ready, stalled = stated(body, "Ready"), stated(body, "Stalled")
    assert f"Kubernetes refuses {field}: " in ready["message"]
    assert cause in ready["message"]
    assert stalled["message"] == ready["message"]
    await_pass(play, ns)
    assert token_in(play, ns) == before
    play.cluster.patch(play.path(ns, "viewer"), {"spec": back})
    play.await_condition(ns, "viewer", "Ready")
    assert token_in(play, ns) == before
    # Box made one downscoped token at most, however often the Secret was refused.
    assert len(obtained(play, ns, "downscoped")) == (1 if wrong is NAME else 0)


def test_a_downscoped_name_that_kubernetes_cannot_take_stops_no_rotation(play: Playground, ns: str) -> None:
    """The App Token is another Secret's."""
    make_ready(play, ns)
    play.cluster.patch(play.path(ns, "viewer"), {"spec": NAME})
    play.await_condition(ns, "viewer", "InvalidSpec")

    before = token_in(play, ns)

    rotate(play, ns)

    assert token_in(play, ns) != before
    play.await_condition(ns, "viewer", "InvalidSpec")
