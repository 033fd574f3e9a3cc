"""Which control planes the end-to-end tests run on, and what became of each.

``CLUSTER`` names one plane, and every test that can runs there. Without it a test runs where it can show most: on the
real control plane, or on the imitation where there is no real one. It also runs on those planes that can differ for it,
which its module names in ``ALSO_ON``, or the test itself with the mark ``also_on``.
"""

import functools
import os
import shutil
import sys
from collections import defaultdict
from collections.abc import Collection

import pytest

from controlplane import Unavailable, find_or_build

GENERAL = ("embedded", "real", "namespaced")
"""``namespaced`` is the real one with an operator that watches a list of namespaces and has rights in those only."""
NODE = "node"
"""The real one with a kubelet, on which the chart's Deployment runs as pods. Only tests/node runs there."""
PLANES = (*GENERAL, NODE)

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


def planes_for(possible: Collection[str], also_on: Collection[str]) -> list[str]:
    """The planes that a test runs on.

    Args:
        possible: those that it can run on.
        also_on: those that can differ for it from the one on which it runs anyway.
    """
    chosen = set(wanted()) & set(possible)
    if len(wanted()) > 1:
        best = "real" if real_is_there() else "embedded"
        # A test that cannot run on the best one is about the others.
        chosen &= {best, *also_on} if best in possible else chosen
    return [plane for plane in PLANES if plane in chosen]


@functools.cache
def real_is_there() -> bool:
    """Is a real control plane to be had? It is built for that, if need be, before the tests are chosen."""
    try:
        find_or_build(lambda line: print(line, file=sys.__stderr__))
    except Unavailable as error:
        ran["real"] = ran["namespaced"] = f"did not run. {error}"
        if os.environ.get("CI") and shutil.which("go"):
            raise
        return False
    return True
