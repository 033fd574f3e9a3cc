"""What a node needs of this machine, found on it; nothing is installed."""

import os
import shutil
import sys
from pathlib import Path

PROGRAMS = {
    "containerd": "containerd",
    "ctr": "containerd",
    "runc": "runc",
    "ip": "iproute2",
    "mount": "mount",
    "unshare": "util-linux",
    "nsenter": "util-linux",
}
"""The Debian package of each program."""
PLUGINS = ("bridge", "host-local", "loopback")
PLUGIN_FOLDERS = (Path("/usr/lib/cni"), Path("/opt/cni/bin"), Path("/usr/libexec/cni"))


def plugin_folder() -> Path | None:
    """The folder with the CNI plugins; None when no folder has all of them."""
    return next((folder for folder in PLUGIN_FOLDERS if all((folder / name).exists() for name in PLUGINS)), None)


def missing() -> list[str]:
    """Everything that keeps this machine from having a node, in words; empty when nothing does."""
    if sys.platform != "linux":
        return ["it is not Linux"]
    reasons = [] if os.geteuid() == 0 else ["it takes root"]
    absent = {package for program, package in PROGRAMS.items() if shutil.which(program) is None}
    if plugin_folder() is None:
        absent.add("containernetworking-plugins")
    if absent:
        reasons.append(f"Debian packages that are not installed: {', '.join(sorted(absent))}")
    if shutil.which("go") is None:
        reasons.append("there is no `go` on PATH")
    return reasons
