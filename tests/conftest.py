"""How tests are dealt out to workers (`pytest -n 3 --dist loadgroup`): by file, because fixtures are made per file."""

from __future__ import annotations

import pytest

TOGETHER = {"test_console_listing.py": "test_console_api.py"}
"""Files that count what the other has seen."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put every file into a group of its own, or into that of another file."""
    for item in items:
        item.add_marker(pytest.mark.xdist_group(TOGETHER.get(item.path.name, item.path.name)))
