"""The workflows: valid, with few rights, and in the right order."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.image.conftest import REPOSITORY
from tests.image.workflows import FOLDER, NAMES, list_jobs, list_steps, needs_of, read_workflow

RIGHTS = {
    ("ci.yaml", "test"): {"contents": "read"},
    ("ci.yaml", "embedded"): {"contents": "read"},
    ("ci.yaml", "image"): {"contents": "read"},
    ("nightly.yaml", "test-long"): {"contents": "read"},
    ("release.yaml", "prepare"): {"contents": "read"},
    ("release.yaml", "test"): {"contents": "read"},
    ("release.yaml", "image"): {"contents": "read", "packages": "write"},
    ("release.yaml", "publish"): {"packages": "write", "id-token": "write", "attestations": "write"},
    ("release.yaml", "chart"): {"contents": "read", "packages": "write", "id-token": "write", "attestations": "write"},
    ("release.yaml", "release"): {"contents": "write"},
}
"""What each job may do. A new right has to be written down here too."""


@pytest.mark.parametrize(
    ("schema", "files"),
    [
        ("vendor.github-workflows", [FOLDER / name for name in NAMES]),
        ("custom.github-workflows-require-timeout", [FOLDER / name for name in NAMES]),
        ("vendor.dependabot", [REPOSITORY / ".github" / "dependabot.yml"]),
    ],
)
def test_the_files_are_valid(schema: str, files: list[Path]) -> None:
    """By GitHub's schemas, and every job has a time limit."""
    command = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, *files]

    done = subprocess.run(command, capture_output=True, text=True)

    assert done.returncode == 0, done.stdout + done.stderr


def test_every_job_has_the_rights_that_it_needs_and_no_more() -> None:
    """None by itself, and those of the table above where a job asks for them."""
    assert {name: read_workflow(name)["permissions"] for name in NAMES} == {name: {} for name in NAMES}
    assert {(workflow, name): job["permissions"] for workflow, name, job in list_jobs()} == RIGHTS


def test_who_signs_runs_nothing_of_the_project() -> None:
    """A job that can sign in the project's name neither builds nor tests: nothing of this repository runs in it."""
    for workflow, name, job in list_jobs():
        if "id-token" in job["permissions"]:
            scripts = "\n".join(step.get("run", "") for step in job["steps"])
            assert not re.search(r"\bmake\b|\bpip\b|\bpython|docker (buildx )?(build|run)\b|tests/", scripts), (
                f"{workflow}: {name}"
            )


def test_actions_are_named_by_version_or_hash() -> None:
    """Never by a branch, which is something else every day."""
    for where, step in list_steps():
        if "uses" in step:
            assert re.fullmatch(r"[\w-]+/[\w-]+@(v\d+(\.\d+)*|[0-9a-f]{40})", step["uses"]), f"{where}: {step['uses']}"


def test_a_checkout_leaves_no_credentials_behind() -> None:
    """What a later step runs finds no token in .git/config."""
    checkouts = [(where, step) for where, step in list_steps() if step.get("uses", "").startswith("actions/checkout@")]

    assert checkouts
    assert [where for where, step in checkouts if step.get("with", {}).get("persist-credentials") is not False] == []


def test_nothing_from_outside_becomes_part_of_a_script() -> None:
    """Scripts take what GitHub knows from their environment: a tag or a title cannot become a command."""
    assert [where for where, step in list_steps() if "${{" in step.get("run", "")] == []


def test_a_script_stops_at_its_first_failure() -> None:
    """In the middle of a pipe, too: that is what GitHub does with ``shell: bash``, and only then."""
    assert [read_workflow(name).get("defaults") for name in NAMES] == [{"run": {"shell": "bash"}}] * len(NAMES)
    assert [where for where, step in list_steps() if "shell" in step] == []


@pytest.mark.parametrize(("where", "script"), [(where, step["run"]) for where, step in list_steps() if "run" in step])
def test_scripts_are_bash(where: str, script: str) -> None:
    """Every script can be parsed."""
    done = subprocess.run(["bash", "-n"], input=script, capture_output=True, text=True)

    assert (done.returncode, done.stderr) == (0, ""), where


