"""The parts, as they are put together."""

from __future__ import annotations

from datetime import timedelta

import pytest

from box_app_operator.composition import backoff_of
from box_app_operator.config import Settings


@pytest.mark.parametrize(("failures", "longest"), [(1, 2.0), (2, 4.0), (3, 8.0), (4, 15.0), (1000, 15.0)])
def test_the_backoff_doubles_up_to_its_cap(failures: int, longest: float) -> None:
    """With jitter from the half of it up, so that those who failed together do not come back together."""
    settings = Settings(backoff_base=timedelta(seconds=2), backoff_cap=timedelta(seconds=15))

    pauses = [backoff_of(settings)(failures) for _ in range(200)]

    assert longest / 2 <= min(pauses) < longest * 0.6
    assert longest * 0.9 < max(pauses) <= longest
