"""Building the control plane from its Go modules. About five minutes on two cores, once."""

import json
import os
import re
import shutil
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

PACKAGES = {
    "etcd": "go.etcd.io/etcd/server/v3",
    "kube-apiserver": "k8s.io/kubernetes/cmd/kube-apiserver",
    "kube-controller-manager": "k8s.io/kubernetes/cmd/kube-controller-manager",
}


TELL_SECONDS = 20.0
"""Between two lines that say how far a build is."""


def build(target: Path, version: str, say: Callable[[str], None]) -> None:
    """Build all binaries of a control plane into ``target``.

    Raises:
        RuntimeError: there is no Go, or it failed; the message ends with Go's last words.
    """
    say(f"Building a real control plane {version} from its Go modules: about five minutes, only this once.")
    build_packages(PACKAGES, target, version, say)


def build_packages(packages: Mapping[str, str], target: Path, version: str, say: Callable[[str], None]) -> None:
    """Build programs of Kubernetes into ``target``.

    Args:
        packages: Go packages of ``k8s.io/kubernetes`` or etcd's server, by the name of the binary.

    Raises:
        RuntimeError: there is no Go, or it failed; the message ends with Go's last words.
    """
    if shutil.which("go") is None:
        raise RuntimeError("there is no `go` on PATH")
    with tempfile.TemporaryDirectory(prefix="controlplane-build-") as folder:
        _write_module(Path(folder), version, packages.values())
        _go(Path(folder), "mod", "tidy")
        for name, package in packages.items():
            flags = ("-v", "-trimpath", "-ldflags", _ldflags(version), "-o", str(target / name))
            _build_one(Path(folder), name, (*flags, package), say)


def _build_one(folder: Path, name: str, arguments: tuple[str, ...], say: Callable[[str], None]) -> None:
    began = reported = time.monotonic()
    say(f"  building {name} ...")
    lines: list[str] = []
    with _started(folder, "build", *arguments) as process:
        # With -v Go names every package that it compiles: the only sign of progress that there is.
        for line in process.stderr or ():
            lines.append(line)
            if time.monotonic() - reported > TELL_SECONDS:
                reported = time.monotonic()
                say(f"  building {name} ... {len(lines)} packages compiled, {reported - began:.0f} s")
    if process.returncode != 0:
        raise RuntimeError(f"go build failed: {_last_words(''.join(lines))}")
    say(f"  built {name} in {time.monotonic() - began:.0f} s")


def _write_module(folder: Path, version: str, packages: Iterable[str]) -> None:
    text = _kubernetes_go_mod(folder, version)
    (folder / "go.mod").write_text(go_mod(text, version))
    imports = "\n".join(f'\t_ "{package}"' for package in packages)
    (folder / "tools.go").write_text(f"//go:build tools\n\npackage tools\n\nimport (\n{imports}\n)\n")


def _kubernetes_go_mod(folder: Path, version: str) -> str:
    answer = json.loads(_go(folder, "mod", "download", "-json", f"k8s.io/kubernetes@{version}"))
    return Path(answer["GoMod"]).read_text()


def go_mod(kubernetes: str, version: str) -> str:
    """A go.mod that builds the control plane, derived from the one of ``k8s.io/kubernetes``.

    That one replaces its staging modules by folders of its own repository, which a module does not have: they are
    replaced by their published versions, ``v0.X.Y`` for Kubernetes ``v1.X.Y``.
    """
    staging = sorted(set(re.findall(r"^\s*(k8s\.io/\S+) => \./staging/", kubernetes, re.MULTILINE)))
    etcd = re.search(r"go\.etcd\.io/etcd/client/v3 (v\S+)", kubernetes)
    go = re.search(r"^go (\S+)", kubernetes, re.MULTILINE)
    if not staging or etcd is None or go is None:
        raise RuntimeError(f"the go.mod of k8s.io/kubernetes {version} reads differently than expected")
    published = version.replace("v1.", "v0.", 1)
    replaces = "\n".join(f"\t{module} => {module} {published}" for module in staging)
    return (
        f"module controlplane\n\ngo {go[1]}\n\n"
        f"require (\n\tk8s.io/kubernetes {version}\n\tgo.etcd.io/etcd/server/v3 {etcd[1]}\n)\n\n"
        f"replace (\n{replaces}\n)\n"
    )


def _ldflags(version: str) -> str:
    stamp = "k8s.io/component-base/version"
    major, minor, _ = version.removeprefix("v").split(".")
    values = {"gitVersion": version, "gitMajor": major, "gitMinor": minor}
    return "-s -w " + " ".join(f"-X {stamp}.{name}={value}" for name, value in values.items())


def _go(folder: Path, *arguments: str) -> str:
    with _started(folder, *arguments) as process:
        out, err = process.communicate()
    if process.returncode != 0:
        raise RuntimeError(f"go {arguments[0]} failed: {_last_words(err.strip() or out)}")
    return out


def _started(folder: Path, *arguments: str) -> subprocess.Popen[str]:
    environment = {**os.environ, "CGO_ENABLED": "0", "GOFLAGS": "-mod=mod"}
    pipe = subprocess.PIPE
    return subprocess.Popen(["go", *arguments], cwd=folder, env=environment, stdout=pipe, stderr=pipe, text=True)


def _last_words(text: str) -> str:
    return " ".join(text.strip().splitlines()[-3:])
