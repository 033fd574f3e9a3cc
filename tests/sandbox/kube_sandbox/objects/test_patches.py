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
    after = apply_patch(BODY, patch if isinstance(patch, bytes) else json.dumps(patch).encode(), type_)
    assert before == BODY
    return after


@pytest.mark.parametrize(
    ("type_", "patch", "spec"),
    [
        (MERGE_PATCH, {"spec": {"text": "new"}}, {"list": [1, 2], "text": "new"}),
        (MERGE_PATCH, {"spec": {"text": None}}, {"list": [1, 2]}),
        (MERGE_PATCH, {"spec": {"gone": None}}, {"list": [1, 2], "text": "t"}),
        (MERGE_PATCH, {"spec": {"list": [3]}}, {"list": [3], "text": "t"}),
        (MERGE_PATCH, {"spec": {"new": {"a": 1, "b": None}}}, {"list": [1, 2], "text": "t", "new": {"a": 1}}),
        (MERGE_PATCH, {"spec": {"text": {"a": 1}}}, {"list": [1, 2], "text": {"a": 1}}),
        (MERGE_PATCH, {}, {"list": [1, 2], "text": "t"}),
        (APPLY_PATCH, b"spec:\n  text: yaml\n", {"list": [1, 2], "text": "yaml"}),
        (JSON_PATCH, [{"op": "replace", "path": "/spec/text", "value": "n"}], {"list": [1, 2], "text": "n"}),
        (JSON_PATCH, [{"op": "remove", "path": "/spec/text"}], {"list": [1, 2]}),
        (JSON_PATCH, [{"op": "add", "path": "/spec/list/-", "value": 3}], {"list": [1, 2, 3], "text": "t"}),
        (JSON_PATCH, [{"op": "test", "path": "/metadata/uid", "value": "1"}], {"list": [1, 2], "text": "t"}),
    ],
)
def test_a_patch_follows_its_rfc(type_: str, patch: Any, spec: Json) -> None:
    """RFC 7396: null removes, lists are replaced whole, objects merge; RFC 6902; an applied patch may be YAML."""
    assert patched(patch, type_)["spec"] == spec


@pytest.mark.parametrize(
    ("type_", "patch", "code"),
    [
        (JSON_PATCH, [{"op": "test", "path": "/metadata/uid", "value": "2"}], 422),
        (JSON_PATCH, [{"op": "remove", "path": "/spec/none"}], 422),
        (JSON_PATCH, [{"op": "replace", "path": "/no/where", "value": 1}], 422),
        (JSON_PATCH, [{"op": "jump", "path": "/spec"}], 422),
        (JSON_PATCH, [{"path": "/spec"}], 422),
        (JSON_PATCH, [5], 422),
        ("text/plain", {}, 415),
    ],
)
def test_a_patch_that_does_not_fit_is_refused(type_: str, patch: Any, code: int) -> None:
    """And nothing changed: a test of the uid guards every status that the operator writes."""
    with pytest.raises(StatusError) as caught:
        patched(patch, type_)
    assert caught.value.code == code


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
