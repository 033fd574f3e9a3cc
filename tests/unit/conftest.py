"""How hard the properties search, and a pod to be in.

HYPOTHESIS_PROFILE=long tries many new examples; otherwise they are the same on every run.
"""

import os
import shutil
from pathlib import Path

import certifi
import pytest
from hypothesis import settings
from tests.unit.shell import Shell

from box_app_operator.proxies import EXCEPTIONS, VARIABLES

settings.register_profile("unit", max_examples=100, deadline=None, derandomize=True, database=None)
settings.register_profile("long", max_examples=1500, deadline=None, database=None, print_blob=True)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "unit"))


@pytest.fixture
def shell() -> Shell:
    """A new object and its enterprise."""
    return Shell()


ADDRESS = {"KUBERNETES_SERVICE_HOST": "10.96.0.1", "KUBERNETES_SERVICE_PORT": "443"}


@pytest.fixture
def account(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder of a service account, and the environment of a pod; the user has neither name nor home."""
    (tmp_path / "token").write_text("first\n")
    shutil.copy(certifi.where(), tmp_path / "ca.crt")
    for name, value in (("TOKEN", "token"), ("CERT", "ca.crt")):
        monkeypatch.setattr(f"kubernetes.aio.config.incluster_config.SERVICE_{name}_FILENAME", str(tmp_path / value))
    for name, value in ADDRESS.items():
        monkeypatch.setenv(name, value)
    for name in ("KUBECONFIG", "HOME", "USER", "LOGNAME", "POD_ID", *VARIABLES, *EXCEPTIONS):
        monkeypatch.delenv(name, raising=False)

    def nobody(path: str) -> str:
        return path

    # What ``os.path.expanduser`` answers for a user without a name.
    monkeypatch.setattr("os.path.expanduser", nobody)
    return tmp_path
