"""A Dockerfile as stages of instructions: the part of the language that ours uses, and an error for the rest."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

WORDS = {"FROM", "ARG", "ENV", "WORKDIR", "COPY", "RUN", "LABEL", "USER", "EXPOSE", "ENTRYPOINT", "CMD"}


@dataclass(frozen=True)
class Instruction:
    """One instruction, its lines joined; ``rest`` is what follows the word."""

    word: str
    rest: str


@dataclass
class Stage:
    """From one FROM to the next. ``source`` is the name of an earlier stage, or an image."""

    name: str
    source: str
    instructions: list[Instruction] = field(default_factory=list)

    def all(self, word: str) -> list[str]:
        """What follows each of these words, in order."""
        return [instruction.rest for instruction in self.instructions if instruction.word == word]


@dataclass
class Dockerfile:
    """The arguments before the first stage, and the stages in order."""

    arguments: dict[str, str]
    stages: list[Stage]

    def stage(self, name: str) -> Stage:
        """The stage of that name."""
        return next(stage for stage in self.stages if stage.name == name)


def parse_dockerfile(text: str) -> Dockerfile:
    """Read a whole file.

    Raises:
        ValueError: an instruction of an unknown kind.
    """
    file = Dockerfile({}, [])
    for instruction in _parse_instructions(text):
        if instruction.word == "FROM":
            source, _, name = instruction.rest.partition(" AS ")
            file.stages.append(Stage(name, source))
        elif not file.stages:
            file.arguments.update(parse_argument(instruction.rest))
        else:
            file.stages[-1].instructions.append(instruction)
    return file


def _parse_instructions(text: str) -> list[Instruction]:
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    joined = re.sub(r"\\\n", " ", "\n".join(lines))
    found = [Instruction(word, rest) for word, _, rest in (line.partition(" ") for line in joined.splitlines())]
    for instruction in found:
        if instruction.word not in WORDS:
            raise ValueError(f"{instruction.word}: no step of this kind can be followed")
    return found


def parse_argument(text: str) -> dict[str, str]:
    """``NAME`` or ``NAME=value``; without a value it is empty."""
    name, _, value = text.partition("=")
    return {name: value}


def parse_pairs(text: str) -> dict[str, str]:
    """``NAME=value NAME="value with spaces"``, as ENV and LABEL have them."""
    return {name: quoted or bare for name, quoted, bare in re.findall(r'([\w.]+)=(?:"([^"]*)"|(\S*))', text)}


def expand(text: str, variables: Mapping[str, str]) -> str:
    """Replace ``$NAME``, ``${NAME}`` and ``${NAME:+word}``; what is not set is empty."""
    text = re.sub(
        r"\$\{(\w+):\+((?:[^{}]|\{[^{}]*\})*)\}",
        lambda found: expand(found[2], variables) if variables.get(found[1]) else "",
        text,
    )
    return re.sub(r"\$(?:\{(\w+)\}|(\w+))", lambda found: variables.get(found[1] or found[2], ""), text)
