"""Label and field selectors, as the API server reads them."""

import pytest

from kube_sandbox.objects.selectors import parse_selectors
from kube_sandbox.status import StatusError

BODY = {"metadata": {"name": "a", "labels": {"team": "x"}}, "spec": {"text": "t"}}


@pytest.mark.parametrize(
    ("labels", "expected"),
    [
        (None, True),
        ("", True),
        ("team=x", True),
        ("team==x", True),
        ("team=y", False),
        ("team!=y", True),
        ("team!=x", False),
        ("gone!=x", True),
        ("team", True),
        ("gone", False),
        ("!gone", True),
        ("!team", False),
        ("team in (x, y)", True),
        ("team in (y,z)", False),
        ("team notin (y)", True),
        ("team notin (x)", False),
        ("gone notin (x)", True),
        ("gone in (x)", False),
        ("team=x,team in (x,y),!gone", True),
        ("team=x,gone", False),
        ("app.kubernetes.io/name=", False),
    ],
)
def test_label_selectors_select_as_kubernetes_does(labels: str | None, expected: bool) -> None:
    """All requirements must hold; != and notin hold for an absent label."""
    assert parse_selectors(labels, None)(BODY) is expected


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        ("metadata.name=a", True),
        ("metadata.name==a", True),
        ("metadata.name=b", False),
        ("metadata.name!=b", True),
        ("metadata.name=a,spec.text=t", True),
        ("metadata.name=a,spec.text=u", False),
        ("spec.none=", True),
        ("spec.text.deep=x", False),
    ],
)
def test_field_selectors_select_by_path(fields: str, expected: bool) -> None:
    """A field that is absent is empty."""
    assert parse_selectors(None, fields)(BODY) is expected


def test_a_field_selector_that_cannot_be_read_is_refused() -> None:
    """400, as the API server answers."""
    with pytest.raises(StatusError) as caught:
        parse_selectors(None, "metadata.name")
    assert caught.value.code == 400
