"""Names that people write lead to objects of their own namespace, whatever they contain."""

import pytest

from box_app_operator.kube.secrets import path_of
from box_app_operator.kube.workloads import path_to
from box_app_operator.model.desired import WorkloadRef


@pytest.mark.parametrize("name", ["../../other/secrets/theirs", "a/b", "x?watch=true", "x#y", "%2e%2e"])
def test_a_name_is_one_segment_of_a_path(name: str) -> None:
    """Not more, and no query."""
    secret, workload = path_of("billing", name), path_to("billing", WorkloadRef("Deployment", name))

    assert secret.count("/") == path_of("billing", "x").count("/")
    assert workload.count("/") == path_to("billing", WorkloadRef("Deployment", "x")).count("/")
    assert not {"?", "#"} & {*secret, *workload}
