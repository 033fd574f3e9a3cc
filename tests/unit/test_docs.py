"""What the docs promise is what the code has."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from click.testing import CliRunner

from box_app_operator.cli import main
from box_app_operator.config import PREFIX, SETTINGS, Setting, flag_of
from box_app_operator.model.conditions import Reason

DOCS = Path(__file__).parents[2] / "docs"


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
