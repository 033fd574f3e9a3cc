"""Schemas and their rules, in the words of the API server."""

from typing import Any

import pytest

from kube_sandbox.kinds.schema import Schema

Json = dict[str, Any]


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
