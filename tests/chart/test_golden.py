"""Everything that the chart makes of each set of values, as a reader sees it.

What comes out differently shows in the difference of ``golden``. Renew it on purpose:
``pytest tests/chart --renew-golden``.
"""

import re

from tests.chart.rendering import ROOT, VALUE_SETS, Rendered

GOLDEN = ROOT / "tests" / "chart" / "golden"
FROM_FILES = ("crds.yaml", "dashboard.yaml", "prometheusrule.yaml")
"""Most of these is copied from files that have tests of their own; here it would only be noise."""


def manifests(rendered: Rendered) -> str:
    """All objects behind each other, as ``helm template`` prints them, without what is copied from files."""
    parts = []
    for path, text in rendered.texts.items():
        if path.endswith(".yaml"):
            short = re.sub(r"(?m)^(spec|data):\n(?:  .*\n)+", r"\1: {}  # from files/\n", text.strip() + "\n")
            parts.append(f"---\n# Source: {path}\n{(short if path in FROM_FILES else text).strip()}\n")
    return "".join(parts)


def test_what_comes_out_is_what_was_agreed_upon(rendered: Rendered, value_set: str, renew: bool) -> None:
    """For every set of values, line by line: the objects, and what Helm says."""
    for suffix, text in (("yaml", manifests(rendered)), ("txt", rendered.notes.strip() + "\n")):
        file = GOLDEN / f"{value_set}.{suffix}"
        if renew:
            file.write_text(text)

        assert text == file.read_text(), "look at it, and then: pytest tests/chart --renew-golden"


def test_no_golden_file_is_left_over() -> None:
    """Each belongs to a set of values."""
    assert {file.stem for file in GOLDEN.iterdir()} == set(VALUE_SETS)
