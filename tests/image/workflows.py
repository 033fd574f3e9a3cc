"""The workflows, read as GitHub does as far as the tests ask."""

from collections.abc import Iterator
from typing import Any

import yaml
from tests.image.conftest import REPOSITORY

FOLDER = REPOSITORY / ".github" / "workflows"
NAMES = sorted(path.name for path in FOLDER.glob("*"))


def read_workflow(name: str) -> dict[str, Any]:
    """One workflow. YAML takes its key ``on`` for a truth value; here it is ``on`` again."""
    read = yaml.safe_load((FOLDER / name).read_text())
    return {"on" if key is True else key: value for key, value in read.items()}


def list_jobs() -> Iterator[tuple[str, str, dict[str, Any]]]:
    """Every job as workflow, name, content."""
    for workflow in NAMES:
        for name, job in read_workflow(workflow)["jobs"].items():
            yield workflow, name, job


def list_steps() -> Iterator[tuple[str, dict[str, Any]]]:
    """Every step, with where it stands."""
    for workflow, name, job in list_jobs():
        yield from ((f"{workflow}: {name}", step) for step in job.get("steps", ()))


def needs_of(jobs: dict[str, Any], name: str) -> set[str]:
    """All that must have succeeded before a job begins."""
    needs = jobs[name].get("needs", [])
    direct = {needs} if isinstance(needs, str) else set(needs)
    return direct.union(*(needs_of(jobs, each) for each in direct))
