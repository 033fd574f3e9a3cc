"""What is remembered of one object between passes."""

from tests.unit.pretend import NOON

from box_app_operator.cache.attempts import REPEAT_AFTER, Memory
from box_app_operator.model.conditions import Reason
from box_app_operator.model.finding import Notice


def test_a_record_is_written_once_and_not_repeated_for_a_while() -> None:
    """Somebody who changes the origins back every second must not fill the list of Events."""
    memory, notice = Memory(), Notice(Reason.DRIFT_CORRECTED, "Set back.", warning=False)

    memory.record(notice, NOON)
    memory.record(notice, NOON + REPEAT_AFTER / 2)
    assert memory.take_records() == [notice]
    assert memory.take_records() == []
    memory.record(notice, NOON + REPEAT_AFTER)
    assert memory.take_records() == [notice]
