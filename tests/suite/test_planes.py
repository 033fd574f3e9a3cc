"""The choice of the control planes that an end-to-end test runs on."""

import pytest
from tests import planes

ALL = planes.PLANES


@pytest.fixture(params=[True, False], ids=["real-is-there", "real-is-missing"])
def best(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """The plane on which a test shows most here."""
    monkeypatch.delenv("CLUSTER", raising=False)
    monkeypatch.setattr(planes, "real_is_there", lambda: request.param)
    return "real" if request.param else "embedded"


def test_a_test_runs_once_where_it_shows_most(best: str) -> None:
    """On the real control plane; on the imitation where there is no other."""
    assert planes.planes_for(ALL, ()) == [best]


def test_a_test_runs_too_where_things_differ_for_it(best: str) -> None:
    """On each plane that it names, once."""
    assert planes.planes_for(ALL, ("namespaced",)) == [best, "namespaced"]
    assert set(planes.planes_for(ALL, ("embedded",))) == {"embedded", best}


def test_a_test_that_cannot_run_there_runs_where_it_can(best: str) -> None:
    """So that it says why it did not run, instead of being left out in silence."""
    assert planes.planes_for(("namespaced",), ()) == ["namespaced"]
    assert planes.planes_for(("real",), ()) == ["real"]


@pytest.mark.parametrize("plane", ALL)
def test_one_plane_can_be_asked_for(plane: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Everything that can run on it does, and nothing is built for the choice."""
    monkeypatch.setenv("CLUSTER", plane)
    monkeypatch.setattr(planes, "real_is_there", lambda: pytest.fail("nothing is to be built"))

    assert planes.planes_for(ALL, ()) == [plane]
    assert planes.planes_for(set(ALL) - {plane}, ALL) == []
