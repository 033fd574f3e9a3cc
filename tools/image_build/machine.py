"""What this machine brings to a build: the programs, the rights, the cache, and its way to the package index."""

import os
import re
import shutil
import ssl
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

PROGRAMS = ("buildah", "mmdebstrap")
"""Debian packages of the same names."""

CA_FILE = "/etc/ssl/certs/ca-certificates.crt"
"""Where Debian keeps the certificates that it trusts."""

PIP_FILE = "/etc/pip.conf"
"""Where pip looks for settings of the whole machine."""

PIP_SETTINGS = ("index-url", "extra-index-url", "trusted-host", "timeout", "default-timeout")
"""How to reach the index. Nothing else of a machine's settings may change what is built."""


class Unavailable(Exception):  # noqa: N818 - a state of the world, not a mistake
    """The image cannot be built on this machine; the message says what is missing."""


def why_unavailable() -> str | None:
    """What is missing to build the image here; None when nothing is."""
    if sys.platform != "linux":
        return "only Linux can run the steps of an image"
    if os.geteuid() != 0:
        return "only root can run the steps of an image"
    missing = [name for name in PROGRAMS if shutil.which(name) is None]
    return f"not on PATH: {', '.join(missing)} (on Debian: apt-get install {' '.join(missing)})" if missing else None


def cache_folder() -> Path:
    """Where the base, the archives and pip's downloads are kept."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "box-app-operator" / "image"


def run(command: Sequence[str | Path], **environment: str) -> str:
    """Run a program to its end, and return what it wrote to its standard output.

    Raises:
        RuntimeError: its exit code is not 0; the message has the last lines that it wrote.
    """
    done = subprocess.run(command, env=os.environ | environment, capture_output=True, text=True)
    if done.returncode != 0:
        last = "\n".join(f"{done.stdout}\n{done.stderr}".strip().splitlines()[-20:])
        raise RuntimeError(f"{' '.join(map(str, command))} ended with {done.returncode}:\n{last}")
    return done.stdout


def pip_settings(listing: str) -> dict[str, str]:
    """The settings that lead to the index, from what ``pip config list`` says; variables win over files."""
    found = re.findall(r"^(global|:env:)\.([\w-]+)='(.*)'$", listing, re.MULTILINE)
    ordered = sorted(found, key=lambda line: line[0] == ":env:")
    return {name: value for _, name, value in ordered if name in (*PIP_SETTINGS, "cert")}


def write_index_files(folder: Path) -> dict[Path, str]:
    """Write how this machine reaches its package index, for pip inside of a step.

    Returns:
        Files of this machine, and where a step finds each; no step may change them.
    """
    settings = pip_settings(run([sys.executable, "-m", "pip", "config", "list"]))
    certificates = Path(settings.pop("cert", "") or ssl.get_default_verify_paths().cafile or CA_FILE)
    mounts = {folder / "pip.conf": PIP_FILE}
    if certificates.is_file():
        settings["cert"] = CA_FILE
        mounts[certificates.resolve()] = CA_FILE
    lines = [f"{name.removeprefix('default-')} = {value}" for name, value in settings.items()]
    (folder / "pip.conf").write_text("\n".join(["[global]", *lines, ""]))
    return mounts
