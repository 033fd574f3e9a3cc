"""Where each kind is listed and watched."""

import pytest

from box_app_operator.kube.collection import METADATA
from box_app_operator.watch.sources import collection_of

GROUP, OURS = "/apis/boxapps.dev/v1alpha1", {"labelSelector": "app.kubernetes.io/managed-by=box-app-operator"}
PATHS = [
    ("Secret", None, "/api/v1/secrets"),
    ("Secret", "team", "/api/v1/namespaces/team/secrets"),
    ("Namespace", None, "/api/v1/namespaces"),
    ("BoxCustomApp", "team", f"{GROUP}/namespaces/team/boxcustomapps"),
    ("BoxEnterprise", None, f"{GROUP}/boxenterprises"),
]


@pytest.mark.parametrize(("kind", "namespace", "path"), PATHS)
def test_each_kind_has_its_collection(kind: str, namespace: str | None, path: str) -> None:
    """Of Secrets those with the operator's label, and no watch brings their values over the network."""
    collection = collection_of(kind, namespace)

    assert (collection.path, dict(collection.query)) == (path, OURS if kind == "Secret" else {})
    assert (collection.watch_accept == METADATA) == (kind in ("Secret", "Namespace"))
