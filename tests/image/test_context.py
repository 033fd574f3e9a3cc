"""What reaches a build."""

from pathlib import Path, PurePosixPath

import pytest
from tests.image.conftest import REPOSITORY

from image_build.context import Ignore, copy_context, list_context


def test_the_context_is_what_the_dockerfile_copies(context: Path) -> None:
    """Four files and the operator's modules; no sandbox, no test, no history, no bytecode."""
    assert {path.name for path in context.iterdir()} == {
        *("pyproject.toml", "constraints.txt", "README.md", "LICENSE", "operator")
    }
    files = [path for path in (context / "operator").rglob("*") if path.is_file()]
    assert {path.suffix for path in files} == {".py"}
    assert len(files) > 50


def test_what_lies_about_in_a_working_copy_stays_out(tmp_path: Path) -> None:
    """A new file or folder is left out until somebody names it."""
    (tmp_path / ".dockerignore").write_text((REPOSITORY / ".dockerignore").read_text())
    wanted = ("README.md", "operator/box_app_operator/core/plan.py")
    stray = (
        *(".env", "kubeconfig", "token.txt", "docs/README.md", "sandbox/box_sandbox/app.py", "operator/notes.py"),
        *("operator/box_app_operator/__pycache__/cli.cpython-313.pyc", "operator/box_app_operator/old.pyc"),
    )
    for name in (*wanted, *stray):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    copy_context(tmp_path, tmp_path / "context")

    assert {str(path) for path in list_context(tmp_path / "context", Ignore(""))} == set(wanted)


@pytest.mark.parametrize(
    ("patterns", "path", "excluded"),
    [
        ("*", "a", True),
        ("*", "a/b", True),
        ("*.md", "a.md", True),
        ("*.md", "docs/a.md", False),
        ("**/*.md", "a.md", True),
        ("**/*.md", "docs/deep/a.md", True),
        ("docs", "docs/a.md", True),
        ("docs/", "docs/a.md", True),
        ("docs", "docs2/a.md", False),
        ("*\n!docs", "docs/a.md", False),
        ("*\n!docs\ndocs/a.md", "docs/a.md", True),
        ("*\n!README.md", "docs/README.md", True),
        ("# docs", "docs", False),
        ("a?.md", "ab.md", True),
        ("a?.md", "a/.md", False),
    ],
)
def test_patterns_mean_what_docker_says(patterns: str, path: str, excluded: bool) -> None:
    """The last pattern that fits wins, a folder decides for what is in it, and ``*`` stops at a slash."""
    assert Ignore(patterns).excludes(PurePosixPath(path)) is excluded
