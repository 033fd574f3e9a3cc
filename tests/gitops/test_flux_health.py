"""The expressions for health in the examples for Flux, state by state."""

import pytest
import yaml
from tests.gitops.argo import EXAMPLES
from tests.gitops.corpus import APPS
from tests.gitops.enterprises import ENTERPRISES
from tests.gitops.flux import flux
from tests.gitops.record import Json, State


def expressions(kind: str, *path: str) -> Json:
    """What a file of the examples says of the health of a kind."""
    bodies = yaml.safe_load_all(EXAMPLES.joinpath("flux", *path).read_text())
    found = [each for body in bodies for each in body.get("spec", {}).get("healthCheckExprs", ())]
    (wanted,) = (each for each in found if each["kind"] == kind)
    assert wanted["apiVersion"] == "boxapps.dev/v1alpha1"
    return dict(wanted)


LENIENT = expressions("BoxCustomApp", "tenants", "billing.yaml")
STATES = pytest.mark.parametrize("state", [*APPS, *ENTERPRISES], ids=lambda state: state.name)


@STATES
def test_the_lenient_expressions_do_not_wait_for_people(state: State) -> None:
    """Current where Argo CD says Healthy or Suspended, Failed where it says Degraded."""
    words = {"Healthy": "Current", "Suspended": "Current", "Degraded": "Failed", "Progressing": "InProgress"}
    meta, status = state.body["metadata"], state.body.get("status", {})
    is_new = status.get("observedGeneration") != meta["generation"]

    assert flux(state.body, LENIENT) == ("InProgress" if is_new else words[state.argo])
