"""What is measured of a package, and when the check fails. On a tiny package of two layers."""

from collections.abc import Mapping
from pathlib import Path

import pytest

from house.__main__ import measured
from house.limits import IN_FOLDER, LIMITS, Limit, judge
from house.measures import House, Measure, look_at, measures_of, percentile
from house.report import complaints, report
from house.rooms import read_layers
from house.source import Package, read_package
from house.way import Hop, read_hops

LAYERS = {"upper": 1, "lower": 0}
UPPER = '''"""The upper room."""
from tiny.lower.cache import Store
from tiny.lower.words import shout


class Loop:
    """Turns."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._queue = []

    @decorated
    def hear(self, body):
        """Takes the body in."""
        self._store.put(body)
        self._queue.append(body["name"])

    def work(self):
        key = self._queue.pop()
        body = self._store.get(key)
        return self.write(body)

    def write(self, body):
        return shout(body)
'''
CACHE = '''"""The cache."""


class Store:
    """Bodies."""

    def put(self, body):
        self._bodies[body["name"]] = body

    def get(self, key):
        return self._bodies[key]
'''
WORDS = '''"""Words."""


def shout(text):
    return text.upper() + "!"
'''
FILES = {
    "__init__.py": "",
    "upper/__init__.py": "",
    "upper/loop.py": UPPER,
    "lower/__init__.py": "",
    "lower/cache.py": CACHE,
    "lower/words.py": WORDS,
}
HOPS = (
    Hop("start", "upper.loop:Loop.hear"),
    Hop("call", "lower.cache:Store.put", hands="body"),
    Hop("back", "upper.loop:Loop.hear"),
    Hop("read", "upper.loop:Loop.work", through="_queue"),
    Hop("call", "lower.cache:Store.get", hands="key", through="_bodies"),
    Hop("back", "upper.loop:Loop.work"),
    Hop("call", "upper.loop:Loop.write", hands="body"),
    Hop("call", "lower.words:shout", hands="body"),
)


def package_of(root: Path, files: Mapping[str, str]) -> Package:
    """A package with these files, in this folder."""
    for name, text in files.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(text)
    return read_package(root)


def house_of(
    folder: Path,
    files: Mapping[str, str] = FILES,
    hops: tuple[Hop, ...] = HOPS,
    beside: Mapping[str, str] | None = None,
) -> House:
    """The house of a package that has these files, and a tool that has those beside it."""
    tools = {"tools/tool": package_of(folder / "tool", beside)} if beside else {}
    return look_at(package_of(folder / "tiny", files), hops, LAYERS, tools)


def numbers(house: House) -> dict[str, int]:
    """Every measure by its name."""
    return {measure.what: measure.value for measure in measures_of(house)}


def test_rooms_are_counted_without_their_inits(tmp_path: Path) -> None:
    """What lies directly in the package counts by itself, and a folder of folders is no empty one."""
    found = numbers(house_of(tmp_path, {**FILES, "run.py": "pass\n", "upper/deep/a.py": "x = 1\n"}))

    assert found["modules directly in the package"] == 1
    assert (found["modules in upper/"], found["modules in lower/"], found["modules in upper/deep/"]) == (1, 2, 1)
    assert found["folders of fewer than three"] == 3


def test_a_function_is_as_long_as_it_reads(tmp_path: Path) -> None:
    """From ``def`` to its end, with its docstring and without its decorators."""
    functions = {function.at: function.lines for function in house_of(tmp_path).functions}

    assert functions["upper.loop:Loop.hear"] == 4
    assert functions["lower.words:shout"] == 2


@pytest.mark.parametrize(("percent", "size"), [(50, 2), (90, 4), (100, 4)])
def test_percentile_is_one_of_the_sizes(percent: int, size: int) -> None:
    """The smallest that so many percent do not exceed."""
    assert percentile([4, 1, 3, 2], percent) == size


