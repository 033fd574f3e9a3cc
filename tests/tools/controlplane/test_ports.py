"""A port that another process takes between the choice and the start."""

from pathlib import Path
from typing import Any

import pytest

from controlplane import cluster
from controlplane.cluster import PORT_TAKEN, TRIES, ControlPlane

TAKEN, OTHER = RuntimeError(f"etcd ended with 1: bind: {PORT_TAKEN}"), RuntimeError("etcd ended with 1: no space left")


@pytest.mark.parametrize(
    ("errors", "starts", "ends_well"),
    [([TAKEN], 2, True), ([TAKEN] * TRIES, TRIES, False), ([OTHER], 1, False)],
    ids=["once", "each-time", "another-error"],
)
def test_it_is_started_again_with_other_ports(
    errors: list[RuntimeError], starts: int, ends_well: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A few times, and for nothing else; every try removes its files."""
    tried: list[ControlPlane] = []
    coming = iter(errors)

    def start(self: Any) -> None:
        tried.append(self)
        if (error := next(coming, None)) is not None:
            raise error

    monkeypatch.setattr(cluster, "find_or_build", lambda _: Path("/nowhere"))
    monkeypatch.setattr(ControlPlane, "_start", start)

    if ends_well:
        ControlPlane.start().stop()
    else:
        with pytest.raises(RuntimeError):
            ControlPlane.start()
    assert len(tried) == starts
    assert not [plane.folder for plane in tried if plane.folder.exists()]
