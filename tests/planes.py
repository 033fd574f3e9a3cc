"""Which control planes the end-to-end tests run on, and what became of each."""

from __future__ import annotations

import os
from collections import defaultdict

import pytest

PLANES = ("embedded", "real", "namespaced")
"""``namespaced`` is the real one with an operator that watches a list of namespaces and has rights in those only."""

ran: dict[str, str] = {}
"""What became of each control plane, for the last lines of the run."""
used: defaultdict[str, set[tuple[str, ...]]] = defaultdict(set)
"""The rights that the operator made use of on each control plane that knows rights; see ``tests.rights``."""


def wanted() -> tuple[str, ...]:
    """What ``CLUSTER`` asks for; all without it."""
    choice = os.environ.get("CLUSTER") or "all"
    if choice not in (*PLANES, "all"):
        raise pytest.UsageError(f"CLUSTER={choice}: the tests know {', '.join(PLANES)}; leave it out for all")
    return PLANES if choice == "all" else (choice,)
