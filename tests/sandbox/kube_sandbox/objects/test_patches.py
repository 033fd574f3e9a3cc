"""Patches, as the API server applies them."""

import copy
import json
from typing import Any

import pytest

from kube_sandbox.objects.patches import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, apply_patch
from kube_sandbox.status import StatusError

Json = dict[str, Any]

BODY: Json = {
    "metadata": {
        "name": "a",
        "uid": "1",
        "labels": {"team": "x"},
        "finalizers": ["f/one"],
        "ownerReferences": [{"uid": "o1", "name": "one"}, {"uid": "o2", "name": "two"}],
    },
    "spec": {"list": [1, 2], "text": "t"},
}


def patched(patch: Any, type_: str) -> Json:
    """The object after a patch; the original must stay as it is."""
    before = copy.deepcopy(BODY)
    after = apply_patch(BODY, json.dumps(patch).encode(), type_)
    assert before == BODY
    return after


@pytest.mark.parametrize(
    ("patch", "spec"),
    [
        ({"spec": {"text": "new"}}, {"list": [1, 2], "text": "new"}),
        ({"spec": {"text": None}}, {"list": [1, 2]}),
        ({"spec": {"gone": None}}, {"list": [1, 2], "text": "t"}),
        ({"spec": {"list": [3]}}, {"list": [3], "text": "t"}),
        ({"spec": {"new": {"a": 1, "b": None}}}, {"list": [1, 2], "text": "t", "new": {"a": 1}}),
        ({"spec": {"text": {"a": 1}}}, {"list": [1, 2], "text": {"a": 1}}),
        ({}, {"list": [1, 2], "text": "t"}),
    ],
)
def test_a_merge_patch_follows_its_rfc(patch: Json, spec: Json) -> None:
    """RFC 7396: null removes, lists are replaced whole, objects merge."""
    assert patched(patch, MERGE_PATCH)["spec"] == spec


def test_a_merge_patch_replaces_lists_that_a_strategic_one_merges() -> None:
    """Owner references merge by uid, and finalizers are added to."""
    patch = {"metadata": {"ownerReferences": [{"uid": "o2", "name": "new"}], "finalizers": ["f/two"]}}

    merged = patched(patch, MERGE_PATCH)["metadata"]
    assert (merged["ownerReferences"], merged["finalizers"]) == ([{"uid": "o2", "name": "new"}], ["f/two"])
    strategic = patched(patch, STRATEGIC_PATCH)["metadata"]
    assert strategic["ownerReferences"] == [{"uid": "o1", "name": "one"}, {"uid": "o2", "name": "new"}]
    assert strategic["finalizers"] == ["f/one", "f/two"]


def test_a_strategic_patch_deletes_by_key() -> None:
    """``$patch: delete`` takes one item out of a list."""
    patch = {"metadata": {"ownerReferences": [{"uid": "o1", "$patch": "delete"}]}}

    assert patched(patch, STRATEGIC_PATCH)["metadata"]["ownerReferences"] == [{"uid": "o2", "name": "two"}]


def test_an_applied_patch_may_be_yaml() -> None:
    """As kubectl apply --server-side sends it."""
    assert apply_patch(BODY, b"spec:\n  text: yaml\n", APPLY_PATCH)["spec"]["text"] == "yaml"


@pytest.mark.parametrize(
    ("patch", "spec"),
    [
        ([{"op": "replace", "path": "/spec/text", "value": "n"}], {"list": [1, 2], "text": "n"}),
        ([{"op": "remove", "path": "/spec/text"}], {"list": [1, 2]}),
        ([{"op": "add", "path": "/spec/list/-", "value": 3}], {"list": [1, 2, 3], "text": "t"}),
        ([{"op": "test", "path": "/metadata/uid", "value": "1"}], {"list": [1, 2], "text": "t"}),
    ],
)
def test_a_json_patch_follows_its_rfc(patch: Any, spec: Json) -> None:
    """RFC 6902."""
    assert patched(patch, JSON_PATCH)["spec"] == spec


@pytest.mark.parametrize(
    "patch",
    [
        [{"op": "test", "path": "/metadata/uid", "value": "2"}],
        [{"op": "remove", "path": "/spec/none"}],
        [{"op": "replace", "path": "/no/where", "value": 1}],
        [{"op": "jump", "path": "/spec"}],
        [{"path": "/spec"}],
        [5],
    ],
)
def test_a_json_patch_that_does_not_fit_is_refused(patch: Any) -> None:
    """422, and nothing changed: a test of the uid guards every status that the operator writes."""
    with pytest.raises(StatusError) as caught:
        patched(patch, JSON_PATCH)
    assert caught.value.code == 422


def test_an_unknown_kind_of_patch_is_refused() -> None:
    """415, as the API server answers."""
    with pytest.raises(StatusError) as caught:
        patched({}, "text/plain")
    assert caught.value.code == 415
