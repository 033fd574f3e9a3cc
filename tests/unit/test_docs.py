"""What the docs promise is what the code has."""

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from box_app_operator.cli import main
from box_app_operator.config import PREFIX, SETTINGS, Setting, flag_of
from box_app_operator.model.conditions import Reason

DOCS = Path(__file__).parents[2] / "docs"
ROOT = DOCS.parent
PLACES = (ROOT, ROOT / "operator" / "box_app_operator", DOCS)
"""What a path in the docs may be relative to."""
MAPS = (ROOT / "CONTRIBUTING.md", DOCS / "architecture.md", DOCS / "ten-changes.md")
"""Pages that lead to files of the repository."""
PATH = re.compile(r"(?<![^\s`(\"'])(\w[\w.*-]*/[\w./*-]*|\w[\w-]*\.(?:py|md|toml|yaml))(?:::(\w+))?")


def test_every_reason_is_explained() -> None:
    """A reason that somebody meets in a condition stands in docs/conditions.md, and nothing else does."""
    text = (DOCS / "conditions.md").read_text()

    explained = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))

    assert explained == {str(reason) for reason in Reason}


@pytest.mark.parametrize(("name", "setting"), SETTINGS.items())
def test_every_setting_is_explained_and_offered(name: str, setting: Setting) -> None:
    """As a flag with help, and as a row with its default in docs/configuration.md."""
    default = f" `{setting.default}` |" if setting.default else ""
    row = f"| `{flag_of(name)}` | `{PREFIX}{name.upper()}` |{default}"

    assert row in (DOCS / "configuration.md").read_text()
    assert flag_of(name) in CliRunner().invoke(main, ["run", "--help"]).output


def test_no_other_setting_is_explained() -> None:
    """The table has the rows of the settings, in their order."""
    text = (DOCS / "configuration.md").read_text()

    assert re.findall(r"^\| `(--[a-z-]+)` \|", text, re.MULTILINE) == [flag_of(name) for name in SETTINGS]


def test_links_between_docs_lead_somewhere() -> None:
    """Relative links in every Markdown file point at files that exist."""
    root = DOCS.parent
    for file in [*root.glob("*.md"), *DOCS.rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)", file.read_text()):
            if not target.startswith("http"):
                assert (file.parent / target).exists(), f"{file.relative_to(root)}: {target}"


def paths_in(text: str) -> set[tuple[str, str]]:
    """Every path in code, and what is named in it: ``core/plan.py``, ``crds/``, ``core/due.py::due_first``."""
    blocks = re.findall(r"^```\n.*?^```$|^ {4}[^\n]*$", text, re.MULTILINE | re.DOTALL)
    return {(path, name) for code in [*re.findall(r"`([^`\n]+)`", text), *blocks] for path, name in PATH.findall(code)}


def is_there(path: str, name: str) -> bool:
    """Is there such a file or folder, and in it a function, class or constant of this name?"""
    files = [file for place in PLACES for file in place.glob(path.rstrip("/"))]
    defined = re.compile(rf"^\s*(?:(?:async )?def|class) {name}\b|^{name}\b.*=", re.MULTILINE)
    return any(file.is_dir() or not path.endswith("/") for file in files) and (
        not name or any(defined.search(file.read_text()) for file in files)
    )


@pytest.mark.parametrize("page", MAPS, ids=lambda page: page.stem)
def test_a_page_leads_to_files_that_exist(page: Path) -> None:
    """A map with a street that is not there any more is worse than none."""
    found = paths_in(page.read_text())

    assert len(found) > 15
    assert sorted("::".join(filter(None, each)) for each in found if not is_there(*each)) == []


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("see `core/plan.py` and `crds/`", {("core/plan.py", ""), ("crds/", "")}),
        ("`core/due.py::due_first`, in prose core/nothing.py", {("core/due.py", "due_first")}),
        ("    cp crds/a.yaml charts/b/", {("crds/a.yaml", ""), ("charts/b/", "")}),
        ("```\n│ cache/ │ errors.py\n```", {("cache/", ""), ("errors.py", "")}),
        ("    make unit\nand then core/nothing.py", set()),
        ("`.venv/bin/python -m house`, `--output image.tar`, `Reason.READY`, `https://a.com/b.md`", set()),
    ],
)
def test_paths_are_those_in_code(text: str, expected: set[tuple[str, str]]) -> None:
    """In code spans and code blocks, and nowhere else."""
    assert paths_in(text) == expected


@pytest.mark.parametrize(
    ("path", "name", "expected"),
    [
        ("core/plan.py", "plan", True),
        ("core/plan.py", "WERE_MISSING", True),
        ("core/plan.py", "Delays", True),
        ("core/plan.py", "nobody", False),
        ("core/nothing.py", "", False),
        ("core/", "", True),
        ("pyproject.toml/", "", False),
        ("docs/decisions/0019-*", "", True),
    ],
)
def test_a_path_is_looked_for(path: str, name: str, expected: bool) -> None:
    """At the root, in the package and among the docs; a folder must be one, and a name must be defined there."""
    assert is_there(path, name) is expected