def test_inner_functions_have_names_of_their_own(tmp_path: Path) -> None:
    """Kopf's handlers are functions in a function."""
    house = house_of(tmp_path, {**FILES, "run.py": "def outer():\n    async def inner():\n        pass\n"})

    assert {"run:outer", "run:outer.inner"} <= {function.at for function in house.functions}


@pytest.mark.parametrize(
    ("body", "passes_on"),
    [
        ("return other(a)", True),
        ("'''Says so.'''\n    return await self.other(a)", True),
        ("await other(a)", True),
        ("return other(a, b(c))", False),
        ("return Other(a)", False),
        ("return a", False),
        ("x = other(a)\n    return x", False),
    ],
)
def test_a_function_that_only_passes_on(tmp_path: Path, body: str, passes_on: bool) -> None:
    """One call and nothing else; a value that is made is not passed on. Likewise a module with nothing else in it."""
    house = house_of(tmp_path, {**FILES, "run.py": f"import x\n\n\nasync def f(a):\n    {body}\n"})
    function = next(each for each in house.functions if each.at == "run:f")

    assert function.only_passes_on is passes_on
    assert numbers(house)["modules that only pass on"] == passes_on


def test_a_module_that_only_exports_passes_on(tmp_path: Path) -> None:
    """A façade is a file more on the way, and nothing else."""
    facade = '"""All."""\nfrom tiny.lower.words import shout\n__all__ = ["shout"]\n'

    assert numbers(house_of(tmp_path, {**FILES, "all.py": facade}))["modules that only pass on"] == 1


def test_arrows_go_from_room_to_room(tmp_path: Path) -> None:
    """With how many imports there are; a module directly in the package is a room, and imports within one are none."""
    top = "import tiny.upper.loop\nfrom . import errors\nfrom tiny.lower import words\n"
    house = house_of(
        tmp_path, {**FILES, "run.py": top, "errors.py": "", "upper/more.py": "from tiny.upper import loop"}
    )

    assert house.arrows == {
        ("upper", "lower"): 2,
        ("run", "upper"): 1,
        ("run", "errors"): 1,
        ("run", "lower"): 1,
    }
    assert house.cycle == ()


def test_a_ring_of_rooms_is_found(tmp_path: Path) -> None:
    """Also one that only a type checker goes round."""
    back = WORDS + "if TYPE_CHECKING:\n    from tiny.upper.loop import Loop\n"
    house = house_of(tmp_path, {**FILES, "lower/words.py": back})

    assert numbers(house)["rooms in a ring of imports"] == 2
    assert set(house.cycle) == {"upper", "lower"}


TOOL = {
    "__init__.py": "from tool.deep.a import f\n",
    "play.py": "from tool.deep import a\n",
    "deep/__init__.py": "",
    "deep/a.py": "import json\n",
    "deep/b.py": "from tool.deep import a\n",
    "deep/c.py": "",
}


def test_tools_have_rooms_too(tmp_path: Path) -> None:
    """Each package by its path: its modules, folder by folder, and none of it among the operator's."""
    found = numbers(house_of(tmp_path, beside=TOOL))

    assert (found["modules in tools/tool/"], found["modules in tools/tool/deep/"]) == (1, 3)
    assert found["folders of fewer than three, in sandbox and tools"] == 0
    assert found["rooms in a ring of imports, in sandbox and tools"] == 0
    assert found.items() >= numbers(house_of(tmp_path)).items()


@pytest.mark.parametrize(
    ("files", "measure", "value", "where"),
    [
        ({"deep/b.py": "from tool import play\n"}, "rooms in a ring of imports", 2, "tools/tool: "),
        ({"few/__init__.py": "", "few/d.py": ""}, "folders of fewer than three", 1, "tools/tool/few"),
        ({f"deep/d{number}.py": "" for number in range(6)}, "modules in tools/tool/deep/", 9, ""),
    ],
)
def test_walls_of_a_tool_that_do_not_hold(
    tmp_path: Path, files: Mapping[str, str], measure: str, value: int, where: str
) -> None:
    """A ring, a folder with too little in it, one with too much: each is said of its place, and fails the check."""
    house = house_of(tmp_path, beside={**TOOL, **files})
    name = f"{measure}, in sandbox and tools" if where else measure
    verdict = next(each for each in judge(measures_of(house)) if each.measure.what == name)

    assert (verdict.measure.value, verdict.is_worse) == (value, True)
    assert ", ".join(verdict.measure.where).startswith(where)


