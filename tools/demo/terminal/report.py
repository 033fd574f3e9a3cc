"""The end: tables of what became of each app, with no value of any token."""

from collections.abc import Mapping, Sequence

from rich.text import Text

from demo.apps.progress import FACETS, Progress
from demo.terminal.screen import Screen, mark, new_table

MASK = "*" * 8
TOKEN_KEY = "BOX_APP_TOKEN"
PUBLIC_KEYS = ("BOX_CLIENT_ID", "BOX_TOKEN_SLOT", "BOX_TOKEN_EXPIRES_AT")


def report(screen: Screen, all_: Sequence[Progress], wrong: Mapping[str, list[str]]) -> None:
    """Show how every app ended, and what is wrong with it."""
    screen.tell()
    _show_outcomes(screen, all_, wrong)
    screen.tell()
    _show_conditions(screen, all_)
    screen.tell()
    _show_secrets(screen, all_)
    screen.tell()


def _show_outcomes(screen: Screen, all_: Sequence[Progress], wrong: Mapping[str, list[str]]) -> None:
    times = ("APPLIED→REGISTERED", "APPROVED→PUBLISHED")
    table = new_table("APP", "EXPECTED", "ACTUAL", *times, right=times)
    for progress in all_:
        bad = progress.app.name in wrong
        actual = Text.assemble(("✗ ", "red") if bad else ("✓ ", "green"), progress.outcome)
        table.add_row(
            progress.app.name,
            progress.app.part.outcome,
            actual,
            _seconds(progress.applied, progress.registered),
            _seconds(progress.decided, progress.published),
        )
    screen.show(table)


def _show_conditions(screen: Screen, all_: Sequence[Progress]) -> None:
    table = new_table("APP", "REGISTERED", "AUTHORIZED", "TOKEN", "CORS")
    for progress in all_:
        cells = [Text.assemble(mark(progress, type_), f" {progress.state(type_)[1] or '-'}") for type_ in FACETS]
        table.add_row(progress.app.name, *cells)
    screen.show(table)


def _show_secrets(screen: Screen, all_: Sequence[Progress]) -> None:
    table = new_table("APP", "CLIENT ID", "SECRET")
    for progress in all_:
        client_id = str(progress.status.get("clientID", "-"))
        table.add_row(progress.app.name, client_id, _secret_name(progress))
    screen.show(table)
    published = [progress for progress in all_ if progress.secret is not None]
    width = max((len(_title(progress)) for progress in published), default=0)
    for progress in published:
        screen.tell()
        _show_secret(screen, progress, width)


def _secret_name(progress: Progress) -> str:
    return str(progress.secret["metadata"]["name"]) if progress.secret else "-"


def _title(progress: Progress) -> str:
    return f"SECRET {_secret_name(progress)}"


def _show_secret(screen: Screen, progress: Progress, width: int) -> None:
    table = new_table(_title(progress), "VALUE")
    table.columns[0].min_width = width
    values = progress.secret_values
    for key in sorted(values, key=lambda key: (key != TOKEN_KEY, key)):
        # What is not known to be public is masked.
        masked = Text.assemble((MASK, "dim"), f"  fingerprint {progress.fingerprint}" if key == TOKEN_KEY else "")
        table.add_row(key, Text(values[key]) if key in PUBLIC_KEYS else masked)
    screen.show(table)


def _seconds(start: float | None, end: float | None) -> str:
    return f"{end - start:.2f} s" if start is not None and end is not None else "-"
