"""``python -m house``: measure the packages.

``--check`` fails when a number is beyond its limit, or a word is written that ``language.toml`` forbids.
"""

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path

from house.language import forbidden_words, read_words
from house.limits import judge
from house.measures import House, lines_below, look_at, measures_of
from house.report import complaints, report
from house.rooms import read_layers
from house.source import Package, read_package
from house.way import read_hops

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "operator" / "box_app_operator"
PLACES = ("sandbox", "tools")
WAY = Path(__file__).with_name("way.toml")
WORDS = Path(__file__).with_name("language.toml")


def main() -> int:
    """Print what was asked for; returns the exit code."""
    parser = argparse.ArgumentParser(prog="python -m house", description=__doc__)
    parser.add_argument("--check", action="store_true", help="print only what is wrong, and exit with 1")
    check = parser.parse_args().check
    house = measured()
    verdicts = judge(measures_of(house))
    wrong = [*complaints(house, verdicts), *forbidden_words(ROOT, read_words(WORDS))] if check else []
    lines = {"product, operator/": lines_below(ROOT / "operator"), "tests/": lines_below(ROOT / "tests")}
    for line in wrong if check else report(house, verdicts, lines):
        print(line)
    if check and not wrong:
        print("The house is within its limits, and speaks one language.")
    return 1 if check and wrong else 0


def measured() -> House:
    """The operator's package as it is, and those of sandbox and tools."""
    layers = read_layers(ROOT / "pyproject.toml", PACKAGE.name)
    return look_at(read_package(PACKAGE), read_hops(WAY), layers, dict(_beside()))


def _beside() -> Iterator[tuple[str, Package]]:
    for place in PLACES:
        for init in sorted((ROOT / place).glob("*/__init__.py")):
            yield f"{place}/{init.parent.name}", read_package(init.parent)


if __name__ == "__main__":
    sys.exit(main())
