"""The tool that builds the image without Docker, as far as it can be tried without root."""

import os
from pathlib import Path

import pytest

from image_build import build, machine
from image_build.base import Base, move_python, parse_base
from image_build.dockerfile import Dockerfile


def test_the_base_stands_for_the_image_that_the_dockerfile_names(dockerfile: Dockerfile) -> None:
    """Another Python or another Debian in the Dockerfile is another base here, too."""
    assert parse_base("docker.io/library/python:3.14-slim-forky") == Base("3.14", "forky")
    parse_base(dockerfile.arguments["PYTHON_IMAGE"])

    with pytest.raises(ValueError, match="alpine"):
        parse_base("docker.io/library/python:3.13-alpine")


def test_only_the_way_to_the_index_is_taken_from_the_machine() -> None:
    """What else pip is told here would change what is built. A variable wins over a file, as it does in pip."""
    listing = (
        ":env:.index-url='https://a.example/simple'\n:env:.no-binary=':all:'\n:env:.find-links='/opt/wheels'\n"
        "global.index-url='https://b.example/simple'\nglobal.cert='/etc/own.pem'\nglobal.constraint='/etc/pins.txt'\n"
    )

    assert machine.pip_settings(listing) == {"index-url": "https://a.example/simple", "cert": "/etc/own.pem"}


@pytest.mark.parametrize("file", ["Dockerfile", ".dockerignore", "constraints.txt", "operator/box_app_operator/cli.py"])
def test_an_image_is_built_anew_when_something_changes_that_goes_into_it(tmp_path: Path, file: str) -> None:
    """A file that the build sees, and no other."""
    (tmp_path / "operator/box_app_operator").mkdir(parents=True)
    for name in ("Dockerfile", "constraints.txt", "operator/box_app_operator/cli.py"):
        (tmp_path / name).write_text("old")
    (tmp_path / ".dockerignore").write_text("*\n!constraints.txt\n!operator\n")
    first = build.hash_inputs(tmp_path, Base("3.13", "trixie"), build.TAG)

    (tmp_path / "notes.md").write_text("new")
    assert build.hash_inputs(tmp_path, Base("3.13", "trixie"), build.TAG) == first
    (tmp_path / file).write_text((tmp_path / file).read_text().replace("!constraints.txt", "") + "new")
    assert build.hash_inputs(tmp_path, Base("3.13", "trixie"), build.TAG) != first
    assert build.hash_inputs(tmp_path, Base("3.14", "trixie"), build.TAG) != first


def test_archives_that_were_used_last_are_kept(tmp_path: Path) -> None:
    """The cache does not grow with every change of the sources."""
    for age in range(build.MAX_ARCHIVES + 2):
        path = tmp_path / f"{age}.tar"
        path.touch()
        os.utime(path, (1000 - age, 1000 - age))

    build.remove_old(tmp_path)

    assert {path.stem for path in tmp_path.iterdir()} == {str(age) for age in range(build.MAX_ARCHIVES)}


def test_a_machine_without_the_programs_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """By the names of Debian's packages; and whoever is not root, that only root can."""
    monkeypatch.setattr(machine.sys, "platform", "linux")
    monkeypatch.setattr(machine.os, "geteuid", lambda: 0)
    monkeypatch.setenv("PATH", "/nowhere")
    assert machine.why_unavailable() == (
        "not on PATH: buildah, mmdebstrap (on Debian: apt-get install buildah mmdebstrap)"
    )

    monkeypatch.setattr(machine.os, "geteuid", lambda: 1000)
    assert machine.why_unavailable() == "only root can run the steps of an image"


def test_a_python_of_debian_that_is_not_what_it_was_is_noticed(tmp_path: Path) -> None:
    """Otherwise pip would be installed somewhere that the Dockerfile's commands do not look."""
    library = tmp_path / "usr/lib/python3.13"
    (library / "sysconfig").mkdir(parents=True)
    (tmp_path / "usr/bin").mkdir()
    (tmp_path / "usr/local/bin").mkdir(parents=True)
    (tmp_path / "usr/local/lib").mkdir()
    for path in (tmp_path / "usr/bin/python3.13", library / "EXTERNALLY-MANAGED", library / "sitecustomize.py"):
        path.touch()
    (library / "sysconfig/__init__.py").write_text("prefix_scheme = 'posix_elsewhere'\n")

    with pytest.raises(RuntimeError, match="posix_local"):
        move_python(tmp_path, "3.13")
