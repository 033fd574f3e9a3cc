"""``python3 tools/endurance``: run ``make test`` in fresh clones and ``make demo`` again and again, beside busy loops.

What is tried is the last commit of this checkout. It needs no virtual environment: each clone makes its own. Every run
has a log of its own; ``summary.txt`` beside them has one line a run. The exit code is 1 when a run failed.
"""

import argparse
import contextlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
MAKES_A_DIFFERENCE = ("CLUSTER", "KEEP", "HYPOTHESIS_PROFILE", "PYTEST_ADDOPTS", "PYTHONPATH", "VIRTUAL_ENV")
"""Variables that change what the two commands do."""
CACHES = {"XDG_CACHE_HOME": "cache", "GOCACHE": "go-build", "GOMODCACHE": "go-modules", "PIP_CACHE_DIR": "pip"}
LOOP = "import os\nparent = os.getppid()\nwhile os.getppid() == parent: pass"
"""Busy until whoever started it is gone."""
VERDICT = re.compile(r"=+ (.*\b(?:passed|failed|error|errors)\b.*) =+$|^(Every app ended as expected\.)$")
TIMEOUT_SECONDS = 30


@dataclass(frozen=True, slots=True)
class Plan:
    """What is to be run."""

    tests: int
    demos: int
    busy: int
    cold: bool
    limit_seconds: float
    logs: Path


def main() -> int:
    """Run it all; returns the exit code."""
    plan = _parse()
    plan.logs.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(prefix="endurance-", ignore_cleanup_errors=True) as name, _busy(plan.busy):
        session = Session(plan, Path(name))
        session.say(_about(plan))
        session.run_tests()
        session.run_demos()
        session.say(f"{session.failed} of {session.ran} runs failed; logs in {plan.logs}")
        _make_removable(Path(name))
    return 1 if session.failed else 0


def _parse() -> Plan:
    parser = argparse.ArgumentParser(prog="python3 tools/endurance", description=__doc__)
    parser.add_argument("--tests", type=int, default=3, help="how often `make test` runs, each time in a fresh clone")
    parser.add_argument("--demos", type=int, default=20, help="how often `make demo` runs, every other time without Go")
    parser.add_argument("--busy", type=int, default=2, help="how many loops keep the processors busy meanwhile")
    parser.add_argument("--cold", action="store_true", help="the first `make test` finds all caches empty")
    parser.add_argument("--limit", type=float, default=90.0, help="minutes after which a run has failed")
    parser.add_argument("--logs", type=Path, help="where the logs go; a new folder unless given")
    given = parser.parse_args()
    logs = given.logs or Path(tempfile.mkdtemp(prefix="endurance-logs-"))
    return Plan(given.tests, given.demos, given.busy, given.cold, given.limit * 60, logs.resolve())


def _about(plan: Plan) -> str:
    commit = _output("git", "log", "-1", "--format=%h %s")
    go = _output("go", "version") if shutil.which("go") else "no Go"
    machine = f"{os.cpu_count()} processors, Python {platform.python_version()}, {go}"
    return f"{commit}\n{machine}, {plan.busy} busy loops, load before {os.getloadavg()[0]:.1f}"


def _output(*command: str) -> str:
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True).stdout.strip()


@contextlib.contextmanager
def _busy(count: int) -> Iterator[None]:
    """Loops that do nothing and are never done."""
    loops = [subprocess.Popen((sys.executable, "-c", LOOP)) for _ in range(count)]
    try:
        yield
    finally:
        for loop in loops:
            loop.kill()
            loop.wait()


