"""Become the process of a pod's container: a program of its own, ``python enclose.py ORDER``, that ends in ``exec``.

ORDER is a JSON file; ``pod.py`` writes it and says what is in it. The process keeps its id, its output and its parent,
but sees nothing of this machine but the listed folders: another root, another user, another environment, no rights.

Nothing but the standard library, and little of it: this runs in front of every start of an operator.
"""

import ctypes
import json
import os
import signal
import sys
from typing import Any

# Source: sched.h, sys/mount.h, sys/prctl.h of Linux.
CLONE_NEWNS, CLONE_NEWUTS, CLONE_NEWUSER = 0x00020000, 0x04000000, 0x10000000
MS_RDONLY, MS_NOSUID, MS_NODEV, MS_NOEXEC, MS_REMOUNT, MS_BIND, MS_REC = 1, 2, 4, 8, 32, 4096, 16384
MS_PRIVATE = 1 << 18
PR_SET_PDEATHSIG, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 1, 24, 38
KEPT = {"nosuid": MS_NOSUID, "nodev": MS_NODEV, "noexec": MS_NOEXEC}
"""What a mount that came from elsewhere keeps: the kernel lets no process take it off in a user namespace."""
DEVICES = ("null", "zero", "full", "random", "urandom")

Order = dict[str, Any]

libc = ctypes.CDLL(None, use_errno=True)


def main() -> None:
    """Obey one order."""
    with open(sys.argv[1]) as file:
        order = json.load(file)
    os.umask(0o022)
    _leave(order)
    root = order["root"]
    _mount("tmpfs", root, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0755")
    _build(root, order)
    _protect(root, order["writable"] + ["/proc", "/dev/shm"], order["read_only"])
    os.chroot(root)
    os.chdir("/")
    _drop(order)
    try:
        os.execvpe(order["command"][0], order["command"], order["environment"])
    except OSError as error:
        sys.exit(f"{order['command'][0]}: {error.strerror}")


def _leave(order: Order) -> None:
    """Get namespaces of our own, in which mounts are possible and of no effect elsewhere."""
    user, group = os.geteuid(), os.getegid()
    flags = CLONE_NEWNS | CLONE_NEWUTS
    _check(libc.unshare(flags | (CLONE_NEWUSER if order["user_namespace"] else 0)), "unshare")
    if order["user_namespace"]:
        for file, text in (
            ("setgroups", "deny"),
            ("uid_map", f"{order['uid']} {user} 1"),
            ("gid_map", f"{order['gid']} {group} 1"),
        ):
            _write(f"/proc/self/{file}", text)
    _mount("none", "/", None, MS_REC | MS_PRIVATE)
    name = order["hostname"].encode()
    _check(libc.sethostname(name, len(name)), "sethostname")


def _build(root: str, order: Order) -> None:
    """Put together what the container sees."""
    for path in ("/tmp", "/run", "/dev/shm"):
        os.makedirs(root + path, exist_ok=True)
    for device in DEVICES:
        _bind(f"/dev/{device}", f"{root}/dev/{device}")
    _mount("tmpfs", root + "/dev/shm", "tmpfs", MS_NOSUID | MS_NODEV, "mode=1777")
    _bind("/proc", root + "/proc")
    for source, target in order["sources"]:
        _bind(source, root + target)
    for path, target in order["links"].items():
        os.makedirs(os.path.dirname(root + path), exist_ok=True)
        os.symlink(target, root + path)
    for path, text in order["files"].items():
        os.makedirs(os.path.dirname(root + path), exist_ok=True)
        _write(root + path, text)
    for path in order["writable"]:
        os.makedirs(root + path, exist_ok=True)
        _mount("tmpfs", root + path, "tmpfs", MS_NOSUID | MS_NODEV, "mode=0777")


def _protect(root: str, writable: list[str], read_only: bool) -> None:
    """Nothing below the root can be written to but what is said, or but the root itself."""
    with open("/proc/self/mountinfo") as file:
        mounts = [line.split(" ")[4:6] for line in file]
    for place, options in mounts:
        place = place.replace("\\040", " ")
        inside = place[len(root) :]
        mine = place == root or place.startswith(root + "/")
        is_below = any(inside == folder or inside.startswith(folder + "/") for folder in writable)
        open_ = is_below or inside.startswith("/dev/")
        if mine and not open_ and (read_only or inside):
            kept = sum(flag for word, flag in KEPT.items() if word in options.split(","))
            _mount("none", place, None, MS_REMOUNT | MS_BIND | MS_RDONLY | kept)


def _drop(order: Order) -> None:
    """Give up what a container of the restricted profile does not have. ``exec`` takes the rest."""
    for number in range(64):
        if libc.prctl(PR_CAPBSET_DROP, number, 0, 0, 0) != 0:
            break
    if not order["user_namespace"]:
        os.setgroups([])
        os.setresgid(order["gid"], order["gid"], order["gid"])
        os.setresuid(order["uid"], order["uid"], order["uid"])
    _check(libc.prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0), "no_new_privs")
    # Set by the parent before, and forgotten by the kernel when the user changed.
    _check(libc.prctl(PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0), "parent death signal")
    if os.getppid() != order["parent"]:
        sys.exit("the parent is gone")


def _bind(source: str, target: str) -> None:
    if os.path.isdir(source):
        os.makedirs(target, exist_ok=True)
    else:
        os.makedirs(os.path.dirname(target), exist_ok=True)
        _write(target, "")
    _mount(source, target, None, MS_BIND | MS_REC)


def _write(path: str, text: str) -> None:
    with open(path, "w") as file:
        file.write(text)


def _mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    arguments = (word.encode() if word is not None else None for word in (source, target, kind))
    _check(libc.mount(*arguments, flags, options.encode() if options else None), f"mount {source} at {target}")


def _check(result: int, what: str) -> None:
    if result != 0:
        sys.exit(f"{what}: {os.strerror(ctypes.get_errno())}")


if __name__ == "__main__":
    main()
