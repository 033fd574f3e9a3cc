"""The generator: every field of both kinds, values from the schema alone, and the same ones for the same seed."""

import copy
from datetime import timedelta
from typing import Any

import pytest
from tests.walk.edits import Book, pairs
from tests.walk.fields import Field, duration_text, fields_of, fits, is_duration, patterns_of, seconds_of, words_of
from tests.walk.odd import ODD
from tests.walk.route import book_of, first_of_each, turned
from tests.walk.values import ABSENT, Value, World
from tests.walk.walk import Prober

NAME = {
    "type": "string",
    "maxLength": 10,
    "x-kubernetes-validations": [{"rule": "self.matches('^[a-z0-9]([-a-z0-9.]*[a-z0-9])?$')", "message": 'as "a-b"'}],
}
SPAN = {
    "type": "string",
    "maxLength": 32,
    "description": 'A span. Default: "10m".',
    "x-kubernetes-validations": [{"rule": "self.matches('^([0-9]+(ms|s|m|h|d))+$')"}],
}
ITEM = {"type": "object", "required": ["name"], "properties": {"name": NAME, "note": {"type": "string"}}}
SPEC = {
    "type": "object",
    "required": ["title"],
    "properties": {
        "title": {"type": "string", "maxLength": 5},
        "mode": {"type": "string", "enum": ["One", "Other"]},
        "on": {"type": "boolean"},
        "count": {"type": "integer", "minimum": 1, "maximum": 9},
        "span": SPAN,
        "list": {"type": "array", "minItems": 1, "maxItems": 3, "items": ITEM},
        "map": {"type": "object", "maxProperties": 2, "additionalProperties": {"type": "string", "maxLength": 3}},
        "mirror": {"type": "string"},
    },
}
BASE = {"title": "a"}


def crd_of(spec: dict[str, Any]) -> dict[str, Any]:
    """A CRD with this spec, whose status shows one text."""
    status = {"type": "object", "properties": {"mirror": {"type": "string"}}}
    schema = {"properties": {"spec": spec, "status": status}}
    return {"spec": {"versions": [{"storage": True, "schema": {"openAPIV3Schema": schema}}]}}


@pytest.fixture
def book() -> Book:
    """What is tried on a small kind."""
    return Book(crd_of(SPEC), World())


def field(book: Book, name: str) -> Field:
    """A field by its name."""
    return next(each for each in book.fields if each.name == name)


def tried(book: Book, name: str, kind: str = "") -> list[Any]:
    """What is tried on a field, of one kind or of all."""
    return [value.json for value in book.values(field(book, name)) if kind in ("", value.kind)]


def test_every_field_is_walked() -> None:
    """Lists, maps and what they hold are fields, too."""
    names = {each.name for each in fields_of(SPEC)}
    assert {"list", "list[]", "list[].name", "map", "map{}"} <= {name.removeprefix("spec.") for name in names}
    assert len(names) == 8 + 4


@pytest.mark.parametrize("kind", ["BoxCustomApp", "BoxEnterprise"])
def test_every_field_of_both_kinds_has_values(kind: str) -> None:
    """Each of them has a value that is usual, and others; a value that is there twice is there once."""
    book = book_of(kind, {}, 0)
    for each in book.fields:
        values = book.values(each)
        assert len(values) > 1, each.name
        assert len({value.key for value in values}) == len(values), each.name


def test_a_new_field_is_walked_without_a_new_line() -> None:
    """A field that nobody has heard of gets values for its type, its bounds and its pattern."""
    spec = copy.deepcopy(SPEC)
    spec["properties"]["unheard"] = {"type": "object", "properties": {"of": SPAN}}  # type: ignore[index]
    book = Book(crd_of(spec), World())
    assert {"(absent)", '"0s"', '"1000000000d"'} <= {value.key for value in book.values(field(book, "spec.unheard.of"))}


def test_values_follow_the_bounds(book: Book) -> None:
    """Least and greatest of numbers, texts, lists and maps, and one beyond."""
    assert {1, 9} <= {*tried(book, "spec.count", "least"), *tried(book, "spec.count", "greatest")}
    assert {0, 10} <= set(tried(book, "spec.count", "beyond"))
    assert {len(text) for text in tried(book, "spec.title", "greatest")} == {5}
    assert [len(items) for items in tried(book, "spec.list", "greatest")] == [3]
    assert [len(items) for items in tried(book, "spec.list", "beyond")] == [4]
    assert [len(entries) for entries in tried(book, "spec.map", "beyond")] == [3]


def test_the_greatest_text_fits_its_pattern(book: Book) -> None:
    """A name of the greatest length is a name, and a span of the greatest length is one."""
    for name, length, node in (("spec.list[].name", 10, NAME), ("spec.span", 32, SPAN)):
        fitting = [text for text in tried(book, name, "greatest") if fits(node, text)]
        assert fitting, name
        assert {len(text) for text in fitting} == {length}


def test_every_choice_is_tried(book: Book) -> None:
    """Those of an enum, both booleans, and absence of what is not required."""
    assert tried(book, "spec.mode", "choice") == ["One", "Other"]
    assert tried(book, "spec.on", "choice") == [True, False]
    assert ABSENT in tried(book, "spec.mode")
    assert ABSENT not in tried(book, "spec.title")


def test_every_text_field_gets_everything_odd(book: Book) -> None:
    """What is refused is refused by the API server, not here."""
    odd = {text for texts in ODD.values() for text in texts}
    for name in ("spec.title", "spec.span", "spec.list[].name", "spec.map{}"):
        assert odd <= set(tried(book, name)), name
    assert odd <= {key for entries in tried(book, "spec.map")[1:] for key in entries}


