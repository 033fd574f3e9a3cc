"""The repository's files that make the image, and the image itself as far as it can be made without Docker."""

import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.image.stages import Workshop

from image_build.context import copy_context
from image_build.dockerfile import Dockerfile, parse_dockerfile

REPOSITORY = Path(__file__).parents[2]


@dataclass(frozen=True)
class Built:
    """The last stage, as a folder."""

    root: Path
    """What ``/`` would be; only what the Dockerfile and the stand-in for its base image put there."""

    environment: dict[str, str]
    """What ENV set: all that a container has."""

    workshop: Workshop

    context: Path
    """The sources that it was made from."""


@pytest.fixture(scope="session")
def dockerfile() -> Dockerfile:
    """The Dockerfile, parsed."""
    return parse_dockerfile((REPOSITORY / "Dockerfile").read_text())


@pytest.fixture(scope="session")
def context() -> Iterator[Path]:
    """The build context, copied once: the working copy may change while the tests run."""
    folder = Path(tempfile.mkdtemp(prefix="image-context-"))
    copy_context(REPOSITORY, folder)
    yield folder
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def built(dockerfile: Dockerfile, context: Path) -> Iterator[Built]:
    """Follow the Dockerfile to its end, once."""
    folder = Path(tempfile.mkdtemp(prefix="image-"))
    try:
        workshop = Workshop(folder, context, dockerfile)
        workshop.follow(dockerfile.stage("builder"))
        workshop.put_aside("builder")
        environment = workshop.follow(dockerfile.stages[-1])
        yield Built(workshop.root, environment, workshop, context)
    finally:
        # Twenty thousand files: much quicker than Python's own way.
        subprocess.run(["rm", "-rf", folder], check=True)