def test_the_way_has_stays_and_climbs(tmp_path: Path) -> None:
    """Hops in a row in one file are one stay; going back up to a higher layer is a climb, and going down is none."""
    way = house_of(tmp_path).way

    assert way.problems == ()
    assert [stay.module for stay in way.stays] == [
        *("upper.loop", "lower.cache", "upper.loop", "lower.cache", "upper.loop", "lower.words")
    ]
    assert way.climbs == (("lower.cache", "upper.loop"), ("lower.cache", "upper.loop"))
    assert way.passing_on == ("upper.loop:Loop.write",)


@pytest.mark.parametrize(
    ("number", "hop", "words"),
    [
        (1, Hop("call", "lower.cache:Store.drop"), "lower.cache:Store.drop does not exist"),
        (1, Hop("call", "lower.words:shout"), "upper.loop:Loop.hear does not call shout"),
        (1, Hop("call", "lower.cache:Store.put", hands="key"), "does not call put with key"),
        (2, Hop("back", "upper.loop:Loop.work"), "upper.loop:Loop.work is not among those who called"),
        (3, Hop("read", "upper.loop:Loop.work", through="_bodies"), "nothing writes _bodies before"),
        (3, Hop("read", "upper.loop:Loop.write", through="_queue"), "upper.loop:Loop.write does not read _queue"),
        (7, Hop("call", "lower.words:shout", named="_say", given="upper.loop:Loop.work"), "does not call _say"),
        (7, Hop("call", "lower.words:shout", given="upper.loop:Loop.work"), "upper.loop:Loop.work does not give shout"),
        (7, Hop("call", "lower.words:shout", given="upper.loop:nobody"), "upper.loop:nobody does not give shout"),
    ],
)
def test_a_way_that_is_not_that_of_the_code_is_refused(tmp_path: Path, number: int, hop: Hop, words: str) -> None:
    """Each hop says something that the code must bear out."""
    way = house_of(tmp_path, hops=(*HOPS[:number], hop, *HOPS[number + 1 :])).way

    assert any(words in problem for problem in way.problems), way.problems


def test_a_function_may_be_called_by_the_name_that_it_was_given(tmp_path: Path) -> None:
    """As a queue calls its work, or as a class is called for its constructor."""
    files = {
        "upper/queue.py": "class Queue:\n    def run(self, key):\n        self._work(key)\n",
        "lower/job.py": "class Job:\n    def __init__(self, key):\n        self.key = key\n",
        "run.py": "def main():\n    return Queue(work)\n\n\ndef work(key):\n    return Job(key)\n",
    }
    hops = (
        Hop("start", "upper.queue:Queue.run"),
        Hop("call", "run:work", hands="key", named="_work", given="run:main"),
        Hop("call", "lower.job:Job.__init__", hands="key"),
    )

    assert house_of(tmp_path, files, hops).way.problems == ()


@pytest.mark.parametrize(
    "hops",
    [
        '[{ call = "a:b" }]',
        '[{ start = "a:b" }, { call = "a:b", back = "a:b" }]',
        '[{ start = "a:b" }, { at = "a:b" }]',
        '[{ start = "a:b" }, { call = "a:b", hand = "body" }]',
    ],
)
def test_a_hop_has_one_verb(tmp_path: Path, hops: str) -> None:
    """And nothing that would be passed over without a word; the first one starts."""
    (tmp_path / "way.toml").write_text(f"hops = {hops}\n")

    with pytest.raises(ValueError, match=r"hop [12] has"):
        read_hops(tmp_path / "way.toml")


