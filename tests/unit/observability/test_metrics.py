"""What the parts tell of themselves: endpoints without ids, log lines with fields, request ids of one step only."""

import asyncio
import json
import logging
from collections.abc import Iterator

import pytest

from box_app_operator.observability.logging import PlainFormatter, configure_logging
from box_app_operator.observability.metrics import AppLog, note_request, requests_noted


async def test_requests_belong_to_the_step_that_made_them() -> None:
    """Steps of two apps run side by side; what is noted outside of any step is not kept."""

    async def step(name: str) -> list[str]:
        with requests_noted() as noted:
            for number in range(3):
                await asyncio.sleep(0)
                note_request(f"{name}-{number}")
            return noted

    note_request("nobody's")
    one, two = await asyncio.gather(step("one"), step("two"))

    assert one == ["one-0", "one-1", "one-2"]
    assert two == ["two-0", "two-1", "two-2"]


@pytest.fixture
def logging_restored() -> Iterator[None]:
    """The configuration of the test run, afterwards."""
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    logging.getLogger("box_app_operator").setLevel(logging.NOTSET)


def test_json_lines_have_fields(logging_restored: None, capsys: pytest.CaptureFixture[str]) -> None:
    """Namespace and app stand apart from the text, beside whatever the call adds."""
    configure_logging("json", "INFO")
    log = AppLog(logging.getLogger("box_app_operator.test"), "billing", "viewer")

    log.info("published token %s", "0123", extra={"step": "PublishSecret", "duration_seconds": 0.012})

    line = json.loads(capsys.readouterr().err)
    assert line["message"] == "billing/viewer: published token 0123"
    fields = {name: line[name] for name in ("namespace", "app", "step", "duration_seconds", "level", "logger")}
    assert fields == {
        "namespace": "billing",
        "app": "viewer",
        "step": "PublishSecret",
        "duration_seconds": 0.012,
        "level": "INFO",
        "logger": "box_app_operator.test",
    }


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        ({}, "done"),
        ({"duration_seconds": 0.0123}, "done  (12 ms)"),
        ({"duration_seconds": 1.5, "box_request_id": "abc"}, "done  (1500 ms, request abc)"),
        ({"duration_seconds": 1.5, "box_request_id": "done"}, "done  (1500 ms)"),
    ],
)
def test_plain_lines_end_with_what_support_asks_for(fields: dict[str, object], line: str) -> None:
    """The duration and the request id, unless the message has it already."""
    record = logging.makeLogRecord({"msg": "done", "levelname": "INFO", **fields})

    assert PlainFormatter("%(message)s").format(record) == line
