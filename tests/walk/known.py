"""Findings that are known and not mended yet, and values that are not tried.

The list of findings is to be empty; whoever mends one takes its line away.
"""

from collections.abc import Mapping
from fnmatch import fnmatchcase
from typing import Any

KNOWN: tuple[tuple[str, str], ...] = ()
"""Name of the oracle, and a pattern for the edit as the report shows it."""


def is_known(oracle: str, edit: str) -> bool:
    """Is there a line for a finding of this oracle about this edit?"""
    return any(oracle == name and fnmatchcase(edit, pattern) for name, pattern in KNOWN)


LEAST_RATE = 60


def is_too_slow(spec: Mapping[str, Any]) -> bool:
    """Would this BoxEnterprise ask Box less than once a second?

    Then each step of a walk takes minutes, and rightly so: there is nothing to be judged in the time that a walk has.
    """
    rate = (spec.get("rateLimit") or {}).get("requestsPerMinute")
    return isinstance(rate, int) and rate < LEAST_RATE
