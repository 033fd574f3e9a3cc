"""What people call: kubectl, and the operator's own command line."""

import os
import shutil
import subprocess
import sys

import pytest
import yaml

from controlplane.process import Process
from playground import Playground

KUBECTL = shutil.which("kubectl")
needs_kubectl = pytest.mark.skipif(KUBECTL is None, reason="there is no kubectl on PATH")
Done = subprocess.CompletedProcess[str]


def kubectl(play: Playground, *arguments: str, stdin: str | None = None) -> Done:
    """Run kubectl with the kubeconfig that a user would have."""
    command = [KUBECTL or "kubectl", f"--kubeconfig={play.cluster.kubeconfig}", *arguments]
    return subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=400, check=False)


def outside(play: Playground, name: str, flags: tuple[str, ...], cluster: dict[str, str], **settings: str) -> Process:
    """An operator as outside of a cluster, not started yet, by a kubeconfig in which what it says of it is changed."""
    config = yaml.safe_load(play.cluster.kubeconfig_of_operator(play.folder).read_text())
    config["clusters"][0]["cluster"] |= cluster
    file = play.folder / f"{name}.kubeconfig"
    file.touch(mode=0o600)
    file.write_text(yaml.safe_dump(config))
    command = (sys.executable, "-m", "box_app_operator", "run", f"--kubeconfig={file}", *flags)
    environment = {**os.environ, "BOX_APP_OPERATOR_HEALTH_ADDRESS": "127.0.0.1:0", **settings}
    return Process(name, command, play.folder / f"{name}.log", environment)


def call(module: str, *arguments: str, **environment: str) -> Done:
    """Run a module of this repository as a command, until it ends."""
    command, env = [sys.executable, "-m", module, *arguments], {**os.environ, **environment}
    return subprocess.run(command, env=env, capture_output=True, text=True, timeout=300, check=False)


def operator(*arguments: str, **environment: str) -> Done:
    """Run ``box-app-operator``, which must end without a traceback."""
    done = call("box_app_operator", *arguments, **environment)
    assert "Traceback" not in done.stdout + done.stderr
    return done