class Session:
    """All runs of one call, one after the other.

    Attributes:
        ran: how many runs there were.
        failed: how many of them failed.
    """

    def __init__(self, plan: Plan, folder: Path) -> None:
        self.ran = self.failed = 0
        self._plan = plan
        self._folder = folder
        self._clone: Path | None = None

    def say(self, text: str) -> None:
        """Tell it, and keep it."""
        print(text, flush=True)
        with (self._plan.logs / "summary.txt").open("a") as file:
            file.write(f"{text}\n")

    def run_tests(self) -> None:
        """``make test``, each time in a clone that nothing was ever run in."""
        for number in range(1, self._plan.tests + 1):
            cold = self._plan.cold and number == 1
            caches = {name: str(self._folder / "caches" / value) for name, value in CACHES.items()} if cold else {}
            self._run(self._new_clone(), "test", number, _environment() | caches, "empty caches" if cold else "")

    def run_demos(self) -> None:
        """``make demo``, all in one clone, every other time as if there were no Go."""
        clone = self._clone or self._new_clone()
        poor = _environment() | {"PATH": _path_without_go(self._folder / "path")}
        for number in range(1, self._plan.demos + 1):
            without = number % 2 == 0
            self._run(clone, "demo", number, poor if without else _environment(), "no Go" if without else "")

    def _new_clone(self) -> Path:
        if self._clone is not None:
            shutil.rmtree(self._clone)
        self._clone = self._folder / "clone"
        _output("git", "clone", "--quiet", "--no-hardlinks", str(ROOT), str(self._clone))
        _output("git", "-C", str(self._clone), "checkout", "--quiet", "--detach", _output("git", "rev-parse", "HEAD"))
        return self._clone

    def _run(self, clone: Path, target: str, number: int, environment: Mapping[str, str], note: str) -> None:
        log, began = self._plan.logs / f"{target}-{number:02}.log", time.monotonic()
        code = _make(clone, target, environment, log, self._plan.limit_seconds)
        self.ran += 1
        self.failed += code != 0
        about = f"make {target} {number:>2}{f' ({note})' if note else ''}"
        self.say(f"{about}: exit {code}, {time.monotonic() - began:.0f} s, {_verdict(log)}")


def _make(clone: Path, target: str, environment: Mapping[str, str], log: Path, limit_seconds: float) -> int:
    """Run a target; returns its exit code. Whatever is left of it after the time limit is ended."""
    with log.open("wb") as file:
        process = subprocess.Popen(
            ("make", target),
            cwd=clone,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
        try:
            return process.wait(limit_seconds)
        except BaseException as error:
            _end(process)
            if isinstance(error, subprocess.TimeoutExpired):
                return process.returncode
            raise


def _end(process: subprocess.Popen[bytes]) -> None:
    """Politely, so that what it made is taken away; and then at once."""
    for signal_ in (signal.SIGINT, signal.SIGKILL):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal_)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(TIMEOUT_SECONDS)


def _verdict(log: Path) -> str:
    """The last line that sums up a run; the last line of all when there is none."""
    lines = [line.strip() for line in log.read_text(errors="replace").splitlines() if line.strip()]
    # The demo puts the seconds before each line.
    found = [match for line in lines if (match := VERDICT.search(re.sub(r"^\[?\s*[\d.]+ ?s?\]?\s+", "", line)))]
    return next(filter(None, found[-1].groups())) if found else (lines or ["no output"])[-1]


def _environment() -> dict[str, str]:
    return {name: value for name, value in os.environ.items() if name not in MAKES_A_DIFFERENCE}


def _path_without_go(folder: Path) -> str:
    """PATH, with a stand-in for every folder that holds Go: links to all else that is in it."""
    parts = []
    for number, part in enumerate(os.environ["PATH"].split(os.pathsep)):
        if not (Path(part) / "go").exists():
            parts.append(part)
            continue
        stand_in = folder / str(number)
        stand_in.mkdir(parents=True)
        for file in Path(part).iterdir():
            if file.name != "go":
                (stand_in / file.name).symlink_to(file)
        parts.append(str(stand_in))
    return os.pathsep.join(parts)


def _make_removable(folder: Path) -> None:
    """Go's modules are read-only."""
    for parent, _, _ in os.walk(folder):
        Path(parent).chmod(0o700)


if __name__ == "__main__":
    sys.exit(main())
