"""Findings that are known and not mended yet. The list is to be empty; whoever mends one takes its line away."""

from __future__ import annotations

from fnmatch import fnmatchcase

KNOWN: tuple[tuple[str, str], ...] = ()
"""Name of the oracle, and a pattern for the edit as the report shows it."""


def is_known(oracle: str, edit: str) -> bool:
    """Is there a line for a finding of this oracle about this edit?"""
    return any(oracle == name and fnmatchcase(edit, pattern) for name, pattern in KNOWN)
