"""One language: which words are not written in this repository, and which are written instead.

``language.toml`` is the list. Names are looked for in Python alone; words also in strings, docstrings and comments, and
in pages, manifests and the chart, from their first line to their last.
"""

import io
import re
import tokenize
import tomllib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

SPACE = r"[\s#\"']+"
"""What may stand between two words: also the end of a line, with the beginning of the next comment."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A word or a name that is not written, and what is written instead.

    ``pattern`` finds it. A rule for ``names`` must match a whole identifier; any other is looked for in text, whatever
    the case of its letters.
    """

    pattern: re.Pattern[str]
    write: str
    names: bool


@dataclass(frozen=True, slots=True)
class Words:
    """The list: where it counts, as patterns of paths, and what it forbids there."""

    read: tuple[str, ...]
    leave: tuple[str, ...]
    rules: tuple[Rule, ...]


def read_words(path: Path) -> Words:
    """The list as it is written down."""
    table = tomllib.loads(path.read_text())
    texts = [Rule(re.compile(_spaced(row["word"]), re.IGNORECASE), row["write"], False) for row in table["text"]]
    names = [Rule(re.compile(row["name"]), row["write"], True) for row in table["name"]]
    return Words(tuple(table["read"]), tuple(table["leave"]), (*texts, *names))


def _spaced(word: str) -> str:
    return rf"\b(?:{word.replace(' ', SPACE)})\b"


def forbidden_words(root: Path, listed: Words) -> list[str]:
    """Every forbidden word, as "file:line: ..."."""
    files = sorted({file for pattern in listed.read for file in root.glob(pattern) if file.is_file()})
    left_out = {file for pattern in listed.leave for file in root.glob(pattern)}
    return [
        f"{file.relative_to(root)}:{complaint}"
        for file in files
        if file not in left_out
        for complaint in complaints_about(file.read_text(), listed.rules, is_python=file.suffix == ".py")
    ]


def complaints_about(text: str, rules: Sequence[Rule], *, is_python: bool) -> list[str]:
    """What is forbidden in one file, in the order of its lines: "line: 'the word': write what is right"."""
    prose, names = _split(text) if is_python else (text, ())
    found = [(_line_of(prose, match.start()), match.group(), rule) for rule, match in _in_prose(prose, rules)]
    found += [
        (line, name, rule) for name, line in names for rule in rules if rule.names and rule.pattern.fullmatch(name)
    ]
    ordered = sorted(found, key=lambda complaint: complaint[0])
    return [f"{line}: {' '.join(word.split())!r}: write {rule.write}" for line, word, rule in ordered]


def _in_prose(prose: str, rules: Sequence[Rule]) -> Iterator[tuple[Rule, re.Match[str]]]:
    for rule in rules:
        if not rule.names:
            yield from ((rule, match) for match in rule.pattern.finditer(prose))


def _line_of(text: str, at: int) -> int:
    return text.count("\n", 0, at) + 1


def _split(text: str) -> tuple[str, list[tuple[str, int]]]:
    """The strings and comments of Python code, each where it stands; and its identifiers with their lines."""
    prose = [list(" " * len(line)) for line in text.splitlines()]
    names, lines = [], text.splitlines()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.NAME:
            names.append((token.string, token.start[0]))
        elif token.type in (tokenize.COMMENT, tokenize.STRING, _F_STRING):
            for row in range(token.start[0], token.end[0] + 1):
                begin = token.start[1] if row == token.start[0] else 0
                end = token.end[1] if row == token.end[0] else len(lines[row - 1])
                prose[row - 1][begin:end] = lines[row - 1][begin:end]
    return "\n".join("".join(line) for line in prose), names


_F_STRING = getattr(tokenize, "FSTRING_MIDDLE", tokenize.STRING)
