"""Which control planes the end-to-end tests run on, and what became of each."""

from __future__ import annotations

import os

import pytest

PLANES = ("embedded", "real")

ran: dict[str, str] = {}
"""What became of each control plane, for the last lines of the run."""


def wanted() -> tuple[str, ...]:
    """What ``CLUSTER`` asks for; both without it."""
    choice = os.environ.get("CLUSTER") or "both"
    if choice not in (*PLANES, "both"):
        raise pytest.UsageError(f"CLUSTER={choice}: the tests know {', '.join(PLANES)}; leave it out for both")
    return PLANES if choice == "both" else (choice,)