def test_what_the_schema_says_is_tried(book: Book) -> None:
    """Defaults and examples of descriptions and messages, and what stands in the status under the same name.

    Of durations also a millisecond less and more.
    """
    assert {"10m", "9m59s999ms", "10m1ms"} <= set(tried(book, "spec.span"))
    assert "a-b" in tried(book, "spec.list[].name")
    assert tried(book, "spec.mirror", "as in status") == ["(status.mirror)"]
    assert words_of({"description": 'One. Default: 600. Or "b".'}) == ["b", "600"]


@pytest.mark.parametrize("text", ["0s", "1ms", "59d23h59m59s999ms", "1h30m", "60d"])
def test_durations_are_written_as_they_are_read(text: str) -> None:
    """There and back."""
    assert duration_text(seconds_of(text)) == text


def test_durations_are_known_by_their_pattern() -> None:
    """Not by the name of the field."""
    assert is_duration(SPAN)
    assert not is_duration(NAME)
    assert not is_duration({"type": "string"})
    assert seconds_of("1m60s") == timedelta(minutes=2)


def test_patterns_of_rules_are_found() -> None:
    """With flags where RE2 lets them stand; not those that are negated or one choice of several."""
    rules = ["self.matches('^(?i)https?://')", "!self.matches('^x')", "self.matches('^a') || self.matches('^b')"]
    found = patterns_of({"x-kubernetes-validations": [{"rule": rule} for rule in rules]})
    assert [bool(pattern.search("HTTPS://a")) for pattern in found] == [True]
    (escaped,) = patterns_of({"x-kubernetes-validations": [{"rule": r"self.matches('^[^\\s]+$')"}]})
    assert not escaped.search("a b")


def test_the_same_seed_gives_the_same_values() -> None:
    """And another one gives other samples."""
    one, same, other = (
        [value.key for each in book.fields for value in book.values(each)]
        for book in (Book(crd_of(SPEC), World(seed=seed)) for seed in (1, 1, 2))
    )
    assert one == same
    assert one != other


def test_a_value_is_put_where_it_belongs(book: Book) -> None:
    """What is missing on the way is filled in; what is there stays."""
    value = Value("odd", "x")
    listed = book.edit(BASE, field(book, "spec.list[].note"), value).spec
    assert listed == {"title": "a", "list": [{"name": "a-b", "note": "x"}]}
    assert book.edit(BASE, field(book, "spec.map{}"), value).spec == {"title": "a", "map": {"a": "x"}}
    there = {**BASE, "list": [{"name": "b"}, {"name": "c"}], "map": {"k": "v", "l": "w"}}
    assert book.edit(there, field(book, "spec.list[].name"), value).spec["list"] == [{"name": "x"}, {"name": "c"}]
    assert book.edit(there, field(book, "spec.map{}"), value).spec["map"] == {"k": "x", "l": "w"}
    assert book.edit(there, field(book, "spec.map"), Value("absent", ABSENT)).spec == {**BASE, "list": there["list"]}


def test_known_values_come_first() -> None:
    """What the world answers to is tried, and fills in what another field needs."""
    book = Book(crd_of(SPEC), World(known={"list.[].name": ["there"]}))
    assert tried(book, "spec.list[].name")[0] == "there"
    listed = book.edit(BASE, field(book, "spec.list[].note"), Value("odd", "x")).spec["list"]
    assert listed == [{"name": "there", "note": "x"}]


def test_a_choice_finds_what_it_needs(book: Book) -> None:
    """A value that is refused alone is tried with a neighbour added, taken away or chosen otherwise."""

    def takes(spec: dict[str, Any]) -> bool:
        return ("span" in spec) == (spec.get("mode") == "Other") and len(spec.get("title", "")) > 0

    prober = Prober(book, BASE, takes)
    (other,) = prober.probe(field(book, "spec.mode"), [Value("choice", "Other")])
    assert other is not None
    assert other.spec == {"title": "a", "mode": "Other", "span": "10m"}
    (span,) = prober.probe(field(book, "spec.span"), [Value("odd", "1s")])
    assert span is not None
    assert span.spec == {"title": "a", "mode": "Other", "span": "1s"}


def test_what_is_refused_is_refused(book: Book) -> None:
    """And what changes nothing is not tried at all."""
    values = [Value("example", "a"), Value("odd", "b")]
    assert list(Prober(book, BASE, lambda _: False).probe(field(book, "spec.title"), values)) == [None]


def test_pairs_have_both_values(book: Book) -> None:
    """Of two fields, each pair once, the same ones for the same seed."""
    edits = [book.edit(BASE, each, value) for each in book.fields for value in book.values(each)[:2]]
    found = list(pairs(edits, BASE, 20, 5))
    assert len({str(edit.spec) for edit in found}) == len(found) == 20
    assert [edit.spec for edit in found] == [edit.spec for edit in pairs(edits, BASE, 20, 5)]
    wanted = (("spec.on", True), ("spec.count", 3))
    on, count = (book.edit(BASE, field(book, name), Value("choice", json)) for name, json in wanted)
    (both,) = pairs([on, count], BASE, 1, 0)
    assert both.spec == {"title": "a", "on": True, "count": 3}


def test_the_first_edit_of_each_field(book: Book) -> None:
    """One for each."""
    edits = [book.edit(BASE, each, value) for each in book.fields for value in book.values(each)[:3]]
    assert [edit.field for edit in first_of_each(edits)][::-1] == [each.name for each in book.fields]


def test_a_short_walk_takes_other_values_each_turn(book: Book) -> None:
    """So that together the fields have all of them, whatever kind comes first."""
    values = book.values(field(book, "spec.title"))
    turns = [turned(values, turn) for turn in range(60)]
    assert {value.key for value in values} == {value.key for chosen in turns for value in chosen}
    assert {value.kind for value in values} == {chosen[0].kind for chosen in turns}
