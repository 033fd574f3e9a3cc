"""The image as a container: built by the Dockerfile's own steps, imported into a containerd, and run."""

import json
import re
import tarfile
from collections.abc import Iterator
from typing import Any

import pytest
from tests.image.conftest import REPOSITORY
from tests.image.containers import Containers, start_containers, why_no_containers

from image_build import TAG, Image, Unavailable, build_image
from image_build.base import PATH
from image_build.dockerfile import Dockerfile, expand, parse_pairs

OWN_LABELS = {"org.opencontainers.image.base.name", "io.buildah.version"}
"""What the labels say about how it was made."""


@pytest.fixture(scope="module")
def image() -> Image:
    """The image, from the cache when nothing changed."""
    try:
        return build_image(lambda _: None)
    except Unavailable as error:
        pytest.skip(f"no image without Docker: {error}")


@pytest.fixture(scope="module")
def containers(image: Image) -> Iterator[Containers]:
    """A containerd that has the image."""
    reason = why_no_containers()
    if reason is not None:
        pytest.skip(f"no containers: {reason}")
    with start_containers() as containers:
        containers.load(image.archive)
        yield containers


def read_config(image: Image) -> dict[str, Any]:
    """What the archive says how to run it."""
    with tarfile.open(image.archive) as archive:
        (manifest,) = json.load(archive.extractfile("manifest.json") or pytest.fail("no manifest"))
        config: dict[str, Any] = json.load(archive.extractfile(manifest["Config"]) or pytest.fail("no configuration"))
    assert manifest["RepoTags"] == [TAG]
    return config["config"]


def test_it_is_configured_as_the_dockerfile_says(image: Image, dockerfile: Dockerfile) -> None:
    """Variables, user, command, port and labels are the Dockerfile's, and nothing of this machine is among them."""
    stage = dockerfile.stages[-1]
    variables = {"PATH": PATH}
    for text in (*dockerfile.stage("base").all("ENV"), *stage.all("ENV")):
        variables |= {name: expand(value, variables) for name, value in parse_pairs(text).items()}
    config = read_config(image)

    assert dict(pair.split("=", 1) for pair in config["Env"]) == variables
    assert config["Entrypoint"] == json.loads(stage.all("ENTRYPOINT")[0])
    assert config["Cmd"] == json.loads(stage.all("CMD")[0])
    assert [config["User"]] == stage.all("USER")
    assert [config["WorkingDir"]] == stage.all("WORKDIR")
    assert list(config["ExposedPorts"]) == [f"{port}/tcp" for port in stage.all("EXPOSE")]
    labels = parse_pairs(" ".join(stage.all("LABEL")))
    arguments = {"VERSION": "unreleased", "REVISION": "unknown"}
    expected = {name: expand(value, arguments) for name, value in labels.items() if name not in OWN_LABELS}
    assert {name: value for name, value in config["Labels"].items() if name not in OWN_LABELS} == expected


def test_every_file_of_ours_belongs_to_root_and_only_root_can_write_it(image: Image) -> None:
    """The operator cannot change itself, whatever user it runs as."""
    seen = 0
    with tarfile.open(image.archive) as archive:
        for name in json.load(archive.extractfile("manifest.json") or pytest.fail("no manifest"))[0]["Layers"]:
            with tarfile.open(fileobj=archive.extractfile(name)) as layer:
                for file in layer:
                    if file.name.lstrip("./").startswith(("opt/", "usr/local/")):
                        seen += 1
                        assert (file.uid, file.gid) == (0, 0), file.name
                        assert file.issym() or not file.mode & 0o022, file.name
    assert seen > 1000


def test_the_operator_says_its_version(image: Image, containers: Containers) -> None:
    """As user 65532, which has no name, on a read-only root."""
    done = containers.run(image.tag, "box-app-operator", "--version")

    version = re.search(r'^version = "(.+)"$', (REPOSITORY / "pyproject.toml").read_text(), re.MULTILINE)
    assert version
    assert (done.returncode, done.stdout) == (0, f"box-app-operator, version {version[1]}\n"), done.stderr


def test_without_a_cluster_it_ends_with_one_line(image: Image, containers: Containers) -> None:
    """The image's own command, without any setting: exit code 1, and what to do."""
    done = containers.run(image.tag)

    assert done.returncode == 1
    (line,) = (done.stdout + done.stderr).splitlines()
    assert "No way to Kubernetes" in line


def test_nothing_is_amiss_inside_of_a_container(image: Image, containers: Containers) -> None:
    """What inside.py looks at: versions, no pip, bytecode that is taken as it is, nothing written, nothing writable."""
    mounts = {REPOSITORY / "tests/image/inside.py": "/inside.py", REPOSITORY / "constraints.txt": "/constraints.txt"}

    done = containers.run(image.tag, "python", "/inside.py", "/constraints.txt", "/", mounts=mounts)

    assert done.returncode == 0, done.stdout + done.stderr


def test_the_page_lists_what_differs(image: Image) -> None:
    """docs/image.md has every difference, in the same words."""
    page = " ".join((REPOSITORY / "docs/image.md").read_text().split())

    assert [line for line in image.differences if line not in page] == []
