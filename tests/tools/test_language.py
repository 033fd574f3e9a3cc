"""The word list: what it finds, where, and what it says to write instead."""

import re
from pathlib import Path

import pytest

from house.__main__ import ROOT, WORDS
from house.language import Rule, complaints_about, forbidden_words, read_words

LIST = """
read = ["**/*.py", "*.md"]
leave = ["old.md"]

[[text]]
word = "the object goes"
write = "the object is removed"

[[name]]
name = "each|MOST_\\\\w+"
write = "the noun"
"""
RULES = read_words(WORDS).rules


def rule_for(word: str) -> Rule:
    """The rule that a word is listed for to fail."""
    return Rule(re.compile(rf"\b{word}\b", re.IGNORECASE), "better", names=False)


def test_a_forbidden_word_is_named_with_its_place_and_its_replacement(tmp_path: Path) -> None:
    """In pages and in code, but not in a file that is left out."""
    (tmp_path / "language.toml").write_text(LIST)
    (tmp_path / "page.md").write_text("# A page\n\nBefore the object goes, wait.\n")
    (tmp_path / "old.md").write_text("The object goes.\n")
    (tmp_path / "code.py").write_text('"""Fine."""\nMOST_PODS = 1\n')

    assert forbidden_words(tmp_path, read_words(tmp_path / "language.toml")) == [
        "code.py:2: 'MOST_PODS': write the noun",
        "page.md:3: 'the object goes': write the object is removed",
    ]


@pytest.mark.parametrize(
    ("code", "lines"),
    [
        ('x = 1\n"""A wish."""\n', [2]),
        ("x = 1  # a wish\n", [1]),
        ('"""One.\n\nA Wish in the third line.\n"""\n', [3]),
        ("say = f'a wish for {x}'\n", [1]),
        ("wish = 1\n", []),
        ("'wishful'\n", []),
    ],
)
def test_text_is_strings_docstrings_and_comments(code: str, lines: list[int]) -> None:
    """A name is no text, and a part of a word is no word."""
    found = complaints_about(code, [rule_for("wish")], is_python=True)

    assert found == [f"{line}: {'Wish' if line == 3 else 'wish'!r}: write better" for line in lines]


@pytest.mark.parametrize("text", ["the object\n    goes", "the object\n    # goes", 'the object " "goes'])
def test_a_phrase_is_found_across_lines(text: str) -> None:
    """In wrapped docstrings, comments and strings."""
    rule = next(rule for rule in RULES if not rule.names and rule.pattern.search("the object goes"))

    assert complaints_about(text, [rule], is_python=False) == [f"1: {' '.join(text.split())!r}: write {rule.write}"]


@pytest.mark.parametrize(
    ("code", "found"),
    [("for each in x: pass\n", 1), ("print(each.name)\n", 1), ("'for each of them'\n", 0), ("each_one = 1\n", 0)],
)
def test_a_name_is_forbidden_as_a_whole_and_in_code_only(code: str, found: int) -> None:
    """Not in sentences, and not as a part of another name."""
    assert len(complaints_about(code, [rule for rule in RULES if rule.names], is_python=True)) == found


def test_every_rule_says_what_to_write() -> None:
    """And no replacement is forbidden itself."""
    texts = [rule for rule in RULES if not rule.names]

    assert all(rule.write for rule in RULES)
    assert [complaint for rule in RULES for complaint in complaints_about(rule.write, texts, is_python=False)] == []


def test_the_list_reads_what_is_there() -> None:
    """A pattern that finds no file checks nothing."""
    listed = read_words(WORDS)

    assert [pattern for pattern in (*listed.read, *listed.leave) if not any(ROOT.glob(pattern))] == []
