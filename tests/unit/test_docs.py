"""What the docs promise is what the code has."""

from __future__ import annotations

import re
from dataclasses import fields
from pathlib import Path

import pytest
from click.testing import CliRunner

from box_app_operator.cli import main
from box_app_operator.config import PREFIX, Settings
from box_app_operator.model.conditions import Reason

DOCS = Path(__file__).parents[2] / "docs"


def test_every_reason_is_explained() -> None:
    """A reason that somebody meets in a condition stands in docs/conditions.md, and nothing else does."""
    text = (DOCS / "conditions.md").read_text()

    explained = set(re.findall(r"^\| `(\w+)` \|", text, re.MULTILINE))

    assert explained == {str(reason) for reason in Reason}


@pytest.mark.parametrize("name", [field.name for field in fields(Settings)])
def test_every_setting_is_explained_and_offered(name: str) -> None:
    """As a flag with help, and as a row in docs/configuration.md."""
    flag = "--" + name.replace("_", "-")
    row = f"| `{flag}` | `{PREFIX}{name.upper()}` |"

    assert row in (DOCS / "configuration.md").read_text()
    assert flag in CliRunner().invoke(main, ["run", "--help"]).output


def test_links_between_docs_lead_somewhere() -> None:
    """Relative links in every Markdown file point at files that exist."""
    root = DOCS.parent
    for file in [*root.glob("*.md"), *DOCS.rglob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)", file.read_text()):
            if not target.startswith("http"):
                assert (file.parent / target).exists(), f"{file.relative_to(root)}: {target}"
