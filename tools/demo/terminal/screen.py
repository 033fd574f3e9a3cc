"""What the audience sees: a live table on a terminal, one line per change elsewhere."""

import contextlib
import sys
import time
from collections.abc import Iterator, Sequence

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from demo.apps.progress import FACETS, Change, Progress

WIDE = 100
MARKS = {"True": Text("✓", "green"), "waits": Text("…", "yellow"), "stalled": Text("✗", "red")}
LATER = Text("·", "dim")


class Screen:
    """Speaks to the audience. Every line of the story begins with the seconds since the curtain rose."""

    def __init__(self, console: Console) -> None:
        self.console = console
        self._live: Live | None = None
        self.start_clock()

    def start_clock(self) -> None:
        """The story begins now."""
        self._began = time.monotonic()

    @property
    def is_terminal(self) -> bool:
        """Is the output a terminal that a person watches?"""
        return self.console.is_terminal

    def say(self, text: str, style: str = "") -> None:
        """A line of the story."""
        for number, line in enumerate(text.splitlines()):
            clock = f"{time.monotonic() - self._began:6.1f} s" if number == 0 else " " * 8
            self._print(Text.assemble((f"{clock}  ", "dim"), (line, style)))

    def tell(self, text: str = "", style: str = "") -> None:
        """Text without a time, as it is."""
        self._print(Text(text, style))

    def show(self, table: Table) -> None:
        """A table."""
        self._print(table)

    def _print(self, what: Text | Table) -> None:
        # Commands are there to be copied: the terminal may break a line, this must not.
        self.console.print(what, soft_wrap=isinstance(what, Text), highlight=False, markup=False)

    @contextlib.contextmanager
    def live(self) -> Iterator[None]:
        """While in here, `update` shows how far the apps are."""
        if not self.is_terminal:
            yield
            return
        with Live(console=self.console, auto_refresh=False, transient=True) as live:
            self._live = live
            try:
                yield
            finally:
                self._live = None

    def update(self, all_: Sequence[Progress], changes: Sequence[Change]) -> None:
        """The apps as they are now, and what changed since the last time."""
        if self._live is not None:
            self._live.update(_progress_table(all_, time.monotonic()), refresh=True)
        elif not self.is_terminal:
            for change in changes:
                self.say(_line(change))


def make_screen() -> Screen:
    """A screen on standard output, with colours on a terminal only."""
    if hasattr(sys.stdout, "reconfigure"):
        # A terminal that cannot show a tick shows a question mark, rather than ending the demo.
        sys.stdout.reconfigure(errors="replace")
    console = Console(highlight=False)
    return Screen(console if console.is_terminal else Console(highlight=False, width=WIDE))


def new_table(*columns: str, right: Sequence[str] = ()) -> Table:
    """An empty table in the style of kubectl."""
    table = Table(box=None, padding=(0, 2, 0, 0), pad_edge=False, header_style="dim")
    for column in columns:
        table.add_column(column, no_wrap=True, overflow="ellipsis", justify="right" if column in right else "left")
    return table


def mark(progress: Progress, type_: str) -> Text:
    """A sign for a condition: a tick, or where the way stopped a cross or dots; what comes later is only hinted at."""
    status, reason = progress.state(type_)
    if status == "True":
        return MARKS["True"]
    if not reason or reason != progress.outcome:
        return LATER
    return MARKS["stalled" if progress.is_stalled else "waits"]


def _line(change: Change) -> str:
    return f"{change.app:<12}  {change.type}={change.status} {change.reason}  (after {change.elapsed:.2f} s)"


def _progress_table(all_: Sequence[Progress], now: float) -> Table:
    table = new_table("APP", "REGISTERED", "AUTHORIZED", "TOKEN", "CORS", "READY", "ELAPSED", right=["ELAPSED"])
    # Columns that keep their widths are calmer to look at.
    for column, width in zip(table.columns, (8, 11, 17, 5, 4, 9, 7), strict=True):
        column.min_width = width
    for progress in all_:
        facets = [_facet(progress, type_) for type_ in FACETS]
        elapsed = Text(f"{progress.elapsed(now):.1f} s", "" if progress.ended else "dim")
        table.add_row(progress.app.name, *facets, _ready(progress), elapsed)
    return table


def _facet(progress: Progress, type_: str) -> Text:
    """The sign, and the reason where the way stopped."""
    status, reason = progress.state(type_)
    stopped_here = status != "True" and reason == progress.outcome
    return Text.assemble(mark(progress, type_), f" {reason}" if stopped_here else "")


def _ready(progress: Progress) -> Text:
    status, reason = progress.state("Ready")
    if not reason:
        return LATER
    word = "Ready" if status == "True" else "stalled" if progress.is_stalled else "waits"
    return Text.assemble(mark(progress, "Ready"), f" {word}")
