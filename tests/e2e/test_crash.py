"""The operator is killed between any two calls: what was begun is found again and finished, nothing is doubled."""

from typing import Any

import pytest
from tests.e2e import story
from tests.e2e.test_faults import CALLS

from playground import Playground
from playground.output import until

pytestmark = pytest.mark.usefixtures("operator_runs")


def kill_at(play: Playground, method: str, path: str) -> None:
    """Kill the operator while this call is on its way, so that the calls before it had their effect and it has none."""
    until(lambda: play.box.faults_left() == [], 30, f"{method} {path}")
    play.operator.kill()


def lead_to(play: Playground, ns: str, call: str) -> None:
    """Make an app, and approve it where that is what leads to the call."""
    play.app(ns, "viewer", cors={"domains": story.DOMAINS})
    if call in ("mint", "look", "prove"):
        story.authorize(play, ns)


@pytest.mark.parametrize("effect", [{"kind": "hang", "seconds": 3600}, {"kind": "cut_after"}], ids=["before", "after"])
@pytest.mark.parametrize("call", CALLS)
def test_killed_at_a_call(play: Playground, ns: str, call: str, effect: dict[str, Any]) -> None:
    """Killed while the call hangs without its effect, or when it had its effect and the answer never arrived."""
    method, path = CALLS[call]
    play.box.fault({**effect, "method": method, "path": path})
    lead_to(play, ns, call)
    kill_at(play, method, path)

    play.operator.start()

    _settles(play, ns)


def test_killed_between_secret_and_status(play: Playground, ns: str) -> None:
    """The Secret is written and the status is not: the next start takes the Secret for what it is."""
    story.submit(play, ns)
    until(lambda: play.secret(ns, "viewer-box-token"), 10, "the Secret")
    play.operator.kill()

    play.operator.start()

    play.await_condition(ns, "viewer", "Ready")
    story.await_one_token(play, ns)
    assert len([entry for entry in play.box.issued_tokens() if entry["app_id"] == story.box_app(play, ns)["id"]]) == 1


def test_killed_while_deleting(play: Playground, ns: str) -> None:
    """The finalizer holds the object until Box is tidied up by the next operator."""
    story.make_ready(play, ns)
    app = story.box_app(play, ns)
    path = "/console/v1/apps/[0-9]+/tokens/"
    play.box.fault({"kind": "hang", "seconds": 3600, "method": "DELETE", "path": path})
    play.cluster.delete(play.path(ns, "viewer"))

    kill_at(play, "DELETE", path)
    assert play.get(ns, "viewer") is not None
    play.operator.start()

    story.await_gone(play, ns)
    after = next(each for each in play.box.apps() if each["id"] == app["id"])
    assert after["tokens"] == {"primary": None, "secondary": None}


def _settles(play: Playground, ns: str) -> None:
    """Ready in the end, with one app and one live token, the one in the Secret."""
    play.await_condition(ns, "viewer", "Authorized" if _approved(play, ns) else "PendingApproval", "Authorized")
    if not _approved(play, ns):
        story.approve(play, ns)
    play.await_condition(ns, "viewer", "Ready")
    story.await_one_token(play, ns)
    assert len(story.named_apps(play, f"{ns} viewer")) == 1


def _approved(play: Playground, ns: str) -> bool:
    app = play.box.app(f"{ns} viewer")
    return app is not None and app["authorization"]["state"] == "authorized"
