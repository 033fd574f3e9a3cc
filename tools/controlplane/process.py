"""Child processes that end with this one, whatever happens."""

import ctypes
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

PR_SET_PDEATHSIG = 1
STOP_SECONDS = 30.0


def _die_with_parent() -> None:
    """Linux kills the child when this process dies, even by SIGKILL. Source: prctl(2)."""
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """One child, with its output in a file.

    Args:
        name: in messages.
        command: what runs.
        log: where its output goes.
        environment: default: that of this process.
        own_session: keep it, and all that it starts, away from the signals of this process's terminal.
    """

    def __init__(
        self,
        name: str,
        command: Sequence[str],
        log: Path,
        environment: Mapping[str, str] | None = None,
        own_session: bool = False,
    ) -> None:
        self.name = name
        self.command = list(command)
        self.log = log
        self._environment = environment
        self._own_session = own_session
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it, or start it again."""
        with self.log.open("ab") as out:
            self._process = subprocess.Popen(
                self.command,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                env=self._environment,
                start_new_session=self._own_session,
                # Safe here: nothing but one system call happens between fork and exec.
                preexec_fn=_die_with_parent if sys.platform == "linux" else None,
            )

    @property
    def pid(self) -> int | None:
        """Its process id while it was started."""
        return self._process.pid if self._process else None

    def ended(self) -> int | None:
        """Its exit code once it ended; None while it runs."""
        return self._process.poll() if self._process else None

    def check(self) -> None:
        """Raise RuntimeError with its last words if it ended by itself."""
        if self._process is not None and self._process.poll() is not None:
            last_lines = "\n".join(self.log.read_text(errors="replace").splitlines()[-15:])
            raise RuntimeError(f"{self.name} ended with {self._process.returncode}:\n{last_lines}")

    def kill(self) -> None:
        """End it at once."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def stop(self) -> None:
        """End it politely, and at once when it does not listen."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self.kill()
