"""Where the binaries come from. In this order: KUBEBUILDER_ASSETS, the cache, built from Go modules, downloaded."""

import fcntl
import os
import shutil
from collections.abc import Callable
from pathlib import Path

from controlplane import build, download

VERSION = "v1.36.3"
NEEDED = ("etcd", "kube-apiserver")
"""What setup-envtest brings. Without the controller manager nothing is garbage collected, and the rest works."""


class Unavailable(Exception):  # noqa: N818 - a state of the world, not a mistake
    """There is no real control plane to be had; the message names every way that was tried."""


def cache_folder() -> Path:
    """Where binaries are kept, per version."""
    base = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(base) / "box-app-operator" / "controlplane" / VERSION


def _complete(folder: Path) -> bool:
    return all(os.access(folder / name, os.X_OK) for name in NEEDED)


def find() -> Path | None:
    """The folder with all binaries, if there is one already."""
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    folders = [Path(assets)] if assets else []
    return next((folder for folder in (*folders, cache_folder()) if _complete(folder)), None)


def find_or_build(say: Callable[[str], None]) -> Path:
    """The folder with all binaries, which are built or downloaded when they are not there.

    Raises:
        Unavailable: no way worked.
    """
    found = find()
    if found is not None:
        return found
    reasons = [_about_assets(), f"{cache_folder()}: nothing there"]
    for name, way in (("building from Go modules", build.build), ("downloading", download.download)):
        reason = _try(name, way, say)
        if reason is None:
            return cache_folder()
        reasons.append(reason)
    raise Unavailable("No real control plane:\n" + "\n".join(f"  - {reason}" for reason in reasons))


def _about_assets() -> str:
    assets = os.environ.get("KUBEBUILDER_ASSETS")
    return f"KUBEBUILDER_ASSETS: {assets} lacks one of {', '.join(NEEDED)}" if assets else "KUBEBUILDER_ASSETS: not set"


def _try(name: str, way: Callable[[Path, str, Callable[[str], None]], None], say: Callable[[str], None]) -> str | None:
    """Fill the cache in one way, whole or not at all; returns why it did not work."""
    final = cache_folder()
    final.parent.mkdir(parents=True, exist_ok=True)
    with (final.parent / f"{VERSION}.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if _complete(final):
            return None
        partial = final.with_suffix(f".partial{os.getpid()}")
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir()
        try:
            way(partial, VERSION, say)
            if not _complete(partial):
                return f"{name}: it lacks one of {', '.join(NEEDED)}"
            shutil.rmtree(final, ignore_errors=True)
            partial.rename(final)
        except (OSError, RuntimeError) as error:
            return f"{name}: {error}"
        finally:
            shutil.rmtree(partial, ignore_errors=True)
    return None
