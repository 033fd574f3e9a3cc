"""The way of a manifest's body from Kopf to the write of the Secret: declared in ``way.toml``, and checked here.

No tool can follow a value through queues and Protocols by itself. So the way is written down hop by hop, and what is
written is compared with the code: that each function exists, and is called, or reads what was stored, as it says.
"""

import ast
import itertools
import tomllib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from house.source import Function, Package, called_name

VERBS = ("start", "call", "back", "read")


@dataclass(frozen=True, slots=True)
class Hop:
    """One hop: the function that is entered, as "module:name", and how one gets there.

    Attributes:
        verb: ``call``: the function before calls it. ``back``: the call before it has returned, and its caller goes on.
            ``read``: it reads the attribute ``through`` that the function before wrote.
        hands: a variable or attribute that is among the arguments of the call.
        through: an attribute that it reads, and that a function earlier on the way wrote.
        named: the name by which it is called, if not its own; ``given`` is the function that gave it that name.
    """

    verb: str
    at: str
    hands: str = ""
    through: str = ""
    named: str = ""
    given: str = ""

    @property
    def module(self) -> str:
        """The module that is entered."""
        return self.at.partition(":")[0]

    @property
    def name(self) -> str:
        """The function in it."""
        return self.at.partition(":")[2]


@dataclass(frozen=True, slots=True)
class Stay:
    """Hops in a row that are in one module. ``is_climb``: one gets here from a module that lies in a lower layer."""

    module: str
    names: tuple[str, ...]
    is_climb: bool


@dataclass(frozen=True, slots=True)
class Way:
    """What the way looks like.

    ``passing_on`` are functions on it that only pass on. ``problems`` say where ``way.toml`` and the code disagree.
    """

    hops: tuple[Hop, ...]
    stays: tuple[Stay, ...]
    passing_on: tuple[str, ...]
    problems: tuple[str, ...]

    @property
    def climbs(self) -> tuple[tuple[str, str], ...]:
        """From which module to which one gets back up."""
        return tuple((low.module, high.module) for low, high in itertools.pairwise(self.stays) if high.is_climb)


def read_hops(file: Path) -> tuple[Hop, ...]:
    """The way as it is declared.

    Raises:
        ValueError: a hop has not exactly one of the verbs, or a key that is none.
    """
    return tuple(_hop(number, given) for number, given in enumerate(tomllib.loads(file.read_text())["hops"], 1))


def _hop(number: int, given: Mapping[str, str]) -> Hop:
    verbs = [verb for verb in VERBS if verb in given]
    about = {key: text for key, text in given.items() if key not in VERBS}
    if (
        len(verbs) != 1
        or (verbs == ["start"]) != (number == 1)
        or about.keys() - {"hands", "through", "named", "given"}
    ):
        raise ValueError(f"hop {number} has no verb, two, or a key that is none: {dict(given)}")
    return Hop(verbs[0], given[verbs[0]], **about)


def follow(hops: tuple[Hop, ...], package: Package, layers: Mapping[str, int]) -> Way:
    """Compare the declared way with the code, and measure it."""
    functions = {function.at: function for function in package.functions}
    entered = dict.fromkeys(hop.at for hop in hops if hop.at in functions)
    passing_on = tuple(at for at in entered if functions[at].only_passes_on)
    return Way(hops, tuple(_stays(hops, layers)), passing_on, tuple(_problems(hops, functions)))


def _stays(hops: tuple[Hop, ...], layers: Mapping[str, int]) -> Iterator[Stay]:
    before = None
    for module, group in itertools.groupby(hops, key=lambda hop: hop.module):
        height = layers.get(module.partition(".")[0], 0)
        yield Stay(module, tuple(hop.name for hop in group), before is not None and before < height)
        before = height


def _problems(hops: tuple[Hop, ...], functions: Mapping[str, Function]) -> Iterator[str]:
    missing = [hop.at for hop in hops if hop.at not in functions]
    yield from (f"{at} does not exist" for at in dict.fromkeys(missing))
    if missing:
        return
    callers: list[Function] = []
    for number, hop in enumerate(hops):
        yield from (f"hop {number + 1}: {problem}" for problem in _wrong(hop, hops[:number], callers, functions))
        if hop.verb == "read":
            callers.clear()
        if hop.verb != "back":
            callers.append(functions[hop.at])


def _wrong(
    hop: Hop, before: tuple[Hop, ...], callers: list[Function], functions: Mapping[str, Function]
) -> Iterator[str]:
    """What of a hop is not so; a return takes those off ``callers`` that it leaves."""
    function = functions[hop.at]
    if hop.verb == "call" and not any(_matches(call, hop, function) for call in _calls(callers[-1])):
        with_it = f" with {hop.hands}" if hop.hands else ""
        yield f"{callers[-1].at} does not call {_name_of(hop, function)}{with_it}"
    if hop.given and (hop.given not in functions or not _mentions(functions[hop.given], _own_name(function))):
        yield f"{hop.given} does not give {_own_name(function)} to any caller"
    if hop.verb == "back":
        yield from _go_back(hop, callers, functions)
    if hop.through:
        writers = before[-1:] if hop.verb == "read" else before
        if not any(hop.through in _written(functions[writer.at]) for writer in writers):
            yield f"nothing writes {hop.through} before {hop.at}"
        if not _mentions(function, hop.through):
            yield f"{hop.at} does not read {hop.through}"


def _go_back(hop: Hop, callers: list[Function], functions: Mapping[str, Function]) -> Iterator[str]:
    left = callers.pop()
    while callers and callers[-1].at != hop.at:
        left = callers.pop()
    if not callers:
        callers.append(functions[hop.at])
        yield f"{hop.at} is not among those who called {left.at}"


def _calls(function: Function) -> Iterator[ast.Call]:
    return (node for node in ast.walk(function.node) if isinstance(node, ast.Call))


def _own_name(function: Function) -> str:
    """By which others call it: a class by its own name."""
    *outer, last = function.name.split(".")
    return outer[-1] if last == "__init__" else last


def _name_of(hop: Hop, function: Function) -> str:
    return hop.named or _own_name(function)


def _matches(call: ast.Call, hop: Hop, function: Function) -> bool:
    handed = {name for value in (*call.args, *(keyword.value for keyword in call.keywords)) for name in _names(value)}
    return called_name(call) == _name_of(hop, function) and (not hop.hands or hop.hands in handed)


def _names(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        match inner:
            case ast.Name(id=name) | ast.Attribute(attr=name):
                yield name


def _mentions(function: Function, name: str) -> bool:
    return name in _names(function.node)


def _written(function: Function) -> set[str]:
    """The attributes that it sets, sets an item of, or calls a method of."""
    found: set[str] = set()
    for node in ast.walk(function.node):
        match node:
            case ast.Attribute(attr=name, ctx=ast.Store()):
                found.add(name)
            case ast.Subscript(value=ast.Attribute(attr=name), ctx=ast.Store()):
                found.add(name)
            case ast.Call(func=ast.Attribute(value=ast.Attribute(attr=name))):
                found.add(name)
    return found