def test_layers_are_those_of_the_import_contract(tmp_path: Path) -> None:
    """Rooms side by side are equally high."""
    contract = 'type = "layers"\ncontainers = ["tiny"]\nlayers = ["run", "upper | side", "lower"]\n'
    (tmp_path / "pyproject.toml").write_text(f"[[tool.importlinter.contracts]]\n{contract}")

    assert read_layers(tmp_path / "pyproject.toml", "tiny") == {"run": 2, "upper": 1, "side": 1, "lower": 0}
    with pytest.raises(LookupError, match="other"):
        read_layers(tmp_path / "pyproject.toml", "other")


@pytest.mark.parametrize(
    ("limit", "value", "is_worse", "is_better"),
    [
        (Limit("x", 8), 8, False, False),
        (Limit("x", 8), 9, True, False),
        (Limit("x", 8, today=11), 11, False, False),
        (Limit("x", 8, today=11), 12, True, False),
        (Limit("x", 8, today=11), 10, False, True),
    ],
)
def test_a_number_may_fall_and_never_rise(limit: Limit, value: int, is_worse: bool, is_better: bool) -> None:
    """Beyond the goal there is what the code has today, and no more than that."""
    (verdict,) = judge([Measure("x", value)], [limit])

    assert (verdict.is_worse, verdict.is_better) == (is_worse, is_better)


def test_a_folder_has_a_limit_of_its_own_or_that_of_all() -> None:
    """Anything else without a limit is a mistake in the table."""
    limits = [Limit(IN_FOLDER, 8), Limit("modules in kube/", 11)]
    verdicts = judge([Measure("modules in kube/", 11), Measure("modules in box/", 9)], limits)

    assert [verdict.is_worse for verdict in verdicts] == [False, True]
    with pytest.raises(KeyError):
        judge([Measure("windows", 1)], limits)


def test_the_check_names_what_got_worse(tmp_path: Path) -> None:
    """A number beyond its limit, and a way that leads nowhere; nothing else."""
    house = house_of(tmp_path, hops=(*HOPS[:1], Hop("call", "lower.cache:Store.drop")))
    verdicts = judge([Measure("a", 3), Measure("b", 4)], [Limit("a", 2), Limit("b", 4)])

    worse, lost = complaints(house, verdicts)

    assert "3  a (at most 2; WORSE)" in worse
    assert "lower.cache:Store.drop does not exist" in lost


def test_the_report_shows_every_part(tmp_path: Path) -> None:
    """Lines, rooms, arrows, functions, the way with its climbs, and the limits."""
    house = house_of(tmp_path, beside=TOOL)
    others = [limit for limit in LIMITS if "stays" not in limit.what]
    limits = [*others, Limit("stays on the way to the Secret", 12, today=16)]
    text = "\n".join(report(house, judge(measures_of(house), limits), {"tests/": 41041}))

    assert "  41,041  tests/" in text
    assert "   2     16  lower" in text
    assert "   3      2  tools/tool/deep" in text
    assert "   2  upper -> lower" in text
    assert "   4  upper.loop:Loop.hear" in text
    assert "8 hops, 6 stays in 3 modules, 2 climbs; 1 functions only pass on." in text
    assert "  up  upper.loop: Loop.work, Loop.write" in text
    assert "   6  stays on the way to the Secret (at most 12; until then 16; better" in text


def test_the_table_is_about_the_package_as_it_is() -> None:
    """No row for what is not there any more, none without a goal to get to, and the declared way is the code's."""
    house = measured()
    verdicts = judge(measures_of(house))

    assert {limit.what for limit in LIMITS} - {IN_FOLDER} <= {verdict.measure.what for verdict in verdicts}
    assert [limit.what for limit in LIMITS if limit.today is not None and limit.today <= limit.goal] == []
    assert house.way.problems == ()
