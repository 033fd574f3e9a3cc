"""What the operator says in JSON: one line per thing that happened, and none when nothing does."""

import json
from typing import Any

from tests.e2e.conftest import other_operator
from tests.e2e.rotating import await_pass, make_quiet
from tests.e2e.story import box_app, make_ready

from playground import Playground
from playground.output import until

LISTING = ("GET", "/console/v1/apps")


json_log = other_operator(BOX_APP_OPERATOR_LOG_FORMAT="json", BOX_APP_OPERATOR_LOG_LEVEL="INFO")
"""It logs as it does without flags."""


def said(play: Playground) -> list[dict[str, Any]]:
    """Everything that the running operator said, each line an object."""
    return [json.loads(line) for line in play.operator.log.read_text().splitlines()]


def test_each_step_is_one_line_with_all_that_support_asks_for(play: Playground, ns: str, json_log: None) -> None:
    """App, namespace, step, duration, and the ids that Box gave to the step's requests."""
    mark = play.box.mark()
    make_ready(play, ns)

    lines = [line for line in said(play) if line.get("namespace") == ns and "step" in line]

    steps = ["AddFinalizer", "CreateApp", "SubmitApp", "MintToken", "ProveToken", "PublishSecret"]
    assert sorted(line["step"] for line in lines) == sorted(steps)
    for line in lines:
        assert line["app"] == "viewer"
        assert line["level"] == "INFO"
        assert 0 <= line["duration_seconds"] < 60
        assert {"time", "message", "logger"} <= line.keys()
    ids = {
        each["request_id"]: (each["method"], each["path"]) for each in play.box.requests(mark) if "request_id" in each
    }
    told = {line["step"]: ids[line["box_request_id"]] for line in lines if "box_request_id" in line}
    app = f"/console/v1/apps/{box_app(play, ns)['id']}"
    assert told == {
        "CreateApp": ("POST", "/console/v1/apps"),
        "SubmitApp": ("POST", f"{app}/authorization"),
        "MintToken": ("POST", f"{app}/tokens/primary"),
        "ProveToken": ("GET", "/2.0/files/1"),
    }


def test_a_failure_names_the_request(play: Playground, ns: str, json_log: None) -> None:
    """A warning with the step and the request id that Box answered it under; no traceback."""
    play.box.fault({"kind": "status", "status": 503, "method": "POST", "path": "/console/v1/apps$"})
    play.app(ns, "viewer")
    play.await_condition(ns, "viewer", "PendingApproval")

    warned = [line for line in said(play) if line.get("namespace") == ns and line["level"] == "WARNING"]

    assert [line["step"] for line in warned] == ["CreateApp"]
    refused = [each for each in play.box.requests() if each.get("request_id") == warned[0]["box_request_id"]]
    assert [each["status"] for each in refused] == [503]
    assert "exc_info" not in warned[0]


def test_rest_says_nothing(play: Playground, ns: str, json_log: None) -> None:
    """Passes that find nothing to do are no news."""
    make_quiet(play, ns)
    before = len(said(play))

    await_pass(play, ns)
    mark = play.box.mark()

    def looks() -> int:
        return [(each["method"], each["path"]) for each in play.box.requests(mark)].count(LISTING)

    until(lambda: looks() >= 2, 30, "two more looks at the listing")

    assert said(play)[before:] == []
