"""The imitation's patches, selectors and schema messages: as the API server does it, as far as it goes."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from kube_sandbox.kinds.schema import Schema
from kube_sandbox.objects.patches import APPLY_PATCH, JSON_PATCH, MERGE_PATCH, STRATEGIC_PATCH, apply_patch
from kube_sandbox.objects.selectors import parse_selectors
from kube_sandbox.status import StatusError, invalid

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


@pytest.mark.parametrize(
    ("schema", "value", "said"),
    [
        ({"type": "string"}, 5, 'spec: Invalid value: "integer": spec in body must be of type string: "integer"'),
        ({"type": "integer"}, True, 'spec: Invalid value: "boolean": spec in body must be of type integer: "boolean"'),
        ({"type": "boolean"}, None, 'spec: Invalid value: "null": spec in body must be of type boolean: "null"'),
        ({"type": "string", "enum": ["a", "b"]}, "c", 'spec: Unsupported value: "c": supported values: "a", "b"'),
        (
            {"type": "integer", "minimum": 1},
            0,
            "spec: Invalid value: 0: spec in body should be greater than or equal to 1",
        ),
        (
            {"type": "integer", "maximum": 1},
            2,
            "spec: Invalid value: 2: spec in body should be less than or equal to 1",
        ),
        ({"type": "string", "pattern": "^a$"}, "b", "spec: Invalid value: \"b\": spec in body should match '^a$'"),
        ({"type": "string", "maxLength": 1}, "bb", "spec: Too long: may not be more than 1"),
        ({"type": "array", "maxItems": 1}, [1, 2], "spec: Too long: may not be more than 1"),
        ({"type": "object", "required": ["a"]}, {}, "spec.a: Required value"),
        (
            {"type": "string", "format": "date-time"},
            "noon",
            'spec: Invalid value: "noon": spec in body must be of type date-time',
        ),
        (
            {"type": "array", "items": {"type": "string"}},
            [1],
            'spec[0]: Invalid value: "integer": spec[0] in body must be of type string: "integer"',
        ),
    ],
)
def test_structure_is_checked_in_the_words_of_the_api_server(schema: Json, value: Any, said: str) -> None:
    """One complaint, with the path first."""
    assert [f"{path}: {text}" for path, text in Schema(schema).check(value, None, "spec")] == [said]


def test_a_rule_speaks_with_its_computed_message_or_its_plain_one() -> None:
    """messageExpression wins; when it fails, message is said."""
    rule = {"rule": "self.a != 'x'", "message": "plain"}
    schema = {"type": "object", "properties": {"a": {"type": "string"}, "b": {"type": "string"}}}

    def said(expression: str | None) -> str:
        rules = [{**rule, **({"messageExpression": expression} if expression else {})}]
        ((_, text),) = Schema({**schema, "x-kubernetes-validations": rules}).check({"a": "x"})
        return text.rpartition(": ")[2]

    assert said(None) == "plain"
    assert said("'a is ' + self.a") == "a is x"
    assert said("'b is ' + self.b") == "plain"


def test_rules_wait_for_a_right_structure_and_for_an_old_object() -> None:
    """A rule over something malformed would say nonsense; a rule over the past needs one."""
    rules = [{"rule": "self.a == oldSelf.a", "message": "a cannot change"}]
    schema = Schema({"type": "object", "properties": {"a": {"type": "string"}}, "x-kubernetes-validations": rules})

    assert list(schema.check({"a": "1"})) == []
    assert list(schema.check({"a": "1"}, {"a": "1"})) == []
    assert [text.endswith("a cannot change") for _, text in schema.check({"a": "1"}, {"a": "2"})] == [True]
    assert [path for path, _ in schema.check({"a": 1}, {"a": "2"}, "spec")] == ["spec.a"]


def test_unknown_fields_are_pruned_and_told() -> None:
    """In place, with their paths; metadata is not the schema's matter."""
    node = {
        "type": "object",
        "properties": {"list": {"type": "array", "items": {"type": "object", "properties": {"a": {"type": "string"}}}}},
    }
    schema = Schema({"type": "object", "properties": {"spec": node}})
    body = {"metadata": {"any": 1}, "spec": {"list": [{"a": "1", "b": 2}], "more": 1}, "extra": 1}

    assert sorted(schema.prune(body)) == ["extra", "spec.list[0].b", "spec.more"]
    assert body == {"metadata": {"any": 1}, "spec": {"list": [{"a": "1"}]}}


def test_all_causes_stand_in_one_refusal() -> None:
    """The message lists them as the API server does, and details name the fields."""
    error = invalid("BoxCustomApp.boxapps.dev", "a", [("spec.x", "wrong"), ("spec.y", "Required value")])

    assert error.message == 'BoxCustomApp.boxapps.dev "a" is invalid: [spec.x: wrong, spec.y: Required value]'
    assert (error.code, error.reason) == (422, "Invalid")
    assert [cause["field"] for cause in error.body()["details"]["causes"]] == ["spec.x", "spec.y"]
