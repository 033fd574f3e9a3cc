"""What is remembered of one object between passes."""

from tests.unit.pretend import NOON

from box_app_operator.cache.attempts import REPEAT_AFTER, Memory
from box_app_operator.model.box import PendingToken
from box_app_operator.model.conditions import Reason
from box_app_operator.model.finding import Notice
from box_app_operator.model.observed import Observed
from box_app_operator.ports import Token


def test_a_record_is_written_once_and_not_repeated_for_a_while() -> None:
    """Somebody who changes the origins back every second must not fill the list of Events."""
    memory, notice = Memory(), Notice(Reason.DRIFT_CORRECTED, "Set back.", warning=False)

    memory.record(notice, NOON)
    memory.record(notice, NOON + REPEAT_AFTER / 2)
    assert memory.take_records() == [notice]
    assert memory.take_records() == []
    memory.record(notice, NOON + REPEAT_AFTER)
    assert memory.take_records() == [notice]


def test_what_a_look_found_out_of_the_pending_token_is_stored() -> None:
    """Its value is held for as long as the token is seen as pending; likewise the doubt about a lost answer."""
    memory, token = Memory(doubtful=True), Token("t" * 32)
    pending = PendingToken(token.fingerprint)
    memory.set_pending(pending, token)

    memory.keep_seen(Observed(pending=pending, doubtful=True))
    assert (memory.pending, memory.doubtful, memory.value_of(token.fingerprint)) == (pending, True, token)
    memory.keep_seen(Observed())
    assert (memory.pending, memory.doubtful, memory.value_of(token.fingerprint)) == (None, False, None)
