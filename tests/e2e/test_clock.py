"""Clocks that are hours off, and people who take tokens away again and again: never a storm.

The limits are those that the operator ships with. Box's clock can be set, the operator's too.
"""

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e import rotating
from tests.e2e.clock import Clock
from tests.e2e.conftest import QUICK
from tests.e2e.grants import await_other
from tests.e2e.story import make_ready, secret_path, stated, submit

from playground import Playground
from playground.output import until
from playground.play import condition

SETTINGS = {name: value for name, value in QUICK.items() if name != "BOX_APP_OPERATOR_ROTATION_PAUSE"}
"""As in all modules, but with the limits as they ship."""
DAY = 86400.0


@pytest.fixture
def right_clock(play: Playground) -> Iterator[None]:
    """Whatever becomes of the clock of Box in a test, it is right afterwards."""
    yield
    play.box.set_clock(0)


def lose(play: Playground, ns: str) -> str:
    """Somebody deletes the Secret; returns the token that was in it."""
    held = rotating.token_in(play, ns)
    play.cluster.delete(secret_path(ns))
    return held


@pytest.mark.usefixtures("right_clock")
@pytest.mark.also_on("embedded")
def test_a_console_that_tells_its_local_time_rotates_once(play: Playground, ns: str) -> None:
    """Three hours behind, and a token that may live for two: it is due as soon as it is there."""
    play.box.set_clock(-3 * 3600)
    make_ready(play, ns, tokens={"rotation": {"every": "2h", "overlap": "0s"}})

    said = rotating.await_warning(play, ns, "RotationLimited")

    assert "that of the operator, of the console endpoint or of Box" in said
    until(lambda: "due to be replaced by date. It waits until" in rotating.say_of_token(play, ns), 20, "the wait")
    rotating.restart_operator(play)
    rotating.await_pass(play, ns)
    # The first one, and one rotation.
    assert len(rotating.issued(play, ns)) == 2
    assert "It waits until" in rotating.say_of_token(play, ns)
    assert play.get(ns, "viewer")["status"]["tokens"]["nextRotationTime"] in rotating.say_of_token(play, ns)


@pytest.mark.usefixtures("right_clock")
def test_tokens_that_are_over_when_they_come_are_replaced_three_times(play: Playground, ns: str) -> None:
    """Box's clock is behind by more than a token lives. Box accepts them all, and the condition says what is wrong."""
    play.box.set_clock(-70 * DAY)
    submit(play, ns)

    body = play.await_condition(ns, "viewer", "RotationLimited", "TokenReady")

    assert len(rotating.issued(play, ns)) == 4
    assert "A clock that is off by the lifetime of a token has the same effect." in rotating.say_of_token(play, ns)
    assert [(condition(body, "Ready") or {}).get(key) for key in ("status", "reason")] == ["False", "RotationLimited"]
    rotating.restart_operator(play)
    rotating.await_pass(play, ns)
    assert len(rotating.issued(play, ns)) == 4


@pytest.mark.also_on("embedded")
def test_a_secret_that_is_deleted_again_and_again_is_made_three_times(play: Playground, ns: str) -> None:
    """Then it waits, says until when, and does so after a restart too, although the Secret is gone."""
    make_ready(play, ns)
    for _ in range(3):
        await_other(play, ns, lose(play, ns))
    assert rotating.notes(play, ns)["replacements"] == "3"
    count = len(rotating.issued(play, ns))

    lose(play, ns)

    play.await_condition(ns, "viewer", "RotationLimited", "TokenReady")
    assert f"Find out who deletes or changes Secret '{rotating.SECRET}'" in rotating.say_of_token(play, ns)
    assert rotating.await_warning(play, ns, "RotationLimited") == stated(play.get(ns, "viewer"))["message"]
    rotating.restart_operator(play)
    rotating.await_pass(play, ns)
    assert len(rotating.issued(play, ns)) == count
    assert play.secret(ns, rotating.SECRET) is None


def test_a_person_who_asks_twice_waits_for_a_minute(play: Playground, ns: str) -> None:
    """The first request counts at once; of the second it is said until when it waits."""
    make_ready(play, ns, tokens={"rotation": {"overlap": "0s"}})
    rotating.await_handled(play, ns, rotating.request_rotation(play, ns))
    count = len(rotating.issued(play, ns))
    rotating.request_rotation(play, ns)

    until(lambda: "A rotation was requested. It waits until" in rotating.say_of_token(play, ns), 20, "the wait")

    assert len(rotating.issued(play, ns)) == count


@pytest.fixture
def clock(play: Playground, tmp_path: Path) -> Iterator[Clock]:
    """That of the operator; afterwards there is the usual one again."""
    clock = Clock(tmp_path, "set")
    play.operator.stop()
    clock.start_operator(play, **SETTINGS)
    yield clock
    play.operator.stop()
    play.start_operator(**SETTINGS)


def test_a_clock_of_the_operator_that_is_set_changes_no_limit(play: Playground, ns: str, clock: Clock) -> None:
    """Forward by nearly as long as tokens live, and back: again and again all looks due, and once it is."""
    make_ready(play, ns, tokens={"rotation": {"overlap": "0s"}})
    for days in (55, 0, 56, -5, 57):
        clock.set(days * DAY)
        rotating.await_pass(play, ns)

    assert len(rotating.issued(play, ns)) == 2
    assert rotating.tokens(play, ns)["active"]["fingerprint"] == rotating.issued(play, ns)[-1]