def test_a_run_stops_an_older_one_of_a_change_and_never_a_release() -> None:
    """Half a release is worse than a late one."""
    assert read_workflow("ci.yaml")["concurrency"]["cancel-in-progress"] == (
        "${{ github.event_name == 'pull_request' }}"
    )
    assert read_workflow("release.yaml")["concurrency"]["cancel-in-progress"] is False
    groups = {name: read_workflow(name)["concurrency"]["group"].split("-$")[0] for name in NAMES}
    assert groups == {name: name.removesuffix(".yaml") for name in NAMES}


def test_ci_runs_what_the_readme_says_on_every_supported_python() -> None:
    """`make test` with a real control plane, and without one from the oldest Python on."""
    jobs = read_workflow("ci.yaml")["jobs"]
    (oldest,) = re.findall(r'requires-python = ">=([\d.]+)"', (REPOSITORY / "pyproject.toml").read_text())

    real = [step.get("run") or step["uses"].split("@")[0] for step in jobs["test"]["steps"]]
    assert real[-2:] == ["make controlplane", "make test"]
    assert "actions/setup-go" in real
    assert jobs["embedded"]["strategy"]["matrix"]["python"][0] == oldest
    assert jobs["embedded"]["steps"][-1]["run"] == "make test"
    assert jobs["embedded"]["steps"][-1]["env"] == {"CLUSTER": "embedded"}


def test_the_long_search_runs_every_night_and_can_be_repeated() -> None:
    """`make test-long` chooses and prints a seed; whoever starts the workflow by hand may give one."""
    workflow = read_workflow("nightly.yaml")
    (job,) = workflow["jobs"].values()

    assert workflow["on"].keys() == {"schedule", "workflow_dispatch"}
    assert [len(entry["cron"].split()) for entry in workflow["on"]["schedule"]] == [5]
    assert "seed" in workflow["on"]["workflow_dispatch"]["inputs"]
    assert job["steps"][-1] == {"run": "make test-long", "env": {"SEED": "${{ inputs.seed }}"}}
    assert "SEED" in (REPOSITORY / "Makefile").read_text()


def test_nothing_is_published_before_the_tests_pass() -> None:
    """Whatever can write waits for the versions to agree and for the whole of ci.yaml."""
    jobs = read_workflow("release.yaml")["jobs"]
    writers = [name for name, job in jobs.items() if "write" in job["permissions"].values()]

    assert jobs["test"]["uses"] == "./.github/workflows/ci.yaml"
    assert writers == ["image", "publish", "chart", "release"]
    for name in writers:
        assert {"prepare", "test"} <= needs_of(jobs, name), name
        assert "if" not in jobs[name], f"{name}: a condition could run it after a failure"


def test_an_image_gets_its_name_after_it_was_tried_and_scanned() -> None:
    """Built and pushed without a tag, then scanned; the version is given by a later job."""
    jobs = read_workflow("release.yaml")["jobs"]
    steps = jobs["image"]["steps"]
    build = next(index for index, step in enumerate(steps) if "push-by-digest=true" in step.get("run", ""))
    scan = next(index for index, step in enumerate(steps) if "scan-action" in step.get("uses", ""))

    assert steps[build]["run"].index("try_image.sh") < steps[build]["run"].index("push-by-digest=true")
    assert build < scan
    assert steps[scan]["with"]["fail-build"] is True
    assert not any("continue-on-error" in step for _, step in list_steps())
    assert "imagetools create --tag" in str(jobs["publish"])
    assert "image" in needs_of(jobs, "publish")


def test_image_and_chart_are_signed_and_attested() -> None:
    """By digest, each in the job that published it."""
    jobs = read_workflow("release.yaml")["jobs"]
    for name in ("publish", "chart"):
        scripts = "\n".join(step.get("run", "") for step in jobs[name]["steps"])
        assert re.search(r"cosign sign --yes (--recursive )?\S+@\$(DIGEST|digest)\b", scripts)
        (attest,) = (step for step in jobs[name]["steps"] if "attest-build-provenance" in step.get("uses", ""))
        assert attest["with"]["subject-digest"].startswith("${{ steps.")
    assert "cosign attest --yes --type spdxjson" in str(jobs["publish"])
