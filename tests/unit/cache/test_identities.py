"""Does Box say whose a key is? What is remembered of its answers for a whole enterprise."""

import pytest
from tests.unit.modes.assisted.test_proof import identity

from box_app_operator.cache.identities import Identities
from box_app_operator.model.platform_view import Identity, Verdict

ANSWERS = [(identity(), True), (identity(None), None), (Verdict.NARROW, False), (None, False)]


@pytest.mark.parametrize(("answer", "known"), ANSWERS)
def test_what_box_says_of_one_key_counts_for_all(answer: Identity | Verdict | None, known: bool | None) -> None:
    """Not what it says of a person, for that it always does. Where it says nothing, one key in each resync is asked."""
    identities = Identities()
    identities.note(answer)
    assert identities.answers is known
    identities.resync()
    assert [identities.may_ask_again(), identities.may_ask_again()] == [True, known is not False]
    for later in (identity(), None):
        identities.note(later)
        assert identities.answers is True
