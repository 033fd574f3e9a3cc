"""What belongs together says the same: versions, names, and the commands of the docs."""

import os
import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
import yaml
from tests.image.conftest import REPOSITORY
from tests.image.workflows import read_workflow

CHART = REPOSITORY / "charts" / "box-app-operator"


def read_version() -> str:
    """The project's."""
    return str(tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["version"])


def test_project_and_chart_have_one_version() -> None:
    """They are released together: one tag, one number."""
    chart = yaml.safe_load((CHART / "Chart.yaml").read_text())

    assert chart["version"] == chart["appVersion"] == read_version()


def test_the_chart_runs_the_image_that_a_release_pushes() -> None:
    """Under the name that the workflow signs."""
    values = yaml.safe_load((CHART / "values.yaml").read_text())

    assert values["image"]["repository"] == read_workflow("release.yaml")["env"]["IMAGE"]


def run_version_check(folder: Path, tag: str) -> subprocess.CompletedProcess[str]:
    """The script of the release itself, for a tag."""
    (step,) = (
        step for step in read_workflow("release.yaml")["jobs"]["prepare"]["steps"] if step.get("id") == "version"
    )
    environment = {"PATH": os.environ["PATH"], "GITHUB_REF_NAME": tag, "GITHUB_OUTPUT": str(folder / "output")}
    return subprocess.run(
        ["bash", "-eo", "pipefail", "-c", step["run"]], cwd=folder, env=environment, capture_output=True, text=True
    )


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """What the version check reads, in a repository with one commit."""
    (tmp_path / "charts" / "box-app-operator").mkdir(parents=True)
    for name in ("pyproject.toml", "charts/box-app-operator/Chart.yaml"):
        shutil.copy(REPOSITORY / name, tmp_path / name)
    git = ["git", "-c", "user.name=test", "-c", "user.email=test@example.com", "-c", "commit.gpgsign=false"]
    subprocess.run([*git, "init", "--quiet"], cwd=tmp_path, check=True)
    subprocess.run([*git, "commit", "--quiet", "--allow-empty", "--message", "one"], cwd=tmp_path, check=True)
    return tmp_path


def test_a_release_goes_on_when_the_versions_agree(checkout: Path) -> None:
    """The tag without its v is the version, and the commit's date that of the build."""
    done = run_version_check(checkout, f"v{read_version()}")

    assert done.returncode == 0, done.stdout + done.stderr
    assert re.fullmatch(rf"version={re.escape(read_version())}\nepoch=\d+\n", (checkout / "output").read_text())


@pytest.mark.parametrize(
    ("file", "line"),
    [
        ("pyproject.toml", r"^version = .*$"),
        ("charts/box-app-operator/Chart.yaml", r"^version: .*$"),
        ("charts/box-app-operator/Chart.yaml", r"^appVersion: .*$"),
        (None, ""),
    ],
)
def test_a_release_stops_when_one_version_is_another(checkout: Path, file: str | None, line: str) -> None:
    """Whichever of the four it is, the tag among them."""
    if file:
        text = (checkout / file).read_text()
        other = re.sub(line, lambda found: re.sub(r"\d[\d.]*", "7.7.7", found[0]), text, flags=re.MULTILINE)
        assert other != text
        (checkout / file).write_text(other)

    done = run_version_check(checkout, f"v{read_version()}" if file else "v7.7.7")

    assert done.returncode == 1
    assert "7.7.7" in done.stdout
    assert not (checkout / "output").exists()


def test_the_docs_build_as_the_release_does() -> None:
    """Whoever follows docs/image.md gets the bytes of the release: the same options and arguments."""
    release = str(read_workflow("release.yaml")["jobs"]["image"])
    blocks = re.findall(r"```sh\n(.*?)```", (REPOSITORY / "docs" / "image.md").read_text(), re.DOTALL)
    (docs,) = (block for block in blocks if "docker buildx build" in block)

    options = (r"--build-arg (\w+)=", r"(--provenance=\w+)", r"(rewrite-timestamp=\w+)", r"(moby/buildkit:[\w.]+)")
    for pattern in options:
        assert set(re.findall(pattern, docs)) == set(re.findall(pattern, release)) != set()


def test_the_docs_name_what_a_release_publishes() -> None:
    """The image and the chart, by the names that the workflow pushes to."""
    names = read_workflow("release.yaml")["env"]
    docs = (REPOSITORY / "docs" / "image.md").read_text()

    assert names["IMAGE"] in docs
    assert f"{names['CHARTS']}/box-app-operator" in docs
