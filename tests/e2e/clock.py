"""An operator whose clock a test sets, by ``with_clock.py``."""

import os
import sys
from pathlib import Path

from controlplane.process import Process
from playground import Playground

LAUNCHER = Path(__file__).with_name("with_clock.py")


class Clock:
    """The operator's: somebody sets it (``way`` is "set"), or the time really passes ("passes")."""

    def __init__(self, folder: Path, way: str) -> None:
        self._file, self._way = folder / "offset", way
        self.set(0)

    def set(self, seconds: float) -> None:
        """So many seconds ahead of this machine's; behind it when negative."""
        # Whole at any moment: the operator reads it whenever it likes.
        new = self._file.with_suffix(".new")
        new.write_text(str(seconds))
        new.replace(self._file)

    def start_operator(self, play: Playground, **settings: str) -> None:
        """Start an operator that has this clock."""
        kubeconfig, namespaces = play.cluster.kubeconfig_of_operator(play.folder), play.cluster.namespaces
        flags = (f"--kubeconfig={kubeconfig}", *((f"--namespaces={','.join(namespaces)}",) if namespaces else ()))
        command = (sys.executable, str(LAUNCHER), self._way, str(self._file), "run", *flags)
        environment = {**os.environ, **settings, "BOX_APP_OPERATOR_HEALTH_ADDRESS": "127.0.0.1:0"}
        play.launch_operator(Process("operator", command, play.folder / "operator-with-a-clock.log", environment))
