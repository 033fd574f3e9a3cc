"""How soon one token may follow another, by seconds that really passed, whatever the operator's clock says."""

from dataclasses import replace
from datetime import timedelta

import pytest
from tests.unit.pretend import NOON

from box_app_operator.cache.pace import PaceMemory
from box_app_operator.model.box import Fingerprint
from box_app_operator.model.observed import Pace
from box_app_operator.tokens.rotation import Record

MINUTE, SECOND = timedelta(minutes=1), timedelta(seconds=1)


PAUSE = 10 * MINUTE


FIRST, SECOND_TOKEN = (Record(Fingerprint(each * 16), NOON, 2) for each in ("a", "b"))


def test_a_clock_that_is_set_changes_nothing_but_the_words() -> None:
    """What really passed counts, whichever way the clock jumps; a clock that runs a little wrong changes no word."""
    memory = PaceMemory()
    memory.note(FIRST, NOON, 1000.0)

    assert memory.pace(NOON + MINUTE, 1060.0, PAUSE) == Pace(NOON, 2, PAUSE)
    assert memory.pace(NOON + MINUTE + 2 * SECOND, 1060.0, PAUSE) == Pace(NOON, 2, PAUSE)
    for jump in (timedelta(hours=5), timedelta(days=-70), timedelta()):
        pace = memory.pace(NOON + jump + MINUTE, 1060.0, PAUSE)
        assert pace.replaced_at == NOON + jump
        assert pace.may_rotate_at(NOON + jump + MINUTE, by_date=True) == NOON + jump + PAUSE


@pytest.mark.parametrize(
    ("ahead", "left"), [(timedelta(), PAUSE), (-4 * MINUTE, 6 * MINUTE), (timedelta(hours=5), PAUSE)]
)
def test_after_a_restart_the_record_counts_once(ahead: timedelta, left: timedelta) -> None:
    """By the clock; and what was recorded for the future counts as now, so that nothing waits longer than the pause."""
    memory = PaceMemory()
    memory.note(replace(FIRST, replaced_at=NOON + ahead), NOON, 50.0)
    memory.note(replace(FIRST, replaced_at=NOON + ahead), NOON + MINUTE, 110.0)

    until = memory.pace(NOON + MINUTE, 110.0, PAUSE).may_rotate_at(NOON + MINUTE, by_date=True)

    assert until == NOON + left


def test_a_secret_from_a_backup_takes_nothing_back() -> None:
    """Somebody puts an old one back again and again; the one that was just published counts."""
    memory = PaceMemory()
    memory.note(SECOND_TOKEN, NOON, 1000.0)
    memory.note(replace(FIRST, replaced_at=NOON - timedelta(days=1)), NOON + SECOND, 1001.0)

    assert memory.pace(NOON + SECOND, 1001.0, PAUSE) == Pace(NOON, 2, PAUSE)
    memory.note(replace(FIRST, replaced_at=NOON + MINUTE, replacements=3), NOON + MINUTE, 1060.0)
    assert memory.pace(NOON + MINUTE, 1060.0, PAUSE) == Pace(NOON + MINUTE, 3, PAUSE)


def test_of_two_tokens_of_one_second_the_one_that_counts_more_came_later() -> None:
    """The Secret of a former name does not set the count back."""
    memory = PaceMemory()
    memory.note(SECOND_TOKEN, NOON, 1000.0)
    memory.note(replace(FIRST, replacements=1), NOON + SECOND, 1001.001)

    assert memory.pace(NOON + SECOND, 1001.001, PAUSE) == Pace(NOON, 2, PAUSE)
    memory.note(replace(FIRST, replacements=3), NOON + SECOND, 1001.0)
    assert memory.pace(NOON + SECOND, 1001.0, PAUSE) == Pace(NOON, 3, PAUSE)
