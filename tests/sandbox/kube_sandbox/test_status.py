"""Refusals, as the API server words them."""

from kube_sandbox.status import invalid


def test_all_causes_stand_in_one_refusal() -> None:
    """The message lists them as the API server does, and details name the fields."""
    error = invalid("BoxCustomApp.boxapps.dev", "a", [("spec.x", "wrong"), ("spec.y", "Required value")])

    assert error.message == 'BoxCustomApp.boxapps.dev "a" is invalid: [spec.x: wrong, spec.y: Required value]'
    assert (error.code, error.reason) == (422, "Invalid")
    assert [cause["field"] for cause in error.body()["details"]["causes"]] == ["spec.x", "spec.y"]
