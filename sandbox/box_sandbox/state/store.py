"""Where the state is kept between two lives of the sandbox: a SQLite file, or nowhere."""

import contextlib
import secrets
import sqlite3
from pathlib import Path
from typing import Literal, TypeVar

import msgspec

T = TypeVar("T")
Table = Literal["apps", "tokens", "users"]
TABLES: tuple[Table, ...] = ("apps", "tokens", "users")


class Store:
    """Records by table and id; without a file it forgets everything at once.

    ``life`` is a text that stays with the file, and is new without one.
    """

    def __init__(self, path: Path | None) -> None:
        self._file = sqlite3.connect(path) if path is not None else None
        if self._file is not None:
            for table in TABLES:
                self._file.execute(f"CREATE TABLE IF NOT EXISTS {table} (id TEXT PRIMARY KEY, body BLOB)")
        self.life = _life(self._file)

    def read(self, table: Table, type_: type[T]) -> list[T]:
        """All records of a table."""
        if self._file is None:
            return []
        return [msgspec.json.decode(text, type=type_) for (text,) in self._file.execute(f"SELECT body FROM {table}")]

    def write(self, table: Table, key: str, record: msgspec.Struct) -> None:
        """Keep a record, in place of an older one."""
        if self._file is not None:
            upsert = f"INSERT INTO {table} VALUES (?, ?) ON CONFLICT (id) DO UPDATE SET body = excluded.body"
            with self._file:
                self._file.execute(upsert, (key, msgspec.json.encode(record)))

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            with contextlib.suppress(sqlite3.Error):
                self._file.close()


def _life(file: sqlite3.Connection | None) -> str:
    fresh = secrets.randbelow(2**31 - 1) + 1
    if file is None:
        return f"{fresh:x}"
    (kept,) = file.execute("PRAGMA user_version").fetchone()
    if not kept:
        file.execute(f"PRAGMA user_version = {fresh}")
    return f"{kept or fresh:x}"
