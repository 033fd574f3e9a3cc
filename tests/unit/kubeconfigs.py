"""Kubeconfigs of one cluster."""

from pathlib import Path

import yaml


def written(folder: Path, server: str, proxy: str | None = None) -> Path:
    """A kubeconfig that leads there, through a proxy of its own if it has one."""
    cluster = {"server": server, **({"proxy-url": proxy} if proxy is not None else {})}
    config = {
        "current-context": "only",
        "contexts": [{"name": "only", "context": {"cluster": "only", "user": "only"}}],
        "clusters": [{"name": "only", "cluster": cluster}],
        "users": [{"name": "only", "user": {"token": "secret"}}],
    }
    file = folder / "kubeconfig"
    file.write_text(yaml.safe_dump(config))
    return file
