"""Secrets full of data that carry the operator's label, whoever made them: they cost neither memory nor time."""

from pathlib import Path

from tests.e2e.story import make_ready, secret_path

from playground import Playground
from playground.output import until
from playground.play import secret_manifest

PLANES = ("real",)
"""How much an API server sends is a matter of the real one."""
MEGABYTE = 1_000_000
SECRETS = 20
MAX_BYTES = 20 * MEGABYTE
OURS = {"app.kubernetes.io/managed-by": "box-app-operator"}


def resident_bytes(play: Playground) -> int:
    """The memory of the operator's process."""
    pages = int(Path(f"/proc/{play.operator.pid}/statm").read_text().split()[1])
    return pages * 4096


def test_large_secrets_are_not_taken_in(play: Playground, ns: str, other_ns: str) -> None:
    """Neither when they appear nor when somebody labels them over and over; other work goes on.

    Nor at a restart: they are listed by their names.
    """
    names = [f"large-{number}" for number in range(SECRETS)]
    paths = [secret_path(ns, name) for name in names]
    for name in names:
        manifest = secret_manifest(ns, name, {"junk": "x" * (MEGABYTE - 1000)})
        manifest["metadata"]["labels"] = OURS
        play.cluster.create(manifest).raise_for_status()
    make_ready(play, other_ns)
    before = resident_bytes(play)
    for round_ in range(5):
        for path in paths:
            play.cluster.patch(path, {"metadata": {"labels": {"round": str(round_)}}})
    make_ready(play, other_ns, "second")
    assert resident_bytes(play) - before < MAX_BYTES

    with_them = _resident_after_restart(play, other_ns, "third")
    for path in paths:
        play.cluster.delete(path)
    assert with_them - _resident_after_restart(play, other_ns, "fourth") < MAX_BYTES


def _resident_after_restart(play: Playground, namespace: str, name: str) -> int:
    play.operator.stop()
    play.operator.start()
    make_ready(play, namespace, name)
    return until(lambda: resident_bytes(play), 10, "the operator's memory")
